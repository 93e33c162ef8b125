//! Folded scalar handles: a slope that leaves the range does not take the gradient with it.

use wengert::{Dual, Elem, Tape, Var};

/// The derivatives of a function of two numbers by a walk back; where the tangents of all nodes are
/// numbers, by one forward too.
#[track_caller]
fn check<T: Elem>(
    x: [f64; 2],
    f: impl for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>,
    exact: [f64; 2],
    forward: bool,
) {
    let near = |found: f64, exact: f64| {
        let close = found == exact || (found / exact - 1.0).abs() < 1e-6;
        assert!(close, "{found:e} for {exact:e}");
    };
    let tape = Tape::<T>::default();
    let [a, b] = x.map(|x| tape.var(T::of(x)));
    let y = f(a, b);
    let grads = y.backward();
    for (x, exact) in [a, b].into_iter().zip(exact) {
        near(grads.wrt(x).primal(), exact);
        if forward {
            let pushed = tape.forward().along(x, T::one()).walk().of(y);
            near(pushed.primal(), exact);
        }
    }
}

#[track_caller]
fn derivatives<T: Elem>(
    x: [f64; 2],
    f: impl for<'t> Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>,
    exact: [f64; 2],
) {
    check(x, f, exact, true);
}

#[test]
fn slopes_beyond_the_range_come_back() {
    // Slopes of 1e400 and of 1e-400 on the way.
    derivatives::<f64>([0.0; 2], |a, _| a * 1e200 * 1e200 * 1e-300, [1e100, 0.0]);
    derivatives::<f64>([1.0; 2], |a, _| a * 1e-200 * 1e-200 * 1e300, [1e-100, 0.0]);
    derivatives::<f64>(
        [0.0; 2],
        |a, _| a * 1e200 * 1e200 * 1e-200 * 1e-200 * 3.0,
        [3.0, 0.0],
    );
    derivatives::<f32>([0.0; 2], |a, _| a * 1e30 * 1e30 * 1e-30, [1e30, 0.0]);
    derivatives::<Dual<f64>>([0.0; 2], |a, _| a * 1e200 * 1e200 * 1e-300, [1e100, 0.0]);
}

#[test]
fn derivatives_beyond_the_range_come_back() {
    // -1e400 and 3e-400 in one step.
    derivatives::<f64>([1e-200, 0.0], |a, _| a.recip() * 1e-300, [-1e100, 0.0]);
    derivatives::<f64>([1e-200, 0.0], |a, _| a.powi(3) * 1e300, [3e-100, 0.0]);
    // By the slope that was there before.
    derivatives::<f64>([1e100, 0.0], |a, _| (a * 1e-300).recip(), [-1e100, 0.0]);
    derivatives::<f64>([1e-200, 1e-200], |a, b| a / b * 1e-300, [1e-100, -1e-100]);
}

#[test]
fn the_partials_of_two_operands_come_back() {
    // Forward the node between would have a tangent of 1e400.
    check::<f64>(
        [1e-100, 1e200],
        |a, b| (a * 1e200) * b * 1e-300,
        [1e100, 1e-200],
        false,
    );
    // Both on one node.
    check::<f64>(
        [1e-100, 0.0],
        |a, _| (a * 1e200 * 1e200 + a * 1e200 * 1e200) * 1e-300,
        [2e100, 0.0],
        false,
    );
}

#[test]
fn what_stays_in_the_range_records_nothing() {
    let tape = Tape::new();
    let a = tape.var(-1.0);
    let before = tape.scalar_nodes();
    let y = (a * 2.0 - 1.0).exp().sqrt() * 1e-300;
    // A slope of exactly 0, and a pole, are no matter of range.
    let dead = a.relu() * 3.0;
    let pole = (a + 1.0).recip();
    assert_eq!(tape.scalar_nodes(), before);
    assert_eq!(dead.backward().wrt(a), 0.0);
    assert_eq!(pole.backward().wrt(a), f64::NEG_INFINITY);
    assert!(y.backward().wrt(a) > 0.0);
    let _ = a * 1e-200 * 1e-200;
    assert_eq!(tape.scalar_nodes(), before + 1);
}
