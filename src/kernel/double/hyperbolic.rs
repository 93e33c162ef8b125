//! Hyperbolic functions and their inverses.
//!
//! Here: forms of `exp_m1` and `ln_1p` in which nothing cancels. Not here: the exponential itself.

use super::{Dd, constants};

/// From here on x² + 1 and x² are the same double-double, and x² is still far from overflow.
const LARGE: f64 = 1e100;

impl Dd {
    /// The hyperbolic sine.
    pub fn sinh(self) -> Self {
        let size = self.abs();
        let result = if size.hi() > 40.0 {
            size.exp() - (-size).exp()
        } else {
            let e = size.exp_m1();
            e + e / (e + Self::ONE)
        };
        result.scale(-1).copysign(self)
    }

    /// The hyperbolic cosine.
    pub fn cosh(self) -> Self {
        let size = self.abs();
        (size.exp() + (-size).exp()).scale(-1)
    }

    /// The hyperbolic tangent.
    pub fn tanh(self) -> Self {
        let size = self.abs();
        let result = if size.hi() > 20.0 {
            // 1 - 2 / (e^2x + 1); the 1 in the denominator is under 2^-57 of it but counts at
            // 2^-106.
            let e = (-size.scale(1)).exp();
            Self::ONE - e.scale(1) / (e + Self::ONE)
        } else {
            let e = size.scale(1).exp_m1();
            e / (e + Self::new(2.0))
        };
        result.copysign(self)
    }

    /// The inverse hyperbolic sine.
    pub fn asinh(self) -> Self {
        let size = self.abs();
        let result = if size.hi() > LARGE {
            size.ln() + Self::near(constants::LN_2)
        } else {
            let square = size * size;
            let root = (square + Self::ONE).sqrt();
            (size + square / (root + Self::ONE)).ln_1p()
        };
        result.copysign(self)
    }

    /// The inverse hyperbolic cosine, NaN below 1.
    pub fn acosh(self) -> Self {
        if self.hi() > LARGE {
            return self.ln() + Self::near(constants::LN_2);
        }
        if self < Self::ONE {
            return Self::NAN;
        }
        let above = self - Self::ONE;
        (above + (above * (above + Self::new(2.0))).sqrt()).ln_1p()
    }

    /// The inverse hyperbolic tangent, infinite at ±1 and NaN beyond.
    pub fn atanh(self) -> Self {
        let size = self.abs();
        let result = (size.scale(1) / (Self::ONE - size)).ln_1p();
        result.scale(-1).copysign(self)
    }
}
