//! Reductions and running sums and products: composed, difference, adjoint, element types.

use wengert::ops::{Draw, Sample, Spec, Visitor, visit};
use wengert::{Dd, Dual, Elem, Random, Tape, Tensor};

const OPS: [&str; 11] = [
    "sum", "mean", "prod", "var", "std", "max", "min", "norm", "norm_l1", "cumsum", "cumprod",
];

/// Calls a closure-like check with every op of this file.
struct Each<C>(C, usize);

trait Check {
    fn run<S: Spec>(&mut self, sample: &Sample<S::Attributes>, random: &mut Random);
}

impl<C: Check> Visitor for Each<C> {
    fn op<S: Spec>(&mut self) {
        if !OPS.contains(&S::NAME) {
            return;
        }
        self.1 += 1;
        for seed in 0..150 {
            let sample = S::sample(&mut Draw::new(seed));
            self.0.run::<S>(&sample, &mut Random::new(seed));
        }
    }
}

fn each(check: impl Check) {
    let mut each = Each(check, 0);
    visit(&mut each);
    assert_eq!(each.1, OPS.len());
}

fn size(x: &Tensor<f64>) -> f64 {
    x.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

#[track_caller]
fn close(what: &str, a: &Tensor<f64>, b: &Tensor<f64>, limit: f64) {
    assert_eq!(a.shape(), b.shape(), "{what}");
    let error = size(&(a - b));
    assert!(
        error <= limit * size(b).max(1.0) && a.iter().all(|a| a.is_finite()),
        "{what}: off by {error:e}\n{a}\n{b}"
    );
}

/// Value and pullback of the fused op on elements of any type, read back as `f64`.
fn fused<S: Spec, T: Elem>(
    x: &Tensor<T>,
    g: Option<&Tensor<f64>>,
    with: &S::Attributes,
) -> (Tensor<T>, Option<Tensor<T>>) {
    let tape = Tape::<T>::default();
    let leaf = tape.var(x.clone());
    let y = S::fused(&[leaf], with);
    (y.value(), g.map(|g| y.vjp(g.map(T::of)).wrt(leaf)))
}

struct Composed;

impl Check for Composed {
    fn run<S: Spec>(&mut self, sample: &Sample<S::Attributes>, random: &mut Random) {
        let (x, with) = (&sample.inputs[0], &sample.with);
        let tape = Tape::new();
        let leaf = tape.var(x.clone());
        let Some(composed) = S::composed(&[leaf], with) else {
            return;
        };
        let y = S::fused(&[leaf], with);
        close(S::NAME, &y.value(), &composed.value(), 1e-13);
        let g: Tensor<f64> = random.normal(y.shape(), 0.0, 1.0);
        let (a, b) = (y.vjp(g.clone()).wrt(leaf), composed.vjp(g).wrt(leaf));
        close(S::NAME, &a, &b, 1e-12);
    }
}

/// Differences are taken on double-double elements, where a step of 1e-9 costs no digits.
struct Difference;

impl Check for Difference {
    fn run<S: Spec>(&mut self, sample: &Sample<S::Attributes>, random: &mut Random) {
        let (x, with) = (&sample.inputs[0], &sample.with);
        let h = Dd::of(1e-9);
        let g: Tensor<f64> = random.normal(fused::<S, f64>(x, None, with).0.shape(), 0.0, 1.0);
        let v: Tensor<f64> = random.normal(x.shape(), 0.0, 1.0);
        let moved = |v: &Tensor<f64>, step: Dd| &x.map(Dd::of) + &(v.map(Dd::of) * step);
        let gradient = fused::<S, f64>(x, Some(&g), with).1.unwrap();
        let objective = |v: &Tensor<f64>, step| {
            (fused::<S, Dd>(&moved(v, step), None, with).0 * g.map(Dd::of)).sum()
        };
        let mut difference = Tensor::zeros(x.shape());
        for i in 0..x.len() {
            let mut unit = Tensor::zeros(x.shape());
            unit.data_mut()[i] = 1.0;
            let slope = (objective(&unit, h) - objective(&unit, -h)) / (h + h);
            difference.data_mut()[i] = slope.primal();
        }
        close(S::NAME, &gradient, &difference, 1e-12);

        let pulled = |step| fused::<S, Dd>(&moved(&v, step), Some(&g), with).1.unwrap();
        let difference = ((pulled(h) - pulled(-h)) / (h + h)).map(Elem::primal);
        let dual = x.iter().zip(v.iter()).map(|(&x, &v)| Dual::new(x, v));
        let dual = Tensor::new(x.shape(), dual.collect()).unwrap();
        let second = fused::<S, Dual<f64>>(&dual, Some(&g), with).1.unwrap();
        close(S::NAME, &second.map(|x| x.tangent), &difference, 1e-11);
    }
}

/// The pushforward against the pullback, and against dual numbers run through the forward.
struct Adjoint;

impl Check for Adjoint {
    fn run<S: Spec>(&mut self, sample: &Sample<S::Attributes>, random: &mut Random) {
        let (x, with) = (&sample.inputs[0], &sample.with);
        let tape = Tape::new();
        let leaf = tape.var(x.clone());
        let y = S::fused(&[leaf], with);
        let t: Tensor<f64> = random.normal(x.shape(), 0.0, 1.0);
        let g: Tensor<f64> = random.normal(y.shape(), 0.0, 1.0);
        let ty = tape.forward().along(leaf, t.clone()).walk().of(y);
        let (a, b) = ((&g * &ty).sum(), (&y.vjp(g.clone()).wrt(leaf) * &t).sum());
        assert!(
            (a - b).abs() <= 1e-12 * a.abs().max(1.0),
            "{}: {a} {b}",
            S::NAME
        );
        let dual = x.iter().zip(t.iter()).map(|(&x, &t)| Dual::new(x, t));
        let dual = Tensor::new(x.shape(), dual.collect()).unwrap();
        let pushed = fused::<S, Dual<f64>>(&dual, None, with).0;
        close(S::NAME, &pushed.map(|y| y.tangent), &ty, 1e-12);
    }
}

/// The same rule on every element type.
struct Widths;

impl Check for Widths {
    fn run<S: Spec>(&mut self, sample: &Sample<S::Attributes>, random: &mut Random) {
        let (x, with) = (&sample.inputs[0], &sample.with);
        let g: Tensor<f64> = random
            .normal::<f64>(fused::<S, f64>(x, None, with).0.shape(), 0.0, 1.0)
            .map(|g| f64::from(g as f32));
        let (y, gx) = fused::<S, Dd>(&x.map(Dd::of), Some(&g), with);
        let (y, gx) = (y.map(Elem::primal), gx.unwrap().map(Elem::primal));
        let (a, ga) = fused::<S, f64>(x, Some(&g), with);
        close(S::NAME, &a, &y, 1e-14);
        close(S::NAME, &ga.unwrap(), &gx, 1e-13);
        let (a, ga) = fused::<S, f32>(&x.map(|x| x as f32), Some(&g), with);
        close(S::NAME, &a.map(f64::from), &y, 1e-5);
        close(S::NAME, &ga.unwrap().map(f64::from), &gx, 1e-4);
    }
}

#[test]
fn fused_and_composed_agree() {
    each(Composed);
}

#[test]
fn gradients_are_the_slopes_of_the_value() {
    each(Difference);
}

#[test]
fn pushforwards_are_adjoint_to_pullbacks() {
    each(Adjoint);
}

#[test]
fn the_rules_hold_for_every_element_type() {
    each(Widths);
}
