//! `e^x`, the logistic function and the hyperbolic tangent in the digits of an `f32`, so that a vector holds as many
//! numbers as it can.
//!
//! They take half to two thirds of the time of the forms in `f64`, for errors of about one unit in the last place where
//! those give half a unit. As everywhere in this folder there is no branch, table, call or fused multiply-add.

use std::f32::consts::LOG2_E;

/// ln 2 in two parts, the first of 16 bits, so that its product with any exponent is exact.
const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];

/// Adding this rounds to whole numbers, which are the low bits of the sum: 1.5 · 2^23.
const ROUND: f32 = 12_582_912.0;

/// Below the first `e^x` is 0; above the second it is infinite.
const ENDS: [f32; 2] = [-110.0, 89.0];

/// 2^-64, the last factor of results that may be too small for the exponent of a normal number.
const TINY: f32 = 1.0 / (1u64 << 63) as f32 / 2.0;

/// `q` of `e^r = 1 + r + r² q(r)` on |r| ≤ ln 2 / 2, the constant first: interpolated at Chebyshev points in 50 digits,
/// the error of e^r is 2^-32.5.
const EXP: [f32; 6] = [
    0.5,
    0.166_666_67,
    0.041_666_464,
    0.008_333_311,
    0.001_393_373_1,
    0.000_198_910_8,
];

/// The same one term shorter, a minimax fit by Lawson's method: 2^-28.2.
const SHORT: [f32; 5] = [
    0.5,
    0.166_665_17,
    0.041_666_2,
    0.008_369_097,
    0.001_395_080_8,
];

/// Below this tanh x is x to half a unit, and the quotient from which it is computed has too coarse steps: 2^-12.
const SMALL: f32 = 1.0 / 4096.0;

/// `(high, low, n)` with `e^x = (1 + high + low) 2^n`, `n` in the low bits, `high` exact.
#[inline(always)]
fn parts<const SHORTER: bool>(x: f32) -> [f32; 3] {
    let n = x * LOG2_E + ROUND;
    let whole = n - ROUND;
    // The first difference is exact, and what the second subtracts is small: it is rounded with the small terms.
    let high = x - whole * LN_2[0];
    let low = whole * LN_2[1];
    let r = high - low;
    let square = r * r;
    let [even, odd] = if SHORTER {
        let even = (SHORT[4] * square + SHORT[2]) * square + SHORT[0];
        [even, SHORT[3] * square + SHORT[1]]
    } else {
        let even = (EXP[4] * square + EXP[2]) * square + EXP[0];
        [even, (EXP[5] * square + EXP[3]) * square + EXP[1]]
    };
    [high, square * (odd * r + even) - low, n]
}

/// `2^(n + shift)`, `n` in the low bits of the number, for normal results.
#[inline(always)]
fn power(n: f32, shift: i32) -> f32 {
    let exponent = n.to_bits().wrapping_add((127 + shift) as u32);
    f32::from_bits(exponent << 23)
}

/// `e^x`, within 0.92 units. The power of two comes last, so that a subnormal result is rounded once.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // NaN stays.
    let x = if x < ENDS[0] { ENDS[0] } else { x };
    let x = if x > ENDS[1] { ENDS[1] } else { x };
    let [high, low, n] = parts::<false>(x);
    let w = high + low;
    // Shifted, lest the power leave the range where the result does not.
    let (shift, factor) = if x > 0.0 { (-2, 4.0) } else { (64, TINY) };
    let power = power(n, shift);
    (power + power * w) * factor
}

/// `(q, high, low)` with `e^x = q (1 + high + low)`, q a power of two, for x ≤ 0.
#[inline(always)]
fn decay(x: f32) -> [f32; 3] {
    let x = if x < ENDS[0] { ENDS[0] } else { x };
    let [high, low, n] = parts::<true>(x);
    [power(n, 64) * TINY, high, low]
}

/// The logistic function at |x| and at -|x|, and its slope.
///
/// Let `e = q (1 + w)` be the exponential of -|x| and r the quotient `1 / (1 + e)`, rounded. What its product with
/// `1 + e` lacks of 1 is `(1 - r - q r) - q w r`: all but the last product is exact, and that has the size of e. So r
/// is corrected to the last bit, and `1 - r`, which is exact too, becomes the logistic function on the other side with
/// all its digits.
#[inline(always)]
fn logistic(x: f32) -> [f32; 3] {
    let [q, high, low] = decay(-x.abs());
    let e = q * (high + low);
    let r = 1.0 / ((1.0 + q) + e);
    let p = 1.0 - r;
    let missing = (p - q * r) - e * r;
    let above = r + r * missing;
    // 1 / (1 - missing) is 1 + missing only to first order; the next power counts where e is about the last bit of 1.
    let shift = above * missing;
    let below = p - shift;
    [above, below, p * r - (r - below) * shift]
}

/// `1 / (1 + e^-x)`, within 1.3 units.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let [above, below, _] = logistic(x);
    if x < 0.0 { below } else { above }
}

/// `σ(x) σ(-x)`, within 2 units.
#[inline(always)]
pub(super) fn sigmoid_slope(x: f32) -> f32 {
    logistic(x)[2]
}

/// tanh |x| and its slope.
///
/// From the same quotient at 2x: tanh is `2r - 1`, again exact, plus twice the correction of r. Near 0 the correction
/// is the greater part; its terms are added up in an order that keeps all its digits.
#[inline(always)]
fn hyperbolic(x: f32) -> [f32; 2] {
    let [q, high, low] = decay(-2.0 * x.abs());
    let (high, low) = (q * high, q * low);
    let e = high + low;
    let r = 1.0 / ((1.0 + q) + e);
    let twice = r + r;
    let (y, p) = (twice - 1.0, 2.0 - twice);
    // 2r is 1 + y, so that e need not be rounded once more.
    let missing = ((p - q * twice) - high) - (low + y * e);
    let shift = r * missing;
    let y = y + shift;
    [y, p * twice - y * (shift + shift)]
}

/// `tanh x`, within 1.1 units.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let [y, _] = hyperbolic(x);
    if x.abs() < SMALL { x } else { y.copysign(x) }
}

/// `1 - tanh²x`, within 1.4 units where it is normal, and four units where it is not.
#[inline(always)]
pub(super) fn tanh_slope(x: f32) -> f32 {
    hyperbolic(x)[1]
}
