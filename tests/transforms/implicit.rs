//! Fixed points and linear systems: the gradients of their equations.

use wengert::transform::*;
use wengert::{Dual, Random, Tape, Tensor, Var, check};

fn random(shape: &[usize], seed: u64) -> Tensor<f64> {
    Random::new(seed).uniform(shape, -0.5, 0.5)
}

#[track_caller]
fn assert_close(a: &Tensor<f64>, b: &Tensor<f64>, limit: f64) {
    let worst = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(
        a.shape() == b.shape() && worst <= limit,
        "off by {worst:e}\n{a}\n{b}"
    );
}

/// A recurrent layer at rest, by its equation and by 200 iterations on the tape.
macro_rules! rest {
    () => {
        |(w, b)| {
            fixed_point(
                |y, (w, b)| w.matmul(y).tanh() + b,
                &Tensor::<f64>::zeros([3]),
                (w, b),
            )
        }
    };
}

macro_rules! unrolled {
    () => {
        |(w, b)| (0..200).fold(b, |y, _| w.matmul(y).tanh() + b)
    };
}

#[test]
fn a_fixed_point_has_the_derivatives_of_its_unrolled_iterations() {
    let (w, b) = (random(&[3, 3], 1), random(&[3], 2));
    let (tw, tb) = (random(&[3, 3], 3), random(&[3], 4));
    let g = random(&[3], 5);
    let (y, (gw, gb)) = vjp(rest!(), (&w, &b), g.clone());
    let (long, (lw, lb)) = vjp(unrolled!(), (&w, &b), g.clone());
    assert_close(&y, &long, 1e-15);
    assert_close(&gw, &lw, 1e-15);
    assert_close(&gb, &lb, 1e-15);
    let pushed = jvp(rest!(), (&w, &b), (&tw, &tb)).1;
    assert_close(&pushed, &jvp(unrolled!(), (&w, &b), (&tw, &tb)).1, 1e-15);
    // Second order, and third.
    let (rest, unrolled) = (
        hvp(
            |(w, b)| {
                let y = fixed_point(
                    |y, (w, b)| w.matmul(y).tanh() + b,
                    &Tensor::<f64>::zeros([3]),
                    (w, b),
                );
                (y * &g).sum()
            },
            (&w, &b),
            (&tw, &tb),
        ),
        hvp(
            |(w, b)| ((0..200).fold(b, |y, _| w.matmul(y).tanh() + b) * &g).sum(),
            (&w, &b),
            (&tw, &tb),
        ),
    );
    assert_close(&rest.0, &unrolled.0, 1e-14);
    assert_close(&rest.1, &unrolled.1, 1e-14);
}

#[test]
fn a_fixed_point_keeps_one_node_and_passes_the_checks() {
    let (w, b) = (random(&[3, 3], 1), random(&[3], 2));
    let layer = |x: &[Var<'_, Tensor<f64>>]| -> bool {
        let y = fixed_point(
            |y, [w, b]| w.matmul(y).tanh() + b,
            &Tensor::<f64>::zeros([3]),
            [x[0], x[1]],
        );
        y.tape().tensor_nodes() == 1
    };
    let tape = Tape::new();
    assert!(layer(&[tape.var(w.clone()), tape.var(b.clone())]));
    check::adjoint(
        |x| {
            fixed_point(
                |y, [w, b]| w.matmul(y).tanh() + b,
                &Tensor::<f64>::zeros([3]),
                [x[0], x[1]],
            )
        },
        &[&w, &b],
    )
    .assert_passed();
    check::difference(
        |x| {
            fixed_point(
                |y, [w, b]| w.matmul(y).tanh() + b,
                &Tensor::<f64>::zeros([3]),
                [x[0], x[1]],
            )
        },
        &[&w, &b],
    )
    .assert_passed();
    check::forward(
        |x| {
            fixed_point(
                |y, [w, b]| w.matmul(y).tanh() + b,
                &Tensor::<f64>::zeros([3]),
                [x[0], x[1]],
            )
        },
        &[&w, &b],
    )
    .assert_passed();
}

#[test]
fn scalars_have_every_order() {
    // Heron: y = √a, y' = 1/(2√a), y'' = -1/(4 a^1.5), y''' = 3/(8 a^2.5).
    let a: f64 = 2.0;
    let (gradient, second) =
        grad_and_hvp(|a| fixed_point(|y, a| (y + a / y) * 0.5, 1.0, a), a, 1.0);
    assert!((gradient - 0.5 / a.sqrt()).abs() < 1e-15);
    assert!((second + 0.25 / a.powf(1.5)).abs() < 1e-15);
    let (_, third) = pushforward(
        |a| {
            hvp(
                |a| fixed_point(|y, a| (y + a / y) * 0.5, 1.0, a),
                a,
                Dual::constant(1.0),
            )
        },
        a,
        1.0,
    );
    assert!((third - 0.375 / a.powf(2.5)).abs() < 1e-14);
    // One parameter is a number, the other a tensor; the state is a tensor.
    let (x, s) = (Tensor::from([1.0, 2.0]), 0.5);
    let (gx, gs) = grad(
        |(x, s)| fixed_point(|y, (x, s)| y * s + x, &Tensor::<f64>::zeros([2]), (x, s)).sum(),
        (&x, s),
    );
    assert_close(&gx, &Tensor::from([2.0, 2.0]), 1e-15);
    assert!((gs - 12.0).abs() < 1e-13); // Σ x / (1 - s)²
}

#[test]
fn the_gradient_is_right_where_the_step_does_not_contract() {
    // y = 2y - p starts at its solution; iterating the adjoint equation would diverge.
    let tape = Tape::new();
    let p = tape.var(Tensor::from([3.0, 4.0]));
    let y = fixed_point(|y, p| y * 2.0 - p, p.value(), p);
    assert_eq!(y.value(), p.value());
    assert_eq!(
        y.vjp(Tensor::from([1.0, 5.0])).wrt(p),
        Tensor::from([1.0, 5.0])
    );
    // A solution that is not isolated has no gradient: y = y + 0 p.
    let y = fixed_point(|y, p| y + p * 0.0, p.value(), p);
    assert!(y.vjp(Tensor::from([1.0, 5.0])).wrt(p)[[0]].is_nan());
}

#[test]
fn a_state_that_is_nan_anywhere_is_no_solution() {
    let tape = Tape::new();
    for p in [[1.0, f64::NAN], [f64::NAN, 1.0]] {
        let p = tape.var(Tensor::from(p));
        let start = Tensor::from([0.0, 0.0]);
        assert!(try_fixed_point(|y, p| y * 0.5 + p, &start, p).is_err());
    }
}

#[test]
fn a_tolerance_ends_the_iteration_early() {
    let tape = Tape::new();
    let a = tape.var(1.0);
    let loose = FixedPoint::new()
        .tolerance(1e-2)
        .solve(|y, a| y * 0.5 + a, 0.0, a);
    assert!((loose.value() - 2.0).abs() > 1e-3);
    let tight = fixed_point(|y, a| y * 0.5 + a, 0.0, a);
    assert_eq!(tight.value(), 2.0);
    assert_eq!(tight.backward().wrt(a), 2.0);
}

#[test]
fn a_system_has_the_derivatives_of_its_inverse() {
    let (a, b) = (random(&[4, 4], 1) + &Tensor::eye(4), random(&[4], 2));
    let (x, t) = jvp(|a| a.linear_solve(&b), &a, &random(&[4, 4], 3));
    assert_close(&a.matmul(&x), &b, 1e-15);
    let exact = a.linear_solve(&random(&[4, 4], 3).matmul(&x));
    assert_close(&t, &-exact, 1e-14);
    // d/dA of bᵀ A⁻¹ b, twice, against a second difference of values.
    let v = random(&[4, 4], 4);
    let f = |s: f64| {
        let moved = &a + &(v.clone() * s);
        b.dot(&moved.linear_solve(&b))
    };
    let hv = hvp(|a| (a.linear_solve(&b) * &b).sum(), &a, &v);
    let curvature = (hv * v.clone()).sum();
    let h = 1e-4;
    let difference = (f(h) - 2.0 * f(0.0) + f(-h)) / (h * h);
    assert!((curvature - difference).abs() < 1e-5 * curvature.abs());
    // A zero on the diagonal needs a pivot.
    let turned = Tensor::from([[0.0, 2.0], [4.0, 0.0]]);
    assert_eq!(
        turned.linear_solve(&Tensor::from([2.0, 8.0])),
        Tensor::from([2.0, 1.0])
    );
}

#[test]
fn a_fixed_point_takes_lists_of_parameters() {
    // y = (a_0 + a_1 y + w y / 2) / 4, so that dy = (da_0 + y da_1 + y dw / 2) / 3 at these numbers.
    let tape = Tape::new();
    let (a, w) = (vec![tape.var(1.0), tape.var(0.5)], tape.var(1.0));
    let exact = 1.0 / 3.0;
    let check = |y: Var<'_, f64>| {
        assert!((y.value() - exact).abs() < 1e-15);
        let grads = y.backward();
        let found = [grads.wrt(a[0]), grads.wrt(a[1]), grads.wrt(w)];
        for (found, slope) in found.into_iter().zip([1.0, exact, exact / 2.0]) {
            assert!((found - slope / 3.0).abs() < 1e-15, "{found}");
        }
    };
    check(fixed_point(
        |y, (a, w)| (a[0] + y * a[1] + y * w * 0.5) * 0.25,
        0.0,
        (a.clone(), w),
    ));
    check(fixed_point(
        |y, (a, w)| (a[0] + y * a[1] + y * w * 0.5) * 0.25,
        0.0,
        (&a[..], w),
    ));
    // Lists of lists, one of them empty.
    check(fixed_point(
        |y, p| (p[0][0] + y * p[0][1] + y * p[2][0] * 0.5) * 0.25,
        0.0,
        vec![a.clone(), vec![], vec![w]],
    ));
}

#[test]
fn a_step_whose_derivative_fails_is_an_error() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([0.3]));
    let y = fixed_point(
        |z, x| {
            let half = z
                .tape()
                .custom("bad", [z], |[z]| z * 0.5, |_, _, _| [Tensor::zeros([3])]);
            half + x
        },
        Tensor::zeros([1]),
        x,
    );
    let error = y.try_vjp(Tensor::ones([1])).unwrap_err().to_string();
    assert!(
        error.starts_with("bad: the cotangent of operand 0 has shape [3] but [1] is needed"),
        "{error}"
    );
    // Only the state goes through the op, which has no JVP.
    let error = tape.forward().along(x, Tensor::ones([1])).try_walk();
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.starts_with("bad: the rule has no JVP"), "{error}");
}

#[test]
fn a_cotangent_that_is_not_finite_gives_nan_at_once() {
    // Elimination would keep a matrix of 20 GB.
    let tape = Tape::new();
    let p = tape.var(Tensor::<f64>::ones([50_000]));
    let y = fixed_point(|y, p| y * 0.5 + p, p.value(), p);
    for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let mut g = Tensor::ones([50_000]);
        g.data_mut()[7] = bad;
        assert!(y.vjp(g.clone()).wrt(p).iter().all(|g| g.is_nan()));
        let tangent = tape.forward().along(p, g).walk().of(y);
        assert!(tangent.iter().all(|t| t.is_nan()));
    }
    assert_eq!(y.vjp(Tensor::ones([50_000])).wrt(p)[[7]], 2.0);
}

#[test]
fn a_replay_without_a_solution_is_an_error_and_changes_nothing() {
    let mut tape = Tape::new();
    let a = tape.var(Tensor::scalar(0.5));
    let y = fixed_point(|y, a| y * a + 1.0, Tensor::scalar(0.0), a);
    let m = tape.var(Tensor::from([[2.0, 0.0], [0.0, 4.0]]));
    let x = m.linear_solve(Tensor::from([2.0, 4.0]));
    let z = (x * y).sum();
    let (a, y, m, x, z) = (
        a.id().unwrap(),
        y.id().unwrap(),
        m.id().unwrap(),
        x.id().unwrap(),
        z.id().unwrap(),
    );
    let unchanged = |tape: &Tape| {
        assert_eq!(tape.handle(y).value(), Tensor::scalar(2.0));
        assert_eq!(tape.handle(x).value(), Tensor::from([1.0, 1.0]));
        assert_eq!(tape.handle(a).value(), Tensor::scalar(0.5));
        let (z, a, m) = (tape.handle(z), tape.handle(a), tape.handle(m));
        assert_eq!(z.value(), 4.0);
        let grads = z.backward();
        assert_eq!(grads.wrt(a), Tensor::scalar(8.0)); // 2 / (1 - a)²
        assert_eq!(grads.wrt(m), Tensor::from([[-1.0, -1.0], [-0.5, -0.5]]));
    };
    let fresh = Tape::new();
    let two = fresh.var(Tensor::scalar(2.0));
    let recorded = try_fixed_point(|y, a| y * a + 1.0, Tensor::scalar(0.0), two).unwrap_err();
    let replayed = tape.replay([(a, Tensor::scalar(2.0))]).unwrap_err();
    assert_eq!(replayed, recorded);
    unchanged(&tape);
    // The same leaf twice: the first value comes back.
    let singular = Tensor::from([[1.0, 2.0], [2.0, 4.0]]);
    let error = tape.replay([(m, Tensor::eye(2)), (m, singular)]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "linear_solve: the matrix of shape [2, 2] is singular: pivot 1 of its elimination is 0"
    );
    unchanged(&tape);
    tape.replay([(a, Tensor::scalar(0.75))]).unwrap();
    assert!((tape.handle(z).value() - 8.0).abs() < 1e-13);
}

#[test]
fn a_replayed_fixed_point_is_that_of_a_fresh_recording_bit_for_bit() {
    fn rest<'t>(a: Var<'t, Tensor<f64>>) -> Var<'t, Tensor<f64>> {
        fixed_point(|y, a| y * 0.999 + a, Tensor::scalar(0.0), a)
    }
    let (mut tape, fresh) = (Tape::new(), Tape::new());
    let a = tape.var(Tensor::scalar(1.0));
    let (a, y) = (a.id().unwrap(), rest(a).id().unwrap());
    tape.replay([(a, Tensor::scalar(3.0))]).unwrap();
    let expected = rest(fresh.var(Tensor::scalar(3.0))).value();
    assert_eq!(tape.handle(y).value(), expected);
}

#[test]
fn a_slow_iteration_stops_where_its_change_shrinks_no_further() {
    let tape = Tape::new();
    let a = tape.var(1.0);
    let y = fixed_point(|y, a| y * 0.999 + a, 0.0, a);
    // ε |y| rate / (1 - rate)² is 2.2e-7.
    let gap = |found: f64| (found - 1000.0).abs();
    assert!((1e-8..2.2e-7).contains(&gap(y.value())), "{}", y.value());
    let slope = y.backward().wrt(a);
    assert!((1e-8..2.2e-7).contains(&gap(slope)), "{slope}");
}
