//! What transforms refuse, in which words, and at which line.

use crate::panics;
use wengert::rule::{Point, Residual, Rule, Slot};
use wengert::transform::*;
use wengert::{Divergence, Dual, Elem, Error, ErrorKind, Shape, Tape, Tensor};

#[test]
fn a_handle_of_another_tape_is_refused() {
    // Only a handle of a tape that lives forever outlives the tape of a transform; the compiler
    // refuses others.
    let other: &'static Tape = Box::leak(Box::new(Tape::new()));
    let stray = other.var(1.0);
    let row = other.var(Tensor::from([1.0]));
    let dual: &'static Tape<Dual<f64>> = Box::leak(Box::default());
    let twin = dual.var(Dual::constant(1.0));
    let text = |op: &str| {
        format!(
            "{op}: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
        )
    };
    panics!(grad(|_| other.var(1.0), 1.0), text("grad"));
    panics!(
        value_and_grad(|_| other.var(1.0), 1.0),
        text("value_and_grad")
    );
    panics!(vjp(|_| other.var(1.0), 1.0, 1.0), text("vjp"));
    panics!(jvp(|_| other.var(1.0), 1.0, 1.0), text("jvp"));
    panics!(jacobian(|_| other.var(1.0), 1.0), text("jacobian"));
    panics!(
        jacobian_forward(|_| other.var(1.0), 1.0),
        text("jacobian_forward")
    );
    panics!(
        jacobian_reverse(|_| other.var(1.0), 1.0),
        text("jacobian_reverse")
    );
    panics!(
        hvp(|_| dual.var(Dual::constant(1.0)), 1.0, 1.0),
        text("hvp")
    );
    panics!(
        grad_and_hvp(|_| dual.var(Dual::constant(1.0)), 1.0, 1.0),
        text("grad_and_hvp")
    );
    panics!(
        hessian(|_| dual.var(Dual::constant(1.0)), 1.0),
        text("hessian")
    );
    panics!(
        gauss_newton_vp(|_| other.var(Tensor::from([1.0])), 1.0, 1.0, 0),
        text("gauss_newton_vp")
    );
    assert_eq!(
        try_grad(|_| other.var(1.0), 1.0).unwrap_err().to_string(),
        text("grad")
    );
    let found = try_hvp(|_| dual.var(Dual::constant(1.0)), 1.0, 1.0).unwrap_err();
    assert_eq!(found.to_string(), text("hvp"));
    // The tapes stay usable.
    assert_eq!((stray * 2.0).backward().wrt(stray), 2.0);
    assert_eq!((row * 2.0).sum().backward().wrt(row), Tensor::from([2.0]));
    assert_eq!((twin * 2.0).backward().wrt(twin).primal, 2.0);
}

#[test]
fn a_direction_that_does_not_fit_is_refused() {
    let (x, v) = (Tensor::from([1.0, 2.0, 3.0]), Tensor::from([1.0, 2.0]));
    let text = |op: &str| format!("{op}: the direction has shape [2] but [3] is needed");
    panics!(hvp(|x| x.sum(), &x, &v), text("hvp"));
    panics!(grad_and_hvp(|x| x.sum(), &x, &v), text("grad_and_hvp"));
    panics!(jvp(|x| x.sum(), &x, &v), text("jvp"));
    panics!(
        gauss_newton_vp(|x| x * 1.0, &x, &v, 0),
        text("gauss_newton_vp")
    );
    panics!(pushforward(|x| x.sum(), &x, &v), text("pushforward"));
    let count = "hvp: the direction has 1 values and the function 2 arguments; give one for each";
    panics!(hvp(|x| x[0] * x[1], vec![1.0, 2.0], vec![1.0]), count);
    let found = try_pushforward(|x| x.sum(), &x, &v).unwrap_err();
    assert_eq!(found.to_string(), text("pushforward"));
    panics!(
        vjp(|x| x * 2.0, &x, Tensor::from([1.0, 2.0])),
        "vjp: the cotangent has shape [2] but [3] is needed"
    );
    panics!(
        gauss_newton_vp(|x| x * 1.0, &x, &x, 1),
        "gauss_newton_vp: axis 1 is not an axis of [3]; use -1 to 0"
    );
}

/// `y = 2x`, without a JVP.
#[derive(Clone, Copy, Debug)]
struct Twice;

impl<T: Elem> Rule<T> for Twice {
    fn name(&self) -> &'static str {
        "twice"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let y = y.fill().iter_mut();
        y.zip(x[0].iter()).for_each(|(y, &x)| *y = x + x);
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let gx = gx[0].fill().iter_mut();
        gx.zip(g.iter()).for_each(|(gx, &g)| *gx = g + g);
    }
}

#[test]
fn a_rule_without_a_jvp_is_named_where_it_is_needed_only() {
    let here = file!();
    let text = |line: u32| {
        format!(
            "twice: the rule has no JVP (recorded at {here}:{line}); implement Rule::jvp, or pass one to custom_jvp"
        )
    };
    let x = Tensor::from([1.0]);
    #[rustfmt::skip] // on one line, so that it is the line of the recording too
    panics!(jvp(|x| x.tape().apply(Twice, [x]), &x, &x), text(line!()));
    #[rustfmt::skip]
    panics!(jacobian_forward(|x| x.tape().apply(Twice, [x]), &x), text(line!()));
    // Two outputs, one input: forward would be cheaper, but only reverse is possible.
    let wide = jacobian(
        |x| x.tape().apply(Twice, [x.broadcast_to([2])]),
        &Tensor::scalar(1.0),
    );
    assert_eq!(wide, Tensor::from([2.0, 2.0]));
    // Second order needs only the VJP.
    let hv = hvp(|x| (x.tape().apply(Twice, [x]) * x).sum(), &x, &x);
    assert_eq!(hv, Tensor::from([4.0]));
}

#[test]
fn linear_solve_refuses_what_has_no_solution() {
    let tape = Tape::new();
    let zeros = |shape: &[usize]| tape.var(Tensor::<f64>::zeros(shape));
    let [a, b] = [[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]].map(|m| tape.var(m.into()));
    let two = Tensor::from([1.0, 1.0]);
    panics!(
        a.linear_solve(&two),
        "linear_solve: the matrix of shape [2, 2] is singular: pivot 1 of its elimination is 0"
    );
    panics!(
        zeros(&[3, 2]).linear_solve(&two),
        "linear_solve: the matrix has shape [3, 2]; it must be square"
    );
    panics!(
        zeros(&[3]).linear_solve(&two),
        "linear_solve: the matrix has shape [3]; it must have at least two axes"
    );
    panics!(
        b.linear_solve(Tensor::from([1.0, 2.0, 3.0])),
        "linear_solve: a matrix of shape [2, 2] takes a right side of shape [2] or [2, k], got [3]"
    );
    panics!(
        zeros(&[4, 2, 2]).linear_solve(&two),
        "linear_solve: a matrix of shape [4, 2, 2] takes a right side of shape [4, 2, k], got [2]"
    );
    let batch = Tensor::from([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]]]);
    panics!(
        batch.linear_solve(&Tensor::ones([2, 2, 1])),
        "linear_solve: matrix 1 of shape [2, 2, 2] is singular: pivot 0 of its elimination is 0"
    );
    let other = Tape::new();
    assert!(b.try_linear_solve(other.var(two.clone())).is_err());
    let singular = |op, shape: &[usize], matrix, pivot| ErrorKind::Singular {
        op,
        shape: Shape::new(shape),
        matrix,
        pivot,
    };
    let error = a.try_linear_solve(&two).unwrap_err();
    assert_eq!(error.kind(), &singular("linear_solve", &[2, 2], 0, 1));
    let error = batch
        .try_linear_solve(&Tensor::ones([2, 2, 1]))
        .unwrap_err();
    assert_eq!(error.kind(), &singular("linear_solve", &[2, 2, 2], 1, 0));
    // A NaN does not make the matrix singular.
    let nan = b.linear_solve(Tensor::from([f64::NAN, 1.0]));
    assert!(nan.value()[[0]].is_nan());
}

#[test]
fn factors_are_refused_where_there_are_none() {
    let tape = Tape::new();
    let of = |m: [[f64; 2]; 2]| tape.var(m.into());
    panics!(
        of([[1.0, 2.0], [2.0, 4.0]]).cholesky(),
        "cholesky: the matrix of shape [2, 2] is not positive definite: pivot 1 of its elimination is not positive; a small multiple of the identity added to it may help"
    );
    panics!(
        of([[0.0, 1.0], [2.0, 0.0]]).solve_lower(Tensor::from([1.0, 2.0])),
        "solve_lower: the matrix of shape [2, 2] is singular: pivot 0 of its elimination is 0"
    );
    let batch = Tensor::from([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [1.0, 0.0]]]);
    panics!(
        batch.solve_upper(&Tensor::ones([2, 2, 1])),
        "solve_upper: matrix 1 of shape [2, 2, 2] is singular: pivot 1 of its elimination is 0"
    );
    panics!(
        of([[1.0, 2.0], [2.0, 4.0]]).log_abs_det(),
        "log_abs_det: the matrix of shape [2, 2] is singular: pivot 1 of its elimination is 0"
    );
    panics!(
        Tensor::<f64>::ones([2, 3]).cholesky(),
        "cholesky: the matrix has shape [2, 3]; it must be square"
    );
    panics!(
        Tensor::<f64>::ones([2]).diagonal(),
        "diagonal: takes matrices, which have at least 2 axes, got shape [2]"
    );
    // A NaN is no reason to refuse a matrix.
    let nan = of([[f64::NAN, 1.0], [1.0, 1.0]]);
    assert!(nan.cholesky().value()[[1, 1]].is_nan());
    assert!(nan.log_abs_det().value().item().is_nan());
}

#[test]
fn fixed_point_refuses_steps_that_lead_nowhere() {
    let tape = Tape::new();
    let (a, x) = (tape.var(1.0), tape.var(Tensor::from([1.0, 2.0])));
    panics!(
        fixed_point(|y, a| a - y, 5.0, a),
        "fixed_point: the step does not contract: after 101 steps it still changes the state by 9.0e0, no less than it did 100 steps earlier; start nearer to the solution, damp the step, or allow a larger tolerance"
    );
    panics!(
        fixed_point(|y, a| y * y + a, 5.0, a),
        "fixed_point: the iteration left the finite numbers after 9 steps; the step does not contract: start nearer to the solution or damp it"
    );
    panics!(
        FixedPoint::new().steps(3).solve(|y, a| y * 0.5 + a, 0.0, a),
        "fixed_point: after 3 steps the iteration still changes the state by 2.5e-1; allow more steps or a larger tolerance"
    );
    panics!(
        fixed_point(|y, x| (y * x).sum_axis(0), &Tensor::from([1.0, 1.0]), x),
        "fixed_point: the step's result has shape [] but [2] is needed"
    );
    panics!(
        fixed_point(|y, a| y * 0.5 + a, 0.0, wengert::Var::number(1.0)),
        "fixed_point: no parameter is on a tape; iterate plain numbers in a loop of your own"
    );
    let text = "fixed_point: the handle belongs to another tape; record both operands on one tape, or pass the other's value()";
    let other = Tape::new();
    let stray = other.var(2.0);
    panics!(
        fixed_point(|y, [a, b]| y * 0.5 + a * b, 0.0, [a, stray]),
        text
    );
    let kind = |steps, end| ErrorKind::NoConvergence {
        op: "fixed_point",
        steps,
        end,
    };
    let (change, since) = (9.0, 100);
    let stalled = try_fixed_point(|y, a| a - y, 5.0, a).unwrap_err();
    let end = Divergence::Stalled { change, since };
    assert_eq!(stalled.kind(), &kind(101, end));
    let left = try_fixed_point(|y, a| y * y + a, 5.0, a).unwrap_err();
    assert_eq!(left.kind(), &kind(9, Divergence::NotFinite));
    let options = FixedPoint::new().steps(3);
    let short = options.try_solve(|y, a| y * 0.5 + a, 0.0, a).unwrap_err();
    let end = Divergence::OutOfSteps { change: 0.25 };
    assert_eq!(short.kind(), &kind(3, end));
}
