//! Logarithm of 1 + x, accurate for small x.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = ln(1 + x)`.
#[derive(Clone, Copy, Debug)]
pub struct Log1p;

impl<T: Elem> Unary<T> for Log1p {
    plain_unary!("log1p", INPUTS);

    fn value(self, x: T) -> T {
        x.ln_1p()
    }

    fn slope(self, x: T, _: T) -> T {
        (T::one() + x).recip()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Log1p>(|x| self.value(x))
    }
}

elementwise! {
    /// Logarithm of 1 + x, for every element; accurate for small x.
    ///
    /// ```text
    /// y = ln(1 + x)
    /// ```
    /// # Domain
    /// x > -1; -1 gives -inf with slope +inf, +inf gives +inf with slope 0. Smaller numbers than -1 give NaN, but
    /// their slope is still 1 / (1 + x). NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / (1 + x)`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.6 in f64, gradient 1.5 and 1.5; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).log1p().value(), 0.0);
    /// ```
    pub fn log1p(self) = Log1p;
}

impl Spec for Log1p {
    const NAME: &'static str = "log1p";
    const FORMULA: &'static str = "y = ln(1 + x)";
    const GRADIENT: &'static str = "gx = g / (1 + x)";
    const EDGES: &'static [f64] = &[0.0, 1e-300, -1.0, -2.0, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-0.5, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].log1p()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] + T::one()).ln())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].log1p())
    }
}
