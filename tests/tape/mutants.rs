//! The checks are checked: wrong rules, each a mistake that somebody has published, which they must reject.

use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Dual, Elem, Error, ErrorKind, Shape, Tape, Tensor, Var, check};

/// What is wrong with a softmax rule.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    /// Nothing: the checks must pass.
    None,
    /// The posted answer's sign.
    Sign,
    /// The diagonal of the Jacobian only, with the right sign.
    DiagonalOnly,
    /// The posted answer as it stands: diagonal, wrong sign, ties skipped by value.
    Posted,
    /// Terms of entries with the same value left out.
    TiesSkipped,
    /// The inner product taken over the whole matrix instead of each row.
    WholeMatrix,
    /// Rows along the last axis, whatever the axis is.
    AxisIgnored,
    /// The output is read as a plain number: right to first order, but its tangent is dropped.
    SecondOrderDropped,
}

/// Softmax along `axis` with a flawed pullback; the forward is right.
#[derive(Clone, Copy, Debug)]
struct Softmax {
    axis: isize,
    flaw: Flaw,
}

/// The positions of every row.
fn rows(shape: &Shape, axis: isize) -> Vec<Vec<usize>> {
    let rows = shape.rows(shape.axis("softmax", axis).unwrap());
    rows.starts()
        .map(|start| rows.row(start).collect())
        .collect()
}

impl<T: Elem> Rule<T> for Softmax {
    fn name(&self) -> &'static str {
        "flawed softmax"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let y = y.fill();
        for row in rows(x[0].shape(), self.axis) {
            let x = |i: usize| x[0].data()[i];
            let max = row.iter().fold(T::neg_infinity(), |m, &i| m.max(x(i)));
            let total = row.iter().fold(T::zero(), |s, &i| s + (x(i) - max).exp());
            for &i in &row {
                y[i] = (x(i) - max).exp() / total;
            }
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (x, y, g, gx) = (at.x[0].data(), at.y.data(), g.data(), gx[0].fill());
        let axis = if self.flaw == Flaw::AxisIgnored {
            -1
        } else {
            self.axis
        };
        let all = y.iter().zip(g).fold(T::zero(), |s, (&y, &g)| s + y * g);
        for row in rows(at.y.shape(), axis) {
            for &i in &row {
                let dot = |skip_ties: bool| {
                    let others = row
                        .iter()
                        .filter(|&&j| !skip_ties || j == i || x[j] != x[i]);
                    others.fold(T::zero(), |s, &j| s + y[j] * g[j])
                };
                let others = row.iter().filter(|&&j| x[j] != x[i]);
                let posted = -y[i] * others.fold(T::zero(), |s, &j| s + y[j]);
                gx[i] = match self.flaw {
                    Flaw::None | Flaw::AxisIgnored => y[i] * (g[i] - dot(false)),
                    Flaw::Sign => y[i] * (dot(false) - g[i]),
                    Flaw::DiagonalOnly => y[i] * (T::one() - y[i]) * g[i],
                    Flaw::Posted => posted * g[i],
                    Flaw::TiesSkipped => y[i] * (g[i] - dot(true)),
                    Flaw::WholeMatrix => y[i] * (g[i] - all),
                    Flaw::SecondOrderDropped => {
                        let plain = |j: usize| T::of(y[j].primal());
                        let dot = row.iter().fold(T::zero(), |s, &j| s + plain(j) * g[j]);
                        plain(i) * (g[i] - dot)
                    }
                };
            }
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        // As an author would do it: the Jacobian is symmetric, so the same code serves.
        self.vjp(
            at,
            t[0].expect("the only operand has a tangent"),
            std::slice::from_mut(ty),
        );
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }
}

/// Softmax from elementary ops.
fn composed<'t, T: Elem>(x: Var<'t, Tensor<T>>, axis: isize) -> Var<'t, Tensor<T>> {
    let e = x.exp();
    e / e.sum_keep(axis)
}

/// A matrix with a tie in its first row.
fn logits() -> Tensor<f64> {
    Tensor::from([[1.0, 2.0, 2.0], [0.5, -1.0, 3.0]])
}

fn compared(flaw: Flaw, axis: isize) -> check::Report {
    let softmax = Softmax { axis, flaw };
    check::compare(
        |x| x.tape().apply(softmax, [x]),
        |x| composed(x, axis),
        &logits(),
    )
}

fn difference(flaw: Flaw, axis: isize) -> check::Agreement {
    let softmax = Softmax { axis, flaw };
    check::difference(|x| x[0].tape().apply(softmax, [x[0]]), &[&logits()])
}

#[test]
fn the_right_rule_passes_every_check() {
    for axis in [0, 1, -1] {
        compared(Flaw::None, axis).assert_agrees();
        difference(Flaw::None, axis).assert_passed();
    }
}

#[test]
fn the_comparison_rejects_every_flaw() {
    use Flaw::*;
    for flaw in [Sign, DiagonalOnly, Posted, TiesSkipped, WholeMatrix] {
        let report = compared(flaw, 1);
        assert!(!report.agrees(), "{flaw:?} passed:\n{report}");
        assert!(report.value.agrees(), "the forward is right:\n{report}");
    }
    assert!(!compared(AxisIgnored, 0).agrees());
}

#[test]
fn the_difference_rejects_every_flaw() {
    use Flaw::*;
    for flaw in [Sign, DiagonalOnly, Posted, TiesSkipped, WholeMatrix] {
        let found = difference(flaw, 1);
        assert!(!found.passed(), "{flaw:?} passed: {found}");
    }
    assert!(!difference(AxisIgnored, 0).passed());
}

#[test]
fn the_adjoint_check_cannot_see_a_symmetric_flaw_which_is_why_it_is_not_alone() {
    let softmax = Softmax {
        axis: 1,
        flaw: Flaw::DiagonalOnly,
    };
    let found = check::adjoint(|x| x[0].tape().apply(softmax, [x[0]]), &[&logits()]);
    assert!(found.passed(), "a diagonal is its own transpose: {found}");
}

#[test]
fn a_dropped_second_order_passes_at_first_order_and_nowhere_else() {
    let flaw = Flaw::SecondOrderDropped;
    compared(flaw, 1).assert_agrees();
    difference(flaw, 1).assert_passed();

    let second = |flaw| {
        let softmax = Softmax { axis: 1, flaw };
        check::second_order(|x| x[0].tape().apply(softmax, [x[0]]), &[&logits()])
    };
    second(Flaw::None).assert_passed();
    assert!(!second(flaw).passed(), "passed: {}", second(flaw));

    let on_duals = |flaw| {
        let softmax = Softmax { axis: 1, flaw };
        let x = logits().map(|x| Dual::new(x, 1.0 - x));
        check::compare(|x| x.tape().apply(softmax, [x]), |x| composed(x, 1), &x)
    };
    on_duals(Flaw::None).assert_agrees();
    let report = on_duals(flaw);
    assert!(report.value.agrees(), "the forward is right:\n{report}");
    assert!(!report.agrees(), "passed:\n{report}");
}

/// Cross entropy against soft targets, with a pullback that assumes that they sum to 1.
#[derive(Clone, Copy, Debug)]
struct NoMass;

impl<T: Elem> Rule<T> for NoMass {
    fn name(&self) -> &'static str {
        "soft cross entropy without its mass"
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        Ok(Shape::scalar())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let z = x[0].log_softmax(0);
        let terms = z.iter().zip(x[1].iter());
        y.fill()[0] = terms.fold(T::zero(), |s, (&z, &t)| s - t * z);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (p, z, g) = (at.x[0].softmax(0), at.x[0].log_softmax(0), g.item());
        for (gx, (&p, &t)) in gx[0].fill().iter_mut().zip(p.iter().zip(at.x[1].iter())) {
            *gx = g * (p - t);
        }
        for (gt, &z) in gx[1].fill().iter_mut().zip(z.iter()) {
            *gt = -g * z;
        }
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }
}

#[test]
fn soft_targets_without_their_mass_are_rejected_unless_they_add_up_to_one() {
    let x = Tensor::from([1.0, 2.0, -0.5]);
    let compared = |targets: &Tensor<f64>| {
        check::compare_all(
            |x: &[Var<'_, Tensor<f64>>]| x[0].tape().apply(NoMass, [x[0], x[1]]),
            |x: &[Var<'_, Tensor<f64>>]| -(x[1] * x[0].log_softmax(0)).sum_axis(0),
            &[&x, targets],
            None,
        )
    };
    let difference = |targets: &Tensor<f64>| {
        check::difference(|x| x[0].tape().apply(NoMass, [x[0], x[1]]), &[&x, targets])
    };
    let whole = Tensor::from([0.25, 0.25, 0.5]);
    compared(&whole).assert_agrees();
    difference(&whole).assert_passed();

    let short = Tensor::from([0.25, 0.0, 0.5]);
    let report = compared(&short);
    assert!(
        report.value.agrees() && report.gradients[1].agrees(),
        "{report}"
    );
    assert!(!report.gradients[0].agrees(), "passed:\n{report}");
    assert!(!difference(&short).passed());
}

/// A rule whose VJP is right and whose JVP has the wrong sign.
#[derive(Clone, Copy, Debug)]
struct WrongJvp;

impl<T: Elem> Rule<T> for WrongJvp {
    fn name(&self) -> &'static str {
        "square with a wrong JVP"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        for (y, &x) in y.fill().iter_mut().zip(x[0].iter()) {
            *y = x * x;
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        for (gx, (&g, &x)) in gx[0].fill().iter_mut().zip(g.iter().zip(at.x[0].iter())) {
            *gx = g * (x + x);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let t = t[0].expect("the only operand has a tangent");
        for (ty, (&t, &x)) in ty.fill().iter_mut().zip(t.iter().zip(at.x[0].iter())) {
            *ty = -t * (x + x);
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }
}

#[test]
fn the_adjoint_and_forward_checks_reject_a_wrong_pushforward() {
    let x = logits();
    assert!(!check::adjoint(|x| x[0].tape().apply(WrongJvp, [x[0]]), &[&x]).passed());
    assert!(!check::forward(|x| x[0].tape().apply(WrongJvp, [x[0]]), &[&x]).passed());
    check::difference(|x| x[0].tape().apply(WrongJvp, [x[0]]), &[&x]).assert_passed();
}

/// A rule that forgets its operand.
#[derive(Clone, Copy, Debug)]
struct Forgetful;

impl<T: Elem> Rule<T> for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        y.share(x[0]);
    }

    fn vjp(&self, _: &Point<'_, T>, _: &Tensor<T>, _: &mut [Slot<'_, T>]) {}
}

#[test]
#[should_panic(
    expected = "forgetful: the rule left the cotangent of operand 0 unset (recorded at tests/tape/mutants.rs:"
)]
fn a_forgotten_operand_does_not_look_like_a_zero_gradient() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let _ = tape.apply(Forgetful, [x]).sum().backward();
}

#[test]
fn a_rule_without_a_jvp_says_so() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let _ = tape.apply(Forgetful, [x]);
    let error = tape
        .forward()
        .along(x, Tensor::ones([2]))
        .try_walk()
        .unwrap_err();
    let text = error.to_string();
    let (start, end) = (
        "forgetful: the rule has no JVP (recorded at tests/tape/mutants.rs:",
        "); implement Rule::jvp, or pass one to custom_jvp",
    );
    assert!(text.starts_with(start) && text.ends_with(end), "{text}");
}

#[test]
fn a_rule_that_forgets_something_is_an_error_of_the_checks_that_see_it() {
    let x = Tensor::from([1.0, 2.0]);
    let compared = check::try_compare_all(
        |x: &[Var<'_, Tensor<f64>>]| x[0] * 1.0,
        |x: &[Var<'_, Tensor<f64>>]| x[0].tape().apply(Forgetful, [x[0]]),
        &[&x],
        None,
    );
    let difference = check::try_difference(|x| x[0].tape().apply(Forgetful, [x[0]]), &[&x]);
    let second = check::try_second_order(|x| x[0].tape().apply(Forgetful, [x[0]]), &[&x]);
    for error in [
        compared.unwrap_err(),
        difference.unwrap_err(),
        second.unwrap_err(),
    ] {
        let unset = matches!(
            error.kind(),
            ErrorKind::Unset {
                op: "forgetful",
                ..
            }
        );
        assert!(unset, "{error}");
    }
    let adjoint = check::try_adjoint(|x| x[0].tape().apply(Forgetful, [x[0]]), &[&x]);
    let forward = check::try_forward(|x| x[0].tape().apply(Forgetful, [x[0]]), &[&x]);
    for error in [adjoint.unwrap_err(), forward.unwrap_err()] {
        let missing = matches!(error.kind(), ErrorKind::Missing { what: "JVP", .. });
        assert!(missing, "{error}");
    }
}
