//! Cosine.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = cos x`.
#[derive(Clone, Copy, Debug)]
pub struct Cos;

impl<T: Elem> Unary<T> for Cos {
    plain_unary!("cos", INPUTS);
    const PARTIAL: bool = true;

    fn value(self, x: T) -> T {
        x.cos()
    }

    fn slope(self, x: T, _: T) -> T {
        -x.sin()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Cos>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::CosSlope>(|x| self.slope(x, y))
    }
}

elementwise! {
    /// Cosine, of every element.
    ///
    /// ```text
    /// y = cos x
    /// ```
    /// # Domain
    /// All reals; ±inf and NaN give NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = -g sin x`.
    ///
    /// # Accuracy
    /// Measured: value within 0.6 ulps in f32 and 0.6 in f64, gradient 0.6 and 0.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).cos().value(), 1.0);
    /// ```
    pub fn cos(self) = Cos;
}

impl Spec for Cos {
    const NAME: &'static str = "cos";
    const FORMULA: &'static str = "y = cos x";
    const GRADIENT: &'static str = "gx = -g sin x";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].cos()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].cos())
    }
}
