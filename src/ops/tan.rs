//! Tangent.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = tan x`.
#[derive(Clone, Copy, Debug)]
pub struct Tan;

impl<T: Elem> Unary<T> for Tan {
    plain_unary!("tan", OUTPUT);
    const PARTIAL: bool = true;

    fn value(self, x: T) -> T {
        x.tan()
    }

    fn slope(self, _: T, y: T) -> T {
        T::one() + y * y
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Tan>(|x| self.value(x))
    }
}

elementwise! {
    /// Tangent, of every element.
    ///
    /// ```text
    /// y = tan x
    /// ```
    /// # Domain
    /// All reals; ±inf and NaN give NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g (1 + y²)`.
    ///
    /// # Accuracy
    /// Measured: value within 0.7 ulps in f32 and 0.6 in f64, gradient 1.7 and 1.7; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).tan().value(), 0.0);
    /// ```
    pub fn tan(self) = Tan;
}

impl Spec for Tan {
    const NAME: &'static str = "tan";
    const FORMULA: &'static str = "y = tan x";
    const GRADIENT: &'static str = "gx = g (1 + y²)";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-1.2, 1.2), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].tan()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(x[0].sin() / x[0].cos())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].tan())
    }
}
