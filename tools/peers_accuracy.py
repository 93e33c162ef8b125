"""How far PyTorch, JAX, SciPy and candle are from the exact results in tests/golden.

Asks each library for value, gradient and (softmax) JVP of every record, measures in ulps, and writes
the tables between the markers of docs/accuracy.md. tools/README.md says how to run it.
"""

import argparse
import collections
import math
import re
import subprocess
import sys
import warnings

import numpy as np

from golden import BINARY, ELEMENTWISE, NUMPY, ROOT, generate, numbers, records
from peers import Candle, Jax, PyTorch, SciPy

MARKERS = ("<!-- peers -->", "<!-- /peers -->")

# Digits and least exponent of a normal number, largest number.
FORMATS = {"f32": (24, -126, float(np.finfo(np.float32).max)), "f64": (53, -1022, sys.float_info.max)}


def ulp(value, dtype):
    """2^(max(floor(log2 |v|), least) - (digits - 1))."""
    digits, least, _ = FORMATS[dtype]
    exponent = math.frexp(value)[1] - 1 if value else least
    return math.ldexp(1.0, max(exponent, least) - (digits - 1))


class Errors:
    """The errors of one library in one row of a table."""

    def __init__(self):
        self.ulps = []
        self.lost = 0  # not finite where the exact result is, or the other way round
        self.flushed = 0  # 0 where the exact result is subnormal

    def add(self, dtype, found, hi, lo, size):
        digits, least, largest = FORMATS[dtype]
        if not math.isfinite(hi) or abs(hi) >= largest + ulp(largest, dtype) / 2:
            right = math.isnan(found) if math.isnan(hi) else found == math.copysign(math.inf, hi)
            self.lost += not right
        elif not math.isfinite(found):
            self.lost += 1
        elif found == hi == 0.0:
            self.ulps.append(0.0)
        elif abs(hi) < math.ldexp(1.0, least):
            # Nothing against 0 would be any number of ulps; of subnormal results a flush to 0 is told.
            self.flushed += found == 0.0 and abs(hi) >= math.ldexp(1.0, least - digits + 2)
        else:
            error = abs((found - hi) - lo) / ulp(max(abs(hi), size), dtype)
            self.ulps.append(error)

    def __str__(self):
        if not self.ulps:
            return "–"
        text = f"{short(max(self.ulps))} ({short(sum(self.ulps) / len(self.ulps))})"
        text += f", {self.lost} lost" if self.lost else ""
        return text + (f", {self.flushed} flushed" if self.flushed else "")


def short(x):
    if x < 0.005:
        return "0" if x == 0 else f"{x:.0e}".replace("e-0", "e-")
    return f"{x:.2f}" if x < 100 else f"{x:.0f}" if x < 1e4 else f"{x:.0e}".replace("e+0", "e").replace("e+", "e")


# Row of the table -> file, key of the exact result, what an error is held against.
FAMILY = {
    "softmax y": ("softmax", "y", "result"),
    "softmax vjp": ("softmax", "vjp", "cscale"),
    "softmax jvp": ("softmax", "jvp", "cscale"),
    "log_softmax z": ("log_softmax", "z", "result"),
    "log_softmax vjp": ("log_softmax", "vjp", "scale"),
    "logsumexp y": ("logsumexp", "lse", "largest"),
    "logsumexp vjp": ("logsumexp", "vjp", "result"),
    "cross_entropy loss": ("cross_entropy", "loss", "result"),
    "cross_entropy grad": ("cross_entropy", "grad", "result"),
    "longrows y": ("longrows", "y", "result"),
    "longrows vjp": ("longrows", "vjp", "cscale"),
    "longrows lse": ("longrows", "lse", "largest"),
}


def measure(errors, dtype, found, exact, unit, largest):
    found = np.asarray(found, dtype=np.float64).reshape(-1)
    hi = [float(t) for t in exact["hi"]]
    lo = [float(t) for t in exact.get("lo", ["0"] * len(hi))]
    sizes = [float(t) for t in exact.get(unit, [])] or largest if unit != "result" else None
    sizes = sizes or [0.0] * len(hi)
    assert len(found) == len(hi) == len(sizes), (len(found), len(hi), len(sizes))
    for numbers in zip(found, hi, lo, sizes):
        errors.add(dtype, *map(float, numbers))


def family(peer):
    """The softmax family: {(row, dtype): Errors}."""
    table = collections.defaultdict(Errors)

    def note(file, dtype, r, found, x, pick=lambda a: a):
        top = np.abs(np.max(x.astype(np.float64), axis=r["axis"])).reshape(-1)
        for row, (of, key, unit) in FAMILY.items():
            if of == file and found.get(key) is not None and key in r["out"]:
                values = np.asarray(found[key]).reshape(-1)
                values = values if key in ("lse", "loss") else pick(values)
                measure(table[row, dtype], dtype, values, r["out"][key], unit, list(top))

    for file in ("softmax", "log_softmax", "logsumexp", "cross_entropy"):
        for r in records(file):
            dtype, w = r["dtype"], {"axis": r["axis"]}
            x = numbers(r["x"], dtype, r["shape"])
            if file == "cross_entropy":
                w = {"labels": r["labels"]}
            shape = {"logsumexp": r["out"].get("lse", {}).get("shape"), "cross_entropy": []}
            g = numbers(r["g"], dtype, shape.get(file, r["shape"]))
            value = {"softmax": "y", "log_softmax": "z", "logsumexp": "lse", "cross_entropy": "loss"}[file]
            answer = peer.run(file, dtype, [x], g, w)
            y, grads = answer if answer else (None, None)
            found = {value: y, "grad" if file == "cross_entropy" else "vjp": grads and grads[0]}
            if file == "softmax" and hasattr(peer, "jvp"):
                found["jvp"] = peer.jvp(file, dtype, x, numbers(r["v"], dtype, r["shape"]), w)
            note(file, dtype, r, found, x)
    for r in records("longrows"):
        dtype, w = r["dtype"], {"axis": 0}
        x, g = generate(r, dtype)
        y, grads = peer.run("softmax", dtype, [x], g, w)
        lse = peer.run("logsumexp", dtype, [x], np.ones((), NUMPY[dtype]), w)[0]
        pick = lambda a: a[r["index"]]
        note("longrows", dtype, r, {"y": y, "lse": lse, "vjp": grads and grads[0]}, x, pick)
    return table


def operators(peer):
    """Elementwise and binary ops in f64: {(op, "value" or "gradient"): Errors}."""
    table = collections.defaultdict(Errors)
    for r in records("ops_elementwise") + records("ops_binary"):
        if r["op"] == "where":
            continue
        inputs = [numbers(x["data"], "f64", x["shape"]) for x in r["inputs"]]
        w = {k: v if v is None else float(v) for k, v in r["attrs"].items()}
        answer = peer.run(r["op"], "f64", inputs, numbers(r["g"]["data"], "f64", r["g"]["shape"]), w)
        if answer is None:
            continue
        y, grads = answer
        measure(table[r["op"], "value"], "f64", y, {"hi": r["out"]["data"]}, "result", None)
        # Sums over broadcast axes cancel, and are not elementwise.
        if grads and all(x["shape"] == r["out"]["shape"] for x in r["inputs"]):
            for found, exact in zip(grads, r["grads"]):
                measure(table[r["op"], "gradient"], "f64", found, {"hi": exact["data"]}, "result", None)
    return table


def ours():
    """Our own columns, as the tests of the golden data print them."""
    test = ["cargo", "test", "--quiet", "--test", "softmax", "--test", "ops", "golden"]
    run = subprocess.run(test + ["--", "--nocapture"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    softmax, ops = {}, {}
    for line in run.stdout.splitlines():
        line = line.lstrip(".")  # the harness prints a dot for a test that has passed
        row = re.match(r"(f32|f64) (\S+ \S+)\s+([\d.]+)\s+([\d.]+)\s+\d+ ", line)
        if row:
            softmax[row[2], row[1]] = f"{short(float(row[3]))} ({short(float(row[4]))})"
        row = re.match(r"(\w+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$", line)
        if row:
            ops[row[1]] = f"{short(float(row[2]))} / {short(float(row[3]))}"
    assert softmax and ops, "the tests print their tables in another form now"
    return softmax, ops


def table(header, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [header] + rows]
    return [lines[0], "|" + "---|" * len(header)] + lines[1:]


def pair(errors, op):
    """Largest errors of value and gradient."""
    cell = lambda e: "–" if e is None or not (e.ulps or e.lost) else (
        "lost" if e.lost else short(max(e.ulps)))
    value, gradient = errors.get((op, "value")), errors.get((op, "gradient"))
    return "–" if value is None else f"{cell(value)} / {cell(gradient)}"


def page(peers):
    warnings.filterwarnings("ignore")
    own_softmax, own_ops = ours()
    softmax = {peer.name: family(peer) for peer in peers}
    ops = {peer.name: operators(peer) for peer in peers if peer.name != "SciPy"}
    versions = ", ".join(f"{peer.name} {peer.version}" for peer in peers)
    lines = [
        "Measured by `tools/peers_accuracy.py` (see `tools/README.md`):",
        f"{versions}, on the CPU.",
        "Our own columns are what `cargo test --test softmax --test ops golden -- --nocapture`",
        "prints, on the best level of this machine (AVX-512).",
        "",
        "### The softmax family",
        "",
        "Largest (mean) error in ulps: of the result; for the VJP and JVP of softmax, of the centred scale; for",
        "the VJP of log_softmax, of the scale; for logsumexp, of the largest term (`tests/golden/README.md`).",
        "`lost`: not finite where the exact result is finite, or finite where it is not. `flushed`: 0 where the",
        "exact result is subnormal. Other errors in subnormal results, and errors against an exact 0, count in",
        "our column only.",
        "",
    ]
    rows = [
        [f"{row}, {dtype}", own_softmax.get((row, dtype), "–")]
        + [str(softmax[peer.name].get((row, dtype), "–")) for peer in peers]
        for row in FAMILY
        for dtype in ("f32", "f64")
    ]
    lines += table(["", "wengert"] + [peer.name for peer in peers], rows)
    lines += [
        "",
        "### Elementwise and binary ops, f64",
        "",
        "Largest error of value / gradient in ulps of the result, at ordinary points and in the tails, where",
        "the textbook formula of a gradient cancels. –: not in the library, or without a gradient.",
        "",
    ]
    rows = [[f"`{op}`", own_ops.get(op, "–")] + [pair(errors, op) for errors in ops.values()] for op in ELEMENTWISE + BINARY]
    lines += table(["op", "wengert", *ops], rows)
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peers", default="pytorch,jax,scipy,candle", help="which, separated by commas")
    arguments.add_argument("--write", action="store_true", help="write into docs/accuracy.md")
    arguments = arguments.parse_args()
    known = {peer.__name__.lower(): peer for peer in (PyTorch, Jax, SciPy, Candle)}
    text = page([known[name]() for name in arguments.peers.split(",")])
    if not arguments.write:
        return print(text)
    path = ROOT / "docs" / "accuracy.md"
    before, rest = path.read_text().split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    path.write_text(f"{before}{MARKERS[0]}\n{text}\n{MARKERS[1]}{after}")


main()
