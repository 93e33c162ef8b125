//! What a comparison reports: who is nearer, and where the other one lost its digits.

use std::cell::Cell;

use wengert::check::{self, Loss, Nearer, Report, Section};
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Elem, Error, ErrorKind, Shape, Tensor, Var};

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

/// Runs a test in both types.
macro_rules! in_both_types {
    ($name:ident, $of:ident) => {
        #[test]
        fn $name() {
            $of::<f64>();
            $of::<f32>();
        }
    };
}

fn tensor<T: Elem>(x: &[f64]) -> Tensor<T> {
    x.iter().map(|&x| T::of(x)).collect()
}

/// The only explanation of a section.
fn only<'a>(section: &'a Section, report: &Report) -> &'a Loss {
    let [loss] = &section.losses[..] else {
        panic!("one side loses, once:\n{report}");
    };
    loss
}

/// How many ulps 1 has: an entry that is off by them all has no digit left.
fn all_ulps<T: Elem>() -> f64 {
    1.0 / T::epsilon().primal()
}

in_both_types!(
    a_comparison_names_the_step_that_loses_the_gradient,
    the_step_that_loses_the_gradient_is_named
);

fn the_step_that_loses_the_gradient_is_named<T: Elem>() {
    let x = tensor::<T>(&[40.0, 0.0]);
    let cotangent = tensor::<T>(&[1.0, 0.0]);
    let report = check::compare_all(
        |x: &[Var<'_, Tensor<T>>]| x[0].softmax(0),
        |x: &[Var<'_, Tensor<T>>]| textbook(x[0]),
        &[&x],
        Some(&cotangent),
    );
    report.assert_agrees();
    let gradient = &report.gradients[0];
    assert_eq!(gradient.nearer(), Nearer::Fused);
    let loss = only(gradient, &report);
    assert_eq!(loss.side, "composed");
    assert_eq!(loss.step, "the pullback of sum and div to exp");
    assert!(loss.line.file().ends_with("check.rs"));
    assert_eq!(loss.entering, 0.5);
    // Two shares of size 1 cancel to 4e-18: nothing is left of 53 bits, nor of 24.
    assert!(loss.factor() > all_ulps::<T>(), "{loss}");
    assert_eq!(loss.place, [0], "{loss}");
    let text = report.to_string();
    assert!(
        text.contains("composed loses in the pullback of sum and div to exp"),
        "{text}"
    );
    assert!(text.contains("cancellation factor"), "{text}");
}

in_both_types!(
    a_comparison_names_the_step_that_loses_the_value,
    the_step_that_loses_the_value_is_named
);

fn the_step_that_loses_the_value_is_named<T: Elem>() {
    // The row's least weight, 2e-22, is a normal number of both types.
    let x = tensor::<T>(&[50.3, 0.1]);
    let report = check::compare(|x| x.softmax(0), textbook, &x);
    let loss = only(&report.value, &report);
    assert_eq!((loss.side, loss.step.as_str()), ("composed", "exp"));
    assert_eq!((&loss.index[..], &loss.place[..]), (&[1][..], &[1][..]));
    assert!(loss.factor() > 10.0, "{loss}");
    assert!(report.value.fused.max < 3.0);
}

/// `1 - e^-x` as it is written: small values cancel, and so does the slope `1 - y` of large ones.
#[derive(Clone, Copy, Debug)]
struct Cancelling;

impl<T: Elem> Rule<T> for Cancelling {
    fn name(&self) -> &'static str {
        "cancelling"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        for (y, &x) in y.fill().iter_mut().zip(x[0].iter()) {
            *y = T::one() - (-x).exp();
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        for (gx, (&g, &y)) in gx[0].fill().iter_mut().zip(g.iter().zip(at.y.iter())) {
            *gx = g * (T::one() - y);
        }
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }
}

in_both_types!(
    a_comparison_names_the_entry_at_which_a_fused_rule_loses,
    a_fused_rule_that_loses_is_named
);

fn a_fused_rule_that_loses_is_named<T: Elem>() {
    let x = tensor::<T>(&[[1.0, 40.0, 2.0], [1e-6, 3.0, 0.5]].concat());
    let x = x.reshape([2, 3]);
    let ones = Tensor::ones([2, 3]);
    let report = check::compare_all(
        |x: &[Var<'_, Tensor<T>>]| x[0].tape().apply(Cancelling, [x[0]]),
        |x: &[Var<'_, Tensor<T>>]| -(-x[0]).expm1(),
        &[&x],
        Some(&ones),
    );
    report.assert_agrees();
    for section in report.sections() {
        assert_eq!(section.nearer(), Nearer::Composed, "{report}");
        assert!(section.composed.max < 3.0, "{report}");
    }
    let loss = only(&report.value, &report);
    assert_eq!((loss.side, loss.step.as_str()), ("fused", "cancelling"));
    assert_eq!(
        (&loss.index[..], &loss.place[..]),
        (&[1, 0][..], &[1, 0][..])
    );
    assert_eq!(loss.entering, 0.5);
    // Half an ulp of 1 in a number of size 2^-20.
    assert!(
        loss.factor() > 1e4 && loss.factor() < 2f64.powi(20),
        "{loss}"
    );

    let loss = only(&report.gradients[0], &report);
    assert_eq!(loss.side, "fused");
    assert_eq!(loss.step, "the pullback of cancelling to the input");
    assert_eq!(
        (&loss.index[..], &loss.place[..]),
        (&[0, 1][..], &[0, 1][..])
    );
    assert_eq!(loss.leaving, report.gradients[0].fused.max);
    // The slope e^-40 comes out as 0.
    assert!(loss.leaving > 0.5 * all_ulps::<T>(), "{loss}");
    assert!(loss.line.file().ends_with("check.rs"));

    let text = report.to_string();
    for (section, entry) in [("value", "[1, 0]"), ("gradient 0", "[0, 1]")] {
        let from = text
            .find(&format!("worst {section} at {entry}"))
            .expect(&text);
        let line = text[from..].lines().nth(1).unwrap();
        assert!(line.starts_with("  fused loses in "), "{text}");
        assert!(
            line.contains(&format!(" at {entry} (cancellation factor ")),
            "{text}"
        );
        assert!(
            line.ends_with(&format!("furthest off at {entry}")),
            "{text}"
        );
    }
}

#[test]
fn a_step_that_loses_digits_the_result_does_not_need_is_not_explained() {
    // The first entry loses digits of the value, the second those of the gradient; the factor makes both harmless.
    let (x, small) = (Tensor::from([1e-6, 20.0]), 2f64.powi(-100));
    let report = check::compare(
        |x| x + 1.0,
        |x| x.tape().apply(Cancelling, [x * 2.0]) * small + (x + 1.0),
        &x,
    );
    report.assert_agrees();
    for section in report.sections() {
        assert!(section.composed.max < 1.0, "{report}");
        assert!(section.losses.is_empty(), "{report}");
    }
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
