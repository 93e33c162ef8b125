//! Hyperbolic cosine.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = (e^x + e^-x) / 2`.
#[derive(Clone, Copy, Debug)]
pub struct Cosh;

impl<T: Elem> Unary<T> for Cosh {
    plain_unary!("cosh", INPUTS);
    const FAR_LATER: bool = true;

    fn value(self, x: T) -> T {
        x.cosh()
    }

    fn slope(self, x: T, _: T) -> T {
        x.sinh()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Cosh>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::Sinh>(|x| self.slope(x, y))
    }

    fn far(self, x: T, y: T, g: T) -> Option<T> {
        if x.sinh().is_finite() {
            return None;
        }
        let size = super::sinh::Sinh.far(x, y, g)?;
        Some(if x < T::zero() { -size } else { size })
    }
}

elementwise! {
    /// Hyperbolic cosine, of every element.
    ///
    /// ```text
    /// y = (e^x + e^-x) / 2
    /// ```
    /// # Domain
    /// All reals; ±inf give +inf with slopes ±inf, and so do numbers at which it overflows. NaN gives NaN, in the
    /// slope too.
    ///
    /// # Gradient
    /// `gx = g sinh x`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 1.0 in f64, gradient 0.5 and 1.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).cosh().value(), 1.0);
    /// ```
    pub fn cosh(self) = Cosh;
}

impl Spec for Cosh {
    const NAME: &'static str = "cosh";
    const FORMULA: &'static str = "y = (e^x + e^-x) / 2";
    const GRADIENT: &'static str = "gx = g sinh x";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-4.0, 4.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].cosh()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0].exp() + (-x[0]).exp()) * T::of(0.5))
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].cosh())
    }
}
