"""The Gaussian mixture of benches/scalar in JAX's jit: the same inputs, timing rule and line of JSON.

`python tools/mixture_jax.py K3tensor 2025`, where n is 100 times the dimension and the number of components; one
thread. `--form product` computes all distances by one matrix product, as our tensor nodes do, `--form contraction`
one component after the other as ADBench's formula reads; without it both are timed and the faster is printed.
"""

import argparse
import json
import os
import time

os.environ["NPROC"] = "1"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from scipy.special import gammaln  # noqa: E402

jax.config.update("jax_enable_x64", True)
POINTS = 1000


def draws(count, state=3):
    """Knuth's linear congruential generator as benches/scalar/workload.rs has it, from -1 up to 1."""
    numbers = np.empty(count)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        numbers[i] = 2.0 * ((state >> 11) / 2.0**53) - 1.0
    return numbers


def mixture(form, d, k, points):
    """The log-likelihood with its prior of scale 1 and mass 0, as a function of the weights, means and factors."""
    rows, columns = np.triu_indices(d, 1)
    freedom = d + 1.0
    gammas = 0.25 * d * (d - 1) * np.log(np.pi) + gammaln(0.5 * (freedom + 1 - np.arange(1, d + 1))).sum()
    constant = -0.5 * POINTS * d * np.log(2 * np.pi) - k * (-0.5 * freedom * d * np.log(2) - gammas)
    points = jnp.asarray(points.reshape(POINTS, d))

    def logsumexp(x):
        top = x.max(-1, keepdims=True)
        return jnp.squeeze(jnp.log(jnp.exp(x - top).sum(-1, keepdims=True)) + top, -1)

    def f(x):
        weights, means, factors = x[:k], x[k : k + k * d].reshape(k, d), x[k + k * d :].reshape(k, -1)
        logs, below = factors[:, :d], factors[:, d:]
        diagonals, determinants = jnp.exp(logs), logs.sum(1)
        # Row a, column b of a component's factor: what point and mean at a bring to entry b.
        q = jnp.zeros((k, d, d)).at[:, rows, columns].set(below) + jax.vmap(jnp.diag)(diagonals)
        if form == "product":
            shift = jnp.einsum("ka,kab->kb", means, q).reshape(k * d)
            scaled = (points @ q.transpose(1, 0, 2).reshape(d, k * d) - shift).reshape(POINTS, k, d)
        else:
            scaled = jnp.einsum("kab,nka->nkb", q, points[:, None, :] - means[None])
        terms = weights + determinants - 0.5 * (scaled**2).sum(-1)
        prior = 0.5 * ((diagonals**2).sum() + (below**2).sum())
        return logsumexp(terms).sum() - POINTS * logsumexp(weights) + prior + constant

    return f


def sample(f, budget):
    """The least and the median time of a call, in microseconds."""
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < budget:
        before = time.perf_counter()
        f()
        times.append((time.perf_counter() - before) * 1e6)
    return min(times), sorted(times)[len(times) // 2]


def measured(form, n):
    d, k = divmod(n, 100)
    count = k + k * d + k * d * (d + 1) // 2
    numbers = draws(count + POINTS * d)
    f, x = mixture(form, d, k, 2.0 * numbers[count:]), jnp.asarray(numbers[:count])
    step = jax.jit(jax.value_and_grad(f))
    y, gradient = map(np.asarray, step(x))
    least, median = sample(lambda: jax.block_until_ready(step(x)), float(os.environ.get("BENCH_MS", 250)) / 1e3)
    check = (gradient * (1 + np.arange(count) % 7)).sum()
    line = dict(impl=f"jax {form}", workload="K3tensor", n=n, grad_us=least, grad_median_us=median)
    return line | dict(y=float(y), gchk=float(check), gmax=float(abs(gradient).max()))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("workload", choices=["K3tensor"])
    arguments.add_argument("n", type=int)
    arguments.add_argument("--form", choices=["product", "contraction"], action="append")
    asked = arguments.parse_args()
    forms = asked.form or ["product", "contraction"]
    print(json.dumps(min((measured(form, asked.n) for form in forms), key=lambda line: line["grad_us"])))


main()
