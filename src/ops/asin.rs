//! Arc sine.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = arcsin x`.
#[derive(Clone, Copy, Debug)]
pub struct Asin;

impl<T: Elem> Unary<T> for Asin {
    plain_unary!("asin", INPUTS);

    fn value(self, x: T) -> T {
        x.asin()
    }

    fn slope(self, x: T, _: T) -> T {
        super::asin::cosine_of(x).recip()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Asin>(|x| self.value(x))
    }
}

/// `√(1 - x²)`: from factors near ±1, where the difference of squares would cancel; elsewhere from the
/// squares, since there the derivative of the factors would cancel (on dual numbers).
pub(super) fn cosine_of<T: Elem>(x: T) -> T {
    complement(x).sqrt()
}

/// `1 - x²`, as accurate as its derivative.
pub(super) fn complement<T: Elem>(x: T) -> T {
    if x.abs() < T::of(0.5) {
        T::one() - x * x
    } else {
        (T::one() - x) * (T::one() + x)
    }
}

elementwise! {
    /// Arc sine, of every element.
    ///
    /// ```text
    /// y = arcsin x
    /// ```
    /// # Domain
    /// -1 <= x <= 1; NaN outside, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / √((1 - x)(1 + x)), infinite at ±1`. 1 - x² would cancel near ±1, where the small factor is exact.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 1.5 and 1.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).asin().value(), 0.0);
    /// ```
    pub fn asin(self) = Asin;
}

impl Spec for Asin {
    const NAME: &'static str = "asin";
    const FORMULA: &'static str = "y = arcsin x";
    const GRADIENT: &'static str = "gx = g / √((1 - x)(1 + x)), infinite at ±1";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, 2.0, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-0.9, 0.9), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].asin()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] / ((-x[0] + T::one()) * (x[0] + T::one())).sqrt()).atan())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].asin())
    }
}
