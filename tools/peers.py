"""The libraries that tools/peers_accuracy.py asks.

Each answers run(op, dtype, inputs, g, w) with (value, gradients), None standing for what it does not
have; some also jvp(op, dtype, x, v, w). `w` holds the axis, the labels and other attributes.
"""

import json
import os
import re
import subprocess

import numpy as np

from golden import BINARY, ELEMENTWISE, NUMPY, ROOT


class PyTorch:
    name = "PyTorch"

    def __init__(self):
        import torch
        import torch.nn.functional as F

        self.torch, self.version = torch, torch.__version__.split("+")[0]
        t = torch
        self.ops = dict(
            softmax=lambda w, x: t.softmax(x, w["axis"]),
            log_softmax=lambda w, x: t.log_softmax(x, w["axis"]),
            logsumexp=lambda w, x: t.logsumexp(x, w["axis"]),
            cross_entropy=lambda w, x: F.cross_entropy(x, t.tensor(w["labels"])),
            cross_entropy_soft=lambda w, x, targets: F.cross_entropy(x, targets),
            masked=lambda w, x: t.softmax(x.masked_fill(~t.tensor(w["mask"]), -t.inf), w["axis"]),
            temperature=lambda w, x, T=None: t.softmax(x / (w["T"] if T is None else T), w["axis"]),
            leaky_relu=lambda w, x: F.leaky_relu(x, w["alpha"]),
            elu=lambda w, x: F.elu(x, w["alpha"]),
            clamp=lambda w, x: t.clamp(x, w["min"], w["max"]),
            powf=lambda w, x: t.pow(x, w["exponent"]),
            powi=lambda w, x: t.pow(x, int(w["exponent"])),
            gelu_erf=lambda w, x: F.gelu(x),
            gelu_tanh=lambda w, x: F.gelu(x, approximate="tanh"),
            log_sigmoid=lambda w, x: F.logsigmoid(x),
        )
        names = dict(ln="log", recip="reciprocal")
        for op in ELEMENTWISE + BINARY:
            f = getattr(t, names.get(op, op), None) or getattr(F, op, None)
            if f is not None:
                self.ops.setdefault(op, lambda w, *x, f=f: f(*x))

    def run(self, op, dtype, inputs, g, w):
        if op not in self.ops:
            return None
        x = [self.torch.tensor(x, requires_grad=True) for x in inputs]
        y = self.ops[op](w, *x)
        grads = self.torch.autograd.grad(y, x, self.torch.tensor(g).reshape(y.shape))
        return y.detach().numpy(), [g.numpy() for g in grads]

    def jvp(self, op, dtype, x, v, w):
        x, v = self.torch.tensor(x), self.torch.tensor(v)
        return self.torch.func.jvp(lambda x: self.ops[op](w, x), (x,), (v,))[1].numpy()


class Jax:
    name = "JAX"

    def __init__(self):
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.jax, self.version = jax, jax.__version__
        nn = jax.nn

        def cross_entropy(w, x):
            chosen = jnp.take_along_axis(nn.log_softmax(x, axis=-1), jnp.array(w["labels"])[:, None], 1)
            return -jnp.mean(chosen)

        self.ops = dict(
            softmax=lambda w, x: nn.softmax(x, axis=w["axis"]),
            log_softmax=lambda w, x: nn.log_softmax(x, axis=w["axis"]),
            logsumexp=lambda w, x: nn.logsumexp(x, axis=w["axis"]),
            cross_entropy=cross_entropy,
            cross_entropy_soft=lambda w, x, t: -jnp.mean(jnp.sum(t * nn.log_softmax(x, axis=-1), axis=-1)),
            masked=lambda w, x: nn.softmax(x, axis=w["axis"], where=jnp.array(w["mask"])),
            temperature=lambda w, x, T=None: nn.softmax(x / (w["T"] if T is None else T), axis=w["axis"]),
            leaky_relu=lambda w, x: nn.leaky_relu(x, w["alpha"]),
            elu=lambda w, x: nn.elu(x, w["alpha"]),
            clamp=lambda w, x: jnp.clip(x, w["min"], w["max"]),
            powf=lambda w, x: jnp.power(x, w["exponent"]),
            powi=lambda w, x: x ** int(w["exponent"]),
            gelu_erf=lambda w, x: nn.gelu(x, approximate=False),
            gelu_tanh=lambda w, x: nn.gelu(x, approximate=True),
        )
        names = dict(neg="negative", ln="log", recip="reciprocal", asin="arcsin", acos="arccos")
        names |= dict(atan="arctan", asinh="arcsinh", acosh="arccosh", atanh="arctanh", sub="subtract")
        names |= dict(mul="multiply", div="divide", pow="power", atan2="arctan2")
        rooms = [jnp, nn, jax.lax, jax.scipy.special]
        for op in ELEMENTWISE + BINARY:
            found = [getattr(room, names.get(op, op)) for room in rooms if hasattr(room, names.get(op, op))]
            if found:
                self.ops.setdefault(op, lambda w, *x, f=found[0]: f(*x))
        self.compiled = {}

    def compile(self, kind, op, w, make):
        key = (kind, op, json.dumps(w, sort_keys=True))
        if key not in self.compiled:
            self.compiled[key] = self.jax.jit(make)
        return self.compiled[key]

    def run(self, op, dtype, inputs, g, w):
        if op not in self.ops:
            return None

        def both(x, g):
            y, pull = self.jax.vjp(lambda *x: self.ops[op](w, *x), *x)
            return y, pull(g.reshape(y.shape))

        y, grads = self.compile("vjp", op, w, both)(inputs, g)
        return np.array(y), [np.array(g) for g in grads]

    def jvp(self, op, dtype, x, v, w):
        push = lambda x, v: self.jax.jvp(lambda x: self.ops[op](w, x), (x,), (v,))[1]
        return np.array(self.compile("jvp", op, w, push)(x, v))


class SciPy:
    name = "SciPy"

    def __init__(self):
        import scipy
        import scipy.special

        self.special, self.version = scipy.special, scipy.__version__

    def run(self, op, dtype, inputs, g, w):
        if op not in ("softmax", "log_softmax", "logsumexp"):
            return None
        return getattr(self.special, op)(inputs[0], axis=w["axis"]), None


class Candle:
    name = "candle"

    def __init__(self):
        folder = ROOT / "tools" / "candle-accuracy"
        build = ["cargo", "build", "--release", "--message-format=json"]
        lines = subprocess.run(build, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
        built = [json.loads(line).get("executable") for line in lines.splitlines()]
        path = next(path for path in built if path)
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lock = (folder / "Cargo.lock").read_text()
        self.version = re.search(r'name = "candle-core"\nversion = "(.*)"', lock)[1]

    def run(self, op, dtype, inputs, g, w):
        flat = lambda x: {"shape": list(x.shape), "data": [repr(float(t)) for t in x.reshape(-1)]}
        request = dict(op=op, dtype=dtype, inputs=[flat(x) for x in inputs], g=flat(g), attrs=w, **w)
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if "missing" in answer:
            return None
        read = lambda data: np.array([float(t) for t in data], dtype=NUMPY[dtype])
        grads = answer.get("grads")
        return read(answer["y"]), grads and [read(g) for g in grads]
