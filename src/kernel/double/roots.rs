//! Roots and powers.
//!
//! Here: `sqrt`, `cbrt`, `hypot` by one Newton step from the `f64` root, and powers. Not here: `exp` itself.

use super::Dd;

/// Up to this power repeated multiplication is more accurate than `exp(y ln x)`.
const SMALL_POWER: i32 = 64;

impl Dd {
    /// The square root, NaN below 0.
    pub fn sqrt(self) -> Self {
        let plain = self.hi.sqrt();
        if plain == 0.0 || !plain.is_finite() {
            return Self::new(plain);
        }
        // Scaled to near 1, since the remainder of a tiny number would be lost to underflow.
        let half = self.exponent().div_euclid(2);
        let near = self.scale(-2 * half);
        let root = near.hi.sqrt();
        let rest = near - Self::exact_product(root, root);
        let root = Self::ordered_sum(root, rest.hi / (2.0 * root));
        // A second step costs little and makes up for the rounding of the first.
        let rest = near - root * root;
        (root + Self::new(rest.hi / (2.0 * root.hi))).scale(half)
    }

    /// The cube root, of negative numbers too.
    pub fn cbrt(self) -> Self {
        if self.hi == 0.0 || !self.is_finite() {
            return self;
        }
        let third = self.exponent().div_euclid(3);
        let near = self.scale(-3 * third);
        let root = Self::new(near.hi.cbrt());
        let square = root * root;
        let root = root - (square * root - near) / square.times(3.0);
        let square = root * root;
        let step = (square * root - near).hi / (3.0 * square.hi);
        (root - Self::new(step)).scale(third)
    }

    /// The length of the hypotenuse, without overflow on the way.
    pub fn hypot(self, other: Self) -> Self {
        if self.is_infinite() || other.is_infinite() {
            return Self::INFINITY;
        }
        let sum = self.abs() + other.abs();
        if sum.is_nan() || self.hi == 0.0 || other.hi == 0.0 {
            return sum;
        }
        let exponent = self.abs().max(other.abs()).exponent();
        let (x, y) = (self.scale(-exponent), other.scale(-exponent));
        (x * x + y * y).sqrt().scale(exponent)
    }

    /// `self` to an integer power, with 1 for the power 0.
    pub fn powi(self, power: i32) -> Self {
        if power.unsigned_abs() > SMALL_POWER.unsigned_abs() {
            return self.powf(Self::new(f64::from(power)));
        }
        let mut base = if power < 0 { self.recip() } else { self };
        let mut left = power.unsigned_abs();
        let mut result = Self::ONE;
        while left > 0 {
            if left % 2 == 1 {
                result *= base;
            }
            left /= 2;
            // The square after the last digit is never used, and could only overflow.
            if left > 0 {
                base *= base;
            }
        }
        result
    }

    /// `self` to the power `power`, with the special values of `f64::powf`.
    pub fn powf(self, power: Self) -> Self {
        if power == Self::ZERO || self == Self::ONE {
            return Self::ONE;
        }
        if self.is_nan() || power.is_nan() {
            return Self::NAN;
        }
        let whole = power == power.trunc();
        if self < Self::ZERO && self.is_finite() && !whole {
            return Self::NAN;
        }
        let size = self.abs().positive_powf(power);
        if self.is_sign_negative() && power.is_odd() {
            -size
        } else {
            size
        }
    }

    /// `self^power` for `self >= 0`, neither NaN.
    fn positive_powf(self, power: Self) -> Self {
        let grows = (self > Self::ONE) == (power > Self::ZERO);
        if self.hi == 0.0 || self.is_infinite() || power.is_infinite() {
            return if self == Self::ONE {
                Self::ONE
            } else if grows {
                Self::INFINITY
            } else {
                Self::ZERO
            };
        }
        if power == power.trunc() && power.hi.abs() <= f64::from(SMALL_POWER) {
            return self.powi(power.hi as i32);
        }
        (power * self.ln()).exp()
    }

    /// Whether the value is an odd integer.
    fn is_odd(self) -> bool {
        let half = self.times(0.5);
        self.is_finite() && self == self.trunc() && half != half.trunc()
    }
}
