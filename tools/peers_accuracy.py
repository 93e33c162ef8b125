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

from exact import rounded
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


# Row of the table -> file, key of the exact result, what an error is held against: the result, a list in the
# record, the largest logit, or `terms`, which `sizes` computes as the tests do.
FAMILY = {
    "softmax y": ("softmax", "y", "result"),
    "softmax vjp": ("softmax", "vjp", "cscale"),
    "softmax jvp": ("softmax", "jvp", "cscale"),
    "log_softmax z": ("log_softmax", "z", "result"),
    "log_softmax vjp": ("log_softmax", "vjp", "scale"),
    "log_softmax jvp": ("log_softmax", "jvp", "terms"),
    "logsumexp y": ("logsumexp", "lse", "largest"),
    "logsumexp vjp": ("logsumexp", "vjp", "result"),
    "cross_entropy loss": ("cross_entropy", "loss", "result"),
    "cross_entropy grad": ("cross_entropy", "grad", "result"),
    "masked y": ("masked", "y", "result"),
    "masked vjp": ("masked", "vjp", "terms"),
    "masked jvp": ("masked", "jvp", "terms"),
    "scaled y": ("temperature", "y", "result"),
    "scaled vjp": ("temperature", "vjp", "cscale"),
    "scaled jvp": ("temperature", "jvp", "terms"),
    "scaled grad_T": ("temperature", "grad_T", "terms"),
    "soft loss": ("cross_entropy_soft", "loss", "result"),
    "soft grad": ("cross_entropy_soft", "grad", "terms"),
    "soft grad_targets": ("cross_entropy_soft", "grad_targets", "result"),
    "sweep y": ("sweep", "y", "result"),
    "sweep z": ("sweep", "z", "result"),
    "sweep vjp": ("sweep", "vjp", "cscale"),
    "sweep lse": ("sweep", "lse", "largest"),
    "longrows y": ("longrows", "y", "result"),
    "longrows vjp": ("longrows", "vjp", "cscale"),
    "longrows lse": ("longrows", "lse", "largest"),
}


# Keys of a record's value and of its gradients, which are `vjp` alone if not named here.
VALUE = {"softmax": "y", "log_softmax": "z", "logsumexp": "lse", "cross_entropy": "loss", "masked": "y",
         "temperature": "y", "cross_entropy_soft": "loss"}
GRADIENTS = {"cross_entropy": ["grad"], "cross_entropy_soft": ["grad", "grad_targets"],
             "temperature": ["vjp", "grad_T"]}
JVP = ("softmax", "log_softmax", "masked", "temperature")


def centred(r, x, y, c):
    """The largest of the terms of y_i ((c_i - c_m) - Σ (c_j - c_m) y_j), m being the row's maximum."""
    x, y, c = (np.moveaxis(t, r["axis"], -1).reshape(-1, r["shape"][r["axis"]]) for t in (x, y, c))
    sizes = np.zeros(x.shape)
    for row in range(len(x)):
        kept = np.flatnonzero(y[row] > 0)
        if len(kept):
            off = np.abs(c[row][kept] - c[row][kept[np.argmax(x[row][kept])]])
            sizes[row][kept] = y[row][kept] * np.maximum(off, np.sum(y[row][kept] * off))
    ends = [n for k, n in enumerate(r["shape"]) if k != r["axis"] % len(r["shape"])]
    return np.moveaxis(sizes.reshape(ends + [-1]), -1, r["axis"]).reshape(-1)


def sizes(file, r):
    """The sizes of the terms that enter each result, for the rows whose record does not list them."""
    read = lambda data: numbers(data, "f64", r["shape"])
    x = read(r["x"])
    if file == "log_softmax":
        return {"jvp": np.full(x.size, np.max(np.abs(read(r["v"]))))}
    if file == "masked":
        y = read(r["out"]["y"]["hi"])
        return {key: centred(r, x, y, read(r[of])) for key, of in (("vjp", "g"), ("jvp", "v"))}
    if file == "temperature":
        T, gx = float(r["T"]), np.array([float(t) for t in r["out"]["vjp"]["cscale"]])
        terms = [abs(a - np.max(x)) * b / T for a, b in zip(x.reshape(-1), gx) if b > 0]
        jvp = centred(r, x, read(r["out"]["y"]["hi"]), read(r["v"])) / T
        return {"jvp": jvp, "grad_T": [max(terms, default=0.0)]}
    if file == "cross_entropy_soft":
        t, e = np.abs(read(r["targets"])), np.exp(x - np.max(x, axis=-1, keepdims=True))
        mass = e / np.sum(e, axis=-1, keepdims=True) * np.sum(t, axis=-1, keepdims=True)
        return {"grad": (np.maximum(mass, t) / len(x)).reshape(-1)}
    return {}


def measure(errors, dtype, found, exact, sizes=None):
    found = np.asarray(found, dtype=np.float64).reshape(-1)
    hi = [float(t) for t in exact["hi"]]
    lo = [float(t) for t in exact.get("lo", ["0"] * len(hi))]
    sizes = [0.0] * len(hi) if sizes is None else sizes
    assert len(found) == len(hi) == len(sizes), (len(found), len(hi), len(sizes))
    for numbers in zip(found, hi, lo, sizes):
        errors.add(dtype, *map(float, numbers))


def family(peer):
    """The softmax family: {(row, dtype): Errors}."""
    table = collections.defaultdict(Errors)

    def note(file, dtype, r, found, x, pick=None):
        terms = {} if pick else sizes(file, r)
        for row, (of, key, unit) in FAMILY.items():
            if of != file or found.get(key) is None or key not in r["out"]:
                continue
            exact = r["out"][key]
            units = {
                "result": lambda: None,
                "largest": lambda: np.abs(np.max(x.astype(np.float64), axis=r["axis"])).reshape(-1),
                "terms": lambda: terms[key],
            }
            size = units[unit]() if unit in units else [float(t) for t in exact[unit]]
            values = np.asarray(found[key]).reshape(-1)
            picked = values[pick] if pick and key != "lse" else values
            measure(table[row, dtype], dtype, picked, exact, size)

    for file in VALUE:
        for r in records(file):
            dtype, w = r["dtype"], {"axis": r["axis"]}
            x = numbers(r["x"], dtype, r["shape"])
            inputs = [x]
            if file == "cross_entropy":
                w = {"labels": r["labels"]}
            elif file == "masked":
                w["mask"] = np.array(r["mask"], dtype=bool).reshape(r["shape"]).tolist()
            elif file == "temperature":
                w["T"] = float(r["T"])
                inputs.append(numbers([r["T"]], dtype, ()))
            elif file == "cross_entropy_soft":
                inputs.append(numbers(r["targets"], dtype, r["shape"]))
            shape = {"logsumexp": r["out"].get("lse", {}).get("shape"), "cross_entropy": [], "cross_entropy_soft": []}
            g = numbers(r["g"], dtype, shape.get(file, r["shape"]))
            found = {}
            if answer := peer.run(file, dtype, inputs, g, w):
                found[VALUE[file]] = answer[0]
                found |= zip(GRADIENTS.get(file, ["vjp"]), answer[1] or [])
            if file in JVP and "jvp" in r["out"] and hasattr(peer, "jvp"):
                found["jvp"] = peer.jvp(file, dtype, x, numbers(r["v"], dtype, r["shape"]), w)
            note(file, dtype, r, found, x)
    for file in ("sweep", "longrows"):
        for r in records(file):
            dtype, w = r["dtype"], {"axis": 0}
            x, g = generate(r, dtype)
            y, grads = peer.run("softmax", dtype, [x], g, w)
            found = {"y": y, "vjp": grads and grads[0]}
            found["lse"] = peer.run("logsumexp", dtype, [x], np.ones((), NUMPY[dtype]), w)[0]
            if file == "sweep":
                found["z"] = peer.run("log_softmax", dtype, [x], g, w)[0]
            note(file, dtype, r, found, x, r["index"])
    return table


def operators(peer, dtype):
    """Elementwise and binary ops: {(op, "value" or "gradient"): Errors}."""
    table = collections.defaultdict(Errors)
    for r in records("ops_elementwise") + records("ops_binary"):
        if r["op"] == "where":
            continue
        inputs = [numbers(x["data"], dtype, x["shape"]) for x in r["inputs"]]
        w = {k: v if v is None else float(NUMPY[dtype](v)) for k, v in r["attrs"].items()}
        g = numbers(r["g"]["data"], dtype, r["g"]["shape"])
        answer = peer.run(r["op"], dtype, inputs, g, w)
        if answer is None:
            continue
        # Sums over broadcast axes cancel, and are not elementwise.
        whole = all(x["shape"] == r["out"]["shape"] for x in r["inputs"])
        results = [("value", answer[0])] + [("gradient", grad) for grad in (answer[1] or []) if whole]
        exact = [r["out"]["data"]] + [x["data"] for x in r["grads"]]
        if dtype == "f32":
            exact = rounded(r["op"], w, inputs, g, whole)
        for (kind, found), exact in zip(results, exact):
            # Where the rounded operands have left the domain, or lie at a kink, there is nothing to compare with.
            kept = [k for k, x in enumerate(exact) if x is not None]
            found = np.asarray(found).reshape(-1)[kept]
            pairs = [exact[k] if dtype == "f32" else (exact[k], "0") for k in kept]
            measure(table[r["op"], kind], dtype, found, {"hi": [x[0] for x in pairs], "lo": [x[1] for x in pairs]})
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
        row = re.match(r"(f32|f64) (\w+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$", line)
        if row:
            ops[row[2], row[1]] = f"{short(float(row[3]))} / {short(float(row[4]))}"
    assert softmax and len({dtype for _, dtype in ops}) == 2, "the tests print their tables in another form now"
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


ORDER = ("PyTorch", "JAX", "SciPy", "candle")


def published(document):
    """The peers' columns that stand in the page: {peer: (version, {(heading, row): cell})}."""
    found, heading, names = {}, "", None
    for name, version in re.findall(r"(%s) ([\d.]+\d)" % "|".join(ORDER), document.split("###")[0]):
        found[name] = (version, {})
    for line in document.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("### "):
            heading, names = line[4:], None
        elif line.startswith("|") and names is None:
            names = cells
        elif line.startswith("| "):
            for name, cell in zip(names, cells):
                if name in found:
                    found[name][1][heading, cells[0]] = cell
    return found


def page(peers, document):
    """The tables; peers that were not asked keep the columns that they have in the document."""
    warnings.filterwarnings("ignore")
    own_softmax, own_ops = ours()
    columns = published(document)
    family_title = "The softmax family"
    titles = {dtype: f"Elementwise and binary ops, {dtype}" for dtype in ("f64", "f32")}
    for peer in peers:
        errors, cells = family(peer), {}
        for row in FAMILY:
            for dtype in ("f32", "f64"):
                cells[family_title, f"{row}, {dtype}"] = str(errors.get((row, dtype), "–"))
        for dtype, title in titles.items() if peer.name != "SciPy" else ():
            errors = operators(peer, dtype)
            cells |= {(title, f"`{op}`"): pair(errors, op) for op in ELEMENTWISE + BINARY}
        columns[peer.name] = (peer.version, cells)
    names = [name for name in ORDER if name in columns]
    versions = ", ".join(f"{name} {columns[name][0]}" for name in names)

    def filled(title, header, own, names):
        cells = lambda row: [columns[name][1].get((title, row), "not run") for name in names]
        return table([header, "wengert"] + names, [[row, cell] + cells(row) for row, cell in own])

    lines = [
        "Measured by `tools/peers_accuracy.py` (see `tools/README.md`):",
        f"{versions}, on the CPU.",
        "Our own columns are what `cargo test --test softmax --test ops golden -- --nocapture`",
        "prints, on the best level of this machine (AVX-512).",
        "",
        "Left out: second order and Jacobians, since the script asks each library for one derivative; the records",
        "of `ops_tensor`, since a sum that cancels has no ulps of its own and its order is free; the losses of",
        "single rows; log_softmax in the long rows. `not run`: this column is older than the row.",
        "",
        f"### {family_title}",
        "",
        "Largest (mean) error in ulps: of the result; for the VJP and JVP of softmax, with a mask and with a",
        "temperature too, of the centred scale; for the VJP of log_softmax, of the scale; for its JVP, of the",
        "largest tangent; for logsumexp, of the largest term (`tests/golden/README.md`); for the derivatives",
        "`scaled grad_T` and `soft grad`, of the terms that cancel in them. `masked` is softmax with a mask,",
        "`scaled` with a temperature, `soft` the cross-entropy with targets that are distributions. PyTorch masks",
        "by `masked_fill` with -inf, JAX by `where`; both divide by the temperature first.",
        "`lost`: not finite where the exact result is finite, or finite where it is not. `flushed`: 0 where the",
        "exact result is subnormal. Other errors in subnormal results, and errors against an exact 0, count in",
        "our column only.",
        "",
    ]
    rows = [(f"{row}, {dtype}", own_softmax.get((row, dtype), "–")) for row in FAMILY for dtype in ("f32", "f64")]
    lines += filled(family_title, "", rows, names)
    texts = {
        "f64": [
            "Largest error of value / gradient in ulps of the result, at ordinary points and in the tails, where",
            "the textbook formula of a gradient cancels. –: not in the library, or without a gradient.",
        ],
        "f32": [
            "The same points rounded to f32, against mpmath at 200 digits (`tools/exact.py`); our own column is",
            "held against double-double numbers. Points that rounding moves out of the domain are left out.",
        ],
    }
    for dtype, title in titles.items():
        lines += ["", f"### {title}", "", *texts[dtype], ""]
        rows = [(f"`{op}`", own_ops.get((op, dtype), "–")) for op in ELEMENTWISE + BINARY]
        lines += filled(title, "op", rows, [n for n in names if any(key[0] == title for key in columns[n][1])])
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peers", default="pytorch,jax,scipy,candle", help="which, separated by commas")
    arguments.add_argument("--write", action="store_true", help="write into docs/accuracy.md")
    arguments = arguments.parse_args()
    known = {peer.__name__.lower(): peer for peer in (PyTorch, Jax, SciPy, Candle)}
    path = ROOT / "docs" / "accuracy.md"
    before, rest = path.read_text().split(MARKERS[0])
    document, after = rest.split(MARKERS[1])
    text = page([known[name]() for name in arguments.peers.split(",")], document)
    if not arguments.write:
        return print(text)
    path.write_text(f"{before}{MARKERS[0]}\n{text}\n{MARKERS[1]}{after}")


main()
