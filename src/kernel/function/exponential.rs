//! `e^x` and `e^x - 1` in `f64`, without branches, tables, calls or fused multiply-adds.
//!
//! So compilers can vectorize them, and every level gives the same bits. With `FULL` they have the accuracy of an
//! `f64`; without it results are good to 2^-31, enough to be rounded to `f32` once.
//!
//! The argument is reduced by Cody and Waite's method (Software Manual for the Elementary Functions, 1980, chapter 6).
//! In full accuracy what remains is split at 2^-25: then the first terms of the series of its upper part are exact, and
//! what is rounded is too small to count.

use std::f64::consts::LOG2_E;

/// ln 2 in two parts, the first so short that its product with any exponent is exact (fdlibm, `e_exp.c`).
pub(super) const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];

/// Adding this rounds to whole numbers, which are the low bits of the sum: 1.5 · 2^52.
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// Adding and subtracting this rounds to multiples of 2^-25: 1.5 · 2^27.
const GRID: f64 = 201_326_592.0;

/// Beyond these `e^x` is 0, even times `x`, or infinite: in `f32`, and in `f64`.
const ENDS: [[f64; 2]; 2] = [[-200.0, 200.0], [-760.0, 710.0]];

/// The same for powers of 2, with a margin for what they are multiplied by.
const BEYOND: f64 = 1000.0;

/// 2^-128, the last factor of results that are too small for the exponent of a normal number.
const TINY: f64 = 1.0 / (1u128 << 127) as f64 / 2.0;

/// `q` of `e^r = 1 + r + r²/2 + r³ q(r)` on |r| ≤ ln 2 / 2, the highest power last: interpolated at Chebyshev points
/// in 70 digits, the error of e^r is 2^-60.9.
const LONG: [f64; 10] = [
    0.166_666_666_666_666_69,
    0.041_666_666_666_666_664,
    0.008_333_333_333_330_065,
    0.001_388_888_888_888_655_4,
    1.984_126_986_304_054_5e-4,
    2.480_158_731_713_516_4e-5,
    2.755_726_848_031_002_4e-6,
    2.755_728_298_405_588e-7,
    2.510_037_583_256_123_4e-8,
    2.091_122_972_975_856e-9,
];

/// `p` of `2^f = 1 + f p(f)` on |f| ≤ 1/2, likewise; the error of 2^f - 1 is 2^-31.8 of it.
const SHORT: [f64; 7] = [
    std::f64::consts::LN_2,
    0.240_226_509_222_913_5,
    0.055_504_108_839_098_18,
    0.009_618_056_677_971_448,
    0.001_333_350_238_573_697_5,
    1.546_144_491_986_356_4e-4,
    1.529_732_393_103_067e-5,
];

/// `(1 + head + tail) 2^n`.
#[derive(Clone, Copy)]
struct Parts {
    head: f64,
    tail: f64,
    /// `n` in the low bits.
    n: f64,
}

/// The upper part of a number, of 25 binary places; 0 for a small number, which is all lower part.
#[inline(always)]
pub(super) fn upper(x: f64) -> f64 {
    let upper = (x + GRID) - GRID;
    if x.abs() < 1.0 / 4096.0 { 0.0 } else { upper }
}

/// `2^n`, `n` in the low bits of the number, for normal results.
#[inline(always)]
fn power(n: f64) -> f64 {
    f64::from_bits(n.to_bits().wrapping_add(1023) << 52)
}

/// A polynomial, the constant first.
#[inline(always)]
pub(super) fn polynomial<const N: usize>(c: [f64; N], x: f64) -> f64 {
    // Even and odd powers: two short chains instead of a long one.
    let square = x * x;
    let (mut even, mut odd) = (0.0, 0.0);
    let mut k = N;
    while k > 0 {
        k -= 1;
        if k & 1 == 0 {
            even = if k + 2 < N {
                even * square + c[k]
            } else {
                c[k]
            };
        } else {
            odd = if k + 2 < N { odd * square + c[k] } else { c[k] };
        }
    }
    odd * x + even
}

/// Clamps `x`; NaN stays.
#[inline(always)]
pub(super) fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[inline(always)]
fn parts(x: f64) -> Parts {
    let n = x * LOG2_E + ROUND;
    let whole = n - ROUND;
    let high = x - whole * LN_2[0];
    let low = whole * LN_2[1];
    let r = high - low;
    let h = upper(high);
    let l = (high - h) - low;
    let cube = (r * r) * r;
    Parts {
        head: h + h * h * 0.5,
        tail: l + (l * (0.5 * (h + r)) + cube * polynomial(LONG, r)),
        n,
    }
}

/// `(w, n)` with `e^x = (1 + w) 2^n`, with no more accuracy than `f32` needs.
#[inline(always)]
fn short(x: f64) -> (f64, f64) {
    binary(x * LOG2_E)
}

/// `(w, n)` with `2^t = (1 + w) 2^n`, likewise.
#[inline(always)]
fn binary(t: f64) -> (f64, f64) {
    let n = t + ROUND;
    let f = t - (n - ROUND);
    // By pairs: the chain of dependent steps is half as long as by even and odd powers, which is 2 to 4 % of a chain of
    // tanh and sigmoid.
    let (square, c) = (f * f, SHORT);
    let low = (c[0] + c[1] * f) + (c[2] + c[3] * f) * square;
    let high = (c[4] + c[5] * f) + c[6] * square;
    (f * (low + high * (square * square)), n)
}

/// `e^x` as the product of a normal number and a power of two that differs from 1 only near the ends of the range.
#[inline(always)]
pub(super) fn exp_scaled<const FULL: bool>(x: f64) -> [f64; 2] {
    let [low, high] = ENDS[usize::from(FULL)];
    let x = clamp(x, low, high);
    if !FULL {
        let (w, n) = short(x);
        return [(1.0 + w) * power(n), 1.0];
    }
    let Parts { head, tail, n } = parts(x);
    let sum = (1.0 + head) + tail;
    let (shift, factor) = if x < -708.0 {
        (128.0, TINY)
    } else if x > 709.0 {
        (-1.0, 2.0)
    } else {
        (0.0, 1.0)
    };
    [sum * power(n + shift), factor]
}

/// `e^x`.
#[inline(always)]
pub(super) fn exp<const FULL: bool>(x: f64) -> f64 {
    let [e, factor] = exp_scaled::<FULL>(x);
    e * factor
}

/// `e^x - 1`, accurate to the last bits near 0 as well.
#[inline(always)]
pub(super) fn exp_m1<const FULL: bool>(x: f64) -> f64 {
    // Below the first bound the result is -1; above the second it can only be infinite.
    let y = clamp(x, -50.0, ENDS[usize::from(FULL)][1]);
    if !FULL {
        let (w, n) = short(y);
        let scale = power(n);
        // Keeps the sign of 0.
        return if x == 0.0 {
            x
        } else {
            (scale - 1.0) + scale * w
        };
    }
    let Parts { head, tail, n } = parts(y);
    // Everything is halved, lest the largest results overflow on the way.
    let scale = power(n - 1.0);
    let term = (1.0 + head) * scale;
    let sum = term - 0.5;
    let lost = if term > 0.5 {
        (term - sum) - 0.5
    } else {
        term - (sum + 0.5)
    };
    let half = sum + (lost + tail * scale);
    // Keeps the sign of 0, and the last bit of the smallest numbers.
    if x.abs() < 1e-300 { x } else { 2.0 * half }
}

/// `2^t` with no more accuracy than `f32` needs; exactly 0 or infinite where `f32` has nothing else, whatever it is
/// multiplied by.
#[inline(always)]
pub(super) fn exp_2(t: f64) -> f64 {
    let (w, n) = binary(t);
    let y = (1.0 + w) * power(n);
    let y = if t < -BEYOND { 0.0 } else { y };
    if t > BEYOND { f64::INFINITY } else { y }
}

/// `2^x` of an `f32`.
#[inline(always)]
pub(super) fn exp2(x: f32) -> f32 {
    exp_2(f64::from(x)) as f32
}
