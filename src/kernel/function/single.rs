//! `e^x`, the logistic function and the hyperbolic tangent in the digits of an `f32`, so that a vector holds as many
//! numbers as it can.
//!
//! They take half to two thirds of the time of the forms in `f64`, for errors of about one unit in the last place where
//! those give half a unit. As everywhere in this folder there is no branch, table or call. With `FUSED`, products are
//! fused with sums: a third fewer instructions, and these loops are bound by their number. What is said to be exact
//! is exact either way, and the bounds, those of all numbers from 2^-13 to 2^7 and of a sample of the others, hold for
//! both.

use std::f32::consts::LOG2_E;

/// ln 2 in two parts, the first of 16 bits, so that its product with any exponent is exact.
const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];

/// Adding one of these rounds to a whole number n and leaves, in the low bits of the sum, the exponent of a power of
/// two with its bias of 127, for normal powers: 2^(n - 2) and 2^(n + 64). They are 1.5 · 2^23 + 127 and the shift.
const ROUND_LARGE: f32 = 12_583_037.0;
const ROUND_SMALL: f32 = 12_583_103.0;

/// 2^-64, the last factor of results that may be too small for the exponent of a normal number.
const TINY: f32 = 1.0 / (1u64 << 63) as f32 / 2.0;

/// Below the first `e^x` is 0; above the second it is infinite.
const ENDS: [f32; 2] = [-110.0, 89.0];

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

/// `a b + c`, rounded once with `FUSED`; without it two instructions, not the call that would round once, too.
#[inline(always)]
fn mul_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `(high, low, power)` with `e^x = (1 + high + low) 2^n`, `high` exact, and the power of two that `round` makes of n;
/// with `DECAY` for e^-x, one term shorter.
#[inline(always)]
fn parts<const FUSED: bool, const DECAY: bool>(x: f32, round: f32) -> [f32; 3] {
    // Negated here, in operations that can: negating what was clamped makes three instructions of a minimum.
    let sum = mul_add::<FUSED>(x, if DECAY { -LOG2_E } else { LOG2_E }, round);
    let whole = sum - round;
    // The first difference is exact, and what the second subtracts is small: it is rounded with the small terms.
    let high = mul_add::<FUSED>(-whole, LN_2[0], if DECAY { -x } else { x });
    let low = whole * LN_2[1];
    let r = high - low;
    let square = r * r;
    let [even, odd] = if DECAY {
        let even = mul_add::<FUSED>(SHORT[4], square, SHORT[2]);
        let even = mul_add::<FUSED>(even, square, SHORT[0]);
        [even, mul_add::<FUSED>(SHORT[3], square, SHORT[1])]
    } else {
        let even = mul_add::<FUSED>(EXP[4], square, EXP[2]);
        let even = mul_add::<FUSED>(even, square, EXP[0]);
        let odd = mul_add::<FUSED>(EXP[5], square, EXP[3]);
        [even, mul_add::<FUSED>(odd, square, EXP[1])]
    };
    let q = mul_add::<FUSED>(odd, r, even);
    let power = f32::from_bits(sum.to_bits() << 23);
    [high, mul_add::<FUSED>(square, q, -low), power]
}

/// `e^x`, within 0.92 units. The power of two comes last, so that a subnormal result is rounded once.
#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f32) -> f32 {
    // NaN stays.
    let x = if x < ENDS[0] { ENDS[0] } else { x };
    let x = if x > ENDS[1] { ENDS[1] } else { x };
    // Shifted, lest the power leave the range where the result does not.
    let (round, factor) = match x > 0.0 {
        true => (ROUND_LARGE, 4.0),
        false => (ROUND_SMALL, TINY),
    };
    let [high, low, power] = parts::<FUSED, false>(x, round);
    mul_add::<FUSED>(power, high + low, power) * factor
}

/// `(q, high, low)` with `e^-x = q (1 + high + low)`, q a power of two, for x ≥ 0.
#[inline(always)]
fn decay<const FUSED: bool>(x: f32) -> [f32; 3] {
    let x = if x > -ENDS[0] { -ENDS[0] } else { x };
    let [high, low, power] = parts::<FUSED, true>(x, ROUND_SMALL);
    [power * TINY, high, low]
}

/// The logistic function at |x| and at -|x|, and its slope.
///
/// Let `q (1 + w)` be the exponential of -|x|, e = q w, and r the quotient `1 / (1 + q + e)`, rounded. What its
/// product with the divisor lacks of 1 is m = `(1 - r - q r) - e r`: all but the last product is exact, and that has
/// the size of e. So r is corrected to the last bit, to `r + r m`, and `1 - r`, which is exact too, becomes the
/// logistic function on the other side with all its digits.
#[inline(always)]
fn logistic<const FUSED: bool>(x: f32) -> [f32; 3] {
    let [q, high, low] = decay::<FUSED>(x.abs());
    let e = q * (high + low);
    let r = 1.0 / ((1.0 + q) + e);
    let p = 1.0 - r;
    let m = mul_add::<FUSED>(-e, r, mul_add::<FUSED>(-q, r, p));
    let above = mul_add::<FUSED>(r, m, r);
    // 1 / (1 - m) is 1 + m only to first order; the next power counts where the exponential is about the last bit of 1.
    let below = mul_add::<FUSED>(-above, m, p);
    // The product of the two with r (1 + m) for the first: (p - above m) (1 + m) is p - (above - below) m.
    let slope = r * mul_add::<FUSED>(below - above, m, p);
    [above, below, slope]
}

/// `1 / (1 + e^-x)`, within 1.31 units.
#[inline(always)]
pub(super) fn sigmoid<const FUSED: bool>(x: f32) -> f32 {
    let [above, below, _] = logistic::<FUSED>(x);
    if x < 0.0 { below } else { above }
}

/// `σ(x) σ(-x)`, within 1.64 units.
#[inline(always)]
pub(super) fn sigmoid_slope<const FUSED: bool>(x: f32) -> f32 {
    logistic::<FUSED>(x)[2]
}

/// tanh |x| and its slope.
///
/// From the same quotient at 2x: tanh is `2r - 1`, again exact, plus twice the correction of r. Near 0 the correction
/// is the greater part; its terms are added up in an order that keeps all its digits.
#[inline(always)]
fn hyperbolic<const FUSED: bool>(x: f32) -> [f32; 2] {
    let [q, high, low] = decay::<FUSED>(2.0 * x.abs());
    let low = q * low;
    let e = mul_add::<FUSED>(q, high, low);
    let r = 1.0 / ((1.0 + q) + e);
    let twice = r + r;
    let (y, p) = (twice - 1.0, 2.0 - twice);
    // Twice the m of the logistic function. 2r is 1 + y, so that e need not be rounded once more.
    let exact = mul_add::<FUSED>(-q, high, mul_add::<FUSED>(-q, twice, p));
    let m = exact - mul_add::<FUSED>(y, e, low);
    let y = mul_add::<FUSED>(r, m, y);
    // 1 - y² is p 2r for the old y, 2r - 1, and r m (y + old y) less for the new one.
    [y, twice * mul_add::<FUSED>(-y, m, p)]
}

/// `tanh x`, within 1.1 units.
#[inline(always)]
pub(super) fn tanh<const FUSED: bool>(x: f32) -> f32 {
    let [y, _] = hyperbolic::<FUSED>(x);
    if x.abs() < SMALL { x } else { y.copysign(x) }
}

/// `1 - tanh²x`, within 1.57 units from 2^-124 on, and within 4.1 units below.
#[inline(always)]
pub(super) fn tanh_slope<const FUSED: bool>(x: f32) -> f32 {
    hyperbolic::<FUSED>(x)[1]
}
