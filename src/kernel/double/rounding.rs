//! Signs, comparisons and rounding to integers: whatever needs no rounding error.
//!
//! Here: `abs`, `floor`, `max` and their kin, with the edge cases of `f64`. Not here: approximations.

use std::cmp::Ordering;

use super::{Dd, Pair, scaled};

impl Dd {
    /// Whether the value is NaN.
    pub fn is_nan(self) -> bool {
        self.pair.hi.is_nan()
    }

    /// Whether the value is an infinity.
    pub fn is_infinite(self) -> bool {
        self.pair.hi.is_infinite()
    }

    /// Whether the value is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.pair.hi.is_finite()
    }

    /// Whether the sign bit is set, as for `f64` also of -0 and NaN.
    pub fn is_sign_negative(self) -> bool {
        self.pair.hi.is_sign_negative()
    }

    /// The value without its sign.
    pub fn abs(self) -> Self {
        if self.is_sign_negative() { -self } else { self }
    }

    /// 1 or -1 with the sign of `self`, and NaN for NaN.
    pub fn signum(self) -> Self {
        Self::new(self.pair.hi.signum())
    }

    /// The size of `self` with the sign of `sign`.
    pub fn copysign(self, sign: Self) -> Self {
        if self.is_sign_negative() == sign.is_sign_negative() {
            self
        } else {
            -self
        }
    }

    /// The larger of two values, or the other one if one is NaN.
    pub fn max(self, other: Self) -> Self {
        if self.is_nan() || self < other {
            other
        } else {
            self
        }
    }

    /// The smaller of two values, or the other one if one is NaN.
    pub fn min(self, other: Self) -> Self {
        if self.is_nan() || self > other {
            other
        } else {
            self
        }
    }

    /// The largest integer not above the value.
    pub fn floor(self) -> Self {
        self.whole(f64::floor)
    }

    /// The smallest integer not below the value.
    pub fn ceil(self) -> Self {
        self.whole(f64::ceil)
    }

    /// The integer part, rounded towards 0.
    pub fn trunc(self) -> Self {
        if self.is_sign_negative() {
            self.ceil()
        } else {
            self.floor()
        }
    }

    /// The part after the point, with the sign of the value.
    pub fn fract(self) -> Self {
        self - self.trunc()
    }

    /// The nearest integer, halves away from 0.
    pub fn round(self) -> Self {
        let whole = self.trunc();
        if self.is_finite() && (self - whole).abs() >= Self::new(0.5) {
            whole + self.signum()
        } else {
            whole
        }
    }

    /// The value rounded to an integer as `round` does it.
    fn whole(self, round: fn(f64) -> f64) -> Self {
        match self.power {
            0 => self.pair.whole(round).into(),
            // Any fraction with this sign is rounded alike.
            ..0 => Self::new(round(0.5f64.copysign(self.pair.hi))),
            // The high part is an integer.
            power => {
                let low = scaled(self.pair.lo, power);
                let whole = round(low);
                if whole == low {
                    return self;
                }
                Self::at(Pair::exact_sum(self.pair.hi, scaled(whole, -power)), power)
            }
        }
    }
}

impl Pair {
    fn whole(self, round: fn(f64) -> f64) -> Self {
        let high = round(self.hi);
        if high == self.hi {
            Self::ordered_sum(high, round(self.lo))
        } else {
            Self::of(high)
        }
    }
}

impl PartialOrd for Dd {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.power == other.power {
            self.pair.partial_cmp(&other.pair)
        } else {
            self.far_cmp(*other)
        }
    }
}

impl Dd {
    /// The order of two numbers with different powers.
    #[cold]
    #[inline(never)]
    fn far_cmp(self, other: Self) -> Option<Ordering> {
        let (x, y) = (self.pair.hi, other.pair.hi);
        let same_sign = x.is_sign_negative() == y.is_sign_negative();
        let sizes = x != 0.0 && y != 0.0 && self.is_finite() && other.is_finite();
        if !(same_sign && sizes) {
            return x.partial_cmp(&y);
        }
        // A near number stands between those with powers below 0 and above.
        let by_size = self.power.cmp(&other.power);
        Some(if x > 0.0 { by_size } else { by_size.reverse() })
    }
}
