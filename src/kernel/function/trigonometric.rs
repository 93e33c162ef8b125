//! Sine, cosine and tangent for `f32` in `f64`, without branches, where the argument is not large.
//!
//! The nearest multiple of π, or of π/2, is subtracted in two parts (Cody and Waite, as in `exponential`), of which the
//! first has 33 bits: its product with a whole number of 20 bits is exact, and so is what it leaves of the argument.
//! The second loses 2^-66, while no `f32` in range but 0 comes nearer to a zero than 2^-27.9. For larger arguments the
//! result is NaN, and the op falls back on its own formula.
//!
//! The sine and cosine of `f64` are in `wave`. Polynomials are interpolated at Chebyshev points in 70 digits.

use std::f64::consts::{FRAC_1_PI, FRAC_2_PI};

use super::exponential::{ROUND, polynomial};

/// Beyond this the whole numbers have too many bits: 2^20.
pub(super) const FAR: f64 = 1_048_576.0;

/// π in two parts.
const PI: [f64; 2] = [3.141_592_653_468_251_2, 1.215_420_101_301_238_4e-10];

/// `p` of `sin r = r (1 + s p(s))`, s = r², on |r| ≤ π/2; the relative error is 2^-33.1.
const SIN: [f64; 5] = [
    -0.166_666_666_638_798_5,
    0.008_333_332_768_529_359,
    -1.984_108_650_700_057e-4,
    2.753_645_944_364_609e-6,
    -2.408_009_508_712_208e-8,
];

/// `tan r = r p(s) / q(s)` on |r| ≤ π/4; the relative error is 2^-35.1.
const TAN: [[f64; 3]; 2] = [
    [
        1.000_000_000_018_241_2,
        -0.111_356_715_167_765_31,
        0.001_074_828_393_509_419,
    ],
    [1.0, -0.444_690_047_031_099_77, 0.015_971_492_244_314_74],
];

/// `x - k π unit`, NaN if `x` is large.
#[inline(always)]
fn rest(x: f64, k: f64, unit: f64) -> f64 {
    let r = (x - k * (PI[0] * unit)) - k * (PI[1] * unit);
    if x.abs() <= FAR { r } else { f64::NAN }
}

/// `(-1)^n sin r`, n in the low bits.
#[inline(always)]
fn wave(r: f64, n: f64) -> f64 {
    let s = r * r;
    let y = r * (1.0 + s * polynomial(SIN, s));
    f64::from_bits(y.to_bits() ^ (n.to_bits() << 63))
}

/// `sin x`.
#[inline(always)]
pub(super) fn sin(x: f32) -> f32 {
    let x = f64::from(x);
    let n = x * FRAC_1_PI + ROUND;
    wave(rest(x, n - ROUND, 1.0), n) as f32
}

/// `cos x`, as a sine around the nearest of its zeros.
#[inline(always)]
pub(super) fn cos(x: f32) -> f32 {
    let x = f64::from(x);
    let n = (x * FRAC_1_PI - 0.5) + ROUND;
    -wave(rest(x, (n - ROUND) + 0.5, 1.0), n) as f32
}

/// `-sin x`.
#[inline(always)]
pub(super) fn minus_sin(x: f32) -> f32 {
    -sin(x)
}

/// `tan x`, near the poles as `-1 / tan r`.
#[inline(always)]
pub(super) fn tan(x: f32) -> f32 {
    let x = f64::from(x);
    let n = x * FRAC_2_PI + ROUND;
    let r = rest(x, n - ROUND, 0.5);
    let s = r * r;
    let (up, down) = (r * polynomial(TAN[0], s), polynomial(TAN[1], s));
    let odd = n.to_bits() & 1 == 1;
    let (up, down) = if odd { (-down, up) } else { (up, down) };
    (up / down) as f32
}
