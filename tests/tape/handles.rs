//! What handles can be written like: references to them, beside whatever takes them by value; assignments; constants.
#![allow(clippy::op_ref, clippy::needless_borrows_for_generic_args)] // references are what is tested

use wengert::transform::hvp;
use wengert::{Dual, Duals, Elem, Tape, Tensor, Var};

use crate::panics;

/// Asserts that an operator gives the same for every choice of references.
macro_rules! same {
    ($op:tt, $a:expr, $b:expr) => {{
        let value = ($a $op $b).value();
        assert_eq!((&$a $op $b).value(), value);
        assert_eq!(($a $op &$b).value(), value);
        assert_eq!((&$a $op &$b).value(), value);
    }};
    ($a:expr, $b:expr) => {{
        same!(+, $a, $b);
        same!(-, $a, $b);
        same!(*, $a, $b);
        same!(/, $a, $b);
    }};
}

#[test]
fn a_reference_to_a_handle_is_as_good_as_the_handle() {
    let tape = Tape::new();
    let (a, b) = (tape.var(3.0), tape.var(0.7));
    let (x, y) = (
        tape.var(Tensor::from([1.0, 2.5])),
        tape.var(Tensor::from([0.3, -4.0])),
    );
    same!(a, b);
    same!(x, y);
    same!(a, x);
    same!(x, a);
    assert_eq!((-&a).value(), -3.0);
    assert_eq!((-&x).value(), Tensor::from([-1.0, -2.5]));
    assert_eq!(x.matmul(&y).value(), x.matmul(y).value());
    let grads = (&a * &b + &a).backward();
    assert_eq!((grads.wrt(a), grads.wrt(b)), (1.7, 3.0));
}

#[test]
fn numbers_and_tensors_stand_beside_references_to_handles() {
    let tape = Tape::new();
    let (a, x) = (tape.var(3.0), tape.var(Tensor::from([1.0, 2.0])));
    let w = Tensor::from([4.0, 8.0]);
    assert_eq!((&a * 2.0).value(), 6.0);
    assert_eq!((2.0 / &a).value(), 2.0 / 3.0);
    assert_eq!((&x - 2.0).value(), Tensor::from([-1.0, 0.0]));
    assert_eq!((2.0 - &x).value(), Tensor::from([1.0, 0.0]));
    assert_eq!((&x * &w).value(), Tensor::from([4.0, 16.0]));
    assert_eq!((&w / &x).value(), Tensor::from([4.0, 4.0]));
    assert_eq!((w.clone() - &x).value(), Tensor::from([3.0, 6.0]));
    let single = Tape::<f32>::default();
    let b = single.var(3.0);
    assert_eq!((2.0 * &b + 1.0).value(), 7.0f32);
    let dual = Tape::<Dual<f64>>::default();
    let c = dual.var(Dual::new(3.0, 1.0));
    assert_eq!((2.0 * &c).value().tangent, 2.0);
    assert_eq!(
        (&w * &dual.var(Tensor::from([Dual::new(3.0, 1.0); 2]))).value()[[1]].tangent,
        8.0
    );
}

#[test]
fn iterators_over_handles_need_no_dereference() {
    let tape = Tape::new();
    let (xs, ws) = (tape.vars(&[1.0, 2.0, 3.0]), tape.vars(&[4.0, 5.0, 6.0]));
    let y = xs.iter().zip(&ws).map(|(x, w)| x * w).sum::<Var<f64>>();
    assert_eq!((y.value(), y.backward().wrt(xs[1])), (32.0, 5.0));
    let twice: Vec<_> = xs.iter().map(|x| x * 2.0).collect();
    assert_eq!(twice.iter().sum::<Var<f64>>().value(), 12.0);
    assert_eq!(
        xs.iter().map(|x| 2.0 * x).product::<Var<f64>>().value(),
        48.0
    );
    let mut total = xs[0];
    xs.iter().for_each(|x| total += x);
    assert_eq!(total.value(), 7.0);
    fn generic<T: Elem>(xs: &[Var<'_, T>]) -> T {
        let centred = xs.iter().map(|x| x - &xs[0]);
        centred.map(|x| x * x).sum::<Var<T>>().value()
    }
    assert_eq!(generic(&xs), 5.0);
}

#[test]
fn a_tensor_handle_is_assigned_to_like_a_scalar_one() {
    let tape = Tape::new();
    let (b, x) = (tape.var(2.0), tape.var(Tensor::from([1.0, 3.0])));
    let mut y = x;
    y += x;
    y *= &x;
    y -= b;
    y /= 2.0;
    y += &Tensor::from([0.5, 1.5]);
    y *= Tensor::from([[1.0], [2.0]]); // the result broadcasts, as in y = y * z
    assert_eq!(y.value(), Tensor::from([[0.5, 9.5], [1.0, 19.0]]));
    let grads = y.sum().backward();
    assert_eq!(grads.wrt(x), Tensor::from([6.0, 18.0])); // 3 x 2 x
    assert_eq!(grads.wrt(b), -3.0); // half the sum of the factors 1, 1, 2 and 2
    panics!(
        y += Tensor::from([1.0, 2.0, 3.0]),
        "add: shapes [2, 2] and [3] do not broadcast; trailing sizes must be equal or 1"
    );
}

#[test]
fn a_constant_may_be_a_reference_to_a_tensor_and_is_not_copied() {
    let tape = Tape::new();
    let (x, data) = (tape.var(2.0), Tensor::from([1.0, 3.0]));
    let c = tape.constant(&data);
    assert_eq!((c * x).sum().backward().wrt(x), 4.0);
    assert!(std::ptr::eq(c.value().data(), data.data()));
}

/// The walk has not been there; 0 would be a wrong derivative, not a missing one.
#[test]
fn what_is_recorded_after_a_forward_walk_has_no_tangent() {
    let tape = Tape::new();
    let (a, x) = (tape.var(3.0), tape.var(Tensor::from([1.0, 2.0])));
    let walk = tape.forward().along(a, 1.0);
    let tangents = walk.along(x, Tensor::from([1.0, 0.0])).walk();
    let text = "of: this handle was recorded after the walk, which knows nothing of it; walk again";
    panics!(tangents.of(x * a), text);
    panics!(tangents.of(a * x.at([0])), text);
    panics!(tangents.of(x.sum()), text);
    // What depends on no earlier node has a tangent of 0 by right.
    let (b, z) = (tape.var(2.0), tape.var(Tensor::from([5.0])));
    assert_eq!(tangents.of(b.sin()), 0.0);
    assert_eq!(tangents.of(z), Tensor::zeros([1]));
    assert_eq!(tangents.of(tape.constant(1.0)), Tensor::zeros([]));
    assert_eq!(tangents.of(Var::number(1.0)), 0.0);
    assert_eq!(tangents.of(a.sin()), 3f64.cos());
}

#[test]
fn a_constant_may_be_a_number() {
    let tape = Tape::new();
    let (one, x) = (tape.constant(1.0), tape.var(Tensor::from([0.5, 2.0])));
    assert_eq!(one.rank(), 0);
    let y = one / x;
    assert_eq!(y.sum().backward().wrt(x), Tensor::from([-4.0, -0.25]));
    assert_eq!(Tensor::from(2.0f32), Tensor::scalar(2.0));
}

#[test]
fn a_plain_tensor_beside_a_scalar_handle_is_a_constant() {
    let tape = Tape::new();
    let (s, e) = (tape.var(2.0), Tensor::from([1.0, 4.0]));
    let y = (&e * s - s / &e + s * e.clone() - e.clone() / &s) * (&e + &s);
    assert_eq!(y.value(), Tensor::from([4.5, 81.0]));
    // (3 e s - s / e - e / s)' = 2 e - 1 / e + e / s², times e + s, and that itself.
    assert_eq!(y.sum().backward().wrt(s), 1.5 + 3.75 + 13.5 + 52.5);
    let second = hvp(|s| (s.exp() * &e).sum(), 0.0, 1.0);
    assert_eq!(second, 5.0);
    panics!(
        &e + Var::number(1.0),
        "add: a plain number lives on no tape; enter it with var() or constant()"
    );
}

#[test]
fn a_plain_tensor_stands_on_the_left_of_products() {
    let tape = Tape::new();
    let x = Tensor::from([[1.0, 2.0], [0.0, 4.0]]);
    let w = tape.var(Tensor::from([1.0, -1.0]));
    let row = Tensor::from([3.0, 5.0]);
    assert_eq!(x.matmul(w).value(), x.matmul(&w.value()));
    let gradient = |y: Var<'_, Tensor<f64>>| y.sum().backward().wrt(w);
    assert_eq!(gradient(x.matmul(&w)), Tensor::from([1.0, 6.0]));
    assert_eq!(row.dot(w).backward().wrt(w), row);
    assert_eq!(gradient(row.outer(w)), Tensor::from([8.0, 8.0]));
    assert_eq!(gradient(row.matmul_t(w.reshape([1, 2]))), row);
    let plain = [x.linear_solve(&row), x.solve_upper(&row)];
    assert_eq!(plain[0], plain[1]);
    for y in [x.linear_solve(w), x.solve_upper(w)] {
        assert_eq!(y.value(), Tensor::from([1.5, -0.25]));
        assert_eq!(gradient(y), Tensor::from([1.0, -0.25]));
    }
    let hv = hvp(|w| x.matmul(w).square().sum(), &row, &row);
    assert_eq!(hv, Tensor::from([26.0, 212.0]));
    let constant = hvp(
        |w| w.tape().constant(&x).matmul(w).square().sum(),
        &row,
        &row,
    );
    assert_eq!(constant, hv);
    panics!(
        x.matmul(tape.var(Tensor::ones([3]))),
        "matmul: inner sizes 2 and 3 differ ([2, 2] and [3]); the left operand needs as many columns as the right one has rows"
    );
}

#[test]
fn a_scalar_handle_knows_its_tape() {
    let tape = Tape::new();
    let s = tape.var(2.0);
    let y = s.tape().constant(&Tensor::from([1.0, 2.0])) * s;
    assert_eq!(y.sum().backward().wrt(s), 3.0);
    panics!(
        Var::<f64>::number(1.0).tape().tensor_nodes(),
        "tape: a plain number lives on no tape; enter it with var() or constant()"
    );
}

#[test]
fn a_remainder_counts_the_whole_times_that_its_divisor_fits() {
    // Correctly rounded, 1 / 0.1 is 10; but ten times the f64 next to 0.1 is more than 1.
    for (a, b, whole) in [
        (1.0, 0.1, 9.0),
        (-1.0, 0.1, -9.0),
        (7.0, -2.0, -3.0),
        (0.5, 2.0, 0.0),
    ] {
        let tape = Tape::new();
        let (x, y) = (tape.var(a), tape.var(b));
        let grads = (x % y).backward();
        assert_eq!((grads.wrt(x), grads.wrt(y)), (1.0, -whole), "{a} % {b}");
        let dual = Dual::new(a, 0.0) % Dual::new(b, 1.0);
        assert_eq!(dual.tangent, -whole, "{a} % {b}");
        let duals = Duals::new(a, [0.0, 1.0]) % Duals::new(b, [1.0, 0.0]);
        assert_eq!(duals.tangents, [-whole, 1.0], "{a} % {b}");
    }
}
