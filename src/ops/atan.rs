//! Arc tangent.

use super::forms::pull::unless_zero;
use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = arctan x`.
#[derive(Clone, Copy, Debug)]
pub struct Atan;

impl<T: Elem> Unary<T> for Atan {
    plain_unary!("atan", INPUTS);

    fn value(self, x: T) -> T {
        x.atan()
    }

    fn slope(self, x: T, _: T) -> T {
        if x.abs() > T::one() {
            let r = x.recip();
            let q = r * r;
            q / (T::one() + q)
        } else {
            (T::one() + x * x).recip()
        }
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::Atan>(|x| self.value(x))
    }

    // Not from r = 1 / x, which may be subnormal.
    fn far(self, x: T, _: T, g: T) -> Option<T> {
        (x.abs() > T::one()).then(|| g / x / x)
    }

    #[inline(always)]
    fn bulk_pull(self, x: T, _: T, g: T) -> T {
        let pulled = T::bulk_of::<function::AtanPull, 2>([x, g], |[x, g]| {
            let (steep, r) = (x.abs() > T::one(), x.recip());
            // The tangent of r leaves the range long before that of g / x.
            let far = if T::PARTS > 1 { g / x / x } else { g * r * r };
            let (g, x) = if steep { (far, r) } else { (g, x) };
            g / (T::one() + x * x)
        });
        unless_zero(g, pulled)
    }
}

elementwise! {
    /// Arc tangent, of every element.
    ///
    /// ```text
    /// y = arctan x
    /// ```
    /// # Domain
    /// All reals; ±inf give ±π/2 with slope 0. NaN gives NaN, in the slope too.
    ///
    /// # Gradient
    /// `gx = g / (1 + x²)`. For |x| > 1 it is computed from the reciprocal, since x² may overflow where the
    /// slope is still above 0.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.5 and 3.0; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).atan().value(), 0.0);
    /// ```
    pub fn atan(self) = Atan;
}

impl Spec for Atan {
    const NAME: &'static str = "atan";
    const FORMULA: &'static str = "y = arctan x";
    const GRADIENT: &'static str = "gx = g / (1 + x²)";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e155];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-5.0, 5.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].atan()
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].atan())
    }
}
