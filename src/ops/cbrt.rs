//! Cube root.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = ∛x`.
#[derive(Clone, Copy, Debug)]
pub struct Cbrt;

impl<T: Elem> Unary<T> for Cbrt {
    plain_unary!("cbrt", OUTPUT);

    fn value(self, x: T) -> T {
        x.cbrt()
    }

    fn slope(self, _: T, y: T) -> T {
        (T::of(3.0) * y * y).recip()
    }
}

elementwise! {
    /// Cube root, of every element.
    ///
    /// ```text
    /// y = ∛x
    /// ```
    /// # Domain
    /// All reals; odd. ±inf give ±inf with slope 0. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / (3 y²), infinite at 0`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 3.0 and 3.1; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(8.0).cbrt().value(), 2.0);
    /// ```
    pub fn cbrt(self) = Cbrt;
}

impl Spec for Cbrt {
    const NAME: &'static str = "cbrt";
    const FORMULA: &'static str = "y = ∛x";
    const GRADIENT: &'static str = "gx = g / (3 y²), infinite at 0";
    const EDGES: &'static [f64] = &[0.0, -8.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.1, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].cbrt()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0].ln() / T::of(3.0)).exp())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].cbrt())
    }
}
