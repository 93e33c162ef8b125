//! The bodies that the compiler vectorizes for `f32`, against double-double: over the whole range, at its edges, and
//! where an element has to be recomputed.

use std::f32::consts::{FRAC_PI_2, PI};

use wengert::{Dd, Elem, Level, Tape, Tensor, Var};

/// An op of one operand.
type One<T> = for<'t> fn(Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>>;

/// The same of a scalar, and of a plain number.
type Scalar = for<'t> fn(Var<'t, f32>) -> Var<'t, f32>;
type Plain = fn(f64) -> f64;

/// Every `f32` whose bits are a multiple of `step`, and 200 numbers on either side of each of `near`.
fn sample(step: usize, near: &[f32]) -> Vec<f32> {
    let around = |x: &f32| x.to_bits() - 200..x.to_bits() + 200;
    let bits = (0..=u32::MAX)
        .step_by(step)
        .chain(near.iter().flat_map(around));
    bits.map(f32::from_bits).filter(|x| !x.is_nan()).collect()
}

/// The error of a number in units in the last place of an `f32`.
fn off(found: f32, exact: Dd) -> f64 {
    let exact = exact.primal();
    let rounded = exact as f32;
    if !rounded.is_finite() || !found.is_finite() || found == rounded {
        let same = found == rounded || (found.is_nan() && exact.is_nan());
        return if same { 0.0 } else { f64::INFINITY };
    }
    let exponent = rounded.abs().max(f32::MIN_POSITIVE).log2().floor();
    let unit = f64::from(exponent - 23.0).exp2();
    (f64::from(found) - exact).abs() / unit
}

/// Checks that the largest error of some results is within the bound.
fn within(what: &str, at: impl Fn(usize) -> String, found: &[f32], exact: &[Dd], bound: f64) {
    let mut most = (0.0, 0);
    for (k, (&found, &exact)) in found.iter().zip(exact).enumerate() {
        let off = off(found, exact);
        if off > most.0 {
            most = (off, k);
        }
    }
    let (off, k) = most;
    println!("{what}: {off:.4} at {}", at(k));
    assert!(
        off <= bound,
        "{what} at {}: {:e} for {:e}, off by {off}",
        at(k),
        found[k],
        exact[k].primal()
    );
}

/// Compares value and slope with their formulas in double-double, on every level of kernels.
fn hold(name: &str, x: &[f32], [value, slope]: [f64; 2], short: One<f32>, long: One<Dd>) {
    let wide = Tape::<Dd>::default();
    let b = wide.var(x.iter().map(|&x| Dd::of(x.into())).collect());
    let z = long(b);
    let gz = z.vjp(Tensor::ones([x.len()])).wrt(b);
    let z = z.value();
    let at = |k: usize| format!("{:e}", x[k]);
    for level in Level::all() {
        let [y, gx] = level.force(|| {
            let narrow = Tape::<f32>::default();
            let a = narrow.var(x.iter().copied().collect());
            let y = short(a);
            [y.value(), y.vjp(Tensor::ones([x.len()])).wrt(a)]
        });
        let what = format!("{name} on {level}");
        within(&what, at, y.data(), z.data(), value);
        within(&format!("slope of {what}"), at, gx.data(), gz.data(), slope);
    }
}

/// Zeros and poles, and where the long reduction takes over from the body.
const TURNS: [f32; 6] = [FRAC_PI_2, PI, 4.712_389, 252.898_2, 52_516.434, 1_048_576.0];

#[test]
fn sine_cosine_and_tangent_of_any_f32_are_rounded_once() {
    let (x, far): (Vec<_>, Vec<_>) = sample(3989, &TURNS)
        .into_iter()
        .partition(|x| x.abs() <= 1_048_576.0);
    // Recomputed elements come from the system's functions; the slope of the tangent squares a rounded value.
    for (x, bound) in [(x, 0.505), (far, 1.0)] {
        hold("sin", &x, [bound; 2], |x| x.sin(), |x| x.sin());
        hold("cos", &x, [bound; 2], |x| x.cos(), |x| x.cos());
        hold("tan", &x, [bound, 3.0], |x| x.tan(), |x| x.tan());
    }
}

#[test]
fn error_functions_of_any_f32_are_rounded_once() {
    // Near the end of the right tail, and near 1.
    let x = sample(3989, &[3.919_206, 3.924_283_4, 9.194, 10.054, 10.606]);
    hold("erf", &x, [0.505; 2], |x| x.erf(), |x| x.erf());
    hold("erfc", &x, [0.505; 2], |x| x.erfc(), |x| x.erfc());
}

#[test]
fn inverse_functions_of_any_f32_are_rounded_once() {
    let x = sample(3989, &[1.0, 2.414_213_5, 1e19]);
    hold("atan", &x, [0.505; 2], |x| x.atan(), |x| x.atan());
    let x: Vec<_> = sample(1999, &[0.5, 0.999_98])
        .into_iter()
        .filter(|x| x.abs() < 1.0)
        .collect();
    // Their slopes are computed in f32.
    hold("asin", &x, [0.505, 2.0], |x| x.asin(), |x| x.asin());
    hold("acos", &x, [0.505, 2.0], |x| x.acos(), |x| x.acos());
}

#[test]
fn hyperbolic_functions_of_any_f32_are_rounded_once() {
    let x = sample(3989, &[1.0, 88.722, 89.415]);
    hold("asinh", &x, [0.505; 2], |x| x.asinh(), |x| x.asinh());
    // A cotangent that leaves the range is recomputed by the system's functions.
    let within = |x: &f32| x.abs() < 88.0;
    let near: Vec<_> = x.iter().copied().filter(within).collect();
    for (x, slope) in [(&near, 0.505), (&x, f64::INFINITY)] {
        hold("sinh", x, [0.505, slope], |x| x.sinh(), |x| x.sinh());
        hold("cosh", x, [0.505, slope], |x| x.cosh(), |x| x.cosh());
    }
    // Slopes of these are computed in f32.
    let inside = |x: &f32| x.abs() < 1.0;
    let inner: Vec<_> = x.iter().copied().filter(inside).collect();
    hold("atanh", &inner, [0.505, 3.0], |x| x.atanh(), |x| x.atanh());
    let outer: Vec<_> = x.into_iter().filter(|x| *x > 1.0).collect();
    hold("acosh", &outer, [0.505, 4.0], |x| x.acosh(), |x| x.acosh());
}

/// Computed in f32: near 2^-12, where tanh begins, and where the exponential is about the last bit of 1 or subnormal.
#[test]
fn the_logistic_function_and_tanh_of_any_f32_are_off_by_a_unit() {
    let x = sample(
        3989,
        &[1.0 / 4096.0, 0.173, 8.3, 16.6, 17.3, 43.7, 87.4, 104.0],
    );
    hold(
        "sigmoid",
        &x,
        [1.31, 1.64],
        |x| x.sigmoid(),
        |x| x.sigmoid(),
    );
    let (end, far): (Vec<_>, Vec<_>) = x.into_iter().partition(|x| x.abs() < 43.0);
    hold("tanh", &end, [1.1, 1.57], |x| x.tanh(), |x| x.tanh());
    // A subnormal slope is four times an exponential that was subnormal.
    hold("tanh", &far, [0.505, 4.0], |x| x.tanh(), |x| x.tanh());
}

#[test]
fn powers_and_logarithms_to_other_bases_are_rounded_once() {
    let x = sample(3989, &[1.0, 1024.0, 1000.0]);
    let any = f64::INFINITY;
    hold("exp2", &x, [0.505, any], |x| x.exp2(), |x| x.exp2());
    let x: Vec<_> = x.into_iter().filter(|x| *x > 0.0).collect();
    hold("log2", &x, [0.505, 1.5], |x| x.log2(), |x| x.log2());
    hold("log10", &x, [0.505, 1.5], |x| x.log10(), |x| x.log10());
    let whole: Tensor<f32> = (-149_i16..128).map(f32::from).collect();
    let powers = whole.exp2();
    assert_eq!(powers.log2(), whole);
    for (k, &power) in powers.iter().enumerate() {
        assert_eq!(f64::from(power), (k as f64 - 149.0).exp2());
    }
}

/// An op of two operands.
type Two<T> = for<'t> fn([Var<'t, Tensor<T>>; 2]) -> Var<'t, Tensor<T>>;

/// Value and both cotangents of an op at these numbers.
fn run<T: Elem>([a, b]: &[Vec<f32>; 2], op: Two<T>) -> [Tensor<T>; 3] {
    let tape = Tape::<T>::default();
    let leaf = |x: &Vec<f32>| tape.var(x.iter().map(|&x| T::of(x.into())).collect());
    let [a, b] = [leaf(a), leaf(b)];
    let y = op([a, b]);
    let grads = y.vjp(Tensor::ones([y.shape().elements()]));
    [y.value(), grads.wrt(a), grads.wrt(b)]
}

#[test]
fn angles_and_lengths_of_any_two_f32_are_rounded_once() {
    let a = sample(3989, &[]);
    // Points in all directions, near the axes and the diagonals, and pairs of any two numbers.
    let near = |k: usize, a: f32| match k % 4 {
        0 => a * (k % 1000) as f32 * 1e-2,
        1 => -a * (1.0 + (k % 7) as f32 * f32::EPSILON),
        2 => a * ((k % 41) as f32 - 20.0).exp2(),
        _ => f32::from_bits((k as u32).wrapping_mul(2_654_435_769)),
    };
    let b: Vec<f32> = a.iter().enumerate().map(|(k, &a)| near(k, a)).collect();
    let is_far = |x: f32| !x.is_finite();
    let both = a
        .into_iter()
        .zip(b)
        .filter(|&(a, b)| !is_far(a) && !is_far(b));
    let (a, b) = both.unzip();
    let x = [a, b];
    let ops: [(&str, Two<f32>, Two<Dd>); 2] = [
        ("atan2", |[a, b]| a.atan2(b), |[a, b]| a.atan2(b)),
        ("hypot", |[a, b]| a.hypot(b), |[a, b]| a.hypot(b)),
    ];
    for (name, short, long) in ops {
        let (found, exact) = (run(&x, short), run(&x, long));
        for (k, (found, exact)) in found.iter().zip(&exact).enumerate() {
            let at = |k: usize| format!("({:e}, {:e})", x[0][k], x[1][k]);
            let what = ["value", "first slope", "second slope"][k];
            within(
                &format!("{what} of {name}"),
                at,
                found.data(),
                exact.data(),
                0.505,
            );
        }
    }
}

/// At every pair of edges both forms give the same numbers, signs included.
#[test]
fn edges_of_two_operands_are_those_of_the_plain_functions() {
    let mut x = vec![0.0, f32::from_bits(1), 1.0, 3.0, f32::MAX];
    x.extend([f32::INFINITY, f32::NAN]);
    let x: Vec<f32> = x.iter().flat_map(|&x| [x, -x]).collect();
    let (a, b): (Vec<f32>, Vec<f32>) = x
        .iter()
        .flat_map(|&a| x.iter().map(move |&b| (a, b)))
        .unzip();
    let ops: [(&str, Two<f32>, Two<f64>); 2] = [
        ("atan2", |[a, b]| a.atan2(b), |[a, b]| a.atan2(b)),
        ("hypot", |[a, b]| a.hypot(b), |[a, b]| a.hypot(b)),
    ];
    for (name, op, wide) in ops {
        let x = [a.clone(), b.clone()];
        let (found, expected) = (run(&x, op), run(&x, wide));
        for (order, (found, expected)) in found.iter().zip(&expected).enumerate() {
            for (k, (&found, &expected)) in found.iter().zip(expected.iter()).enumerate() {
                let expected = expected as f32;
                let same = found.to_bits() == expected.to_bits();
                let right = same || (found.is_nan() && expected.is_nan());
                let (a, b) = (a[k], b[k]);
                assert!(
                    right,
                    "{name} {order} at {a:e}, {b:e}: {found:e}, not {expected:e}"
                );
            }
        }
    }
}

/// Signs of zero, subnormal numbers, infinities and NaN are those of the plain functions.
#[test]
fn edges_are_those_of_the_plain_functions() {
    let least = f32::from_bits(1);
    let mut x = vec![0.0, least, 1e-40, f32::MIN_POSITIVE, 0.5, 1.0, 1e30];
    x.extend([f32::MAX, f32::INFINITY, f32::NAN]);
    let x: Vec<f32> = x.iter().flat_map(|&x| [x, -x]).collect();
    let ops: [(&str, One<f32>, Plain); 17] = [
        ("sin", |x| x.sin(), f64::sin),
        ("cos", |x| x.cos(), f64::cos),
        ("tan", |x| x.tan(), f64::tan),
        ("atan", |x| x.atan(), f64::atan),
        ("asin", |x| x.asin(), f64::asin),
        ("acos", |x| x.acos(), f64::acos),
        ("sinh", |x| x.sinh(), f64::sinh),
        ("cosh", |x| x.cosh(), f64::cosh),
        ("tanh", |x| x.tanh(), f64::tanh),
        ("asinh", |x| x.asinh(), f64::asinh),
        ("acosh", |x| x.acosh(), f64::acosh),
        ("atanh", |x| x.atanh(), f64::atanh),
        ("exp2", |x| x.exp2(), f64::exp2),
        ("log2", |x| x.log2(), f64::log2),
        ("log10", |x| x.log10(), f64::log10),
        ("erf", |x| x.erf(), Elem::erf),
        ("erfc", |x| x.erfc(), Elem::erfc),
    ];
    for (name, op, plain) in ops {
        let tape = Tape::<f32>::default();
        let found = op(tape.var(x.iter().copied().collect())).value();
        for (&x, &found) in x.iter().zip(found.iter()) {
            let expected = plain(x.into()) as f32;
            // Results of the system's functions may differ by a unit.
            let near = found.to_bits().abs_diff(expected.to_bits()) <= 1;
            let right = near || (found.is_nan() && expected.is_nan());
            assert!(right, "{name} at {x:e}: {found:e}, not {expected:e}");
        }
    }
}

/// Large arguments, infinities and NaN among ordinary ones: recomputed elements are what a scalar gives, and the others
/// have the same bits as without them.
#[test]
fn elements_that_are_asked_for_again_leave_the_others_alone() {
    const N: usize = 1000;
    let huge = [3e6, -1e10, 1e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let ordinary = Tensor::from_fn([N], |k| (k as f32 - 480.0) * 0.37);
    let is_huge = |k: usize| k % 7 == 3 && k < 600;
    let mixed = Tensor::from_fn([N], |k| match is_huge(k) {
        true => huge[k % huge.len()],
        false => ordinary.data()[k],
    });
    // Some cotangents are 0, and stay 0 whatever the slope is.
    let g = Tensor::from_fn([N], |k| (k % 3) as f32 - 1.0);
    let ops: [(&str, One<f32>, Scalar); 3] = [
        ("sin", |x| x.sin(), |x| x.sin()),
        ("cos", |x| x.cos(), |x| x.cos()),
        ("tan", |x| x.tan(), |x| x.tan()),
    ];
    for (name, op, scalar) in ops {
        let run = |x: &Tensor<f32>| {
            let tape = Tape::<f32>::default();
            let x = tape.var(x.clone());
            let y = op(x);
            [y.value(), y.vjp(g.clone()).wrt(x)]
        };
        let (alone, found) = (run(&ordinary), run(&mixed));
        for k in 0..N {
            let [y, gx] = [0, 1].map(|order| found[order].data()[k]);
            let expected = if is_huge(k) {
                let tape = Tape::<f32>::default();
                let x = tape.var(mixed.data()[k]);
                let y = scalar(x);
                let g = g.data()[k];
                let slope = y.backward().wrt(x);
                [y.value(), if g == 0.0 { 0.0 } else { g * slope }]
            } else {
                [0, 1].map(|order| alone[order].data()[k])
            };
            for (found, expected) in [y, gx].into_iter().zip(expected) {
                let same = found == expected || (found.is_nan() && expected.is_nan());
                assert!(same, "{name} at {k}: {found:e}, not {expected:e}");
            }
        }
    }
}
