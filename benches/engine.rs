//! Workloads of the engine that are not compared with other systems: `cargo bench`.
//!
//! Each benchmark checks its answer once before it is timed.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use num_traits::Float;
use std::hint::black_box;
use wengert::transform::{gauss_newton_vp, hvp, jvp, value_and_grad};
use wengert::{Duals, Random, Tape, Tensor};

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

fn layer_norm(c: &mut Criterion) {
    for (rows, n) in [(64, 16), (128, 768), (4096, 1024)] {
        let mut random = Random::new(1);
        let x: Tensor<f32> = random.uniform([rows, n], -4.0, 4.0);
        let g: Tensor<f32> = random.uniform([rows, n], -1.0, 1.0);
        let mut group = c.benchmark_group(format!("layer_norm {rows}x{n}, value and gradient"));
        group.throughput(Throughput::Elements((rows * n) as u64));
        let mut tape = Tape::<f32>::default();
        let mut fused = || {
            tape.reset();
            let x = tape.var(x.clone());
            x.layer_norm(1, 1e-5).vjp(g.clone()).wrt(x).data()[0]
        };
        let mut tape = Tape::<f32>::default();
        let mut composed = || {
            tape.reset();
            let x = tape.var(x.clone());
            let y = (x - x.mean_keep(1)) / (x.var_keep(1, 0) + 1e-5).sqrt();
            y.vjp(g.clone()).wrt(x).data()[0]
        };
        assert!((fused() - composed()).abs() < 1e-6);
        group.bench_function("fused", |b| b.iter(&mut fused));
        group.bench_function("composed", |b| b.iter(&mut composed));
        group.finish();
    }
}

/// Plain tensors, without a tape: each result takes new memory.
fn plain(c: &mut Criterion) {
    for (rows, n) in [(1, 10), (64, 10), (128, 1000), (12288, 128)] {
        let x: Tensor<f32> = Random::new(6).uniform([rows, n], -4.0, 4.0);
        let mut group = c.benchmark_group(format!("plain {rows}x{n}"));
        group.bench_function("softmax", |b| b.iter(|| black_box(&x).softmax(1)));
        group.bench_function("exp", |b| b.iter(|| black_box(&x).exp()));
        group.bench_function("add", |b| b.iter(|| black_box(&x) + &x));
        group.bench_function("map", |b| b.iter(|| black_box(&x).map(|x| x * x)));
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

/// Linear systems with one right side and with as many as unknowns, and the factors of a positive definite matrix, from
/// a few unknowns to a few hundred, beside the product of two such matrices.
fn linear_solve(c: &mut Criterion) {
    let mut random = Random::new(5);
    for n in [3, 10, 100, 300, 600] {
        let a: Tensor<f64> = random.uniform([n, n], -1.0, 1.0);
        let b: Tensor<f64> = random.uniform([n, n], -1.0, 1.0);
        let right = b.slice((.., 0));
        let definite = a.matmul_t(&a) + Tensor::eye(n);
        let mut group = c.benchmark_group(format!("linear_solve of {n}"));
        group.bench_function("one right side", |bench| {
            bench.iter(|| black_box(&a).linear_solve(&right));
        });
        group.bench_function("n right sides", |bench| {
            bench.iter(|| black_box(&a).linear_solve(&b));
        });
        group.bench_function("cholesky", |bench| {
            bench.iter(|| black_box(&definite).cholesky());
        });
        group.bench_function("matmul", |bench| bench.iter(|| black_box(&a).matmul(&b)));
        group.finish();
    }
}

/// What each transform costs beside the gradient, on a network of two layers: `docs/orders.md`.
fn orders(c: &mut Criterion) {
    let mut random = Random::new(4);
    let images: Tensor<f64> = random.uniform([64, 256], 0.0, 1.0);
    let labels: Vec<usize> = (0..256).map(|_| random.below(10)).collect();
    let mut weights = || [[128, 64], [10, 128]].map(|shape| random.normal(shape, 0.0, 0.1));
    let ([w1, w2], [v1, v2]): ([Tensor<f64>; 2], [Tensor<f64>; 2]) = (weights(), weights());
    let (w, v) = ((&w1, &w2), (&v1, &v2));
    // A macro, since each transform has handles of its own type.
    macro_rules! network {
        ($name:literal, $activation:ident) => {
            macro_rules! loss {
                () => {
                    |(w1, w2)| {
                        let hidden = w1.matmul(&images).$activation();
                        w2.matmul(hidden).cross_entropy(0, &labels)
                    }
                };
            }
            let (_, (g1, g2)) = value_and_grad(loss!(), w);
            let (_, along) = jvp(loss!(), w, v);
            assert!((((&g1 * &v1).sum() + (&g2 * &v2).sum()) / along - 1.0).abs() < 1e-9);

            let mut group = c.benchmark_group(concat!("orders, two layers with ", $name));
            group.bench_function("gradient", |b| b.iter(|| value_and_grad(loss!(), w)));
            group.bench_function("jvp", |b| b.iter(|| jvp(loss!(), w, v)));
            group.bench_function("hvp", |b| b.iter(|| hvp(loss!(), w, v)));
            group.bench_function("gauss_newton_vp", |b| {
                b.iter(|| {
                    gauss_newton_vp(
                        |(w1, w2)| w2.matmul(w1.matmul(&images).$activation()),
                        w,
                        v,
                        0,
                    )
                });
            });
            group.finish();
        };
    }
    network!("relu", relu);
    network!("tanh", tanh);
}

/// Rosenbrock's function: a few multiplications per number.
fn valley<F: Float>(x: &[F]) -> F {
    let hundred = F::from(100.0).expect("100 is a number");
    let term = |w: &[F]| hundred * (w[1] - w[0] * w[0]).powi(2) + (F::one() - w[0]).powi(2);
    x.windows(2).fold(F::zero(), |sum, w| sum + term(w))
}

/// The logarithm of a sum of exponentials: one call per number.
fn log_sum_exp<F: Float>(x: &[F]) -> F {
    x.iter().fold(F::zero(), |sum, x| sum + x.exp()).ln()
}

/// The gradient of a function of `N` numbers beside its value: on a tape, and by `N` tangents.
fn few_inputs<const N: usize>(c: &mut Criterion) {
    let x: [f64; N] = std::array::from_fn(|k| 1.0 + 0.1 * k as f64);
    macro_rules! beside {
        ($name:literal, $f:ident) => {
            let mut tape = Tape::new();
            let mut on_tape = |x: &[f64]| {
                tape.reset();
                let x = tape.vars(x);
                let grads = $f(&x).backward();
                std::array::from_fn::<f64, N, _>(|k| grads.wrt(x[k]))
            };
            let forward = |x| Duals::<f64, N>::gradient(|x| $f(&x), x).1;
            for (a, b) in on_tape(&x).into_iter().zip(forward(x)) {
                assert!((a - b).abs() <= 1e-12 * b.abs());
            }
            let mut group = c.benchmark_group(format!("orders, {} of {N}", $name));
            group.bench_function("value", |b| b.iter(|| $f(black_box(&x))));
            group.bench_function("tape", |b| b.iter(|| on_tape(black_box(&x))));
            group.bench_function("Duals", |b| b.iter(|| forward(black_box(x))));
            group.finish();
        };
    }
    beside!("Rosenbrock", valley);
    beside!("logsumexp", log_sum_exp);
}

criterion_group!(
    benches,
    softmax,
    layer_norm,
    plain,
    cross_entropy,
    digits_step,
    scalar_chain,
    small_ops,
    linear_solve,
    orders,
    few_inputs::<2>,
    few_inputs::<4>,
    few_inputs::<8>,
    few_inputs::<16>,
    few_inputs::<32>
);
criterion_main!(benches);
