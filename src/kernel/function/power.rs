//! Powers and the cotangents of base and exponent for `f32` in `f64`, without branches.
//!
//! `|a|^b = 2^(b log₂ |a|)`, good to 2^-31. The product of a cotangent and a slope is within the range of an `f64`
//! wherever it is within that of an `f32`, so that it is rounded once, too. Special values and signs are those of
//! `powf`, chosen afterwards.

use super::exponential::exp_2;
use super::logarithm::log_2;

/// 2^52: adding and subtracting it rounds to whole numbers, and all beyond it are whole.
const ROUND: f64 = 4_503_599_627_370_496.0;

#[inline(always)]
fn is_whole(x: f64) -> bool {
    let size = x.abs();
    ((size + ROUND) - ROUND == size) | (size > ROUND)
}

/// `size`, negated where `a` has a negative sign and `b` is odd (even, unless `odd`); NaN for finite a < 0 and b not
/// whole.
#[inline(always)]
fn signed(size: f64, a: f64, b: f64, odd: bool) -> f64 {
    let (whole, even) = (is_whole(b), is_whole(0.5 * b));
    let below = 1.0f64.copysign(a) < 0.0;
    let y = if below & whole & (even != odd) {
        -size
    } else {
        size
    };
    let outside = (a < 0.0) & (a > f64::NEG_INFINITY) & !whole;
    if outside { f64::NAN } else { y }
}

/// `|a|^p`; a power of 1 and the power 0 are 1, whatever the other operand is.
#[inline(always)]
fn size(a: f64, log: f64, p: f64) -> f64 {
    let y = exp_2(p * log);
    if (p == 0.0) | (a.abs() == 1.0) {
        1.0
    } else {
        y
    }
}

/// `a^b`.
#[inline(always)]
pub(super) fn pow([a, b]: [f32; 2]) -> f32 {
    let (a, b) = (f64::from(a), f64::from(b));
    signed(size(a, log_2(a.abs()), b), a, b, true) as f32
}

/// `g b a^(b - 1)`; 0 for b = 0.
#[inline(always)]
pub(super) fn pow_base([a, b, g]: [f32; 3]) -> f32 {
    let (a, b, g) = (f64::from(a), f64::from(b), f64::from(g));
    let size = size(a, log_2(a.abs()), b - 1.0);
    let power = if b == 0.0 {
        1.0
    } else {
        signed(size, a, b, false)
    };
    let pulled = (g * b) * power;
    (if g == 0.0 { g } else { pulled }) as f32
}

/// `g a^b ln a`; 0 at a = 0 for b ≥ 0, the limit.
#[inline(always)]
pub(super) fn pow_exponent([a, b, g]: [f32; 3]) -> f32 {
    let (a, b, g) = (f64::from(a), f64::from(b), f64::from(g));
    let log = log_2(a.abs());
    let natural = if a < 0.0 {
        f64::NAN
    } else {
        std::f64::consts::LN_2 * log
    };
    let still = (a == 0.0) & (b >= 0.0);
    let slope = if still {
        0.0
    } else {
        size(a, log, b) * natural
    };
    (if g == 0.0 { g } else { g * slope }) as f32
}
