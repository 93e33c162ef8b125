//! What a comparison reports: who is nearer, and where the other one lost its digits.

use std::cell::Cell;

use wengert::check::{self, Nearer};
use wengert::{Elem, ErrorKind, Tensor, Var};

/// Softmax of a vector as in a textbook, with the maximum as a constant.
fn textbook<'t, T: Elem>(x: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
    let e = (x - x.max_keep(0).detach()).exp();
    e / e.sum_keep(0)
}

#[test]
fn a_gradient_that_vanishes_is_no_difference() {
    // Σ softmax = 1: the fused gradient is exactly 0, the composed one a few roundings of it.
    let x = Tensor::from([0.3, -1.1, 0.7]);
    let report = check::compare(
        |x| x.softmax(0).sum_keep(0),
        |x| textbook(x).sum_keep(0),
        &x,
    );
    report.assert_agrees();
    let zero = check::compare(
        |x| x.softmax(0).sum_keep(0),
        |x| x.softmax(0).sum_keep(0) * 1.5,
        &x,
    );
    assert!(!zero.agrees());
}

#[test]
fn a_small_gradient_is_not_taken_for_noise() {
    let x = Tensor::from([40.0, 0.0]);
    let cotangent = Tensor::from([1.0, 0.0]);
    let report = check::compare_all(
        |x: &[Var<'_, Tensor<f64>>]| x[0].softmax(0),
        |x: &[Var<'_, Tensor<f64>>]| (x[0].softmax(0).detach() + x[0]) - x[0],
        &[&x],
        Some(&cotangent),
    );
    assert!(report.value.agrees(), "{report}");
    assert!(!report.gradients[0].agrees(), "4e-18 against 0:\n{report}");
}

#[test]
fn a_comparison_names_the_step_that_loses_the_gradient() {
    let x = Tensor::from([40.0, 0.0]);
    let cotangent = Tensor::from([1.0, 0.0]);
    let report = check::compare_all(
        |x: &[Var<'_, Tensor<f64>>]| x[0].softmax(0),
        |x: &[Var<'_, Tensor<f64>>]| textbook(x[0]),
        &[&x],
        Some(&cotangent),
    );
    report.assert_agrees();
    let gradient = &report.gradients[0];
    assert_eq!(gradient.nearer(), Nearer::Fused);
    let [loss] = &gradient.losses[..] else {
        panic!("one side loses, once:\n{report}");
    };
    assert_eq!(loss.side, "composed");
    assert_eq!(loss.step, "the pullback of sum and div to exp");
    assert!(loss.line.file().ends_with("check.rs"));
    assert_eq!(loss.entering, 0.5);
    // Two shares of size 1 cancel to 4e-18: nothing is left of 53 bits.
    assert!(loss.factor() > 2f64.powi(52), "{loss}");
    let text = report.to_string();
    assert!(
        text.contains("composed loses in the pullback of sum and div to exp"),
        "{text}"
    );
    assert!(text.contains("cancellation factor"), "{text}");
}

#[test]
fn a_comparison_names_the_step_that_loses_the_value() {
    let x = Tensor::from([100.3, 0.1]);
    let report = check::compare(|x| x.softmax(0), textbook, &x);
    let [loss] = &report.value.losses[..] else {
        panic!("one side loses, once:\n{report}");
    };
    assert_eq!((loss.side, loss.step.as_str()), ("composed", "exp"));
    assert!(loss.factor() > 10.0, "{loss}");
    assert!(report.value.fused.max < 3.0);
}

#[test]
fn where_both_sides_are_right_nothing_is_explained() {
    let x = Tensor::from([0.5, -0.25, 1.0]);
    let report = check::compare(|x| x.softmax(0), textbook, &x);
    assert!(report.sections().all(|s| s.losses.is_empty()), "{report}");
    assert!(!report.to_string().contains("loses"));
}

#[test]
fn a_check_of_scalar_arithmetic_is_an_error_where_a_twin_was_asked() {
    let x = Tensor::from([0.5, 2.0]);
    let found = [
        check::try_adjoint(|x| x[0] * (x[0].sum() * 2.0), &[&x]),
        check::try_difference(|x| x[0] * (x[0].sum() * 2.0), &[&x]),
        check::try_forward(|x| x[0] * (x[0].sum() * 2.0), &[&x]),
        check::try_second_order(|x| x[0] * (x[0].sum() * 2.0), &[&x]),
    ];
    for found in found {
        let error = found.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Replay { .. }), "{error}");
    }
    let tensors = check::try_difference(|x| x[0] * x[0].sum_keep(0) * 2.0, &[&x]);
    tensors.unwrap().assert_passed();
}

#[test]
fn a_comparison_calls_each_closure_6_to_201_times() {
    let (fused, composed) = (Cell::new(0), Cell::new(0));
    let report = check::compare(
        |x| {
            fused.set(fused.get() + 1);
            x.tanh()
        },
        |x| {
            composed.set(composed.get() + 1);
            x.tanh()
        },
        &Tensor::from([0.5]),
    );
    assert!(report.agrees());
    for calls in [fused.get(), composed.get()] {
        assert!((6..=201).contains(&calls), "{calls}");
    }
}
