//! `Dd` as an element: every kernel in its plain form, at twice the precision of `f64` and without the ends of its
//! range.

use num_traits::Float;

use super::{Dd, Elem, Span, sealed};

impl sealed::Sealed for Dd {}

impl Elem for Dd {
    type Wide = Self;

    const REFERENCE: bool = true;

    fn widen(self) -> Self {
        self
    }

    fn narrow(x: Self) -> Self {
        x
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
        let exponents = match span {
            // Those of `f64`, whose recordings this type judges.
            Span::Moderate => -511..=512,
            Span::Normal => i32::MIN..=i32::MAX,
            Span::Finite => return self.is_finite(),
        };
        self.is_normal() && exponents.contains(&self.exponent())
    }

    fn erf(self) -> Self {
        Self::erf(self)
    }

    fn erfc(self) -> Self {
        Self::erfc(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_one_of_exponents() {
        let two = |power: i32| Dd::new(2.0).powi(power);
        for span in [Span::Moderate, Span::Normal] {
            for x in [Dd::ONE, -two(500), two(-511), two(513) - two(460)] {
                assert!(x.is_within(span), "{x} {span:?}");
            }
            for x in [Dd::ZERO, Dd::INFINITY, Dd::NAN] {
                assert!(!x.is_within(span), "{x} {span:?}");
            }
        }
        for x in [two(513), two(-512), Dd::MIN_POSITIVE] {
            assert!(!x.is_within(Span::Moderate) && x.is_within(Span::Normal));
        }
    }

    #[test]
    fn narrow_undoes_widen_and_rounds_once() {
        assert_eq!(f64::narrow(0.1f64.widen()), 0.1);
        assert_eq!(f64::narrow(Dd::new(1e300) * Dd::new(1e300)), f64::INFINITY);
        // Half a step above 1 in f32, and a little more.
        let tie = Dd::from_parts(1.0 + f64::from(f32::EPSILON) / 2.0, 1e-20);
        assert_eq!(f32::narrow(tie), 1.0 + f32::EPSILON);
        assert_eq!(Dd::narrow(tie), tie);
    }
}
