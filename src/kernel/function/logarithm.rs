//! Logarithms in `f64`, without branches, tables or calls. `FULL` as in `exponential`.
//!
//! `x = 2^k (1 + f)` with `1 + f` between √½ and √2, and with `s = f / (2 + f)` as in fdlibm's `e_log.c`
//!
//! ```text
//! ln(1 + f) = f - f²/2 + s (f²/2 + R(s²))
//! ```
//! In full accuracy f is split at 2^-25, so that the first two terms of its upper part are exact.

use std::f64::consts::LOG10_2;

use super::exponential::{LN_2, exp, polynomial, upper};

/// `R(z) / z` on 0 ≤ z ≤ 0.0295, the constant first: `(ln((1 + s) / (1 - s)) / s - 2) / s²`, interpolated at Chebyshev
/// points in 70 digits; the error of the logarithm is 2^-64.8.
const LONG: [f64; 8] = [
    0.666_666_666_666_666_6,
    0.400_000_000_000_008_8,
    0.285_714_285_708_036_14,
    0.222_222_223_917_139_17,
    0.181_817_956_401_328_06,
    0.153_862_397_028_146_38,
    0.132_687_731_386_568_86,
    0.130_866_261_478_401_02,
];

/// With fewer terms; the error is 2^-35.8.
const SHORT: [f64; 4] = [
    0.666_666_665_544_970_9,
    0.400_001_218_398_061_24,
    0.285_508_208_159_606_65,
    0.233_304_672_163_038_35,
];

/// `2 atanh(s) / (s ln 2)` in s², for s up to `(√2 - 1) / (√2 + 1)`, the constant first: interpolated at Chebyshev
/// points in 70 digits; the error is 2^-45.
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

/// `k` and `f` of `x = 2^k (1 + f)` with `1 + f` between √½ and √2, for positive normal `x`.
#[inline(always)]
fn split(x: f64) -> [f64; 2] {
    let bits = x.to_bits().wrapping_sub(LOW).wrapping_add(1023 << 52);
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) + LOW);
    // The exponent, as the last digits of 2^52.
    let biased = f64::from_bits((bits >> 52) | (1075 << 52));
    [biased - (4_503_599_627_370_496.0 + 1023.0), mantissa - 1.0]
}

/// `ln(x + lost)` for positive normal `x` and a `lost` below its last digit; `near` is `x + lost - 1`, exact near 1.
#[inline(always)]
fn ln_of<const FULL: bool>(x: f64, lost: f64, near: f64, shift: f64) -> f64 {
    let [k, f] = split(x);
    let k = k - shift;
    let f = if k == 0.0 { near } else { f };
    let s = f / (2.0 + f);
    let square = s * s;
    let half = 0.5 * (f * f);
    let rest = if k == 0.0 { 0.0 } else { lost / x };
    if FULL {
        let h = upper(f);
        let l = f - h;
        let head = h - h * h * 0.5;
        let tail = l - (l * (0.5 * (h + f)) - s * (half + square * polynomial(LONG, square)));
        let large = k * LN_2[0];
        let sum = large + head;
        sum + (((large - sum) + head) + (tail + (k * LN_2[1] + rest)))
    } else {
        let log = f - (half - s * (half + square * polynomial(SHORT, square)));
        k * std::f64::consts::LN_2 + (log + rest)
    }
}

/// `ln x`.
#[inline(always)]
pub(super) fn ln<const FULL: bool>(x: f64) -> f64 {
    // Subnormal numbers are made normal; a widened f32 is never subnormal.
    let (factor, shift) = if FULL && x < f64::MIN_POSITIVE {
        (18_014_398_509_481_984.0, 54.0)
    } else {
        (1.0, 0.0)
    };
    let y = ln_of::<FULL>(x * factor, 0.0, x - 1.0, shift);
    special(x, y)
}

/// `log₂ x` for x ≥ 0 that is 0 or normal, as a widened `f32` is: `k + log₂(1 + f)`, by `s = f / (2 + f)`.
#[inline(always)]
pub(super) fn log_2(x: f64) -> f64 {
    let [k, f] = split(x);
    let s = f / (2.0 + f);
    let log = k + s * polynomial(LOG_2, s * s);
    let log = if x == 0.0 { f64::NEG_INFINITY } else { log };
    // Infinity and NaN stay.
    if x < f64::INFINITY { log } else { x }
}

#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    (if x < 0.0 { f64::NAN } else { log_2(x.into()) }) as f32
}

#[inline(always)]
pub(super) fn log10(x: f32) -> f32 {
    (if x < 0.0 {
        f64::NAN
    } else {
        log_2(x.into()) * LOG10_2
    }) as f32
}

/// `ln(1 + x)`.
#[inline(always)]
pub(super) fn ln_1p<const FULL: bool>(x: f64) -> f64 {
    let sum = 1.0 + x;
    // The larger of the two is subtracted first.
    let lost = if x > 1.0 {
        (x - sum) + 1.0
    } else {
        x - (sum - 1.0)
    };
    let y = special(sum, ln_of::<FULL>(sum, lost, x, 0.0));
    // Keeps the sign of 0, and the digits of subnormal numbers.
    if x.abs() < 1e-300 { x } else { y }
}

/// `y`, or `ln x` where that is not finite.
#[inline(always)]
fn special(x: f64, y: f64) -> f64 {
    if x > 0.0 && x < f64::INFINITY {
        y
    } else if x == 0.0 {
        f64::NEG_INFINITY
    } else if x < 0.0 {
        f64::NAN
    } else {
        x
    }
}

/// `ln(1 + e^-|x|)`.
#[inline(always)]
fn bend<const FULL: bool>(x: f64) -> f64 {
    ln_1p::<FULL>(exp::<FULL>(-x.abs()))
}

/// `ln(1 + e^x)`.
#[inline(always)]
pub(super) fn softplus<const FULL: bool>(x: f64) -> f64 {
    let bend = bend::<FULL>(x);
    if x < 0.0 { bend } else { x + bend }
}

/// `-ln(1 + e^-x)`.
#[inline(always)]
pub(super) fn log_sigmoid<const FULL: bool>(x: f64) -> f64 {
    let bend = bend::<FULL>(x);
    if x < 0.0 { x - bend } else { -bend }
}
