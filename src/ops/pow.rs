//! Power with a variable exponent.

use super::binary::{Binary, pairwise};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = a^b`.
#[derive(Clone, Copy, Debug)]
pub struct Pow;

impl<T: Elem> Binary<T> for Pow {
    const NAME: &'static str = "pow";
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT;
    type Wide = Self;

    fn wide(self) -> Self {
        self
    }

    fn value(self, a: T, b: T) -> T {
        a.powf(b)
    }

    // A dual b of primal 0 still carries a tangent: only a whole 0 may stop the first slope.
    fn slopes(self, a: T, b: T, y: T) -> [T; 2] {
        let da = if b.is_zero() || (b == T::zero() && a == T::zero()) {
            T::zero()
        } else {
            b * a.powf(b - T::one())
        };
        let db = if a == T::zero() && b >= T::zero() {
            T::zero()
        } else {
            y * a.ln()
        };
        [da, db]
    }
}

pairwise! {
    /// Power with a variable exponent; the operands broadcast.
    ///
    /// ```text
    /// y = a^b
    /// ```
    /// # Domain
    /// a > 0, or a < 0 with whole b; a^0 = 1 for every a.
    ///
    /// # Gradient
    /// `ga = g b a^(b - 1), gb = g y ln a`, summed over broadcast axes. Both are 0 at a = b = 0, and gb is 0 at a = 0 for b >= 0, the limit; gb is NaN for a < 0.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the other operand lives on another tape.
    pub fn pow(self, other), try_pow = Pow;
}

impl Spec for Pow {
    const NAME: &'static str = "pow";
    const FORMULA: &'static str = "y = a^b";
    const GRADIENT: &'static str = "ga = g b a^(b - 1), gb = g y ln a";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].pow(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0].ln() * x[1]).exp())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].pow(x[1]))
    }
}
