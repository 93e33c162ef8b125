//! The tensor workloads S1 to S10, by the public API alone: `cargo bench --bench tensor`.
//!
//! `-- --threads 2 --only S2,S5 --shape 128x1000` selects. It prints one line of JSON for each figure, from which the
//! tables of `docs/performance.md` are made. With `-- --test` the small workloads run once, untimed; `--steps N` runs
//! them N times, for tools that count instructions.

mod cores;
mod harness;
mod networks;

use harness::{Harness, labels, squares, tensor};
use wengert::{Elem, Tape, Tensor, Var};

type Handle<'t, T> = Var<'t, Tensor<T>>;

/// Forward and pullback of a function of one matrix.
fn pullback<T: Elem>(
    harness: &Harness,
    workload: &str,
    (rows, n): (usize, usize),
    f: impl for<'t> Fn(Handle<'t, T>) -> Handle<'t, T>,
) {
    let shape = format!("{rows}x{n}");
    if !harness.wants(workload, &shape, rows * n) {
        return;
    }
    let x = tensor::<T>([rows, n], 1, -4.0, 4.0);
    let g = tensor::<T>([rows, n], 2, -1.0, 1.0);
    let mut tape = Tape::<T>::default();
    harness.run::<T>(workload, &shape, |first| {
        tape.reset();
        let x = tape.var(x.clone());
        let gradients = f(x).vjp(g.clone());
        if first {
            squares(&gradients.wrt(x))
        } else {
            0.0
        }
    });
}

/// S1: softmax without its pullback.
fn forward(harness: &Harness, (rows, n): (usize, usize)) {
    let shape = format!("{rows}x{n}");
    if !harness.wants("S1", &shape, rows * n) {
        return;
    }
    let x = tensor::<f32>([rows, n], 1, -4.0, 4.0);
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>("S1", &shape, |first| {
        tape.reset();
        // The value is read, since a tape may put off what nobody reads.
        let y = tape.constant(x.clone()).softmax(1).value();
        if first { squares(&y) } else { 0.0 }
    });
}

/// S3: cross entropy from logits, loss and gradient.
fn cross_entropy(harness: &Harness, (rows, n): (usize, usize)) {
    let shape = format!("{rows}x{n}");
    if !harness.wants("S3", &shape, rows * n) {
        return;
    }
    let x = tensor::<f32>([rows, n], 1, -4.0, 4.0);
    let labels = labels(rows, 3, n);
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>("S3", &shape, |first| {
        tape.reset();
        let x = tape.var(x.clone());
        let loss = x.cross_entropy(1, &labels);
        let gradients = loss.backward();
        if first {
            f64::from(loss.value()) + 1e3 * squares(&gradients.wrt(x))
        } else {
            0.0
        }
    });
}

/// S8: a chain of ops on four elements; `links` of two ops each.
fn chain(harness: &Harness, workload: &str, links: usize, shape: &str) {
    if !harness.wants(workload, shape, links) {
        return;
    }
    let y = tensor::<f32>([4], 1, -1.0, 1.0);
    let a = tensor::<f32>([4], 2, 0.99, 1.0);
    let b = tensor::<f32>([4], 3, -0.01, 0.01);
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>(workload, shape, |first| {
        tape.reset();
        let leaves = [&y, &a, &b].map(|x| tape.var(x.clone()));
        let [y, a, b] = leaves;
        let y = (0..links).fold(y, |y, _| y * a + b);
        let gradients = y.sum().backward();
        if first {
            leaves.map(|x| squares(&gradients.wrt(x))).iter().sum()
        } else {
            0.0
        }
    });
}

/// S9: an elementwise chain over large tensors, summed.
fn elementwise(harness: &Harness) {
    const N: usize = 1 << 22;
    if !harness.wants("S9", "4194304", N) {
        return;
    }
    let inputs = [30, 31, 32].map(|seed| tensor::<f32>([N], seed, -1.0, 1.0));
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>("S9", "4194304", |first| {
        tape.reset();
        let leaves = [0, 1, 2].map(|k| tape.var(inputs[k].clone()));
        let [x, w, b] = leaves;
        let gradients = ((x * w + b).tanh() * x.sigmoid()).sum().backward();
        if first {
            leaves.map(|x| squares(&gradients.wrt(x))).iter().sum()
        } else {
            0.0
        }
    });
}

/// S10: a matrix product and the gradients of both matrices.
fn product(harness: &Harness, n: usize) {
    let shape = format!("{n}^3");
    if !harness.wants("S10", &shape, n * n) {
        return;
    }
    let [a, b, g] = [40, 41, 42].map(|seed| tensor::<f32>([n, n], seed, -1.0, 1.0));
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>("S10", &shape, |first| {
        tape.reset();
        let (a, b) = (tape.var(a.clone()), tape.var(b.clone()));
        let gradients = a.matmul(b).vjp(g.clone());
        if first {
            squares(&gradients.wrt(a)) + squares(&gradients.wrt(b))
        } else {
            0.0
        }
    });
}

/// The textbook's softmax from elementary ops, with the maximum on the tape too.
fn composed<T: Elem>(x: Handle<'_, T>) -> Handle<'_, T> {
    let e = (x - x.max_keep(1)).exp();
    e / e.sum_keep(1)
}

fn main() {
    let harness = &Harness::from_arguments();
    let shapes = [
        (1, 10),
        (64, 10),
        (128, 1000),
        (12288, 128),
        (32, 50257),
        (4096, 4096),
    ];
    for shape in shapes {
        forward(harness, shape);
    }
    for shape in shapes {
        pullback::<f32>(harness, "S2", shape, |x| x.softmax(1));
    }
    for shape in [(128, 1000), (4096, 4096)] {
        pullback::<f64>(harness, "S2", shape, |x| x.softmax(1));
    }
    for shape in [(64, 10), (128, 1000), (1024, 32000)] {
        cross_entropy(harness, shape);
    }
    for shape in [(1000, 128), (4096, 4096)] {
        pullback::<f32>(harness, "S4", shape, |x| x.softmax(0));
    }
    for shape in [(64, 10), (128, 1000), (4096, 4096)] {
        pullback::<f32>(harness, "S5", shape, composed);
    }
    networks::training_step(harness);
    networks::attention(harness);
    chain(harness, "S8", 1000, "4");
    elementwise(harness);
    for n in [512, 1024] {
        product(harness, n);
    }
    growth(harness);
    cores::line(harness);
}

/// Time and memory as nodes and as elements grow, if requested as `S8.growth` and `S2.growth`.
fn growth(harness: &Harness) {
    if harness.names("S8.growth") {
        for nodes in [1_000, 10_000, 100_000, 1_000_000] {
            chain(harness, "S8.growth", nodes / 2, &nodes.to_string());
        }
    }
    if harness.names("S2.growth") {
        for exponent in [10, 12, 14, 16, 18, 20, 22, 24, 26, 27] {
            pullback::<f32>(harness, "S2.growth", (1 << (exponent - 10), 1024), |x| {
                x.softmax(1)
            });
        }
    }
}
