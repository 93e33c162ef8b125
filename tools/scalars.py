"""The scalar tables of docs/performance.md: benches/scalar beside the programs of other tapes."""

import math
import statistics
import sys

from programs import ROOT, built, lines, micro, table

WORKLOADS = [
    "K1 10", "K1 1000", "K1 1000000", "K2 1000", "K2 1000000", "K3 205", "K3 1010", "K3 2025", "K4 10", "K4 1000",
    "K5 1000", "K5 1000000", "K6 15", "K6L 266", "K7 5", "K8 10000000", "K9 10000", "K9 10000000",
]  # fmt: skip

OURS, SAFE, CPP, RUST = "wengert", "without cursor", "C++", "Rust"
ROUNDS = 3

# The tape that our goals are ratios to, and the goals.
RIVAL, GOAL, SAFE_GOAL, RUST_GOAL = (CPP, "CoDiPack"), 0.78, 0.90, 0.50

# A peer that is so far behind the best of its kind runs once.
HOPELESS = 1.5

# Bytes of a leaf in f64 where many come first, as in every recording here.
LEAF = 8


def measure(programs, workload):
    """The lines of JSON that programs print, the (kind, name) of each as key: one after the other, in rounds.

    The time in a line is the median of the rounds.
    """
    times, found = {}, {}
    for _ in range(ROUNDS):
        for key, command in programs.items():
            rivals = [statistics.median(t) for other, t in times.items() if other[0] == key[0]]
            if key != RIVAL and key in times and statistics.median(times[key]) > HOPELESS * min(rivals):
                continue
            for line in lines([*command, *workload.split()], BENCH_MS="60"):
                times.setdefault(key, []).append(line["grad_us"])
                best = found.get(key, line)
                found[key] = line | dict(fresh_us=min(best.get("fresh_us", 0), line.get("fresh_us", 0)))
    return {key: line | dict(grad_us=statistics.median(times[key])) for key, line in found.items()}


def agreeing(found, workload):
    """The lines whose gradient is ours."""
    mine = found[OURS, OURS]
    scale = 1e-8 * max(abs(mine["gchk"]), mine["gmax"])
    unlike = [key for key, line in found.items() if not abs(line["gchk"] - mine["gchk"]) <= scale]
    if unlike:
        print(f"{workload}: {unlike} computed something else", file=sys.stderr)
    return {key: line for key, line in found.items() if key not in unlike}


def mean(ratios):
    """The geometric mean in words."""
    if not ratios:
        return "not measured"
    return f"{math.exp(statistics.mean(map(math.log, ratios))):.2f} over {len(ratios)} workloads"


def tapes(peers):
    """Nanoseconds for each operation beside the best tape of each kind; `peers` are the commands by (kind, name)."""
    programs = {(OURS, OURS): [built("scalar")], (SAFE, SAFE): [built("scalar", "--no-default-features", "--features", "simd")], **peers}
    rows, ratios = [], {RIVAL: [], SAFE: [], CPP: [], RUST: []}
    for workload in WORKLOADS:
        found = agreeing(measure(programs, workload), workload)
        # One count of operations for all, so that ratios are of times.
        ops = found[OURS, OURS]["ops"]
        times = {key: 1e3 * line["grad_us"] / ops for key, line in found.items()}
        ours, safe = times[OURS, OURS], times[SAFE, SAFE]
        row = [workload, f"{ours:.2f}", f"{safe:.2f}"]
        if RIVAL in times:
            row += [f"{times[RIVAL]:.2f}", f"{ours / times[RIVAL]:.2f}"]
            ratios[RIVAL].append(ours / times[RIVAL])
            ratios[SAFE].append(safe / times[RIVAL])
        else:
            row += [""] * 2
        for kind in [CPP, RUST]:
            others = (key for key in times if key[0] == kind and key != RIVAL)
            best = min(others, key=times.get, default=None)
            if best is None:
                row += [""] * 3
                continue
            row += [best[1], f"{times[best]:.2f}", f"{ours / times[best]:.2f}"]
            ratios[kind].append(ours / times[best])
        rows.append(row)
    head = ["workload", "ns an operation", "without `cursor`", "CoDiPack's ns", "ratio"]
    head += ["best other C++ tape", "its ns", "ratio", "best Rust tape", "its ns", "ratio"]
    return f"""{table(head, rows)}

Geometric means of the ratios:

- to CoDiPack {mean(ratios[RIVAL])}, goal {GOAL:.2f}; without `cursor` {mean(ratios[SAFE])}, goal {SAFE_GOAL:.2f};
- to the best other C++ tape {mean(ratios[CPP])};
- to the best Rust tape {mean(ratios[RUST])}, goal {RUST_GOAL:.2f}."""


def goals():
    """What else we set ourselves for scalars, and whether it is met."""
    ours = [built("scalar")]
    programs = {(OURS, OURS): ours, ("JAX", "JAX"): [sys.executable, ROOT / "tools/mixture_jax.py"]}
    mixture = agreeing(measure(programs, "K3tensor 2025"), "K3tensor")
    ms = {kind: line["grad_us"] / 1e3 for (kind, _), line in mixture.items()}
    jax = f"JAX's jit {ms['JAX']:.2f} ms" if "JAX" in ms else ""
    rows = [["the mixture K3 2025 as tensor nodes", f"{ms[OURS]:.2f} ms", jax, "2.50 ms", ms[OURS] <= 2.5]]

    names = {"K4": "softmax", "K5": "logsumexp"}
    versions = [name + form for name in names for form in ["", "fused"]]
    # As kinds of their own, so that none is left out of a round for being slower.
    found = measure({(name, OURS): [*ours, name, 1000] for name in versions}, "")
    found = {name: line for (name, _), line in found.items()}
    for name, what in names.items():
        composed, fused = found[name], found[f"{name}fused"]
        times = composed["grad_us"] / fused["grad_us"]
        beside = f"{micro(fused['grad_us'])} of {micro(composed['grad_us'])} µs"
        rows.append([f"{what} of 1,000 handles, fused", f"{times:.2f} times faster", beside, "3 times", times >= 3])
    for name, what in names.items():
        fused = found[f"{name}fused"]
        held = round(fused["bytes_per_op"] * fused["ops"] / fused["n"] - LEAF)
        rows.append([f"bytes an input of that {what}, leaves not counted", held, "", 20, held <= 20])

    price = measure({(OURS, OURS): ours}, "K7 5")[OURS, OURS]
    for what, us, goal in [("used again", price["grad_us"], 0.173), ("fresh", price["fresh_us"], 0.25)]:
        rows.append([f"Black-Scholes and five Greeks, the tape {what}", f"{us:.3f} µs", "", f"{goal} µs", us <= goal])
    rows = [[*row[:-1], "yes" if row[-1] else "no"] for row in rows]
    return table(["what", "measured", "beside", "goal", "met"], rows)


def growth():
    """K9 from 10^4 to 10^7 steps."""
    rows = []
    for steps in [10_000, 100_000, 1_000_000, 10_000_000]:
        [line] = lines([built("scalar"), "K9", steps], BENCH_MS="60")
        rows.append(["K9", f"{steps:,}", f"{line['ns_per_op']:.3g} ns an operation", f"{line['peak_rss_mb']:.0f}"])
    return rows
