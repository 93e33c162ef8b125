"""Runs benches/tensor and benches/scalar beside other systems and writes the tables of docs/performance.md.

Every workload is run by one program after the other, in processes of their own, so that what shakes the machine shakes
all of them. tools/README.md says how to run it.
"""

import argparse
import re
import subprocess
import sys

import scalars
from programs import ROOT, built, lines, micro, table

PAGE = ROOT / "docs/performance.md"
GROUPS = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10"]

# Our time over that of the best peer: one thread, two threads.
GOALS = {
    "S1 1x10": (0.5, 0.5), "S1 64x10": (0.3, 0.3), "S1 128x1000": (0.5, 0.5), "S1 12288x128": (0.65, 0.55),
    "S1 32x50257": (0.6, 0.55), "S1 4096x4096": (0.75, 0.8), "S2 1x10": (0.15, 0.15), "S2 64x10": (0.12, 0.12),
    "S2 128x1000": (0.5, 0.45), "S2 12288x128": (0.55, 0.6), "S2 32x50257": (0.8, 0.65),
    "S2 4096x4096": (0.75, 0.8), "S2 128x1000 f64": (0.5, 0.5), "S2 4096x4096 f64": (0.75, 0.8),
    "S3 64x10": (0.2, 0.2), "S3 128x1000": (0.3, 0.25), "S3 1024x32000": (0.4, 0.45), "S4 1000x128": (0.65, 0.45),
    "S4 4096x4096": (0.65, 0.5), "S5 64x10": (0.3, 0.3), "S5 128x1000": (0.65, 0.45), "S5 4096x4096": (0.7, 0.85),
    "S6 784-256-128-10/b128": (0.88, 0.65), "S7 4x8x256x64": (0.6, 0.6), "S8 4": (0.05, 0.05),
    "S9 4194304": (0.5, 0.5), "S10 512^3": (0.92, 0.8), "S10 1024^3": (0.93, 0.85),
}  # fmt: skip

NAMES = ["tensor-1", "tensor-2", "scalar", "scalar-goals", "growth", "instructions"]

# A second run of every peer, with what makes allocations of many megabytes cheap: glibc keeps the memory that is given
# back and asks for huge pages, and so does PyTorch.
TUNED = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:glibc.malloc.hugetlb=1:"
    "glibc.malloc.top_pad=67108864",
}

# S8 is about the cost of a node, which a compiled graph does not have.
RIVALS = {"S8 4": "candle"}


def tensor(peers, threads, groups):
    """Our time, the best peer's and their ratio for every workload; a peer is the better of itself and itself tuned."""
    ours, found = built("tensor"), {}
    programs = [("wengert", [ours], {}), *((name, command, {}) for name, command in peers.items())]
    programs += [(f"{name} tuned", command, TUNED) for name, command in peers.items()]
    for group in groups:
        for name, command, environment in programs:
            for line in lines([*command, "--threads", threads, "--only", group], threads, **environment):
                key = f"{line['workload']} {line['shape']}" + (" f64" if line["dtype"] == "f64" else "")
                found.setdefault(key, {})[name] = line
    rows = []
    for key, by in found.items():
        mine = by.pop("wengert", None)
        if mine is None or not by:
            continue
        unlike = [name for name, line in by.items() if abs(line["check"] - mine["check"]) > 1e-3 * abs(mine["check"])]
        if unlike:
            print(f"{key}: {', '.join(unlike)} computed something else", file=sys.stderr)
        by = {name: line for name, line in by.items() if name not in unlike}
        if not by:
            continue
        if RIVALS.get(key) in by:
            by = {name: line for name, line in by.items() if name.startswith(RIVALS[key])}
        best = min(by, key=lambda name: by[name]["median_us"])
        ratio = mine["median_us"] / by[best]["median_us"]
        goal = GOALS[key][threads - 1]
        memory = mine["peak_rss_mb"] - mine["base_rss_mb"]
        rows.append([
            key, micro(mine["median_us"]), best, micro(by[best]["median_us"]), f"{ratio:.2f}", goal,
            "yes" if ratio <= goal else "no", f"{memory:.0f}",
        ])  # fmt: skip
    head = ["workload", "µs", "best peer", "its µs", "ratio", "goal", "met", "our MB"]
    return table(head, rows)


def growth():
    """Time for each unit and peak memory as the work grows."""
    rows = []
    for line in lines([built("tensor"), "--only", "S8.growth,S2.growth"]):
        size = line["shape"].split("x")
        units = int(size[0]) * (int(size[1]) if len(size) > 1 else 1)
        memory = line["peak_rss_mb"] - line["base_rss_mb"]
        unit = "a node" if line["workload"].startswith("S8") else "an element"
        rows.append([line["workload"][:2], f"{units:,}", f"{1e3 * line['median_us'] / units:.3g} ns {unit}", f"{memory:.0f}"])
    return table(["workload", "units", "time", "MB so far"], rows + scalars.growth())


def instructions():
    """Instructions of one step under callgrind, where AVX2 is the widest level: the same on a busy machine."""
    ours, rows = built("tensor"), []
    for workload, shape in [("S1", "128x1000"), ("S2", "64x10"), ("S3", "128x1000"), ("S5", "64x10"), ("S8", "4")]:
        counts = []
        for steps in [1, 11]:
            command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", ours, "--test"]
            command += ["--only", workload, "--shape", shape, "--steps", steps]
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
            counts.append(int(re.search(r"Collected : (\d+)", done.stderr)[1]))
        rows.append([f"{workload} {shape}", f"{(counts[1] - counts[0]) // 10:,}"])
    return table(["workload", "instructions a step"], rows)


def write(name, text):
    """Puts a text between the markers of that name."""
    page = PAGE.read_text()
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, rest = page.split(begin)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}")


def replace(name, text):
    """Puts the rows of a table in the place of those with the same first column."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    present = PAGE.read_text().split(begin)[1].split(end)[0].strip()
    first = {row.split(" | ")[0]: row for row in text.splitlines()}
    write(name, "\n".join(first.get(row.split(" | ")[0], row) for row in present.splitlines()))


def named(pairs):
    return {name: command.split() for name, command in (pair.split("=", 1) for pair in pairs)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("sections", nargs="*", help=f"{' '.join(NAMES)}; all if none")
    arguments.add_argument("--tensor-peer", action="append", default=[], metavar="NAME=COMMAND")
    arguments.add_argument("--cpp-tape", action="append", default=[], metavar="NAME=COMMAND")
    arguments.add_argument("--rust-tape", action="append", default=[], metavar="NAME=COMMAND")
    arguments.add_argument("--only", metavar="S1,S2", help="of the tensor workloads; --write leaves the rows of others")
    arguments.add_argument("--write", action="store_true", help="into docs/performance.md instead of printing")
    asked = arguments.parse_args()
    speed = ROOT / "tools/peers_speed.py"
    tensors = {peer: [sys.executable, speed, peer] for peer in ["torch", "jax"]} | named(asked.tensor_peer)
    groups = asked.only.split(",") if asked.only else GROUPS
    kinds = {scalars.CPP: asked.cpp_tape, scalars.RUST: asked.rust_tape}
    tapes = {(kind, name): command for kind, pairs in kinds.items() for name, command in named(pairs).items()}
    sections = {
        "tensor-1": lambda: tensor(tensors, 1, groups),
        "tensor-2": lambda: tensor(tensors, 2, groups),
        "scalar": lambda: scalars.tapes(tapes),
        "scalar-goals": scalars.goals,
        "growth": growth,
        "instructions": instructions,
    }
    for name in asked.sections or sections:
        text = sections[name]()
        if asked.write and asked.only:
            replace(name, text)
        elif asked.write:
            write(name, text)
        else:
            print(f"{name}\n{text}\n")


main()
