//! The logistic function, the hyperbolic tangent, `x σ(x)` and their slopes in `f64`, without branches.
//!
//! What holds for both signs is evaluated at -|x|, where the exponential cannot overflow; the other side follows by
//! symmetry. `FULL` as in `exponential`; functions for which `f32` has a form of its own are always full.

use super::exponential::{exp, exp_m1, exp_scaled};

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(super) fn sigmoid<const FULL: bool>(x: f64) -> f64 {
    let e = exp::<FULL>(-x.abs());
    let part = if x < 0.0 { e } else { 1.0 };
    part / (1.0 + e)
}

/// `σ(x) σ(-x)`.
#[inline(always)]
pub(super) fn sigmoid_slope(x: f64) -> f64 {
    let e = exp::<true>(-x.abs());
    e / ((1.0 + e) * (1.0 + e))
}

/// `tanh x`, from `m = e^(2|x|) - 1` as `m / (m + 2)` or, near 1, as 1 minus what is missing.
#[inline(always)]
pub(super) fn tanh(x: f64) -> f64 {
    let twice = 2.0 * x.abs();
    // From 22 on the result is 1.
    let m = exp_m1::<true>(if twice > 44.0 { 44.0 } else { twice });
    let near = m > 2.0;
    let ratio = (if near { 2.0 } else { m }) / (m + 2.0);
    (if near { 1.0 - ratio } else { ratio }).copysign(x)
}

/// `1 - tanh²x = 4 σ(2x) σ(-2x)`.
#[inline(always)]
pub(super) fn tanh_slope(x: f64) -> f64 {
    4.0 * sigmoid_slope(x + x)
}

/// `x σ(x)`. The power of two that makes a result subnormal comes last, when the digits are complete.
#[inline(always)]
pub(super) fn silu<const FULL: bool>(x: f64) -> f64 {
    // Below this nothing is left but the sign.
    let x = if x < -1000.0 { -1000.0 } else { x };
    let [e, factor] = exp_scaled::<FULL>(-x.abs());
    let below = x < 0.0;
    let ratio = (if below { x * e } else { x }) / (1.0 + e * factor);
    if below { ratio * factor } else { ratio }
}

/// `σ(x) (1 + x σ(-x))`; the slopes at `x` and `-x` add up to 1.
///
/// On the left it is `e (1 + x + e) / (1 + e)²`, where 1 + x and the sum with e are exact beside the zero.
#[inline(always)]
pub(super) fn silu_slope<const FULL: bool>(x: f64) -> f64 {
    let size = if x.abs() > 1000.0 { 1000.0 } else { x.abs() };
    let [e, factor] = exp_scaled::<FULL>(-size);
    let whole = e * factor;
    let sum = 1.0 + whole;
    let left = e * ((1.0 - size) + whole) / (sum * sum) * factor;
    if x < 0.0 { left } else { 1.0 - left }
}
