"""Elementwise ops to 200 digits, for operands that are not in tests/golden."""

import numpy as np
from mpmath import mp, mpf

mp.dps = 200


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return mp.log1p(mp.exp(x))


def gelu_tanh(x):
    return x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3))


def bounds(w):
    return [mp.inf * sign if w[key] is None else mpf(w[key]) for key, sign in (("min", -1), ("max", 1))]


VALUES = dict(
    neg=lambda w, x: -x,
    ln=lambda w, x: mp.log(x),
    log2=lambda w, x: mp.log(x) / mp.log(2),
    log10=lambda w, x: mp.log(x) / mp.log(10),
    exp2=lambda w, x: mpf(2) ** x,
    rsqrt=lambda w, x: 1 / mp.sqrt(x),
    recip=lambda w, x: 1 / x,
    square=lambda w, x: x * x,
    cbrt=lambda w, x: mp.sign(x) * mp.cbrt(abs(x)),
    sigmoid=lambda w, x: sigmoid(x),
    log_sigmoid=lambda w, x: -softplus(-x),
    softplus=lambda w, x: softplus(x),
    silu=lambda w, x: x * sigmoid(x),
    gelu_erf=lambda w, x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    gelu_tanh=lambda w, x: gelu_tanh(x),
    elu=lambda w, x: x if x > 0 else w["alpha"] * mp.expm1(x),
    powf=lambda w, x: x ** mpf(w["exponent"]),
    powi=lambda w, x: x ** int(w["exponent"]),
    add=lambda w, x, y: x + y,
    sub=lambda w, x, y: x - y,
    mul=lambda w, x, y: x * y,
    div=lambda w, x, y: x / y,
    pow=lambda w, x, y: x**y,
    hypot=lambda w, x, y: mp.sqrt(x * x + y * y),
    relu=lambda w, x: max(x, mpf(0)),
    leaky_relu=lambda w, x: x if x > 0 else w["alpha"] * x,
    abs=lambda w, x: abs(x),
    sign=lambda w, x: mp.sign(x),
    floor=lambda w, x: mp.floor(x),
    clamp=lambda w, x: min(max(x, bounds(w)[0]), bounds(w)[1]),
    maximum=lambda w, x, y: max(x, y),
    minimum=lambda w, x, y: min(x, y),
)

# Where an op bends or jumps: a difference across it would be no slope.
KINKS = dict(
    relu=lambda w, x: x == 0,
    leaky_relu=lambda w, x: x == 0,
    elu=lambda w, x: x == 0,
    abs=lambda w, x: x == 0,
    sign=lambda w, x: x == 0,
    floor=lambda w, x: x == mp.floor(x),
    clamp=lambda w, x: x in bounds(w),
    maximum=lambda w, x, y: x == y,
    minimum=lambda w, x, y: x == y,
)


def value(op, w, x):
    """The value at numbers `x`; None outside the domain."""
    try:
        y = VALUES[op](w, *x) if op in VALUES else getattr(mp, op)(*x)
    except (ValueError, ZeroDivisionError):
        return None
    return y if isinstance(y, mpf) and mp.isfinite(y) else None


def slope(op, w, x, k):
    """The derivative along operand `k`, by a central difference: its error is the square of the step."""
    if op in KINKS and KINKS[op](w, *x):
        return None
    step = mpf(10) ** -60 * max(abs(x[k]), mpf(10) ** -30)
    ends = [value(op, w, [t + s * step if j == k else t for j, t in enumerate(x)]) for s in (1, -1)]
    return None if None in ends else (ends[0] - ends[1]) / (2 * step)


def split(t):
    """The pair hi, lo; what a difference leaves beyond 40 digits is noise."""
    hi = float(t)
    rest = t - mpf(hi) if mp.isfinite(mpf(hi)) else mpf(0)
    return hi, float(rest) if abs(rest) > mpf(10) ** -40 * abs(t) else 0.0


def rounded(op, w, inputs, g, gradients):
    """Value and, if asked for, gradients at arrays, as lists of pairs hi, lo, or None where there is none."""
    arrays = [a.reshape(-1) for a in np.broadcast_arrays(*inputs)]
    points = [[mpf(float(t)) for t in x] for x in zip(*arrays)]
    inside = [all(mp.isfinite(t) for t in x) for x in points]
    lists = [[value(op, w, x) if ok else None for x, ok in zip(points, inside)]]
    for k in range(len(inputs) if gradients else 0):
        slopes = [slope(op, w, x, k) if ok else None for x, ok in zip(points, inside)]
        lists.append([s if s is None else s * mpf(float(t)) for s, t in zip(slopes, g.reshape(-1))])
    return [[t if t is None else split(t) for t in values] for values in lists]
