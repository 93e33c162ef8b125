//! Each systematic loss of digits, with an input that shows it, on every level. Each test fails if its cure is removed
//! from the kernels; the last one shows that tangents share the cures of cotangents.

use crate::rows::{F32, F64, Format};
use wengert::{Dd, Elem, Level, Random, Rows, Tape, Tensor};

/// Softmax in the next wider arithmetic, for `f32`.
fn exact(x: &[f32]) -> Vec<f64> {
    let top = x
        .iter()
        .fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
    let e: Vec<f64> = x.iter().map(|&x| (f64::from(x) - top).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|e| e / sum).collect()
}

fn softmax<T: Elem>(x: &[T]) -> (Vec<T>, Vec<u32>) {
    let (mut y, mut top) = (vec![T::zero(); x.len()], vec![0]);
    T::softmax(Rows::last(1, x.len()), x, &mut y, &mut top);
    (y, top)
}

fn pullback<T: Elem>(x: &[T], g: &[T]) -> Vec<T> {
    let ((y, top), mut gx) = (softmax(x), vec![T::zero(); x.len()]);
    T::softmax_vjp(Rows::last(1, x.len()), &y, &top, g, &mut gx);
    gx
}

fn ulps(found: &[f32], exact: &[f64]) -> f64 {
    let distance = |(&y, &exact): (&f32, &f64)| {
        let power = f64::from_bits(exact.to_bits() & 0x7FF0_0000_0000_0000);
        (f64::from(y) - exact).abs() / (power * f64::from(f32::EPSILON))
    };
    found.iter().zip(exact).map(distance).fold(0.0, f64::max)
}

fn on_every_level(test: impl Fn(Level)) {
    for &level in Level::all() {
        level.force(|| test(level));
    }
}

/// Rounding of `x - max`: the rounding error is added after the reduction of the exponential.
#[test]
fn a_small_probability_is_not_rounded_by_its_distance() {
    for n in [12, 500] {
        let draw: Tensor<f64> = Random::new(1).uniform([n], 23.0, 100.0);
        let x: Vec<f32> = draw.iter().map(|&x| x as f32).collect();
        on_every_level(|level| {
            let error = ulps(&softmax(&x).0, &exact(&x));
            assert!(error <= 2.5, "{level}: {error} ulps");
        });
    }
}

/// Long sums: what rounding loses is carried along. The small terms are equal, lest losses cancel: without the cure
/// results are 248 ulps off in `f32`, 1,696 in `f64`.
fn adds_up<T: Elem>(format: Format) {
    let mut x = vec![T::zero(); 1_000_000];
    x[17] = T::of(3.0);
    let small = Dd::new(-3.0).exp();
    let sum = Dd::ONE + Dd::new(999_999.0) * small;
    let (small, large) = (small / sum, Dd::ONE / sum);
    on_every_level(|level| {
        for (j, y) in softmax(&x).0.into_iter().enumerate() {
            let exact = if j == 17 { large } else { small };
            let error = format.distance(y.primal(), exact.hi(), exact.lo(), 0.0);
            assert!(error <= 1.5, "{level}: {error} ulps at {j}");
        }
    });
}

#[test]
fn a_long_row_of_f32_adds_up() {
    adds_up::<f32>(F32);
}

#[test]
fn a_long_row_of_f64_adds_up() {
    adds_up::<f64>(F64);
}

/// `1 - y` at the maximum: the rest of the row is summed separately.
#[test]
fn the_gradient_at_a_confident_label_has_all_its_digits() {
    on_every_level(|level| {
        let (x, rows) = ([30f32, 0.0, -1.0], Rows::last(1, 3));
        let (mut loss, mut top, mut rest, mut gx) = ([0.0], [0], [0.0], [0.0; 3]);
        f32::cross_entropy(rows, &x, &[0], &mut loss, &mut top, &mut rest);
        f32::cross_entropy_vjp(rows, &x, &[0], &top, &rest, &[1.0], &mut gx);
        let r = (-30f64).exp() + (-31f64).exp();
        let found = [loss[0], rest[0], -gx[0]];
        let error = ulps(&found, &[r.ln_1p(), r, r / (1.0 + r)]);
        assert!(error <= 2.0, "{level}: {error} ulps");
    });
}

/// A cotangent with an offset: it is centred at the maximum.
#[test]
fn an_offset_of_the_cotangent_changes_no_bit() {
    let mut random = Random::new(3);
    let draw: Tensor<f64> = random.normal([40], 0.0, 3.0);
    let x: Vec<f32> = draw.iter().map(|&x| x as f32).collect();
    let g: Vec<f32> = (0..40).map(|_| random.below(64) as f32 / 8.0).collect();
    let moved: Vec<f32> = g.iter().map(|g| g + 100_000.0).collect();
    on_every_level(|level| {
        assert_eq!(pullback(&x, &g), pullback(&x, &moved), "{level}");
        let constant = pullback(&x, &[1e6; 40]);
        assert!(
            constant.iter().all(|&gx| gx == 0.0),
            "{level}: {constant:?}"
        );
    });
}

/// A cotangent near overflow: neither its differences nor the sum leave the range unless the result does.
#[test]
fn a_cotangent_near_the_largest_number_gives_a_finite_result() {
    let max = f32::MAX;
    let cases: [([f32; 3], [f32; 3]); 4] = [
        ([0.0, 0.0, 0.0], [max, -max, max]),
        ([2.0, 1.0, 0.0], [-max, max, 0.0]),
        ([1.0, 0.9, -60.0], [0.0, -0.9 * max, 0.9 * max]),
        ([0.0, -1.0, f32::NEG_INFINITY], [max, max, -max]),
    ];
    on_every_level(|level| {
        for (x, g) in cases {
            let y = exact(&x);
            let mean: f64 = y.iter().zip(g).map(|(y, g)| y * f64::from(g)).sum();
            for (k, gx) in pullback(&x, &g).into_iter().enumerate() {
                let exact = y[k] * (f64::from(g[k]) - mean);
                let size = y[k] * f64::from(max);
                let error = (f64::from(gx) - exact).abs();
                assert!(
                    error <= 4e-7 * size,
                    "{level} {x:?} {g:?}: {gx:e}, exact {exact:e}"
                );
            }
        }
    });
}

/// A tail that underflows in part: the exponentials are kept far above underflow, so results are rounded once.
#[test]
fn subnormal_probabilities_are_rounded_once() {
    on_every_level(|level| {
        let x: Vec<f32> = (0..200)
            .map(|k| -85.0 - 0.1 * k as f32)
            .chain([0.0])
            .collect();
        for (y, exact) in softmax(&x).0.into_iter().zip(exact(&x)) {
            let size = exact.max(f64::from(f32::MIN_POSITIVE));
            let error = (f64::from(y) - exact).abs() / (size * f64::from(f32::EPSILON));
            assert!(error <= 1.5, "{level}: {y:e}, exact {exact:e}");
        }
    });
}

/// Only differences of logits enter.
#[test]
fn an_exact_shift_changes_no_bit() {
    let mut random = Random::new(4);
    for n in [5, 40, 1000] {
        let mut draw = || (random.below(1 << 14) as f32 - 8192.0) / 512.0;
        let x: Vec<f32> = (0..n).map(|_| draw()).collect();
        let g: Vec<f32> = (0..n).map(|_| draw()).collect();
        on_every_level(|level| {
            for shift in [0.25, -37.5, 150.0, -1000.0, 4096.0] {
                let moved: Vec<f32> = x.iter().map(|x| x + shift).collect();
                assert_eq!(softmax(&x), softmax(&moved), "{level}: {shift}");
                assert_eq!(pullback(&x, &g), pullback(&moved, &g), "{level}: {shift}");
            }
        });
    }
}

/// Logits with all 24 bits, whose differences take 25 and are rounded: the rounding error is added later.
#[test]
fn an_exact_shift_changes_no_bit_where_differences_are_rounded() {
    let mut random = Random::new(7);
    let unit = f32::EPSILON * 8.0;
    for n in [5, 40, 1000] {
        let mut draw = || random.below((1 << 24) - 128) as f32 - 8_388_544.0;
        let x: Vec<f32> = (0..n).map(|_| draw() * unit).collect();
        let g: Vec<f32> = (0..n).map(|_| draw() * unit).collect();
        on_every_level(|level| {
            for steps in [1.0, -3.0, 64.0] {
                let moved: Vec<f32> = x.iter().map(|x| x + steps * unit).collect();
                let back = moved.iter().map(|x| x - steps * unit);
                assert!(back.eq(x.iter().copied()), "the shift is exact");
                assert_eq!(softmax(&x), softmax(&moved), "{level}: {steps}");
                assert_eq!(pullback(&x, &g), pullback(&moved, &g), "{level}: {steps}");
            }
        });
    }
}

#[test]
fn the_tangent_of_softmax_has_the_bits_of_its_cotangent() {
    let x: Tensor<f32> = Random::new(5).normal([7, 33], 0.0, 3.0);
    let v: Tensor<f32> = Random::new(6).normal([7, 33], 0.0, 1.0);
    on_every_level(|level| {
        for axis in [0, 1] {
            let tape = Tape::<f32>::default();
            let leaf = tape.var(x.clone());
            let y = leaf.softmax(axis);
            let pushed = tape.forward().along(leaf, v.clone()).walk().of(y);
            assert_eq!(pushed, y.vjp(v.clone()).wrt(leaf), "{level}");
        }
    });
}
