//! Exponential to base 2.

use super::forms::factors::by_roots;
use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = 2^x`.
#[derive(Clone, Copy, Debug)]
pub struct Exp2;

impl<T: Elem> Unary<T> for Exp2 {
    plain_unary!("exp2", INPUTS_AND_OUTPUT);
    const FAR_LATER: bool = true;

    fn value(self, x: T) -> T {
        x.exp2()
    }

    fn slope(self, _: T, y: T) -> T {
        y * T::LN_2()
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Exp2>(|x| self.value(x))
    }

    // By roots of y, which may be out of range where g y is not.
    fn far(self, x: T, _: T, g: T) -> Option<T> {
        Some(by_roots(g, T::LN_2(), |part| (x * part).exp2()))
    }
}

elementwise! {
    /// Exponential to base 2, of every element.
    ///
    /// ```text
    /// y = 2^x
    /// ```
    /// # Domain
    /// All reals; -inf gives 0 with slope 0, large x overflow to +inf with slope +inf. NaN gives NaN, in the slope
    /// too.
    ///
    /// # Gradient
    /// `gx = g y ln 2`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 1.2 and 1.5; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(3.0).exp2().value(), 8.0);
    /// ```
    pub fn exp2(self) = Exp2;
}

impl Spec for Exp2 {
    const NAME: &'static str = "exp2";
    const FORMULA: &'static str = "y = 2^x";
    const GRADIENT: &'static str = "gx = g y ln 2, by x where y has left the range";
    const EDGES: &'static [f64] = &[
        0.0,
        -1074.0,
        1100.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].exp2()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] * T::LN_2()).exp())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].exp2())
    }
}
