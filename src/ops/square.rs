//! Square.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x²`.
#[derive(Clone, Copy, Debug)]
pub struct Square;

impl<T: Elem> Unary<T> for Square {
    plain_unary!("square", INPUTS);

    fn value(self, x: T) -> T {
        x * x
    }

    fn slope(self, x: T, _: T) -> T {
        x + x
    }

    // For overflow only: a subnormal slope is exact.
    fn far(self, x: T, _: T, g: T) -> Option<T> {
        let large = (x + x).is_infinite();
        large.then(|| g * x + g * x)
    }
}

elementwise! {
    /// Square, of every element.
    ///
    /// ```text
    /// y = x²
    /// ```
    /// # Domain
    /// All reals; ±inf give +inf with slopes ±inf. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = 2 g x`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.0 and 0.0; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(3.0).square().value(), 9.0);
    /// ```
    pub fn square(self) = Square;
}

impl Spec for Square {
    const NAME: &'static str = "square";
    const FORMULA: &'static str = "y = x²";
    const GRADIENT: &'static str = "gx = 2 g x";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].square()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(x[0] * x[0])
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].square())
    }
}
