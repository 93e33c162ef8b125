//! Slopes of scalar handles that would leave the range of the type: folding loses nothing that a walk op by op keeps.

use num_traits::Float;
use proptest::prelude::*;
use wengert::transform::{hvp, sparse};
use wengert::{Dual, Elem, Tape, Tensor, Var};

/// A derivative beyond the range of every type: a number near 1 and a power of 2.
#[derive(Clone, Copy)]
struct Far(f64, i32);

impl Far {
    fn times(self, factor: f64) -> Self {
        let exponent = factor.abs().log2().floor() as i32;
        let (first, rest) = (exponent / 2, exponent - exponent / 2);
        let number = self.0 * (factor / 2f64.powi(first) / 2f64.powi(rest));
        match number.abs() < 2.0 {
            true => Self(number, self.1 + exponent),
            false => Self(number / 2.0, self.1 + exponent + 1),
        }
    }

    /// The number itself, if it lies well within the range of a type with this greatest exponent.
    fn number(self, greatest: i32) -> Option<f64> {
        let inside = self.1.abs() < greatest - 8;
        inside.then(|| self.0 * 2f64.powi(self.1))
    }
}

/// One op on `y` (and on another leaf, `w`), and its derivative as factors that are within the range.
fn step<'t, T: Elem>(op: u8, y: Var<'t, T>, w: Var<'t, T>, c: f64) -> (Var<'t, T>, [f64; 3]) {
    let (a, b) = (y.value().primal(), w.value().primal());
    let number = Var::number(T::of(c));
    match op {
        0 => (y.recip(), [-1.0, 1.0 / a, 1.0 / a]),
        1 => (y.square(), [2.0, a, 1.0]),
        2 => (y.abs().sqrt(), [a.signum(), 0.5, 1.0 / a.abs().sqrt()]),
        3 => (y.abs().ln(), [1.0, 1.0 / a, 1.0]),
        4 => (y * number, [c, 1.0, 1.0]),
        5 => (number / y, [-c, 1.0 / a, 1.0 / a]),
        6 => (y * y, [2.0, a, 1.0]),
        7 => (y * w, [b, 1.0, 1.0]),
        8 => (w / y, [-b, 1.0 / a, 1.0 / a]),
        9 => (y.powi(3), [3.0, a, a]),
        10 => (y + y, [2.0, 1.0, 1.0]),
        11 => (y * y * y, [3.0, a, a]),
        _ => (-y, [-1.0, 1.0, 1.0]),
    }
}

/// A chain of ops: whether each takes the far constant or its reciprocal.
type Ops = [(u8, bool)];

/// The gradient of such a chain times `seed`, and the derivatives of its ops. Values stay within the range, so that
/// slopes alone leave it. Without `folds`, every op makes a node.
fn gradient<T: Elem>(
    [start, far]: [T; 2],
    ops: &Ops,
    folds: bool,
    seed: f64,
) -> (T, Vec<[f64; 3]>) {
    let tape = Tape::<T>::default();
    let (w, x) = (tape.var(far), tape.var(start));
    let range = T::max_value().primal().sqrt().sqrt().powi(3);
    let (mut y, mut slopes) = (x, Vec::new());
    for &(op, large) in ops {
        let far = far.primal();
        let (next, factors) = step(op, y, w, if large { far } else { 1.0 / far });
        let size = next.value().primal().abs();
        if (1.0 / range..range).contains(&size) {
            y = if folds { next } else { next.watch() };
            slopes.push(factors);
        }
    }
    ((y * Var::number(T::of(seed))).backward().wrt(x), slopes)
}

/// Compares the gradients of a chain, folded and op by op, with the exact one, unless a cotangent of the walk op by op
/// leaves the range on the way.
fn judge<T: Elem>([start, far]: [f64; 2], ops: &Ops) -> Result<(), TestCaseError> {
    let at = [T::of(start), T::of(far)];
    let (folded, slopes) = gradient(at, ops, true, 1.0);
    let greatest = T::max_value().primal().log2() as i32;
    let mut exact = Far(1.0, 0);
    for factors in slopes.iter().rev() {
        exact = factors.iter().fold(exact, |g, &factor| g.times(factor));
        if exact.number(greatest).is_none() {
            return Ok(());
        }
    }
    let exact = exact.number(greatest).unwrap_or(1.0);
    let bound = 8.0 * (1 + ops.len()) as f64 * T::epsilon().primal() * exact.abs();
    for found in [folded, gradient(at, ops, false, 1.0).0] {
        let found = found.primal();
        prop_assert!((found - exact).abs() <= bound, "{found:e}, exact {exact:e}");
    }
    Ok(())
}

/// Compares second derivatives of a chain, folded, with those of a walk op by op, unless that is not good itself: with
/// another seed it should give the same digits.
fn judge_second(at: [f64; 2], ops: &Ops) -> Result<(), TestCaseError> {
    let along = if ops[0].1 { 1.0 } else { at[0] };
    let at = [Dual::new(at[0], along), Dual::constant(at[1])];
    let parts = |g: Dual<f64>| [g.primal, g.tangent];
    let by_op = |seed: f64| parts(gradient(at, ops, false, seed).0).map(|g| g / seed);
    let expected = by_op(1.0);
    // A second derivative is a sum of terms, which may cancel; this is about their size.
    let sizes = [0.0, expected[0] / at[0].primal * along];
    let near = |a: [f64; 2], bound: f64| {
        (0..2).all(|k| (a[k] - expected[k]).abs() <= bound * (expected[k].abs() + sizes[k].abs()))
    };
    let seeds = [-500, -250, -60, 60, 250, 500].map(|k| 2f64.powi(k));
    let stays = seeds.iter().all(|&seed| near(by_op(seed), 1e-14));
    if stays && expected.iter().all(|g| g.is_normal()) {
        let found = parts(gradient(at, ops, true, 1.0).0);
        prop_assert!(near(found, 1e-9), "{found:?}, op by op {expected:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn folded_slopes_keep_what_a_walk_op_by_op_keeps(
        start in 0.3..3.0f64,
        far in -0.9..0.9f64,
        ops in prop::collection::vec((0..13u8, any::<bool>()), 1..30),
    ) {
        judge::<f64>([start * 10f64.powf(200.0 * far), 10f64.powf(150.0 * far)], &ops)?;
        judge::<f32>([start * 10f64.powf(25.0 * far), 10f64.powf(18.0 * far)], &ops)?;
        judge_second([start * 10f64.powf(90.0 * far), 10f64.powf(75.0 * far)], &ops)?;
    }
}

#[test]
fn products_of_slopes_beyond_the_range_are_kept_as_factors() {
    let tape = Tape::new();
    let x = tape.var(1e-120);
    // r = 1e120 has the slope -1e240, so the slope of its square is beyond the range; the logarithm brings it back.
    let expected = -2e120;
    for y in [
        x.recip().square(),
        x.recip() * x.recip(),
        x.powi(-1).powi(2),
    ] {
        let found = y.ln().backward().wrt(x);
        assert!((found / expected - 1.0).abs() < 1e-14, "{found:e}");
    }
    // Factors that leave the range at its lower end, and come back.
    let y = tape.var(1e300) * 1e-200 * 1e-200;
    assert_eq!((y * 1e300 * 1e300).backward().wrt(x), 0.0);
    let small = tape.var(1e200);
    let found = (small * 1e-200 * 1e-200 * 1e300).backward().wrt(small);
    assert!((found / 1e-100 - 1.0).abs() < 1e-14, "{found:e}");
    // Op by op, 1e200 times 1e200 would overflow; a factor that was set apart is taken back.
    let found = (small * 1e-200 * 1e-200 * 1e200 * 1e200)
        .backward()
        .wrt(small);
    assert!((found - 1.0).abs() < 1e-14, "{found:e}");
    // But not past a node that somebody asks about.
    let asked = (small * 1e-200).watch();
    let grads = (asked * 1e200).backward();
    assert_eq!(grads.wrt(asked), 1e200);
    assert!((grads.wrt(small) - 1.0).abs() < 1e-14);
}

#[test]
fn slopes_that_come_near_the_ends_of_the_range_cost_a_node_and_others_none() {
    let tape = Tape::new();
    let x = tape.var(1.0);
    let count = |f: fn(Var<'_, f64>) -> Var<'_, f64>| {
        let before = tape.scalar_nodes();
        let _ = f(x);
        tape.scalar_nodes() - before
    };
    assert_eq!(count(|x| x * 1e150), 0);
    assert_eq!(count(|x| x * 1e-150 * 0.0), 0);
    assert_eq!(count(|x| (x - x) * 1e200), 0);
    assert_eq!(count(|x| x * 1e200), 1);
    assert_eq!(count(|x| x * 1e-150 * 1e-10), 1);
    assert_eq!(count(|x| x * 1e-150 * 1e-160), 2);
    assert_eq!(count(|x| x * 1e160 * 1e160 * 1e-100), 2);
    assert_eq!(count(|x| x.chain(0.0, f64::INFINITY)), 1);
}

#[test]
fn an_op_on_two_nodes_has_a_cotangent_of_its_own_whatever_its_slopes_are() {
    let tape = Tape::new();
    let a = tape.var(2.0);
    for b in [3.0, 1e200, 1e-300, 0.0, f64::INFINITY, f64::NAN] {
        let y = (a * 1e-100) * tape.var(b);
        assert_eq!((y * 5.0).backward().wrt(y), 5.0, "{b}");
    }
}

/// The gradient of a function of one number, by a walk over a tape that holds nothing else.
fn slope<T: Elem>(x: T, f: impl Fn(Var<'_, T>) -> Var<'_, T>) -> T {
    let tape = Tape::default();
    let x = tape.var(x);
    f(x).backward().wrt(x)
}

#[test]
fn both_operands_of_one_node_count_wherever_the_sum_of_their_slopes_lies() {
    // Right after the leaf, so that the share of the preceding node is carried.
    for x in [1e-250, 1e-160, 1e160, 1e250, f64::MAX] {
        let size = x.min(1e300);
        assert_eq!(slope(x, |x| x * x / size), 2.0 * (x / size), "{x:e}");
        assert_eq!(slope(x, |x| (x + x) * size), 2.0 * size, "{x:e}");
    }
    for x in [1e78, 1e-78] {
        for tape in [Tape::new(), Tape::new().with_lines()] {
            let handle = tape.var(x);
            let y = handle * handle * handle;
            let tangent = tape.forward().along(handle, 1.0).walk().of(y);
            for found in [y.backward().wrt(handle), tangent] {
                assert!((found / (3.0 * x * x) - 1.0).abs() < 1e-14, "{found:e}");
            }
        }
    }
    let found = slope(1e10f32, |x| ((x * 2.0 + 1.0) * x + 1.0) * x);
    assert!((found / 6e20 - 1.0).abs() < 1e-6, "{found:e}");
    // Each slope is a number, but their sum is not.
    assert_eq!(slope(f64::MAX, |x| x * x * 0.25), 0.5 * f64::MAX);
    let found = slope(1e-150, |x| (x * 1e308 + x * 1.5e308) * 1e-10);
    assert!((found / 2.5e298 - 1.0).abs() < 1e-14, "{found:e}");
    // What cancels, cancels where it is small, too.
    assert_eq!(slope(1.0, |x| x * 1e-200 - x * 1e-200), 0.0);
    assert_eq!(slope(1.0, |x| x * 3e-200 - x * 1e-200), 2e-200);
    // One handle twice, whose slopes cancel although each of them is beyond the range.
    assert_eq!(slope(1e-318, |x| (x * 1e60).atan2(x * 1e60)), 0.0);
    let double = slope(1e-300, |x| {
        let u = x * 1e20;
        u / u
    });
    let single = slope(2e-20f32, |x| {
        let u = x * x * 6e8;
        u / u
    });
    assert_eq!((double, single), (0.0, 0.0));
}

#[test]
fn second_derivatives_beyond_the_range_are_kept_as_well() {
    type Function = fn(Var<'_, Dual<f64>>) -> Var<'_, Dual<f64>>;
    let near = |found: f64, exact: f64| assert!((found / exact - 1.0).abs() < 1e-13, "{found:e}");
    let second = |f: Function, x: f64| hvp(f, x, 1.0);
    // A slope whose value is 1 is not 1: the factor before it is taken back together with its tangent.
    let s = 2f64.powi(600);
    let f: Function = |x| (x * 2f64.powi(600)).ln() * 2f64.powi(-600);
    near(hvp(f, s.recip(), 1.0), -s);
    near(hvp(f, s.recip(), s.recip()), -1.0);
    near(
        second(|x| (x * 1e200).square() * 0.5 * 1e-200, 1e-200),
        1e200,
    );
    // The tangent leaves the range before the slope does, or where the slope is 0.
    near(second(|x| x.sqrt() * 1e50 * 1e-50, 1e-200), -2.5e299);
    near(second(|x| x.ln() * 1e100 * 1e-100, 1e-150), -1e300);
    near(second(|x| x.square() * 1e200 * 1e200 * 1e-300, 0.0), 2e100);
    near(
        second(|x| x.square() * 1e-200 * 1e-200 * 1e300, 0.0),
        2e-100,
    );
    near(second(|x| x * x * 1e-200 * 1e-200 * 1e300, 0.0), 2e-100);
    near(second(|x| x * x * x, 1e78), 6e78);
    // A tangent vanishes where the slope is but small.
    near(hvp(|x| x.square() * 1e-259 * 1e112, 0.5, 1e-98), 2e-245);
    let single = |f: fn(Var<'_, Dual<f32>>) -> Var<'_, Dual<f32>>, x: f32| hvp(f, x, 1.0);
    assert!((single(|x| x * x * x, 1e10) / 6e10 - 1.0).abs() < 1e-6);
    // So no entry of a Hessian is missed.
    let found = sparse::hessian(
        |x| (x[0] * 1e200).square() * 0.5 * 1e-200 + x[1].square(),
        &[1e-200, 3.0],
    );
    near(found.get(0, 0), 1e200);
    near(found.get(1, 1), 2.0);
}

#[test]
fn the_tangent_of_a_handle_made_after_the_walk_has_all_its_factors() {
    let tape = Tape::new();
    let x = tape.var(3.0);
    let tangents = tape.forward().along(x, 1.0).walk();
    assert_eq!(tangents.of(x * 1e200), 1e200);
    let far = tangents.of(x * 1e-200 * 1e-200 * 1e250);
    assert!((far / 1e-150 - 1.0).abs() < 1e-14, "{far:e}");
}

#[test]
fn a_replay_refuses_a_number_that_was_rounded_by_the_trait() {
    let mut tape = Tape::new();
    let (x, v) = (tape.var(1.5), tape.var(Tensor::from([1.0, 2.0])));
    fn steps<F: Float>(x: F) -> [F; 5] {
        [x.floor(), x.ceil(), x.round(), x.trunc(), x.signum()]
    }
    for (y, value) in steps(x).into_iter().zip(steps(1.5)) {
        assert_eq!((y.value(), y.backward().wrt(x)), (value, 0.0));
    }
    let _ = (v * Float::floor(x)).sum();
    let x = x.id().unwrap();
    let refused = tape.replay([(x, 3.5)]).unwrap_err().to_string();
    assert!(refused.contains("computed from scalars"), "{refused}");
}
