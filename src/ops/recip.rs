//! Reciprocal.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = 1 / x`.
#[derive(Clone, Copy, Debug)]
pub struct Recip;

impl<T: Elem> Unary<T> for Recip {
    plain_unary!("recip", INPUTS_AND_OUTPUT);
    const FAR_LATER: bool = true;

    fn value(self, x: T) -> T {
        x.recip()
    }

    fn slope(self, _: T, y: T) -> T {
        -(y * y)
    }

    fn far(self, x: T, y: T, g: T) -> Option<T> {
        Some(match y.is_infinite() && x != T::zero() {
            // Only y has overflowed; for a small g the product may be a number.
            true => -(g / x) / x,
            false => -(g * y) * y,
        })
    }
}

elementwise! {
    /// Reciprocal, of every element.
    ///
    /// ```text
    /// y = 1 / x
    /// ```
    /// # Domain
    /// All reals except 0, which gives ±inf with slope -inf; ±inf give 0 with slope 0. NaN gives NaN, in the slope
    /// too.
    ///
    /// # Gradient
    /// `gx = -g y²`, or `-g / x²` where y has overflowed: where |x| is at most a quarter of the least normal number.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 1.8 and 1.8; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(4.0).recip().value(), 0.25);
    /// ```
    pub fn recip(self) = Recip;
}

impl Spec for Recip {
    const NAME: &'static str = "recip";
    const FORMULA: &'static str = "y = 1 / x";
    const GRADIENT: &'static str = "gx = -g y², -g / x² where y has overflowed";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.5, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].recip()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].recip())
    }
}
