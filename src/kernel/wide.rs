//! `Dd` as an element: every kernel in its plain form, at twice the precision of `f64`.

use super::{Dd, Elem, Span, sealed};

impl sealed::Sealed for Dd {}

impl Elem for Dd {
    type Wide = Self;

    const REFERENCE: bool = true;

    fn widen(self) -> Self {
        self
    }

    type Work = Self;

    fn lift(self) -> Self {
        self
    }

    fn land(x: Self) -> Self {
        x
    }

    fn of(x: f64) -> Self {
        Self::from(x)
    }

    fn primal(self) -> f64 {
        self.hi()
    }

    fn is_within(self, span: Span) -> bool {
        self.hi().is_within(span)
    }

    fn erf(self) -> Self {
        Self::erf(self)
    }

    fn erfc(self) -> Self {
        Self::erfc(self)
    }
}
