//! `x Φ(x)` with Φ the normal distribution function, its approximation by the logistic function, and their slopes, for
//! `f32` in `f64`, without branches.
//!
//! The mass of a tail is the density times Mills' ratio `M(a) = Φ(-a) / φ(a)`, and `(a + 4) M(a)` is a polynomial in
//! `1 / (a + 4)` on 0 ≤ a ≤ 15. The slope is 0 where `M(a) = a`; near that point the two cancel, so the polynomial is
//! that of their difference divided by `a - a_0`. Both are interpolated at Chebyshev points in 70 digits.

use super::exponential::{clamp, exp, polynomial};
use super::logistic::sigmoid;

/// From here on, in `f32`, nothing is left on the left, and nothing is missing on the right.
const FAR: f64 = 15.0;

/// The same for the approximation.
const BEYOND: f64 = 40.0;

/// `2√(2/π)`, and the coefficient of the cubic term (Hendrycks and Gimpel, arXiv:1606.08415).
const ROOT: f64 = 1.595_769_121_605_730_7;
const CUBIC: f64 = 0.044_715;

/// What is added to `a`, and the line that maps `1 / (a + 4)` to [-1, 1].
const POLE: f64 = 4.0;
const LINE: [f64; 2] = [10.133_333_333_333_333, 1.533_333_333_333_333_4];

/// `(a + 4) M(a)`; the relative error is 2^-36.4. Seven powers, then the seven that follow.
const RATIO: [[f64; 7]; 2] = [
    [
        2.261_689_689_930_289,
        1.579_217_779_706_023_2,
        0.814_880_280_237_776_3,
        0.295_974_967_855_280_55,
        0.063_796_911_113_358_25,
        0.001_346_988_475_161_265_3,
        -0.003_364_290_381_004_941,
    ],
    [
        -0.000_508_538_559_377_078_4,
        0.000_195_077_922_136_708_18,
        4.489_093_469_285_464e-5,
        -1.529_623_856_699_478_7e-5,
        -3.207_848_249_859_542e-6,
        1.142_382_015_320_152e-6,
        1.535_466_281_997_564_6e-7,
    ],
];

/// `(M(a) - a) / (a - a_0)`; the relative error is 2^-40.7.
const DIFFERENCE: [[f64; 7]; 2] = [
    [
        -1.220_561_825_272_772,
        -0.263_057_194_238_106_5,
        -0.126_371_697_341_984_86,
        -0.045_436_148_453_025_293,
        -0.010_927_692_333_090_985,
        -0.001_088_267_175_167_842_9,
        0.000_263_953_751_213_887_1,
    ],
    [
        8.816_636_933_912_77e-5,
        -7.565_711_427_065_672_5e-6,
        -5.841_927_787_390_54e-6,
        4.588_909_347_679_919e-7,
        4.089_052_092_305_081e-7,
        -3.907_016_808_325_381e-8,
        -2.382_530_946_832_011_2e-8,
    ],
];

/// `a_0` to the nearest `f64`, and what that leaves out.
const ZERO: [f64; 2] = [0.751_791_524_693_564_5, -1.495_675_917_700_988_3e-17];

/// The density at 0.
const PEAK: f64 = 0.398_942_280_401_432_7;

/// `1 / (a + 4)`, and a polynomial in it.
#[inline(always)]
fn rational(c: [[f64; 7]; 2], a: f64) -> [f64; 2] {
    let per = 1.0 / (a + POLE);
    let x = per * LINE[0] - LINE[1];
    let cube = (x * x) * x;
    let p = polynomial(c[0], x) + polynomial(c[1], x) * ((cube * cube) * x);
    [per, p]
}

/// `e^(-a²/2) / √(2π)`; the square of an `f32` is exact.
#[inline(always)]
fn density(a: f64) -> f64 {
    PEAK * exp::<false>(-0.5 * (a * a))
}

/// Mills' ratio `Φ(-a) / φ(a)` of a number that is not negative.
#[inline(always)]
pub(super) fn mills(a: f64) -> f64 {
    let [per, p] = rational(RATIO, clamp(a, 0.0, FAR));
    p * per
}

/// `x Φ(x)`.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    let x = clamp(f64::from(x), -FAR, f64::INFINITY);
    let a = clamp(x.abs(), 0.0, FAR);
    let tail = density(a) * mills(a);
    (x * if x < 0.0 { tail } else { 1.0 - tail }) as f32
}

/// `Φ(x) + x φ(x)`, on the left `φ(a) (M(a) - a)`; the slopes at `x` and `-x` add up to 1.
#[inline(always)]
pub(super) fn gelu_slope(x: f32) -> f32 {
    let x = f64::from(x);
    let a = clamp(x.abs(), 0.0, FAR);
    let [_, p] = rational(DIFFERENCE, a);
    let left = density(a) * (p * ((a - ZERO[0]) - ZERO[1]));
    (if x < 0.0 { left } else { 1.0 - left }) as f32
}

/// `x σ(v)` with `v = 2√(2/π) (x + 0.044715 x³)`.
#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> f32 {
    let x = clamp(f64::from(x), -BEYOND, f64::INFINITY);
    (x * sigmoid::<false>(ROOT * x * (1.0 + CUBIC * (x * x)))) as f32
}

/// `σ(v) (1 + x v' σ(-v))`, on the left `e (1 + x v' + e) / (1 + e)²` with `e = e^v`; the slopes at `x` and `-x` add up
/// to 1.
#[inline(always)]
pub(super) fn gelu_tanh_slope(x: f32) -> f32 {
    let x = f64::from(x);
    let a = clamp(x.abs(), 0.0, BEYOND);
    let cubic = CUBIC * (a * a);
    let (v, steep) = (ROOT * a * (1.0 + cubic), ROOT * a * (1.0 + 3.0 * cubic));
    let e = exp::<true>(-v);
    let left = e * ((1.0 - steep) + e) / ((1.0 + e) * (1.0 + e));
    (if x < 0.0 { left } else { 1.0 - left }) as f32
}
