//! Hyperbolic functions and their inverses for `f32` in `f64`, without branches, by exponentials and logarithms.
//!
//! Odd functions are evaluated at |x|, in forms without cancellation. Squares stay within the range.

use super::exponential::{exp, exp_m1};
use super::logarithm::ln_1p;

/// `sinh x = (m + m / (m + 1)) / 2` with `m = e^x - 1`.
#[inline(always)]
pub(super) fn sinh(x: f32) -> f32 {
    let x = f64::from(x);
    let m = exp_m1::<false>(x.abs());
    (0.5 * (m + m / (m + 1.0))).copysign(x) as f32
}

/// `cosh x`.
#[inline(always)]
pub(super) fn cosh(x: f32) -> f32 {
    let e = exp::<false>(f64::from(x).abs());
    (0.5 * (e + 1.0 / e)) as f32
}

/// `arsinh x = ln(1 + x + x² / (1 + √(1 + x²)))`.
#[inline(always)]
pub(super) fn asinh(x: f32) -> f32 {
    let x = f64::from(x);
    let a = x.abs();
    let square = a * a;
    let y = ln_1p::<false>(a + square / (1.0 + (1.0 + square).sqrt()));
    // At infinity the formula is a quotient of infinities.
    (if a == f64::INFINITY { a } else { y }).copysign(x) as f32
}

/// `1 / √(1 + x²)`.
#[inline(always)]
pub(super) fn asinh_slope(x: f32) -> f32 {
    let x = f64::from(x);
    (1.0 / (1.0 + x * x).sqrt()) as f32
}

/// `arcosh x = ln(1 + t + √(t (t + 2)))` with `t = x - 1`.
#[inline(always)]
pub(super) fn acosh(x: f32) -> f32 {
    let t = f64::from(x) - 1.0;
    let y = ln_1p::<false>(t + (t * (t + 2.0)).sqrt());
    (if t < 0.0 { f64::NAN } else { y }) as f32
}

/// `artanh x = ln(1 + 2x / (1 - x)) / 2`.
#[inline(always)]
pub(super) fn atanh(x: f32) -> f32 {
    let x = f64::from(x);
    let a = x.abs();
    (0.5 * ln_1p::<false>((a + a) / (1.0 - a))).copysign(x) as f32
}
