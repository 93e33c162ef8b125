//! Natural logarithm.

use super::forms::pull::unless_zero;
use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = ln x`.
#[derive(Clone, Copy, Debug)]
pub struct Ln;

impl<T: Elem> Unary<T> for Ln {
    plain_unary!("ln", INPUTS);

    fn value(self, x: T) -> T {
        x.ln()
    }

    fn slope(self, x: T, _: T) -> T {
        x.recip()
    }

    fn far(self, x: T, _: T, g: T) -> Option<T> {
        Some(g / x)
    }

    #[inline(always)]
    fn bulk_pull(self, x: T, _: T, g: T) -> T {
        unless_zero(g, g / x)
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Ln>(|x| self.value(x))
    }
}

elementwise! {
    /// Natural logarithm, of every element.
    ///
    /// ```text
    /// y = ln x
    /// ```
    /// # Domain
    /// x > 0; 0 gives -inf with slope +inf, +inf gives +inf with slope 0. Negative numbers give NaN, but their
    /// slope is still 1 / x. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / x`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.6 in f64, gradient 0.5 and 0.5; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(1.0).ln().value(), 0.0);
    /// ```
    pub fn ln(self) = Ln;
}

impl Spec for Ln {
    const NAME: &'static str = "ln";
    const FORMULA: &'static str = "y = ln x";
    const GRADIENT: &'static str = "gx = g / x";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.1, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].ln()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].ln())
    }
}
