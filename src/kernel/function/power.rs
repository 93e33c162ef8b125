//! Powers and the cotangents of base and exponent for `f32` in `f64`, without branches.
//!
//! `|a|^b = 2^(b log₂ |a|)`, good to 2^-31. What a cotangent makes of a slope is in the range of an `f64` wherever it is in that of
//! an `f32`, so that it is rounded once, too. Special numbers and signs are those of `powf`, chosen afterwards.

use super::exponential::{binary, polynomial, power as two_to};

/// `2 atanh(s) / (s ln 2)` in s², for s up to (√2 - 1) / (√2 + 1), the constant first: interpolated at Chebyshev's points in 70
/// digits; the error is 2^-45.
const LOG_2: [f64; 6] = [
    2.885_390_081_777_851,
    0.961_796_694_112_264_9,
    0.577_077_942_660_304_4,
    0.412_209_224_061_104_33,
    0.319_906_803_807_013_36,
    0.282_885_023_407_482_34,
];

/// The bits of √½, where the range of `1 + f` begins.
const LOW: u64 = 0x3FE6_A09E_667F_3BCD;

/// Beyond these powers of 2 nothing is left in `f32`, whatever it is multiplied by.
const END: f64 = 1000.0;

/// 2^52: adding it and taking it away rounds to whole numbers, which all beyond are.
const ROUND: f64 = 4_503_599_627_370_496.0;

/// `log₂ x` for x ≥ 0: `k + log₂(1 + f)` with `1 + f` between √½ and √2, by `s = f / (2 + f)`. A widened `f32` is normal.
#[inline(always)]
fn log_2(x: f64) -> f64 {
    let bits = x.to_bits().wrapping_sub(LOW).wrapping_add(1023 << 52);
    let f = f64::from_bits((bits & ((1 << 52) - 1)) + LOW) - 1.0;
    // The exponent as the last digits of 2^52.
    let biased = f64::from_bits((bits >> 52) | (1075 << 52));
    let k = biased - (ROUND + 1023.0);
    let s = f / (2.0 + f);
    let log = k + s * polynomial(LOG_2, s * s);
    let log = if x == 0.0 { f64::NEG_INFINITY } else { log };
    // Infinity and NaN stay.
    if x < f64::INFINITY { log } else { x }
}

/// `2^t`, and exactly 0 or infinity beyond the ends.
#[inline(always)]
fn exp_2(t: f64) -> f64 {
    let (w, n) = binary(t);
    let y = (1.0 + w) * two_to(n);
    let y = if t < -END { 0.0 } else { y };
    if t > END { f64::INFINITY } else { y }
}

#[inline(always)]
fn is_whole(x: f64) -> bool {
    let size = x.abs();
    ((size + ROUND) - ROUND == size) | (size > ROUND)
}

/// `size` with the sign that a whole power of `a` has, odd or even; NaN where a is negative and b not whole.
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

/// `|a|^p`, where 1 is a power of 1 and the power 0, whatever the other is.
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
