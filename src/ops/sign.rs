//! Sign of every element.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = -1, 0 or 1`; constant between its jumps.
#[derive(Clone, Copy, Debug)]
pub struct Sign;

impl<T: Elem> Unary<T> for Sign {
    plain_unary!("sign", NOTHING);

    const GATE: bool = true;

    fn value(self, x: T) -> T {
        signum(x)
    }

    fn slope(self, _: T, _: T) -> T {
        T::zero()
    }
}

/// -1, 0 or 1; NaN stays NaN.
pub(super) fn signum<T: Elem>(x: T) -> T {
    if x > T::zero() {
        T::one()
    } else if x < T::zero() {
        -T::one()
    } else {
        x * T::zero()
    }
}

elementwise! {
    /// Sign of every element.
    ///
    /// ```text
    /// y = -1, 0 or 1
    /// ```
    /// # Domain
    /// All reals; 0 gives 0, ±inf give ±1, NaN stays NaN.
    ///
    /// # Gradient
    /// 0 everywhere, even at the jump, at ±inf and at NaN.
    ///
    /// # Accuracy
    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([-3.0, 0.0, 5.0]));
    /// let y = x.sign();
    /// assert_eq!(y.value(), Tensor::from([-1.0, 0.0, 1.0]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::zeros([3]));
    /// ```
    pub fn sign(self) = Sign;
}

impl Spec for Sign {
    const NAME: &'static str = "sign";
    const FORMULA: &'static str = "y = -1, 0 or 1";
    const GRADIENT: &'static str = "gx = 0";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.5, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(0.1, 0.9), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].sign()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].sign())
    }
}
