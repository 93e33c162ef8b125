//! The ops that move, join and multiply tensors, on drawn samples: VJP against central differences,
//! forward mode and the composed twin, in value, first and second order.

use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::{Dd, Dual, Elem, Random, Tape, Tensor, Var};

const OURS: [&str; 16] = [
    "matmul",
    "dot",
    "outer",
    "permute",
    "reshape",
    "broadcast_to",
    "slice",
    "at",
    "scalars",
    "index_select",
    "gather",
    "scatter_add",
    "concat",
    "stack",
    "pad",
    "where_",
];

/// All of these ops are linear in each operand, so a central difference has rounding error alone.
const DIFFERENCE: f64 = 1e-9;
const EXACT: f64 = 1e-13;

struct Checks {
    samples: u64,
    seen: usize,
}

impl Visitor for Checks {
    fn op<S: Spec>(&mut self) {
        if !OURS.contains(&S::NAME) {
            return;
        }
        self.seen += 1;
        let mut worst = [0f64; 5];
        for seed in 0..self.samples {
            let errors = check::<S>(seed);
            for (worst, new) in worst.iter_mut().zip(errors) {
                *worst = worst.max(new);
            }
        }
        let worst = worst.map(|error| format!("{error:8.1e}"));
        println!("{:14} {}", S::NAME, worst.join(" "));
    }
}

#[test]
fn every_rule_agrees_with_differences_forward_mode_and_its_twin() {
    println!("op             difference, forward mode, twin's value, gradient, second order");
    let mut checks = Checks {
        samples: 300,
        seen: 0,
    };
    visit(&mut checks);
    assert_eq!(checks.seen, OURS.len());
}

fn check<S: Spec>(seed: u64) -> [f64; 5] {
    let name = S::NAME;
    let sample = S::sample(&mut Draw::new(seed));
    let what = format!("{name}, seed {seed}: {sample:?}");
    let mut random = Random::new(seed + 1000);
    let mut like = |x: &Tensor<f64>| -> Tensor<f64> { random.uniform(x.shape(), -1.0, 1.0) };

    let tape = Tape::new();
    let x: Vec<_> = sample.inputs.iter().map(|x| tape.var(x.clone())).collect();
    let y = S::fused(&x, &sample.with);
    let g = like(&y.value());
    let v: Vec<_> = sample.inputs.iter().map(&mut like).collect();
    let grads = y.vjp(g.clone());
    let along: f64 = x.iter().zip(&v).map(|(&x, v)| dot(&grads.wrt(x), v)).sum();
    let scale = 1.0 + g.len() as f64 * 10.0;

    let f = |h: f64| {
        let tape = Tape::new();
        let moved = sample.inputs.iter().zip(&v).map(|(x, v)| x + &(v * h));
        let x: Vec<_> = moved.map(|x| tape.var(x)).collect();
        dot(&S::fused(&x, &sample.with).value(), &g)
    };
    let h = 2f64.powi(-10);
    let difference = ((f(h) - f(-h)) / (2.0 * h) - along).abs() / scale;
    assert!(difference < DIFFERENCE, "{difference:e} {what}");

    let mut forward = tape.forward();
    for (&x, v) in x.iter().zip(&v) {
        forward = forward.along(x, v.clone());
    }
    let adjoint = (dot(&forward.walk().of(y), &g) - along).abs() / scale;
    assert!(adjoint < EXACT, "{adjoint:e} {what}");

    // A tangent for one operand alone: the others' are absent.
    for (k, v) in v.iter().enumerate() {
        let tangent = tape.forward().along(x[k], v.clone()).walk().of(y);
        let error = (dot(&tangent, &g) - dot(&grads.wrt(x[k]), v)).abs() / scale;
        assert!(error < EXACT, "operand {k}: {error:e} {what}");
    }

    let mut errors = [difference, adjoint, 0.0, 0.0, 0.0];
    let fused = all::<S, f64>(&sample.inputs, &sample.with, &g, |x| x, S::fused);
    if S::composed(&x, &sample.with).is_some() {
        let twin = all::<S, f64>(&sample.inputs, &sample.with, &g, |x| x, composed::<S, f64>);
        for (k, (fused, twin)) in fused.iter().zip(&twin).enumerate() {
            let error = distance(fused, twin);
            errors[2 + k.min(1)] = errors[2 + k.min(1)].max(error);
            assert!(error < EXACT, "{k}: {error:e} {what}");
        }
        let lift = |x: f64| Dual::new(x, x.sin());
        let fused = all::<S, Dual<f64>>(&sample.inputs, &sample.with, &g, lift, S::fused);
        let twin = all::<S, _>(
            &sample.inputs,
            &sample.with,
            &g,
            lift,
            composed::<S, Dual<f64>>,
        );
        for (fused, twin) in fused.iter().zip(&twin) {
            let error = distance(&fused.map(|d| d.tangent), &twin.map(|d| d.tangent));
            errors[4] = errors[4].max(error);
            assert!(error < EXACT, "second order: {error:e} {what}");
        }
    }
    let narrow = all::<S, f32>(&sample.inputs, &sample.with, &g, |x| x as f32, S::fused);
    let wide = all::<S, Dd>(&sample.inputs, &sample.with, &g, Dd::from, S::fused);
    for ((middle, narrow), wide) in fused.iter().zip(&narrow).zip(&wide) {
        assert!(distance(&narrow.map(f64::from), middle) < 1e-4, "{what}");
        assert!(distance(&wide.map(Dd::hi), middle) < EXACT, "{what}");
    }
    errors
}

fn composed<'t, S: Spec, T: Elem>(
    x: &[Var<'t, Tensor<T>>],
    with: &S::Attributes,
) -> Var<'t, Tensor<T>> {
    S::composed(x, with).unwrap()
}

type Op<T, A> = for<'t> fn(&[Var<'t, Tensor<T>>], &A) -> Var<'t, Tensor<T>>;

/// The value and all gradients on elements of any type.
fn all<S: Spec, T: Elem>(
    inputs: &[Tensor<f64>],
    with: &S::Attributes,
    g: &Tensor<f64>,
    lift: impl Fn(f64) -> T,
    op: Op<T, S::Attributes>,
) -> Vec<Tensor<T>> {
    let tape = Tape::<T>::default();
    let x: Vec<_> = inputs.iter().map(|x| tape.var(x.map(&lift))).collect();
    let y = op(&x, with);
    let grads = y.vjp(g.map(T::of));
    let mut results = vec![y.value()];
    results.extend(x.iter().map(|&x| grads.wrt(x)));
    results
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

fn distance(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let scale = b.iter().fold(1f64, |m, b| m.max(b.abs()));
    let worst = a.iter().zip(b.iter()).fold(0f64, |m, (a, b)| {
        assert!(!(a - b).is_nan());
        m.max((a - b).abs())
    });
    worst / scale
}
