//! Absolute value.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = |x|`.
#[derive(Clone, Copy, Debug)]
pub struct Abs;

impl<T: Elem> Unary<T> for Abs {
    plain_unary!("abs", INPUTS);

    fn value(self, x: T) -> T {
        x.abs()
    }

    fn slope(self, x: T, _: T) -> T {
        super::sign::signum(x)
    }
}

elementwise! {
    /// Absolute value, of every element.
    ///
    /// ```text
    /// y = |x|
    /// ```
    /// # Domain
    /// All reals; ±inf give +inf with slopes ±1. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g sign(x), 0 at 0`. At 0 this is the subgradient of least norm, but an infinite cotangent gives
    /// NaN: the function is constant on neither side.
    ///
    /// # Accuracy
    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(-3.0).abs().value(), 3.0);
    /// ```
    pub fn abs(self) = Abs;
}

impl Spec for Abs {
    const NAME: &'static str = "abs";
    const FORMULA: &'static str = "y = |x|";
    const GRADIENT: &'static str = "gx = g sign(x), 0 at 0";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.5, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].abs()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] * x[0]).sqrt())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].abs())
    }
}
