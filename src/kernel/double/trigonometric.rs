//! Circular functions and their inverses.
//!
//! Here: Taylor series on an eighth of a turn, and one Newton step for the inverse functions. Not here: the
//! reduction of large angles, which is in `turns`.

use num_traits::Zero;

use super::{Dd, Pair, constants};

impl Dd {
    /// The sine of an angle in radians, NaN beyond the largest `f64`.
    pub fn sin(self) -> Self {
        self.sin_cos().0
    }

    /// The cosine of an angle in radians, NaN beyond the largest `f64`.
    pub fn cos(self) -> Self {
        self.sin_cos().1
    }

    /// The tangent of an angle in radians, NaN beyond the largest `f64`.
    pub fn tan(self) -> Self {
        let (sin, cos) = self.sin_cos();
        sin / cos
    }

    /// Sine and cosine of an angle in radians, NaN for infinities.
    ///
    /// NaN for all angles beyond the largest `f64`, too: there is no need for so many digits of π.
    pub fn sin_cos(self) -> (Self, Self) {
        if self.is_tiny() {
            return (self, Self::ONE);
        }
        if !self.hi().is_finite() {
            return (Self::NAN, Self::NAN);
        }
        let (sin, cos) = Pair::new(self.hi(), self.lo()).sin_cos();
        (sin.into(), cos.into())
    }

    /// The angle between -π/2 and π/2 whose sine is `self`, NaN beyond ±1.
    pub fn asin(self) -> Self {
        self.atan2(self.other_leg())
    }

    /// The angle between 0 and π whose cosine is `self`, NaN beyond ±1.
    pub fn acos(self) -> Self {
        self.other_leg().atan2(self)
    }

    /// The angle between -π/2 and π/2 whose tangent is `self`.
    pub fn atan(self) -> Self {
        if self.is_nan() || self.is_zero() || self.is_tiny() {
            return self;
        }
        if self.is_infinite() || self.power > 0 {
            return Self::near(constants::FRAC_PI_2).copysign(self);
        }
        self.pair.arc_tangent().into()
    }

    /// The angle of the point with ordinate `self` and abscissa `x`, between -π and π.
    pub fn atan2(self, x: Self) -> Self {
        if self.is_nan() || x.is_nan() {
            return Self::NAN;
        }
        let from_axis = if self.is_infinite() && x.is_infinite() {
            Self::near(constants::FRAC_PI_4)
        } else if self.is_zero() && x.is_zero() {
            Self::ZERO
        } else if self.abs() > x.abs() {
            let arc = (x / self).atan();
            let right = if self.is_sign_negative() { -arc } else { arc };
            return (Self::near(constants::FRAC_PI_2) - right).copysign(self);
        } else {
            (self / x).atan().abs()
        };
        let angle = if x.is_sign_negative() {
            Self::near(constants::PI) - from_axis
        } else {
            from_axis
        };
        angle.copysign(self)
    }

    /// `√(1 - x²)`, exact in the difference near ±1.
    fn other_leg(self) -> Self {
        ((Self::ONE - self) * (Self::ONE + self)).sqrt()
    }
}

impl Pair {
    fn sin_cos(self) -> (Self, Self) {
        let (quarter, rest) = self.by_quarter_turns();
        let (sin, cos) = (rest.small_sin(), rest.small_cos());
        match quarter {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }

    /// The arc tangent of a number other than 0.
    fn arc_tangent(self) -> Self {
        // tan(y - y0) = (x cos y0 - sin y0) / (cos y0 + x sin y0), about 2^-53: its own arc tangent to within
        // 2^-159.
        let start = Self::of(self.hi.atan());
        let (sin, cos) = start.sin_cos();
        start + (self * cos - sin) / (cos + self * sin)
    }

    /// The sine for `|x|` up to about π/4: the term after x^29 is below 2^-115 of the sum.
    fn small_sin(self) -> Self {
        self * self.alternating(29)
    }

    /// The cosine for `|x|` up to about π/4.
    fn small_cos(self) -> Self {
        self.alternating(30)
    }

    /// `1/k! - x² (1/(k+2)! - x² (... 1/last!))` for the k of 0 and 1 that goes with `last`.
    fn alternating(self, last: usize) -> Self {
        let square = self * self;
        let start = constants::INVERSE_FACTORIAL[last];
        (last % 2..last)
            .rev()
            .skip(1)
            .step_by(2)
            .fold(start, |sum, k| {
                constants::INVERSE_FACTORIAL[k] - square * sum
            })
    }
}
