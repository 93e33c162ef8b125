//! Sine.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = sin x`.
#[derive(Clone, Copy, Debug)]
pub struct Sin;

impl<T: Elem> Unary<T> for Sin {
    plain_unary!("sin", INPUTS);
    const PARTIAL: bool = true;

    fn value(self, x: T) -> T {
        x.sin()
    }

    fn slope(self, x: T, _: T) -> T {
        x.cos()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Sin>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::Cos>(|x| self.slope(x, y))
    }
}

elementwise! {
    /// Sine, of every element.
    ///
    /// ```text
    /// y = sin x
    /// ```
    /// # Domain
    /// All reals; ±inf and NaN give NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g cos x`.
    ///
    /// # Accuracy
    /// Measured: value within 0.6 ulps in f32 and 0.6 in f64, gradient 0.6 and 0.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).sin().value(), 0.0);
    /// ```
    pub fn sin(self) = Sin;
}

impl Spec for Sin {
    const NAME: &'static str = "sin";
    const FORMULA: &'static str = "y = sin x";
    const GRADIENT: &'static str = "gx = g cos x";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].sin()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].sin())
    }
}
