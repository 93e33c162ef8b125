//! Larger of two.

use super::forms::binary::{Binary, pairwise, plain_binary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = max(a, b)`.
#[derive(Clone, Copy, Debug)]
pub struct Maximum;

impl<T: Elem> Binary<T> for Maximum {
    plain_binary!("maximum", INPUTS);

    const GATE: bool = true;

    fn value(self, a: T, b: T) -> T {
        larger(a, b)
    }

    fn slopes(self, a: T, b: T, _: T) -> [T; 2] {
        super::maximum::winners(a, b)
    }
}

/// The larger of two numbers, the first at a tie; NaN if either is.
///
/// Equal numbers may carry different tangents: the result gets their mean, in agreement with [`winners`]. Plain
/// numbers have none.
#[inline(always)]
pub(super) fn larger<T: Elem>(a: T, b: T) -> T {
    if T::PARTS > 1 && a == b {
        return a.moving_as((a + b) * T::of(0.5));
    }
    // `|` evaluates both of its sides, so that loops can be vectorized.
    if (a >= b) | a.is_nan() { a } else { b }
}

/// 1 for the larger, 0 for the other, 1/2 each at a tie; NaN if either is.
pub(super) fn winners<T: Elem>(a: T, b: T) -> [T; 2] {
    if a > b {
        [T::one(), T::zero()]
    } else if a < b {
        [T::zero(), T::one()]
    } else if a == b {
        [T::of(0.5); 2]
    } else {
        [a + b; 2]
    }
}

pairwise! {
    /// Larger of two; the operands broadcast.
    ///
    /// ```text
    /// y = max(a, b)
    /// ```
    /// # Domain
    /// All reals, ±inf included. NaN if either is NaN, in both slopes too.
    ///
    /// # Gradient
    /// `ga = g where a > b, gb = g where b > a, half each at a tie`, summed over broadcast axes. Equal infinities
    /// tie, too.
    ///
    /// # Accuracy
    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var(Tensor::from([1.0, 5.0, 2.0])), tape.var(Tensor::from([3.0, 4.0, 2.0])));
    /// let y = a.maximum(b);
    /// assert_eq!(y.value(), Tensor::from([3.0, 5.0, 2.0]));
    /// assert_eq!(y.sum().backward().wrt(a), Tensor::from([0.0, 1.0, 0.5]));
    /// ```
    pub fn maximum(self, other), try_maximum = Maximum;
}

impl Spec for Maximum {
    const NAME: &'static str = "maximum";
    const FORMULA: &'static str = "y = max(a, b)";
    const GRADIENT: &'static str = "ga = g where a > b, gb = g where b > a, half each at a tie";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].maximum(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] + x[1] + (x[0] - x[1]).abs()) * T::of(0.5))
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].maximum(x[1]))
    }
}
