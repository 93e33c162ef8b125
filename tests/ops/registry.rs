//! Every op of the registry through every check, in both precisions.
//!
//! A new op needs no test of its own for this: its line in the registry is enough.

use crate::sweep::Function;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wengert::ops::{Draw, Sample, Spec, Visitor, visit};
use wengert::{Dual, Elem, Tape, Tensor, Var, check};

/// On how many samples each op is checked, for each element type.
const CASES: u32 = 24;

type Twin<'a, T> = &'a dyn for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Option<Var<'t, Tensor<T>>>;

/// An op with its attributes, behind pointers, so that a check is compiled once for each type of
/// elements, not for each op.
struct Op<'a, T: Elem> {
    name: &'static str,
    fused: Function<'a, T>,
    dual: Function<'a, Dual<T>>,
    composed: Twin<'a, T>,
}

/// A check of one op at one point.
type Check<T> = fn(&Op<'_, T>, &[Tensor<T>]);

/// Runs one kind of check on every op, in both precisions.
struct Run(Check<f64>, Check<f32>);

impl Visitor for Run {
    fn op<S: Spec>(&mut self) {
        on_samples(S::NAME, &|seed| {
            let sample = S::sample(&mut Draw::new(seed));
            let run = || {
                on_sample::<S, f64>(self.0, &sample);
                on_sample::<S, f32>(self.1, &sample);
            };
            panic_of(&run).map(|text| format!("{sample:?}: {text}"))
        });
    }
}

fn on_sample<S: Spec, T: Elem>(check: Check<T>, sample: &Sample<S::Attributes>) {
    let op = Op {
        name: S::NAME,
        fused: &|x| S::fused(x, &sample.with),
        dual: &|x| S::fused(x, &sample.with),
        composed: &|x| S::composed(x, &sample.with),
    };
    let x: Vec<_> = sample.inputs.iter().map(|x| x.map(T::of)).collect();
    check(&op, &x);
}

/// Calls `f` with seeds; if something goes wrong, it returns the sample of the seed and what it was.
fn on_samples(name: &str, f: &dyn Fn(u64) -> Option<String>) {
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&any::<u64>(), |seed| {
        f(seed).map_or(Ok(()), |text| Err(TestCaseError::fail(text)))
    });
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

/// The text of the panic in which `f` ends, if it does.
fn panic_of(f: &dyn Fn()) -> Option<String> {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or(panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
    Some(text.unwrap_or_default())
}

fn refs<T>(x: &[Tensor<T>]) -> Vec<&Tensor<T>> {
    x.iter().collect()
}

fn adjoint<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    check::adjoint(op.fused, &refs(x)).assert_passed();
}

fn difference<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    check::difference(op.fused, &refs(x)).assert_passed();
    check::forward(op.fused, &refs(x)).assert_passed();
}

fn composed<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    let tape = Tape::<T>::default();
    let handles: Vec<_> = x.iter().map(|x| tape.constant(x.clone())).collect();
    if (op.composed)(&handles).is_none() {
        return;
    }
    let report = check::compare_all(op.fused, twin(op.composed), &refs(x), None);
    assert_eq!(report.judge, check::Judge::Composed, "{}", op.name);
    report.assert_agrees();
}

fn twin<'a, T: Elem>(
    f: Twin<'a, T>,
) -> impl for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> + 'a {
    move |x| f(x).expect("the op has a composed twin")
}

/// The VJP rule on dual numbers against differences: Hessian-vector products.
fn second_order<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    check::second_order(op.dual, &refs(x)).assert_passed();
}

/// The same bits in blocks of few rows, where an output is computed only if the pullback declares that it reads it.
fn blocks<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    let gradients = |bytes| -> Vec<Vec<u64>> {
        let tape = Tape::<T>::default().with_blocks(bytes);
        let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
        let y = (op.fused)(&handles);
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

/// The JVP rule against the forward on dual numbers.
fn duals<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    let mut random = wengert::Random::new(5);
    let t: Vec<Tensor<T>> = x
        .iter()
        .map(|x| random.uniform(x.shape(), -1.0, 1.0))
        .collect();

    let tape = Tape::<T>::default();
    let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
    let y = (op.fused)(&handles);
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
    let y = (op.dual)(&lifted).value();
    let by_dual = y.map(|y| y.tangent);

    let sizes = by_dual.iter().map(|y| y.primal().abs());
    let around = sizes.filter(|y| y.is_finite()).fold(1e-30, f64::max);
    let limit = 256.0 * T::epsilon().primal() * around;
    for (&a, &b) in by_rule.iter().zip(by_dual.iter()) {
        let near = match a.is_finite() && b.is_finite() {
            true => (a - b).primal().abs() <= limit,
            false => a.same(b),
        };
        assert!(
            near,
            "the JVP rule gives {a}, the forward on dual numbers {b}"
        );
    }
}

/// The same at whole numbers, where there are ties, zeros and kinks. A value whose tangent disagrees with the slopes
/// makes a Hessian wrong.
fn duals_of_few_numbers<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>]) {
    let whole: Vec<_> = x.iter().map(|x| x.map(T::round)).collect();
    duals(op, &whole);
}

#[test]
fn every_rule_is_the_adjoint_of_its_pushforward() {
    visit(&mut Run(adjoint, adjoint));
}

#[test]
fn every_rule_equals_central_differences() {
    visit(&mut Run(difference, difference));
}

#[test]
fn every_fused_rule_equals_its_composed_twin() {
    visit(&mut Run(composed, composed));
}

#[test]
fn every_rule_on_dual_numbers_is_its_own_second_order() {
    visit(&mut Run(second_order, second_order));
}

#[test]
fn every_pushforward_equals_the_forward_on_dual_numbers() {
    visit(&mut Run(duals, duals));
}

#[test]
fn every_pushforward_equals_it_at_ties_and_kinks() {
    visit(&mut Run(duals_of_few_numbers, duals_of_few_numbers));
}

#[test]
fn blocks_change_no_bit_of_a_gradient() {
    visit(&mut Run(blocks, blocks));
}
