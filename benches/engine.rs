//! The engine's workloads for ourselves alone: `cargo bench`.
//!
//! Each benchmark checks its answer once before it is timed.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wengert::{Random, Tape, Tensor};

fn softmax(c: &mut Criterion) {
    let mut group = c.benchmark_group("softmax forward and vjp");
    for (rows, n) in [(1, 10), (64, 10), (128, 1000), (1024, 1024)] {
        let mut random = Random::new(1);
        let x: Tensor<f32> = random.uniform([rows, n], -4.0, 4.0);
        let g: Tensor<f32> = random.uniform([rows, n], -1.0, 1.0);
        let mut tape = Tape::<f32>::default();
        let mut step = || {
            tape.reset();
            let handle = tape.var(x.clone());
            let grads = handle.softmax(1).vjp(g.clone());
            grads.wrt(handle).data()[0]
        };
        assert!(step().is_finite());
        group.throughput(Throughput::Elements((rows * n) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{n}")), |b| {
            b.iter(&mut step);
        });
    }
}

fn cross_entropy(c: &mut Criterion) {
    let mut group = c.benchmark_group("cross entropy, loss and gradient");
    for (rows, n) in [(64, 10), (128, 1000)] {
        let mut random = Random::new(2);
        let x: Tensor<f32> = random.uniform([rows, n], -4.0, 4.0);
        let labels: Vec<usize> = (0..rows).map(|_| random.below(n)).collect();
        let mut tape = Tape::<f32>::default();
        let mut step = || {
            tape.reset();
            let handle = tape.var(x.clone());
            let loss = handle.cross_entropy(1, &labels);
            loss.value() + loss.backward().wrt(handle).data()[0]
        };
        assert!(step() > 0.0);
        group.throughput(Throughput::Elements((rows * n) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{n}")), |b| {
            b.iter(&mut step);
        });
    }
}

fn digits_step(c: &mut Criterion) {
    let mut random = Random::new(3);
    let x: Tensor<f32> = random.uniform([32, 64], 0.0, 1.0);
    let labels: Vec<usize> = (0..32).map(|_| random.below(10)).collect();
    let sizes = [64, 96, 48, 10];
    let weights: Vec<Tensor<f32>> = sizes
        .windows(2)
        .map(|w| random.normal([w[0], w[1]], 0.0, 0.1))
        .collect();
    let mut tape = Tape::<f32>::default();
    let mut step = || {
        tape.reset();
        let w: Vec<_> = weights.iter().map(|w| tape.var(w.clone())).collect();
        let hidden = tape
            .constant(x.clone())
            .matmul(w[0])
            .relu()
            .matmul(w[1])
            .relu();
        let loss = hidden.matmul(w[2]).cross_entropy(1, &labels);
        let grads = loss.backward();
        loss.value() + w.iter().map(|&w| grads.wrt(w).data()[0]).sum::<f32>()
    };
    assert!(step() > 1.0);
    c.bench_function("digits step, batch 32", |b| b.iter(&mut step));
}

fn scalar_chain(c: &mut Criterion) {
    let mut group = c.benchmark_group("scalar product, record and reverse");
    for n in [1_000, 1_000_000] {
        let x: Vec<f64> = (0..n).map(|i| 1.0 + 1e-9 * i as f64).collect();
        let mut tape = Tape::with_capacity(2 * n, 0);
        let mut step = || {
            tape.reset();
            let first = tape.var(x[0]);
            let y = x[1..].iter().fold(first, |y, &x| y * tape.var(x));
            y.backward().wrt(first)
        };
        assert!(step() >= 1.0);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::from_parameter(n), |b| b.iter(&mut step));
    }
}

/// 2,000 ops on 4 elements: what a node costs when there is hardly any arithmetic.
fn small_ops(c: &mut Criterion) {
    let data = |k: f32| Tensor::from([0.9 + k, 0.8, 0.7, 0.6]);
    let (start, a, b) = (data(0.0), data(0.01), data(0.02));
    let mut tape = Tape::<f32>::default();
    let mut step = || {
        tape.reset();
        let (y0, a, b) = (
            tape.var(start.clone()),
            tape.var(a.clone()),
            tape.var(b.clone()),
        );
        let y = (0..1000).fold(y0, |y, _| y * a + b);
        y.sum().backward().wrt(b).data()[0]
    };
    assert!(step().is_finite());
    c.bench_function("2000 ops on 4 elements", |b| b.iter(|| black_box(step())));
}

criterion_group!(
    benches,
    softmax,
    cross_entropy,
    digits_step,
    scalar_chain,
    small_ops
);
criterion_main!(benches);
