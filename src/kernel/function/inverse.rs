//! Arc tangent, arc sine and arc cosine, and the angle of a point, for `f32` in `f64`, without branches.
//!
//! An arc tangent is taken of a ratio between 0 and 1, in the first eighth of a turn, and moved to where it belongs by
//! symmetry. An arc sine beyond 1/2 is `π/2 - 2 arcsin √((1 - x) / 2)`, where the difference is exact. Polynomials are
//! interpolated at Chebyshev points in 70 digits.

use std::f64::consts::{FRAC_PI_2, PI};

use super::exponential::{clamp, polynomial};

/// `p` of `arctan z = z (1 + s p(s))`, s = z² ≤ 1; the relative error is 2^-34.4.
const ATAN: [f64; 12] = [
    -0.333_333_333_269_441_4,
    0.199_999_981_540_862_15,
    -0.142_856_248_914_835_25,
    0.111_093_923_083_222_23,
    -0.090_735_531_189_764_09,
    0.075_866_528_336_466_7,
    -0.062_463_151_941_283_17,
    0.047_294_798_621_813_336,
    -0.029_913_111_945_516_97,
    0.014_072_923_344_697_239,
    -0.004_221_657_990_929_648,
    5.930_437_556_365_282e-4,
];

/// `p` of `arcsin z = z (1 + s p(s))`, s = z² ≤ 1/4; the relative error is 2^-34.0.
const ASIN: [f64; 7] = [
    0.166_666_666_860_856_43,
    0.074_999_924_044_038_14,
    0.044_647_663_888_134_85,
    0.030_269_138_728_589_183,
    0.023_611_817_008_891_752,
    0.010_574_415_516_912_909,
    0.030_974_540_371_355_073,
];

/// Stands for infinity: whatever is finite in `f32` is negligible beside it.
pub(super) const HUGE: f64 = 1e115;

/// `arctan z` for 0 ≤ z ≤ 1.
#[inline(always)]
fn eighth(z: f64) -> f64 {
    let s = z * z;
    z * (1.0 + s * polynomial(ATAN, s))
}

/// `arctan x`.
#[inline(always)]
pub(super) fn atan(x: f32) -> f32 {
    let x = f64::from(x);
    let a = x.abs();
    let v = eighth(clamp(a, 0.0, 1.0) / clamp(a, 1.0, f64::INFINITY));
    (if a > 1.0 { FRAC_PI_2 - v } else { v }).copysign(x) as f32
}

/// `g / (1 + x²)`; the square of an `f32` is within the range.
#[inline(always)]
pub(super) fn atan_pull([x, g]: [f32; 2]) -> f32 {
    let (x, g) = (f64::from(x), f64::from(g));
    (g / (1.0 + x * x)) as f32
}

/// The angle of the point with ordinate `y` and abscissa `x`.
#[inline(always)]
pub(super) fn atan2([y, x]: [f32; 2]) -> f32 {
    let (y, x) = (f64::from(y), f64::from(x));
    // Two infinite operands have the ratio 1.
    let (a, b) = (clamp(y.abs(), 0.0, HUGE), clamp(x.abs(), 0.0, HUGE));
    let steep = a > b;
    let (up, down) = if steep { (b, a) } else { (a, b) };
    let v = eighth(up / if down == 0.0 { 1.0 } else { down });
    let v = if steep { FRAC_PI_2 - v } else { v };
    (if x.is_sign_negative() { PI - v } else { v }).copysign(y) as f32
}

/// `arcsin a` up to 1/2, beyond it half of `arccos a`; NaN beyond 1.
#[inline(always)]
fn arc(a: f64) -> f64 {
    // The smaller of the two squares; that of an `f32` is exact, and so is its root.
    let (own, other) = (a * a, (1.0 - a) * 0.5);
    let s = if own < other { own } else { other };
    s.sqrt() * (1.0 + s * polynomial(ASIN, s))
}

/// `arcsin x`.
#[inline(always)]
pub(super) fn asin(x: f32) -> f32 {
    let x = f64::from(x);
    let a = x.abs();
    let v = arc(a);
    (if a > 0.5 { FRAC_PI_2 - 2.0 * v } else { v }).copysign(x) as f32
}

/// `arccos x`.
#[inline(always)]
pub(super) fn acos(x: f32) -> f32 {
    let x = f64::from(x);
    let a = x.abs();
    let v = arc(a);
    let outer = if x < 0.0 { PI - 2.0 * v } else { 2.0 * v };
    (if a > 0.5 {
        outer
    } else {
        FRAC_PI_2 - v.copysign(x)
    }) as f32
}
