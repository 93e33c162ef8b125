"""The tensor workloads of benches/tensor in PyTorch and JAX: the same inputs, timing rule and lines of JSON.

`python tools/peers_speed.py torch|jax --threads N --only S1,S2 --shape 64x10`; tools/performance.py makes tables of
the lines.
"""

import argparse
import json
import os
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("peer", choices=["torch", "jax"])
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--only", default="")
arguments.add_argument("--shape", default="")
ASKED = arguments.parse_args()

# Both read these when they are imported.
os.environ["OMP_NUM_THREADS"] = os.environ["NPROC"] = str(ASKED.threads)
if ASKED.threads == 1:
    os.sched_setaffinity(0, {0})
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import numpy as np  # noqa: E402

MATRICES = [(1, 10), (64, 10), (128, 1000), (12288, 128), (32, 50257), (4096, 4096)]


def resident(key):
    """A figure of /proc/self/status in MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def numbers(shape, seed, low, high, dtype=np.float32):
    """splitmix64 of a counter, the upper 24 bits, as benches/tensor/harness.rs makes them."""
    counter = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64((seed << 32) + 1)
    with np.errstate(over="ignore"):
        z = counter * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(40)).astype(np.float64) / 2**24
    return (low + (high - low) * unit).astype(dtype).reshape(shape)


def labels(rows, classes):
    return np.minimum(numbers(rows, 3, 0, classes, np.float64).astype(np.int64), classes - 1)


def squares(*arrays):
    return sum(float((np.asarray(a, dtype=np.float64) ** 2).sum()) for a in arrays)


def run(workload, shape, make, dtype="f32"):
    """Times the step that `make` returns with the function that makes a comparable number of its result."""
    shape = shape if isinstance(shape, str) else "x".join(map(str, shape))
    asked = [not given or x in given.split(",") for x, given in [(workload, ASKED.only), (shape, ASKED.shape)]]
    if not all(asked):
        return
    step, check = make()
    check = check(step())
    start, calls = time.perf_counter(), 0
    while calls < 3 or time.perf_counter() - start < 0.15:
        step()
        calls += 1
        if time.perf_counter() - start > 2:
            break
    batch = max(1, min(10000, int(np.ceil(50e-6 * calls / (time.perf_counter() - start)))))
    times, start = [], time.perf_counter()
    while True:
        sample = time.perf_counter()
        for _ in range(batch):
            step()
        times.append((time.perf_counter() - sample) * 1e6 / batch)
        spent = time.perf_counter() - start
        if len(times) >= 20 and spent >= 0.5 or len(times) >= 5 and spent >= 6:
            break
    line = dict(
        impl=ASKED.peer, workload=workload, shape=shape, dtype=dtype, threads=ASKED.threads,
        median_us=round(sorted(times)[len(times) // 2], 4), min_us=round(min(times), 4), iters=len(times) * batch,
        peak_rss_mb=round(resident("VmHWM"), 1), base_rss_mb=round(BASE, 1), check=check, note="",
    )  # fmt: skip
    print(json.dumps(line), flush=True)


class Torch:
    def __init__(self):
        import torch

        torch.set_num_threads(ASKED.threads)
        self.torch, self.array = torch, torch.from_numpy

    def leaf(self, x):
        return self.array(x).requires_grad_(True)

    def forward(self, f, x):
        x = self.array(x)

        def step():
            with self.torch.no_grad():
                return f(x)

        return step, squares

    def pullback(self, f, inputs, g):
        leaves, g = [self.leaf(x) for x in inputs], self.array(g)
        return lambda: self.torch.autograd.grad(f(*leaves), leaves, g), lambda gradients: squares(*gradients)

    def gradient(self, f, inputs):
        leaves = [self.leaf(x) for x in inputs]

        def step():
            loss = f(*leaves)
            return loss.detach(), self.torch.autograd.grad(loss, leaves)

        return step

    def softmax(self, axis):
        return lambda x: self.torch.softmax(x, axis)

    def composed(self, x):
        e = self.torch.exp(x - x.max(-1, keepdim=True).values)
        return e / e.sum(-1, keepdim=True)

    def cross_entropy(self, labels):
        labels = self.array(labels)
        return lambda x: self.torch.nn.functional.cross_entropy(x, labels)

    def attention(self, q, k, v):
        return self.torch.softmax((q @ k.transpose(-1, -2)) * 0.125, -1) @ v

    def elementwise(self, x, w, b):
        return (self.torch.tanh(x * w + b) * self.torch.sigmoid(x)).sum()

    def relu(self, x):
        return self.torch.relu(x)

    def training_step(self, network, parameters):
        leaves = [self.leaf(p) for p in parameters]

        def descend():
            loss = network(*leaves)
            gradients = self.torch.autograd.grad(loss, leaves)
            with self.torch.no_grad():
                self.torch._foreach_add_(leaves, gradients, alpha=-0.01)
            return loss.detach()

        return descend, lambda loss: loss.item()


class Jax:
    def __init__(self):
        import jax
        import jax.numpy

        jax.config.update("jax_enable_x64", True)
        self.jax, self.np, self.array = jax, jax.numpy, jax.numpy.asarray

    def compiled(self, f, *inputs):
        f, inputs = self.jax.jit(f), [self.array(x) for x in inputs]
        return lambda: self.jax.block_until_ready(f(*inputs))

    def forward(self, f, x):
        return self.compiled(f, x), squares

    def pullback(self, f, inputs, g):
        def both(g, *inputs):
            y, pull = self.jax.vjp(f, *inputs)
            return y, pull(g)

        return self.compiled(both, g, *inputs), lambda result: squares(*result[1])

    def gradient(self, f, inputs):
        return self.compiled(self.jax.value_and_grad(f, argnums=tuple(range(len(inputs)))), *inputs)

    def softmax(self, axis):
        return lambda x: self.jax.nn.softmax(x, axis)

    def composed(self, x):
        e = self.np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def cross_entropy(self, labels):
        labels = self.array(labels.astype(np.int32))

        def loss(x):
            return -self.np.take_along_axis(self.jax.nn.log_softmax(x, -1), labels[:, None], axis=1).mean()

        return loss

    def attention(self, q, k, v):
        scores = self.np.matmul(q, self.np.swapaxes(k, -1, -2)) * np.float32(0.125)
        return self.np.matmul(self.jax.nn.softmax(scores, -1), v)

    def elementwise(self, x, w, b):
        return (self.np.tanh(x * w + b) * self.jax.nn.sigmoid(x)).sum()

    def relu(self, x):
        return self.jax.nn.relu(x)

    def training_step(self, network, parameters):
        def step(parameters):
            loss, gradients = self.jax.value_and_grad(lambda p: network(*p))(parameters)
            return loss, [p - np.float32(0.01) * g for p, g in zip(parameters, gradients)]

        step = self.jax.jit(step, donate_argnums=0)
        state = [[self.array(p) for p in parameters]]

        def descend():
            loss, state[0] = step(state[0])
            self.jax.block_until_ready(state[0])
            return loss

        return descend, float


def network(peer):
    """S6: the network, and its parameters."""
    sizes, parameters = [784, 256, 128, 10], []
    for layer, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        bound = rows**-0.5
        parameters += [numbers((rows, columns), 10 + layer, -bound, bound), np.zeros(columns, np.float32)]
    images, loss = peer.array(numbers((128, 784), 1, 0, 1)), peer.cross_entropy(labels(128, 10))

    def f(w1, b1, w2, b2, w3, b3):
        return loss(peer.relu(peer.relu(images @ w1 + b1) @ w2 + b2) @ w3 + b3)

    return f, parameters


def chain(y, a, b):
    """S8."""
    for _ in range(1000):
        y = y * a + b
    return y.sum()


def main(peer):
    def matrices(shape, dtype=np.float32):
        return numbers(shape, 1, -4, 4, dtype), numbers(shape, 2, -1, 1, dtype)

    def pull(f, shape, dtype=np.float32):
        x, g = matrices(shape, dtype)
        return peer.pullback(f, [x], g)

    def losses(f, inputs):
        step = peer.gradient(f, inputs)
        return step, lambda result: float(result[0]) + 1e3 * squares(*result[1])

    def sums(f, inputs):
        return peer.gradient(f, inputs), lambda result: squares(*result[1])

    for shape in MATRICES:
        run("S1", shape, lambda: peer.forward(peer.softmax(-1), matrices(shape)[0]))
        run("S2", shape, lambda: pull(peer.softmax(-1), shape))
    for shape in [(128, 1000), (4096, 4096)]:
        run("S2", shape, lambda: pull(peer.softmax(-1), shape, np.float64), "f64")
    for shape in [(64, 10), (128, 1000), (1024, 32000)]:
        run("S3", shape, lambda: losses(peer.cross_entropy(labels(*shape)), [matrices(shape)[0]]))
    for shape in [(1000, 128), (4096, 4096)]:
        run("S4", shape, lambda: pull(peer.softmax(0), shape))
    for shape in [(64, 10), (128, 1000), (4096, 4096)]:
        run("S5", shape, lambda: pull(peer.composed, shape))
    run("S6", "784-256-128-10/b128", lambda: peer.training_step(*network(peer)))
    heads = (4, 8, 256, 64)
    qkvg = lambda: [numbers(heads, seed, -1, 1) for seed in range(20, 24)]  # noqa: E731
    run("S7", heads, lambda: peer.pullback(peer.attention, (inputs := qkvg())[:3], inputs[3]))
    links = [(1, -1, 1), (2, 0.99, 1.0), (3, -0.01, 0.01)]
    run("S8", "4", lambda: sums(chain, [numbers(4, *link) for link in links]))
    run("S9", "4194304", lambda: sums(peer.elementwise, [numbers(1 << 22, s, -1, 1) for s in (30, 31, 32)]))
    for n in [512, 1024]:
        square = lambda: [numbers((n, n), seed, -1, 1) for seed in (40, 41, 42)]  # noqa: E731
        run("S10", f"{n}^3", lambda: peer.pullback(lambda a, b: a @ b, (inputs := square())[:2], inputs[2]))


PEER = {"torch": Torch, "jax": Jax}[ASKED.peer]()
BASE = resident("VmRSS")
main(PEER)
