"""The records of tests/golden, as arrays."""

import json
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMPY = {"f32": np.float32, "f64": np.float64}


def records(file):
    with open(ROOT / "tests" / "golden" / f"{file}.jsonl") as lines:
        return [json.loads(line) for line in lines]


def numbers(data, dtype, shape=(-1,)):
    return np.array([float(t) for t in data]).astype(NUMPY[dtype]).reshape(shape)


def ops_of(file):
    return list(dict.fromkeys(r["op"] for r in records(file) if r["op"] != "where"))


ELEMENTWISE, BINARY = ops_of("ops_elementwise"), ops_of("ops_binary")


def generate(r, dtype):
    """The rows of longrows.jsonl, from their seed (splitmix64)."""
    mask, state = (1 << 64) - 1, int(r["seed"])

    def draw():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        u = z ^ (z >> 31)
        return ((u >> 40) - 2**23) * 2.0**-23 if dtype == "f32" else ((u >> 11) - 2**52) * 2.0**-52

    n = r["shape"][0]
    x = [draw() * r["x_amp"] for _ in range(n)]
    g = [r["g_offset"] + draw() * r["g_amp"] for _ in range(n)]
    return np.array(x).astype(NUMPY[dtype]), np.array(g).astype(NUMPY[dtype])
