//! Exponentials and logarithms.
//!
//! Here: `exp`, `ln` and their kin, each right relative to its own size, also where `exp_m1` and `ln` pass
//! through 0. Not here: powers, which are in `roots`.

use super::{Dd, constants};

/// At and above this e^x exceeds every `f64`; below the negative bound it is less than half the smallest one.
const EXP_TOP: f64 = 709.79;
const EXP_BOTTOM: f64 = -745.14;

impl Dd {
    /// e to the power `self`.
    pub fn exp(self) -> Self {
        match self.far_exp() {
            Some(end) => end,
            None => {
                let (power, rest) = self.by_ln_2();
                (rest.small_exp_m1() + Self::ONE).scale(power)
            }
        }
    }

    /// e to the power `self`, less 1, without cancellation near 0.
    pub fn exp_m1(self) -> Self {
        match self.far_exp() {
            Some(end) => end - Self::ONE,
            // Keeps the sign of -0.
            None if self.hi == 0.0 => self,
            // Out here the 1 is a rounding error or everything, and 2^power might overflow.
            None if self.hi.abs() > 100.0 => self.exp() - Self::ONE,
            None => {
                let (power, rest) = self.by_ln_2();
                let small = rest.small_exp_m1();
                if power == 0 {
                    return small;
                }
                small.scale(power) + (Self::ONE.scale(power) - Self::ONE)
            }
        }
    }

    /// 2 to the power `self`.
    pub fn exp2(self) -> Self {
        if self.is_nan() {
            return self;
        }
        // Beyond ±1100 the result is infinite or 0; the clamp keeps `power` an i32.
        let power = self.hi.clamp(-1100.0, 1100.0).round();
        let rest = self.max(Self::new(-1100.0)).min(Self::new(1100.0)) - Self::new(power);
        ((rest * constants::LN_2).small_exp_m1() + Self::ONE).scale(power as i32)
    }

    /// The natural logarithm: -inf at 0 and NaN below.
    pub fn ln(self) -> Self {
        match self.far_ln() {
            Some(end) => end,
            None => {
                let (power, rest) = self.by_power_of_two();
                constants::LN_2.times(power) + rest.near_ln_1p()
            }
        }
    }

    /// The natural logarithm of `1 + self`, without cancellation near 0.
    pub fn ln_1p(self) -> Self {
        if self.hi.abs() < 0.25 {
            self.near_ln_1p()
        } else {
            (Self::ONE + self).ln()
        }
    }

    /// The logarithm to base 2, exact at powers of 2.
    pub fn log2(self) -> Self {
        match self.far_ln() {
            Some(end) => end,
            None => {
                let (power, rest) = self.by_power_of_two();
                Self::new(power) + rest.near_ln_1p() * constants::LOG2_E
            }
        }
    }

    /// The logarithm to base 10.
    pub fn log10(self) -> Self {
        self.ln() * constants::LOG10_E
    }

    /// The logarithm to `base`.
    pub fn log(self, base: Self) -> Self {
        self.ln() / base.ln()
    }

    /// The exponential where it is 0, infinite or NaN.
    fn far_exp(self) -> Option<Self> {
        if self.is_nan() {
            Some(self)
        } else if self.hi > EXP_TOP {
            Some(Self::INFINITY)
        } else if self.hi < EXP_BOTTOM {
            Some(Self::ZERO)
        } else {
            None
        }
    }

    /// The logarithm where it is infinite or NaN.
    fn far_ln(self) -> Option<Self> {
        if self.hi > 0.0 && self.is_finite() {
            None
        } else {
            Some(Self::new(self.hi.ln()))
        }
    }

    /// `power` and `rest` with `self = power ln 2 + rest` and `|rest|` at most about `ln 2 / 2`.
    fn by_ln_2(self) -> (i32, Self) {
        let power = (self.hi * constants::LOG2_E.hi).round();
        let near = Self::exact_product(power, constants::LN_2.hi);
        // The first difference is exact, so the cancellation costs nothing; the rest of ln 2 comes afterwards.
        let rest = (self - near) - constants::LN_2_REST.times(power);
        (power as i32, rest)
    }

    /// `power` and `rest` with `self = 2^power (1 + rest)` and `1 + rest` between √½ and √2.
    fn by_power_of_two(self) -> (f64, Self) {
        let mut power = self.exponent();
        if self.scale(-power) > constants::SQRT_2 {
            power += 1;
        }
        (f64::from(power), self.scale(-power) - Self::ONE)
    }

    /// `e^x - 1` for `|x|` up to 0.4: Taylor at `x / 32`, then five times `e^2x - 1 = (e^x - 1)(e^x - 1 + 2)`,
    /// in which nothing cancels.
    fn small_exp_m1(self) -> Self {
        if self.hi.abs() < 1e-20 {
            // Two terms suffice, and dividing the smallest numbers would cost bits.
            return self + (self * self).times(0.5);
        }
        let x = self.times(1.0 / 32.0);
        // (0.4 / 32)^14 / 15! is below 2^-115 of the sum.
        let series = (1..14)
            .rev()
            .fold(constants::INVERSE_FACTORIAL[14], |sum, k| {
                constants::INVERSE_FACTORIAL[k] + x * sum
            });
        let two = Self::new(2.0);
        (0..5).fold(x * series, |small, _| small * (small + two))
    }

    /// `ln(1 + x)` for `|x|` up to 0.45: one Newton step on `e^y - 1 = x` from the `f64` logarithm, which
    /// keeps the relative accuracy of `small_exp_m1` near 0.
    fn near_ln_1p(self) -> Self {
        if self.hi == 0.0 {
            return self;
        }
        let start = Self::new(self.hi.ln_1p());
        let reached = start.small_exp_m1();
        let step = (self - reached) / (reached + Self::ONE);
        // ln(1 + step), whose third order is below 2^-150.
        start + (step - Self::new(0.5 * step.hi * step.hi))
    }
}
