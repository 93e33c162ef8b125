//! Exponentials and logarithms.
//!
//! Here: `exp`, `ln` and their kin, each right relative to its own size, also where `exp_m1` and `ln` pass
//! through 0. Not here: powers, which are in `roots`.

use super::{Dd, Pair, constants};

/// Beyond this in size, 2^x is infinite or 0, and so is e^x. Below it, exponents are an `i32`.
const EXP_END: f64 = 1.1e9;

impl Dd {
    /// e to the power `self`.
    pub fn exp(self) -> Self {
        match self.far_exp() {
            Some(end) => end,
            None if self.is_tiny() => Self::ONE + self,
            None => {
                let (power, rest) = self.pair.by_ln_2();
                Self::at(rest.small_exp_m1() + Pair::ONE, power)
            }
        }
    }

    /// e to the power `self`, less 1, without cancellation near 0.
    pub fn exp_m1(self) -> Self {
        // Keeps the sign of -0.
        if self.is_tiny() || self == Self::ZERO {
            return self;
        }
        // Out here the 1 is a rounding error or everything.
        if self.is_nan() || self.hi().abs() > 100.0 {
            return self.exp() - Self::ONE;
        }
        let (power, rest) = self.pair.by_ln_2();
        let small = rest.small_exp_m1();
        if power == 0 {
            return small.into();
        }
        (small.scale(power) + (Pair::ONE.scale(power) - Pair::ONE)).into()
    }

    /// 2 to the power `self`.
    pub fn exp2(self) -> Self {
        match self.far_exp() {
            Some(end) => end,
            None if self.is_tiny() => Self::ONE + self * Self::near(constants::LN_2),
            None => {
                let power = self.pair.hi.round();
                let rest = (self.pair - Pair::of(power)) * constants::LN_2;
                Self::at(rest.small_exp_m1() + Pair::ONE, power as i32)
            }
        }
    }

    /// The natural logarithm: -inf at 0 and NaN below.
    pub fn ln(self) -> Self {
        match self.far_ln() {
            Some(end) => end,
            None => {
                let (power, rest) = self.by_power_of_two();
                (constants::LN_2.times(power) + rest.near_ln_1p()).into()
            }
        }
    }

    /// The natural logarithm of `1 + self`, without cancellation near 0.
    pub fn ln_1p(self) -> Self {
        if self.is_tiny() {
            self
        } else if self.hi().abs() < 0.25 {
            self.pair.near_ln_1p().into()
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
                (Pair::of(power) + rest.near_ln_1p() * constants::LOG2_E).into()
            }
        }
    }

    /// The logarithm to base 10.
    pub fn log10(self) -> Self {
        self.ln() * Self::near(constants::LOG10_E)
    }

    /// The logarithm to `base`.
    pub fn log(self, base: Self) -> Self {
        self.ln() / base.ln()
    }

    /// The exponential where it is 0, infinite or NaN.
    fn far_exp(self) -> Option<Self> {
        let x = self.hi();
        if x.is_nan() {
            Some(self)
        } else if x > EXP_END {
            Some(Self::INFINITY)
        } else if x < -EXP_END {
            Some(Self::ZERO)
        } else {
            None
        }
    }

    /// The logarithm where it is infinite or NaN.
    fn far_ln(self) -> Option<Self> {
        // The pair tells as much: far numbers have the sign of theirs.
        if self.pair.hi > 0.0 && self.is_finite() {
            None
        } else {
            Some(Self::new(self.pair.hi.ln()))
        }
    }

    /// `power` and `rest` with `self = 2^power (1 + rest)` and `1 + rest` between √½ and √2.
    pub(super) fn by_power_of_two(self) -> (f64, Pair) {
        let mut exponent = self.pair.exponent();
        if self.pair.scale(-exponent) > constants::SQRT_2 {
            exponent += 1;
        }
        let rest = self.pair.scale(-exponent) - Pair::ONE;
        (f64::from(self.power + exponent), rest)
    }
}

impl Pair {
    /// `power` and `rest` with `self = power ln 2 + rest` and `|rest|` at most about `ln 2 / 2`.
    pub(super) fn by_ln_2(self) -> (i32, Self) {
        let power = (self.hi * constants::LOG2_E.hi).round();
        let near = Self::exact_product(power, constants::LN_2.hi);
        // The first difference is exact, so the cancellation costs nothing; the rest of ln 2 comes afterwards.
        let rest = (self - near) - constants::LN_2_REST.times(power);
        (power as i32, rest)
    }

    /// `e^x - 1` for `|x|` up to 0.4: Taylor at `x / 32`, then five times `e^2x - 1 = (e^x - 1)(e^x - 1 + 2)`,
    /// in which nothing cancels.
    pub(super) fn small_exp_m1(self) -> Self {
        if self.hi.abs() < 1e-20 {
            // Two terms suffice.
            return self + (self * self).times(0.5);
        }
        let x = self.times(1.0 / 32.0);
        // (0.4 / 32)^14 / 15! is below 2^-115 of the sum.
        let series = (1..14)
            .rev()
            .fold(constants::INVERSE_FACTORIAL[14], |sum, k| {
                constants::INVERSE_FACTORIAL[k] + x * sum
            });
        let two = Self::of(2.0);
        (0..5).fold(x * series, |small, _| small * (small + two))
    }

    /// `ln(1 + x)` for `|x|` up to 0.45: one Newton step on `e^y - 1 = x` from the `f64` logarithm, which
    /// keeps the relative accuracy of `small_exp_m1` near 0.
    pub(super) fn near_ln_1p(self) -> Self {
        if self.hi == 0.0 {
            return self;
        }
        let start = Self::of(self.hi.ln_1p());
        let reached = start.small_exp_m1();
        let step = (self - reached) / (reached + Self::ONE);
        // ln(1 + step), whose third order is below 2^-150.
        start + (step - Self::of(0.5 * step.hi * step.hi))
    }
}
