//! Error function.

use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = 2/√π ∫₀ˣ e^(-u²) du`.
#[derive(Clone, Copy, Debug)]
pub struct Erf;

impl<T: Elem> Unary<T> for Erf {
    plain_unary!("erf", INPUTS);

    fn value(self, x: T) -> T {
        x.erf()
    }

    fn slope(self, x: T, _: T) -> T {
        T::FRAC_2_SQRT_PI() * super::erf::gauss(x)
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Erf>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::ErfSlope>(|x| self.slope(x, y))
    }
}

/// `e^(-x²)`, corrected for the rounding of `x²`, which alone would cost hundreds of ulps in the tail.
pub(super) fn gauss<T: Elem>(x: T) -> T {
    // Past 28 it is 0 in every element type, and far enough out the square would overflow.
    if x.abs() > T::of(40.0) {
        return T::zero();
    }
    let square = x * x;
    let lost = x.mul_add(x, -square);
    let value = (-square).exp();
    value - value * lost
}

elementwise! {
    /// Error function, of every element.
    ///
    /// ```text
    /// y = 2/√π ∫₀ˣ e^(-u²) du
    /// ```
    /// # Domain
    /// All reals; ±inf give ±1 with slope 0. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g 2/√π e^(-x²)`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.7 in f64, gradient 0.5 and 1.5; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).erf().value(), 0.0);
    /// ```
    pub fn erf(self) = Erf;
}

impl Spec for Erf {
    const NAME: &'static str = "erf";
    const FORMULA: &'static str = "y = 2/√π ∫₀ˣ e^(-u²) du";
    const GRADIENT: &'static str = "gx = g 2/√π e^(-x²)";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 10.0, 30.0];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-3.0, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].erf()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].erf())
    }
}
