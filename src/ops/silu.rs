//! Sigmoid-weighted identity, also called swish.

use super::forms::gate::Gate;
use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x / (1 + e^-x)`.
#[derive(Clone, Copy, Debug)]
pub struct Silu;

impl<T: Elem> Unary<T> for Silu {
    plain_unary!("silu", INPUTS);

    fn value(self, x: T) -> T {
        Gate::new(x).times(x)
    }

    fn slope(self, x: T, _: T) -> T {
        Gate::new(x).slope(x)
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Silu>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::SiluSlope>(|x| self.slope(x, y))
    }
}

elementwise! {
    /// Sigmoid-weighted identity, also called swish, of every element.
    ///
    /// ```text
    /// y = x / (1 + e^-x)
    /// ```
    /// # Domain
    /// All reals; ±inf give the limits, +inf and 0 with slopes 1 and 0. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g (s + x s'), s = 1 / (1 + e^-x), s' = 1 / (4 cosh²(x/2))`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 2.2 in f64, gradient 0.5 and 3.6; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).silu().value(), 0.0);
    /// ```
    pub fn silu(self) = Silu;
}

impl Spec for Silu {
    const NAME: &'static str = "silu";
    const FORMULA: &'static str = "y = x / (1 + e^-x)";
    const GRADIENT: &'static str = "gx = g (s + x s'), s = 1 / (1 + e^-x), s' = 1 / (4 cosh²(x/2))";
    const EDGES: &'static [f64] = &[0.0, 40.0, -700.0, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].silu()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(x[0] * x[0].sigmoid())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].silu())
    }
}
