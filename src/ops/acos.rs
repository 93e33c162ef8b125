//! Arc cosine.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = arccos x`.
#[derive(Clone, Copy, Debug)]
pub struct Acos;

impl<T: Elem> Unary<T> for Acos {
    plain_unary!("acos", INPUTS);

    fn value(self, x: T) -> T {
        x.acos()
    }

    fn slope(self, x: T, _: T) -> T {
        -super::asin::cosine_of(x).recip()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Acos>(|x| self.value(x))
    }
}

elementwise! {
    /// Arc cosine, of every element.
    ///
    /// ```text
    /// y = arccos x
    /// ```
    /// # Domain
    /// -1 <= x <= 1; NaN outside, in the slope too.
    ///
    /// # Gradient
    /// `gx = -g / √((1 - x)(1 + x)), infinite at ±1`. 1 - x² would cancel near ±1, where the small factor is exact.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 1.5 and 1.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(1.0).acos().value(), 0.0);
    /// ```
    pub fn acos(self) = Acos;
}

impl Spec for Acos {
    const NAME: &'static str = "acos";
    const FORMULA: &'static str = "y = arccos x";
    const GRADIENT: &'static str = "gx = -g / √((1 - x)(1 + x)), infinite at ±1";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, 2.0, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-0.9, 0.9), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].acos()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(-x[0].asin() + T::FRAC_PI_2())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].acos())
    }
}
