//! Greatest whole number not above x.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = ⌊x⌋`; constant between its jumps.
#[derive(Clone, Copy, Debug)]
pub struct Floor;

impl<T: Elem> Unary<T> for Floor {
    plain_unary!("floor", NOTHING);

    const GATE: bool = true;

    fn value(self, x: T) -> T {
        x.floor()
    }

    fn slope(self, _: T, _: T) -> T {
        T::zero()
    }
}

elementwise! {
    /// Greatest whole number not above x, for every element.
    ///
    /// ```text
    /// y = ⌊x⌋
    /// ```
    /// # Domain
    /// All reals; ±inf and NaN stay what they are.
    ///
    /// # Gradient
    /// 0 everywhere, even at the jumps, at ±inf and at NaN.
    ///
    /// # Accuracy
    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([-1.5, 2.0, 2.7]));
    /// let y = x.floor();
    /// assert_eq!(y.value(), Tensor::from([-2.0, 2.0, 2.0]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::zeros([3]));
    /// ```
    pub fn floor(self) = Floor;
}

impl Spec for Floor {
    const NAME: &'static str = "floor";
    const FORMULA: &'static str = "y = ⌊x⌋";
    const GRADIENT: &'static str = "gx = 0";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.5, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.1, 0.9), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].floor()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].floor())
    }
}
