//! Roots and powers.
//!
//! Here: `sqrt`, `cbrt`, `hypot` by Newton steps from the `f64` root, and powers. Not here: `exp` itself.

use num_traits::Zero;

use super::{Dd, MOST, Pair, constants};

/// Up to this power repeated multiplication is more accurate than `exp(y ln x)`.
const SMALL_POWER: i32 = 64;

impl Dd {
    /// The square root, NaN below 0.
    pub fn sqrt(self) -> Self {
        let plain = self.pair.hi.sqrt();
        if plain == 0.0 || !plain.is_finite() {
            return Self::new(plain);
        }
        let half = self.power.div_euclid(2);
        let near = self.pair.scale(self.power - 2 * half);
        Self::at(near.square_root(), half)
    }

    /// The cube root, of negative numbers too.
    pub fn cbrt(self) -> Self {
        if self.is_zero() || !self.is_finite() {
            return self;
        }
        let third = self.power.div_euclid(3);
        let near = self.pair.scale(self.power - 3 * third);
        Self::at(near.cube_root(), third)
    }

    /// The length of the hypotenuse, without overflow on the way.
    pub fn hypot(self, other: Self) -> Self {
        if self.is_infinite() || other.is_infinite() {
            return Self::INFINITY;
        }
        let sum = self.abs() + other.abs();
        if sum.is_nan() || self.is_zero() || other.is_zero() {
            return sum;
        }
        let exponent = self.abs().max(other.abs()).exponent();
        let (x, y) = (self.scale(-exponent), other.scale(-exponent));
        (x * x + y * y).sqrt().scale(exponent)
    }

    /// `self` to an integer power, with 1 for the power 0.
    ///
    /// The relative error grows with the power, as that of [`powf`](Self::powf).
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
    ///
    /// The relative error grows with `power`: about as many units of [`Dd::EPSILON`].
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
        let end = if grows { Self::INFINITY } else { Self::ZERO };
        if self.is_zero() || self.is_infinite() || power.is_infinite() {
            return if self == Self::ONE { Self::ONE } else { end };
        }
        if power.hi().abs() <= f64::from(SMALL_POWER) && power == power.trunc() {
            return self.powi(power.hi() as i32);
        }
        if power.power != 0 {
            return (power * self.ln()).exp();
        }
        // 2^(e p) (1 + r)^p, in which the first power has no error: e p is known exactly.
        let (exponent, rest) = self.by_power_of_two();
        let [high, low] =
            [power.pair.hi, power.pair.lo].map(|part| Pair::exact_product(part, exponent));
        if high.hi.abs() > 2.0 * f64::from(MOST) {
            return end;
        }
        let whole = high.hi.round();
        let less = (high - Pair::of(whole) + low) * constants::LN_2;
        let natural = power * Self::from(rest.near_ln_1p()) + Self::from(less);
        natural.exp().scale(whole as i32)
    }

    /// Whether the value is an odd integer.
    fn is_odd(self) -> bool {
        let half = self.scale(-1);
        self.is_finite() && self == self.trunc() && half != half.trunc()
    }
}

impl Pair {
    /// The square root of a near number above 0.
    fn square_root(self) -> Self {
        let root = self.hi.sqrt();
        let rest = self - Self::exact_product(root, root);
        let root = Self::ordered_sum(root, rest.hi / (2.0 * root));
        // A second step costs little and makes up for the rounding of the first.
        let rest = self - root * root;
        root + Self::of(rest.hi / (2.0 * root.hi))
    }

    /// The cube root of a near number other than 0.
    fn cube_root(self) -> Self {
        let root = Self::of(self.hi.cbrt());
        let square = root * root;
        let root = root - (square * root - self) / square.times(3.0);
        let square = root * root;
        let step = (square * root - self).hi / (3.0 * square.hi);
        root - Self::of(step)
    }
}
