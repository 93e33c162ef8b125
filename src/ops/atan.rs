//! Arc tangent.

use super::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = arctan x`.
#[derive(Clone, Copy, Debug)]
pub struct Atan;

impl<T: Elem> Unary<T> for Atan {
    plain_unary!("atan", INPUTS);

    fn value(self, x: T) -> T {
        x.atan()
    }

    fn slope(self, x: T, _: T) -> T {
        if x.abs() > T::one() {
            let r = x.recip();
            let q = r * r;
            q / (T::one() + q)
        } else {
            (T::one() + x * x).recip()
        }
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Atan>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::AtanSlope>(|x| self.slope(x, y))
    }
}

elementwise! {
    /// Arc tangent, of every element.
    ///
    /// ```text
    /// y = arctan x
    /// ```
    /// # Domain
    /// All reals; ±inf give ±π/2.
    ///
    /// # Gradient
    /// `gx = g / (1 + x²)`. For |x| > 1 through the reciprocal, since x² may overflow where the slope is a number.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.5 and 3.0; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).atan().value(), 0.0);
    /// ```
    pub fn atan(self) = Atan;
}

impl Spec for Atan {
    const NAME: &'static str = "atan";
    const FORMULA: &'static str = "y = arctan x";
    const GRADIENT: &'static str = "gx = g / (1 + x²)";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e155];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].atan()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].atan())
    }
}
