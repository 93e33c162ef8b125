//! Ops of the user's own: rules in tensor arithmetic, elementwise functions, closures.

use crate::panics::panic_of;
use wengert::check::{self, Judge};
use wengert::ops::{Binary, Unary};
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::{Dual, Elem, Error, Shape, Tape, Tensor, Var};

/// `y = a e^b` by closures; the pullback is right.
fn scaled_exp<'t, T: Elem>(a: Var<'t, Tensor<T>>, b: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
    a.tape().custom_jvp(
        "scaled_exp",
        [a, b],
        |[a, b]| a * &b.exp(),
        |[_, b], y, g| [g * &b.exp(), g * y],
        |[_, b], y, [ta, tb]| &(ta * &b.exp()) + &(tb * y),
    )
}

fn points() -> [Tensor<f64>; 2] {
    [
        Tensor::from([0.5, -2.0, 3.0]),
        Tensor::from([1.0, 0.25, -1.5]),
    ]
}

#[test]
fn a_closure_rule_passes_the_checks_and_the_report_says_who_judges() {
    let [a, b] = points();
    let report = check::compare_all(
        |x: &[Var<'_, Tensor<f64>>]| scaled_exp(x[0], x[1]),
        |x: &[Var<'_, Tensor<f64>>]| x[0] * x[1].exp(),
        &[&a, &b],
        None,
    );
    report.assert_agrees();
    assert_eq!(report.judge, Judge::Composed);
    assert!(
        report.value.formulas.is_none(),
        "the closure was not widened"
    );
    check::adjoint(|x| scaled_exp(x[0], x[1]), &[&a, &b]).assert_passed();
    check::difference(|x| scaled_exp(x[0], x[1]), &[&a, &b]).assert_passed();
    check::forward(|x| scaled_exp(x[0], x[1]), &[&a, &b]).assert_passed();
    assert!(!check::difference(|x| scaled_exp(x[0], x[1]), &[&a, &b]).wide);
}

#[test]
fn a_wrong_closure_rule_fails_the_checks() {
    let [a, b] = points();
    fn wrong<'t>(x: &[Var<'t, Tensor<f64>>]) -> Var<'t, Tensor<f64>> {
        x[0].tape().custom(
            "wrong",
            [x[0], x[1]],
            |[a, b]| a * &b.exp(),
            |[_, b], y, g| [g * &b.exp(), -(g * y)],
        )
    }
    fn composed<'t>(x: &[Var<'t, Tensor<f64>>]) -> Var<'t, Tensor<f64>> {
        x[0] * x[1].exp()
    }
    assert!(!check::compare_all(wrong, composed, &[&a, &b], None).agrees());
    assert!(!check::difference(wrong, &[&a, &b]).passed());
    // Both sides are closures, so there is no judge, and the report says why.
    let report = check::compare_all(wrong, wrong, &[&a, &b], None);
    let Judge::Nobody(why) = &report.judge else {
        panic!("{:?}", report.judge)
    };
    assert!(
        why.starts_with("wrong: the rule has no wider form (recorded at tests/tape/own_ops.rs:")
            && why.ends_with("; implement Rule::widen; a closure runs on one element type only"),
        "{why}"
    );
}

#[test]
fn a_closure_rule_without_a_jvp_says_so_at_the_line_of_the_walk() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let line = line!() + 1;
    let y = tape.custom(
        "cube",
        [x],
        |[x]| x * &(x * x),
        |[x], _, g| [&(x * x) * &(g * 3.0)],
    );
    assert_eq!(y.sum().backward().wrt(x), Tensor::from([3.0, 12.0]));
    let walk = || tape.forward().along(x, Tensor::ones([2]));
    let text = format!(
        "cube: the rule has no JVP (recorded at tests/tape/own_ops.rs:{line}); implement Rule::jvp, or pass one to custom_jvp"
    );
    assert_eq!(walk().try_walk().unwrap_err().to_string(), text);
    let found = panic_of(|| drop(walk().walk()));
    assert_eq!(found, (text, file!().to_string(), line!() - 1));
}

#[test]
fn a_cotangent_of_the_wrong_shape_names_op_shapes_and_both_lines() {
    let tape = Tape::new();
    let (a, b) = (
        tape.var(Tensor::from([1.0, 2.0])),
        tape.var(Tensor::from([3.0, 4.0])),
    );
    let line = line!() + 1;
    let y = tape.custom(
        "both",
        [a, b],
        |[a, b]| a + b,
        |_, _, g| [g.clone(), Tensor::zeros([3])],
    );
    let loss = y.sum();
    let text = format!(
        "both: the cotangent of operand 1 has shape [3] but [2] is needed (recorded at tests/tape/own_ops.rs:{line})"
    );
    assert_eq!(loss.try_backward().unwrap_err().to_string(), text);
    assert_eq!(y.try_vjp(Tensor::ones([2])).unwrap_err().to_string(), text);
    let found = panic_of(|| drop(loss.backward()));
    assert_eq!(found, (text, file!().to_string(), line!() - 1));
    // The tape stays usable.
    assert_eq!((a * b).sum().backward().wrt(a), Tensor::from([3.0, 4.0]));
}

#[test]
fn a_tangent_of_the_wrong_shape_and_another_tape_are_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let line = line!() + 1;
    let _ = tape.custom_jvp(
        "same",
        [x],
        |[x]| x.clone(),
        |_, _, g| [g.clone()],
        |_, _, _| Tensor::ones([1]),
    );
    let walk = tape.forward().along(x, Tensor::ones([2])).try_walk();
    assert_eq!(
        walk.unwrap_err().to_string(),
        format!(
            "same: the tangent has shape [1] but [2] is needed (recorded at tests/tape/own_ops.rs:{line})"
        )
    );
    let other = Tape::new();
    let made = other.try_custom("same", [x], |[x]| x.clone(), |_, _, g| [g.clone()]);
    assert_eq!(
        made.unwrap_err().to_string(),
        "same: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
    );
}

#[test]
fn a_closure_rule_runs_again_on_replay() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let y = tape.custom(
        "cube",
        [x],
        |[x]| x * &(x * x),
        |[x], _, g| [&(x * x) * &(g * 3.0)],
    );
    let (x, y) = (x.id().unwrap(), y.id().unwrap());
    tape.replay([(x, Tensor::from([2.0, 3.0]))]).unwrap();
    assert_eq!(tape.handle(y).value(), Tensor::from([8.0, 27.0]));
    let grads = tape.handle(y).sum().backward();
    assert_eq!(grads.wrt(tape.handle(x)), Tensor::from([12.0, 27.0]));
}

#[test]
fn closures_in_tensor_arithmetic_give_second_order_on_dual_numbers() {
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Tensor::from([Dual::new(2.0, 1.0), Dual::new(3.0, 0.0)]));
    let three = Dual::constant(3.0);
    let y = tape.custom(
        "cube",
        [x],
        |[x]| x * &(x * x),
        move |[x], _, g| [&(x * x) * &(g * three)],
    );
    let hv = y.sum().backward().wrt(x).map(|g| g.tangent);
    assert_eq!(hv, Tensor::from([12.0, 0.0])); // 6 x t
}

#[test]
fn a_rule_may_be_written_in_tensor_arithmetic_and_broadcast() {
    #[derive(Clone, Copy, Debug)]
    struct Product;
    impl<T: Elem> Rule<T> for Product {
        fn name(&self) -> &'static str {
            "product"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
            x[0].broadcast("product", x[1])
        }
        fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
            y.give(x[0] * x[1]);
        }
        fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
            gx[0].sum_to(&(g * at.x[1]));
            gx[1].sum_to(&(g * at.x[0]));
        }
        fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
            Some(Box::new(*self))
        }
    }
    let (a, b) = (
        Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        Tensor::from([[0.5], [7.0]]),
    );
    let report = check::compare_all(
        |x: &[Var<'_, Tensor<f64>>]| x[0].tape().apply(Product, [x[0], x[1]]),
        |x: &[Var<'_, Tensor<f64>>]| x[0] * x[1],
        &[&a, &b],
        None,
    );
    report.assert_agrees();
    assert_eq!(report.gradients[1].difference, 0.0);
}

#[test]
fn a_sum_to_a_shape_that_was_not_broadcast_is_refused() {
    #[derive(Debug)]
    struct Wrong;
    impl<T: Elem> Rule<T> for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
            Ok(x[0].clone())
        }
        fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
            y.share(x[0]);
        }
        fn vjp(&self, _: &Point<'_, T>, _: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
            gx[0].sum_to(&Tensor::zeros([2, 3]));
        }
    }
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let error = x.apply(Wrong).sum().try_backward().unwrap_err().to_string();
    assert!(
        error.starts_with("wrong: the cotangent of operand 0 has shape [2, 3] but [2] is needed"),
        "{error}"
    );
}

/// `y = a² b`, elementwise.
#[derive(Clone, Copy, Debug)]
struct SquareTimes;

impl<T: Elem> Binary<T> for SquareTimes {
    const NAME: &'static str = "square_times";
    type Wide = Self;
    fn wide(self) -> Self {
        self
    }
    fn value(self, a: T, b: T) -> T {
        a * a * b
    }
    fn slopes(self, a: T, b: T, _: T) -> [T; 2] {
        [(a + a) * b, a * a]
    }
}

impl<T: Elem> Unary<T> for SquareTimes {
    const NAME: &'static str = "square_times_2";
    type Wide = Self;
    fn wide(self) -> Self {
        self
    }
    fn value(self, x: T) -> T {
        x * x * T::of(2.0)
    }
    fn slope(self, x: T, _: T) -> T {
        x * T::of(4.0)
    }
}

#[test]
fn elementwise_ops_of_the_users_are_called_as_methods() {
    let tape = Tape::new();
    let (a, b) = (tape.var(3.0), tape.var(5.0));
    let grads = a.binary(SquareTimes, b).backward();
    assert_eq!((grads.wrt(a), grads.wrt(b)), (30.0, 9.0));
    assert_eq!(a.unary(SquareTimes).backward().wrt(a), 12.0);
    let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let y = x.binary(SquareTimes, a);
    assert_eq!(y.sum().backward().wrt(a), 30.0);
    assert_eq!(
        x.unary(SquareTimes).sum().backward().wrt(x),
        x.value() * 4.0
    );
    let error = x.try_binary(SquareTimes, Tensor::ones([3])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "square_times: shapes [2, 2] and [3] do not broadcast; trailing sizes must be equal or 1"
    );
    check::forward(|x| x[0].binary(SquareTimes, x[1]), &points().each_ref()).assert_passed();
}

#[test]
fn a_rule_takes_a_list_of_operands_as_long_as_it_is() {
    #[derive(Debug)]
    struct Total;
    impl<T: Elem> Rule<T> for Total {
        fn name(&self) -> &'static str {
            "total"
        }
        fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
            Ok(x[0].clone())
        }
        fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
            y.give(x[1..].iter().fold(x[0].clone(), |sum, &x| sum + x));
        }
        fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
            gx.iter_mut().for_each(|gx| gx.share(g));
        }
    }
    let tape = Tape::new();
    let x: Vec<_> = (0..5)
        .map(|k| tape.var(Tensor::from([f64::from(k)])))
        .collect();
    for count in 1..=5 {
        let y = tape.apply(Total, &x[..count]);
        assert_eq!(y.value().item(), (0..count).sum::<usize>() as f64);
        assert_eq!(y.sum().backward().wrt(x[count - 1]), Tensor::from([1.0]));
    }
    assert_eq!(tape.apply(Total, x.clone()).value().item(), 10.0);
    let other = Tape::new();
    assert!(other.try_apply(Total, &x).is_err());
}
