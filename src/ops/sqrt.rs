//! Square root.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = √x`.
#[derive(Clone, Copy, Debug)]
pub struct Sqrt;

impl<T: Elem> Unary<T> for Sqrt {
    plain_unary!("sqrt", OUTPUT);

    fn value(self, x: T) -> T {
        x.sqrt()
    }

    fn slope(self, _: T, y: T) -> T {
        T::of(0.5) / y
    }
}

elementwise! {
    /// Square root, of every element.
    ///
    /// ```text
    /// y = √x
    /// ```
    /// # Domain
    /// x >= 0; +inf gives +inf with slope 0. Negative numbers and NaN give NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / (2 y), infinite at 0`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 1.3 and 1.3; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(4.0).sqrt().value(), 2.0);
    /// ```
    pub fn sqrt(self) = Sqrt;
}

impl Spec for Sqrt {
    const NAME: &'static str = "sqrt";
    const FORMULA: &'static str = "y = √x";
    const GRADIENT: &'static str = "gx = g / (2 y), infinite at 0";
    const EDGES: &'static [f64] = &[0.0, 1e-300, -1.0, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.1, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].sqrt()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0].ln() * T::of(0.5)).exp())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].sqrt())
    }
}
