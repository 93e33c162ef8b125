//! Pairs: what a double-double is as long as its exponent is moderate.
//!
//! Here: the sum of two `f64`, and arithmetic with the error bounds of Joldes, Muller and Popescu, "Tight and rigorous
//! error bounds for basic building blocks of double-word arithmetic" (ACM TOMS 44, 2017). Not here: what happens at
//! the ends of the exponent range, which `Dd` keeps away from.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The unevaluated sum of two `f64`; `hi` is the sum rounded, and `lo` is 0 if that is 0, infinite or NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(super) struct Pair {
    pub(super) hi: f64,
    pub(super) lo: f64,
}

/// Exponents up to this size are near: sums, products and quotients of such numbers, and what these algorithms compute
/// on the way, keep all bits in `f64`, whose exponents end at -1022 and 1023.
pub(super) const NEAR: i32 = 400;

impl Pair {
    pub(super) const ONE: Self = Self::of(1.0);

    /// The pair as it is; the caller keeps the invariant.
    pub(super) const fn new(hi: f64, lo: f64) -> Self {
        Self { hi, lo }
    }

    /// The pair equal to `x`.
    pub(super) const fn of(x: f64) -> Self {
        Self::new(x, 0.0)
    }

    /// `x + y` without error (Knuth's TwoSum).
    pub(super) fn exact_sum(x: f64, y: f64) -> Self {
        let sum = x + y;
        if sum == 0.0 || !sum.is_finite() {
            return Self::of(sum);
        }
        let most = sum - x;
        Self::new(sum, (x - (sum - most)) + (y - most))
    }

    /// `x + y` without error, for `|x| >= |y|` (Dekker's Fast2Sum).
    pub(super) fn ordered_sum(x: f64, y: f64) -> Self {
        if y == 0.0 {
            // Not x + y, so that -0 stays what it is.
            return Self::of(x);
        }
        let sum = x + y;
        if !sum.is_finite() {
            return Self::of(sum);
        }
        Self::new(sum, y - (sum - x))
    }

    /// `x * y` without error as long as the low part stays above the smallest subnormal.
    pub(super) fn exact_product(x: f64, y: f64) -> Self {
        let product = x * y;
        if product == 0.0 || !product.is_finite() {
            return Self::of(product);
        }
        Self::new(product, x.mul_add(y, -product))
    }

    /// `self * factor` for a plain `f64` (algorithm 9 of the paper).
    pub(super) fn times(self, factor: f64) -> Self {
        let high = Self::exact_product(self.hi, factor);
        if high.hi == 0.0 || !high.hi.is_finite() {
            return high;
        }
        Self::ordered_sum(high.hi, self.lo.mul_add(factor, high.lo))
    }

    /// `self * 2^power`, exact unless a part leaves the range of `f64`.
    pub(super) const fn scale(self, power: i32) -> Self {
        Self::new(scaled(self.hi, power), scaled(self.lo, power))
    }

    /// The binary exponent of a finite value other than 0: `2^exponent <= |hi| < 2^(exponent + 1)`.
    pub(super) const fn exponent(self) -> i32 {
        match field(self.hi) {
            // Subnormal: 2^54 lifts it into the normal range.
            0 => field(self.hi * two_to(54)) - 1023 - 54,
            biased => biased - 1023,
        }
    }

    /// Whether the exponent is near, or there is none.
    #[inline]
    pub(super) const fn is_near(self) -> bool {
        let biased = field(self.hi);
        (biased - (1023 - NEAR)) as u32 <= 2 * NEAR as u32 || self.hi == 0.0 || biased == 0x7ff
    }
}

impl Neg for Pair {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.hi, -self.lo)
    }
}

impl Add for Pair {
    type Output = Self;

    /// Algorithm 6 of the paper: relative error below 3 · 2^-106, also under cancellation.
    fn add(self, other: Self) -> Self {
        let high = Self::exact_sum(self.hi, other.hi);
        if !high.hi.is_finite() {
            return high;
        }
        let low = Self::exact_sum(self.lo, other.lo);
        if high.hi == 0.0 {
            // The sign of an exact zero is the one f64 gives; 0 + -0 of the low parts would lose it.
            return if low.hi == 0.0 { high } else { low };
        }
        let partial = Self::ordered_sum(high.hi, high.lo + low.hi);
        Self::ordered_sum(partial.hi, partial.lo + low.lo)
    }
}

impl Sub for Pair {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Pair {
    type Output = Self;

    /// Algorithm 12 of the paper: relative error below 4 · 2^-106.
    fn mul(self, other: Self) -> Self {
        let high = Self::exact_product(self.hi, other.hi);
        if high.hi == 0.0 || !high.hi.is_finite() {
            return high;
        }
        let cross = self.lo * other.lo;
        let cross = self.hi.mul_add(other.lo, cross);
        let cross = self.lo.mul_add(other.hi, cross);
        Self::ordered_sum(high.hi, high.lo + cross)
    }
}

impl Div for Pair {
    type Output = Self;

    /// Long division in three digits.
    fn div(self, other: Self) -> Self {
        let first = self.hi / other.hi;
        // Zeros, infinities and NaN on either side: f64 has the answer, and a remainder would be NaN.
        if first == 0.0 || !first.is_finite() {
            return Self::of(first);
        }
        let rest = self - other.times(first);
        let second = rest.hi / other.hi;
        let rest = rest - other.times(second);
        let third = rest.hi / other.hi;
        Self::exact_sum(first, second) + Self::of(third)
    }
}

/// `x * 2^power`, rounded at most once if the result is normal, in two steps by powers that `f64` can hold.
pub(super) const fn scaled(x: f64, power: i32) -> f64 {
    // Beyond ±2044 a part of a near number leaves the range of f64, whatever it was.
    let power = match power {
        2045.. => 2044,
        ..=-2045 => -2044,
        _ => power,
    };
    x * two_to(power / 2) * two_to(power - power / 2)
}

/// `2^power` for a power within -1022..=1023.
const fn two_to(power: i32) -> f64 {
    debug_assert!(power >= -1022 && power <= 1023, "2^power is normal");
    f64::from_bits(((power + 1023) as u64) << 52)
}

/// The eleven bits of the exponent.
const fn field(x: f64) -> i32 {
    ((x.to_bits() >> 52) & 0x7ff) as i32
}
