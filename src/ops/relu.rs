//! Rectifier.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = max(x, 0)`.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl<T: Elem> Unary<T> for Relu {
    plain_unary!("relu", INPUTS);

    const GATE: bool = true;

    fn value(self, x: T) -> T {
        if x <= T::zero() { T::zero() } else { x }
    }

    fn slope(self, x: T, _: T) -> T {
        if x > T::zero() {
            T::one()
        } else if x <= T::zero() {
            T::zero()
        } else {
            x
        }
    }
}

elementwise! {
    /// Rectifier, of every element.
    ///
    /// ```text
    /// y = max(x, 0)
    /// ```
    /// # Domain
    /// All reals; +inf gives +inf with slope 1, -inf gives 0 with slope 0. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g where x > 0, else 0`. At 0 it is 0, as in other libraries.
    ///
    /// # Accuracy
    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(-1.0).relu().value(), 0.0);
    /// ```
    pub fn relu(self) = Relu;
}

impl Spec for Relu {
    const NAME: &'static str = "relu";
    const FORMULA: &'static str = "y = max(x, 0)";
    const GRADIENT: &'static str = "gx = g where x > 0, else 0";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.5, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].relu()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] + x[0].abs()) * T::of(0.5))
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].relu())
    }
}
