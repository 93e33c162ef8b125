//! The error function and its complement.
//!
//! Here: the series of positive terms below 2 and the continued fraction above. Not here: inverses.
//! Both are in Abramowitz and Stegun, 7.1.6 and 7.1.14.

use super::{Dd, Pair, constants};

/// Where the continued fraction takes over: below it converges slowly, above `1 - erf` cancels too much.
const SERIES_END: f64 = 2.0;

/// Above this `e^(-x²)` is below the smallest number.
const FRACTION_END: f64 = 27_000.0;

impl Dd {
    /// The error function: `2/√π` times the integral of `e^(-t²)` from 0 to `self`.
    pub fn erf(self) -> Self {
        if self.is_nan() {
            return self;
        }
        let size = self.abs();
        let result = if size.is_tiny() {
            size * Self::near(constants::FRAC_2_SQRT_PI)
        } else if size.hi() < SERIES_END {
            size.pair.erf_series().into()
        } else {
            Self::ONE - size.erfc_fraction()
        };
        result.copysign(self)
    }

    /// `1 - erf`, right relative to its own size in the tail.
    pub fn erfc(self) -> Self {
        if self.is_nan() {
            return self;
        }
        if self.hi() < SERIES_END {
            Self::ONE - self.erf()
        } else {
            self.erfc_fraction()
        }
    }

    /// `e^(-x²) / √π / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))`, for x from 2.
    fn erfc_fraction(self) -> Self {
        if self.hi() > FRACTION_END {
            return Self::ZERO;
        }
        let x = self.pair;
        // Measured with mpmath: this many levels leave less than 2^-110 from 2 on.
        let levels = 20 + (900.0 / (x.hi * x.hi)) as i32;
        let denominator = (1..=levels)
            .rev()
            .fold(x, |below, k| x + Pair::of(0.5 * f64::from(k)) / below);
        x.bell() * Self::near(constants::FRAC_1_SQRT_PI / denominator)
    }
}

impl Pair {
    /// `2/√π e^(-x²) Σ_n 2^n x^(2n+1) / (1·3·5···(2n+1))`, every term positive, for x from 0 to 2.
    fn erf_series(self) -> Self {
        let square = self * self;
        let mut term = self;
        let mut sum = self;
        let mut odd = 1.0;
        // 2^-110 relative to the sum; the terms fall fast by then, so the tail is no larger.
        while term.hi > sum.hi * 7.7e-34 {
            odd += 2.0;
            term = term * square.times(2.0) / Self::of(odd);
            sum = sum + term;
        }
        let (power, rest) = (-square).by_ln_2();
        let bell = (rest.small_exp_m1() + Self::ONE).scale(power);
        sum * bell * constants::FRAC_2_SQRT_PI
    }

    /// `e^(-x²)`. The square is kept in three parts, since its absolute error is the relative one of the result.
    fn bell(self) -> Dd {
        let (power, rest) = (-Self::exact_product(self.hi, self.hi)).by_ln_2();
        let low = Self::exact_product(2.0 * self.hi, self.lo) + Self::of(self.lo * self.lo);
        Dd::at((rest - low).small_exp_m1() + Self::ONE, power)
    }
}
