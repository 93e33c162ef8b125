//! Every op of the registry through every check, in both precisions.
//!
//! A new op needs no test of its own to get here: its line in the registry is enough.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wengert::ops::{Draw, Sample, Spec, Visitor, visit};
use wengert::{Dual, Elem, Tape, Tensor, Var, check};

/// How many samples each op is checked on, for each element type.
const CASES: u32 = 24;

/// Runs one kind of check on every op.
struct Run<C>(C);

trait Check {
    /// Checks one op on one sample.
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>);
}

impl<C: Check> Visitor for Run<C> {
    fn op<S: Spec>(&mut self) {
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&any::<u64>(), |seed| {
            let sample = S::sample(&mut Draw::new(seed));
            let run = || {
                self.0.sample::<S, f64>(&sample);
                self.0.sample::<S, f32>(&sample);
            };
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).map_err(|panic| {
                let text = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or(panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
                TestCaseError::fail(format!("{sample:?}: {}", text.unwrap_or_default()))
            })
        });
        if let Err(error) = outcome {
            panic!("{}: {error}", S::NAME);
        }
    }
}

fn inputs<T: Elem, A>(sample: &Sample<A>) -> Vec<Tensor<T>> {
    sample.inputs.iter().map(|x| x.map(T::of)).collect()
}

fn refs<T>(x: &[Tensor<T>]) -> Vec<&Tensor<T>> {
    x.iter().collect()
}

/// The fused op as an expression for the checks.
fn fused<'a, S: Spec, T: Elem>(
    with: &'a S::Attributes,
) -> impl for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> + 'a {
    |x| S::fused(x, with)
}

struct Adjoint;

impl Check for Adjoint {
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>) {
        let x = inputs::<T, _>(sample);
        check::adjoint(fused::<S, T>(&sample.with), &refs(&x)).assert_passed();
    }
}

struct Difference;

impl Check for Difference {
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>) {
        let x = inputs::<T, _>(sample);
        check::difference(fused::<S, T>(&sample.with), &refs(&x)).assert_passed();
        check::forward(fused::<S, T>(&sample.with), &refs(&x)).assert_passed();
    }
}

struct Composed;

impl Check for Composed {
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>) {
        let x = inputs::<T, _>(sample);
        let tape = Tape::<T>::default();
        let handles: Vec<_> = x.iter().map(|x| tape.constant(x.clone())).collect();
        if S::composed(&handles, &sample.with).is_none() {
            return;
        }
        let composed =
            |x: &[Var<'_, Tensor<T>>]| -> bool { S::composed(x, &sample.with).is_some() };
        assert!(composed(&handles));
        let report = check::compare_all(
            fused::<S, T>(&sample.with),
            twin::<S, T>(&sample.with),
            &refs(&x),
            None,
        );
        assert_eq!(report.judge, check::Judge::Composed, "{}", S::NAME);
        report.assert_agrees();
    }
}

fn twin<'a, S: Spec, T: Elem>(
    with: &'a S::Attributes,
) -> impl for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> + 'a {
    |x| S::composed(x, with).expect("the op has a composed twin")
}

/// The VJP rule on dual numbers against differences: Hessian-vector products.
struct SecondOrder;

impl Check for SecondOrder {
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>) {
        let x = inputs::<T, _>(sample);
        check::second_order(fused::<S, Dual<T>>(&sample.with), &refs(&x)).assert_passed();
    }
}

/// In blocks of few rows, where an output is computed only if the pullback says that it reads it: the same bits.
struct Blocks;

impl Check for Blocks {
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>) {
        let x = inputs::<T, _>(sample);
        let gradients = |bytes| -> Vec<Vec<u64>> {
            let tape = Tape::<T>::default().with_blocks(bytes);
            let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
            let y = S::fused(&handles, &sample.with);
            let grads = y.vjp(wengert::Random::new(6).uniform(y.shape(), -1.0, 1.0));
            let bits = |x: &T| x.primal().to_bits();
            let bits = |x: &Var<'_, Tensor<T>>| grads.wrt(*x).iter().map(bits).collect();
            handles.iter().map(bits).collect()
        };
        let at_once = gradients(usize::MAX);
        for bytes in [1, 64, 400] {
            assert_eq!(gradients(bytes), at_once, "blocks of {bytes} bytes");
        }
    }
}

/// The JVP rule against the forward on dual numbers.
struct Duals;

impl Check for Duals {
    fn sample<S: Spec, T: Elem>(&self, sample: &Sample<S::Attributes>) {
        let mut random = wengert::Random::new(5);
        let x = inputs::<T, _>(sample);
        let t: Vec<Tensor<T>> = x
            .iter()
            .map(|x| random.uniform(x.shape(), -1.0, 1.0))
            .collect();

        let tape = Tape::<T>::default();
        let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
        let y = S::fused(&handles, &sample.with);
        let walk = handles
            .iter()
            .zip(&t)
            .fold(tape.forward(), |w, (x, t)| w.along(*x, t.clone()));
        let by_rule = walk.walk().of(y);

        let dual = Tape::<Dual<T>>::default();
        let lifted = |x: &Tensor<T>, t: &Tensor<T>| {
            let data = x
                .iter()
                .zip(t.iter())
                .map(|(&x, &t)| Dual::new(x, t))
                .collect();
            Tensor::new(x.shape(), data).unwrap()
        };
        let lifted: Vec<_> = x
            .iter()
            .zip(&t)
            .map(|(x, t)| dual.var(lifted(x, t)))
            .collect();
        let y = S::fused(&lifted, &sample.with).value();
        let by_dual = y.map(|y| y.tangent);

        let around = by_dual
            .iter()
            .map(|y| y.primal().abs())
            .fold(1e-30, f64::max);
        for (&a, &b) in by_rule.iter().zip(by_dual.iter()) {
            let gap = (a - b).primal().abs();
            let limit = 256.0 * T::epsilon().primal() * around;
            assert!(
                gap <= limit || (a.is_nan() && b.is_nan()),
                "the JVP rule gives {a}, the forward on dual numbers {b}"
            );
        }
    }
}

#[test]
fn every_rule_is_the_adjoint_of_its_pushforward() {
    visit(&mut Run(Adjoint));
}

#[test]
fn every_rule_equals_central_differences() {
    visit(&mut Run(Difference));
}

#[test]
fn every_fused_rule_equals_its_composed_twin() {
    visit(&mut Run(Composed));
}

#[test]
fn every_rule_on_dual_numbers_is_its_own_second_order() {
    visit(&mut Run(SecondOrder));
}

#[test]
fn every_pushforward_equals_the_forward_on_dual_numbers() {
    visit(&mut Run(Duals));
}

#[test]
fn blocks_change_no_bit_of_a_gradient() {
    visit(&mut Run(Blocks));
}
