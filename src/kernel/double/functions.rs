//! Short combinations of other operations that `Float` asks for.
//!
//! Here: `recip`, `mul_add` and the two conversions of angles. Not here: anything with a series of its own.

use super::{Dd, constants};

impl Dd {
    /// `1 / self`.
    pub fn recip(self) -> Self {
        Self::ONE / self
    }

    /// `self * factor + term`, rounded after the product and after the sum.
    pub fn mul_add(self, factor: Self, term: Self) -> Self {
        self * factor + term
    }

    /// Converts an angle from radians to degrees.
    pub fn to_degrees(self) -> Self {
        self * Self::near(constants::FRAC_180_PI)
    }

    /// Converts an angle from degrees to radians.
    pub fn to_radians(self) -> Self {
        self * Self::near(constants::FRAC_PI_180)
    }
}
