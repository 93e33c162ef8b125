//! Sine and cosine in the digits of an `f64`, without branches, where the argument is not large.
//!
//! The nearest multiple of π/2 is subtracted in four parts (Cody and Waite, as in `exponential`). All but the last have
//! 33 bits: their products with a whole number of 20 bits are exact, and so is what the first leaves of the argument.
//! What rounding takes from the rest is kept, since next to a zero little else is left. For larger arguments the result
//! is NaN, and the op falls back on its own formula. Results are within 0.6 units in the last place; the polynomials
//! are interpolated at Chebyshev points in 60 digits.

use std::f64::consts::FRAC_2_PI;

use super::exponential::{ROUND, polynomial};
use super::trigonometric::FAR;

/// π/2 in four parts, which miss 2^-159 of it.
const QUARTER: [f64; 4] = [
    1.570_796_326_734_125_6,
    6.077_100_506_303_966e-11,
    2.022_266_248_711_166_5e-21,
    8.478_427_660_368_9e-32,
];

/// `p` of `sin r = r (1 - s/6 + s² p(s))` and of `cos r = 1 - s/2 + s² p(s)`, s = r², on |r| ≤ π/4; the errors are
/// 2^-57.2 for sin r / r and 2^-59.9 for cos r. The first coefficient of the sine is separate.
const CUBE: f64 = -1.0 / 6.0;
const SIN: [f64; 6] = [
    8.333_333_333_333_331e-3,
    -1.984_126_984_126_506e-4,
    2.755_731_921_933_545_3e-6,
    -2.505_210_623_115_790_4e-8,
    1.605_853_141_458_901e-10,
    -7.586_685_070_091_267e-13,
];
const COS: [f64; 6] = [
    0.041_666_666_666_666_664,
    -0.001_388_888_888_888_739_5,
    2.480_158_729_876_343_3e-5,
    -2.755_731_727_056_032_6e-7,
    2.087_614_602_468_974_7e-9,
    -1.138_261_486_855_632_5e-11,
];

/// Adding and subtracting this rounds to multiples of 2^-17: 1.5 · 2^35.
const GRID: f64 = 51_539_607_552.0;

/// The upper 26 bits of a number, whose square is exact.
const HIGH: u64 = !0 << 27;

/// `sin(r + lost)`.
#[inline(always)]
fn sine(r: f64, lost: f64) -> f64 {
    let s = r * r;
    // The cube of the upper part is exact, and the largest term is rounded once.
    let h = (r + GRID) - GRID;
    let l = r - h;
    let below = l * (3.0 * (h * h) + l * (3.0 * h + l));
    let cube = CUBE * (h * h * h);
    let sum = r + cube;
    let missing = (r - sum) + cube;
    let small = CUBE * below + (r * s) * (s * polynomial(SIN, s)) + lost * (1.0 - 0.5 * s);
    let sine = sum + (missing + small);
    // A zero keeps its sign.
    if s == 0.0 { r } else { sine }
}

/// `cos(r + lost)`.
#[inline(always)]
fn cosine(r: f64, lost: f64) -> f64 {
    let s = r * r;
    // The rounding error of the square counts as much as all the rest.
    let high = f64::from_bits(r.to_bits() & HIGH);
    let low = r - high;
    let missing = ((high * high - s) + 2.0 * high * low) + low * low;
    let half = 0.5 * s;
    let sum = 1.0 - half;
    let small = s * s * polynomial(COS, s) - (0.5 * missing + r * lost);
    sum + (((1.0 - sum) - half) + small)
}

/// `sin(x + shift π/2)`.
#[inline(always)]
fn wave(x: f64, shift: u64) -> f64 {
    let n = x * FRAC_2_PI + ROUND;
    let k = n - ROUND;
    let (first, second) = (x - k * QUARTER[0], k * QUARTER[1]);
    let [near, lost] = difference(first, second);
    let [r, rest] = difference(near, k * QUARTER[2]);
    let lost = (rest + lost) - k * QUARTER[3];
    let (sine, cosine) = (sine(r, lost), cosine(r, lost));
    let quarter = n.to_bits().wrapping_add(shift);
    let y = if quarter & 1 == 1 { cosine } else { sine };
    let y = f64::from_bits(y.to_bits() ^ (quarter & 2) << 62);
    if x.abs() <= FAR { y } else { f64::NAN }
}

/// `a - b`, and its rounding error.
#[inline(always)]
fn difference(a: f64, b: f64) -> [f64; 2] {
    let d = a - b;
    let back = d - a;
    [d, (a - (d - back)) - (b + back)]
}

/// `sin x`.
#[inline(always)]
pub(super) fn sin(x: f64) -> f64 {
    wave(x, 0)
}

/// `cos x`.
#[inline(always)]
pub(super) fn cos(x: f64) -> f64 {
    wave(x, 1)
}

/// `-sin x`.
#[inline(always)]
pub(super) fn minus_sin(x: f64) -> f64 {
    wave(x, 2)
}
