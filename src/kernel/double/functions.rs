//! Short combinations of other operations that `Float` asks for.
//!
//! Here: `recip`, `mul_add` and the two turns of an angle's unit. Not here: anything with a series of its own.

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

    /// An angle in radians, in degrees.
    pub fn to_degrees(self) -> Self {
        self * constants::FRAC_180_PI
    }

    /// An angle in degrees, in radians.
    pub fn to_radians(self) -> Self {
        self * constants::FRAC_PI_180
    }
}
