//! Logarithm to base 2.

use super::forms::factors::product;
use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = log₂ x`.
#[derive(Clone, Copy, Debug)]
pub struct Log2;

impl<T: Elem> Unary<T> for Log2 {
    plain_unary!("log2", INPUTS);
    const FAR_LATER: bool = true;

    fn value(self, x: T) -> T {
        x.log2()
    }

    fn slope(self, x: T, _: T) -> T {
        T::LOG2_E() / x
    }

    fn far(self, x: T, _: T, g: T) -> Option<T> {
        Some(product(g, [T::LOG2_E()], [x]))
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Log2>(|x| self.value(x))
    }
}

elementwise! {
    /// Logarithm to base 2, of every element.
    ///
    /// ```text
    /// y = log₂ x
    /// ```
    /// # Domain
    /// x > 0; 0 gives -inf with slope +inf, +inf gives +inf with slope 0. Negative numbers give NaN, but their
    /// slope is still that of the formula. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / (x ln 2)`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.7 and 0.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(8.0).log2().value(), 3.0);
    /// ```
    pub fn log2(self) = Log2;
}

impl Spec for Log2 {
    const NAME: &'static str = "log2";
    const FORMULA: &'static str = "y = log₂ x";
    const GRADIENT: &'static str = "gx = g / (x ln 2)";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.1, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].log2()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(x[0].ln() * T::LOG2_E())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].log2())
    }
}
