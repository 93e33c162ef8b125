//! Signs, comparisons and rounding to integers: whatever needs no rounding error.
//!
//! Here: `abs`, `floor`, `max` and their kin, with the edge cases of `f64`. Not here: approximations.

use super::Dd;

impl Dd {
    /// Whether the value is NaN.
    pub fn is_nan(self) -> bool {
        self.hi.is_nan()
    }

    /// Whether the value is an infinity.
    pub fn is_infinite(self) -> bool {
        self.hi.is_infinite()
    }

    /// Whether the value is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.hi.is_finite()
    }

    /// Whether the sign bit is set, as for `f64` also of -0 and NaN.
    pub fn is_sign_negative(self) -> bool {
        self.hi.is_sign_negative()
    }

    /// The value without its sign.
    pub fn abs(self) -> Self {
        if self.is_sign_negative() { -self } else { self }
    }

    /// 1 or -1 with the sign of `self`, and NaN for NaN.
    pub fn signum(self) -> Self {
        Self::new(self.hi.signum())
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
        let high = self.hi.floor();
        if high == self.hi {
            Self::ordered_sum(high, self.lo.floor())
        } else {
            Self::new(high)
        }
    }

    /// The smallest integer not below the value.
    pub fn ceil(self) -> Self {
        let high = self.hi.ceil();
        if high == self.hi {
            Self::ordered_sum(high, self.lo.ceil())
        } else {
            Self::new(high)
        }
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
}
