//! Smaller of two.

use super::forms::binary::{Binary, pairwise, plain_binary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = min(a, b)`.
#[derive(Clone, Copy, Debug)]
pub struct Minimum;

impl<T: Elem> Binary<T> for Minimum {
    plain_binary!("minimum", INPUTS);

    const GATE: bool = true;

    fn value(self, a: T, b: T) -> T {
        -super::maximum::larger(-a, -b)
    }

    fn slopes(self, a: T, b: T, _: T) -> [T; 2] {
        super::maximum::winners(-a, -b)
    }
}

pairwise! {
    /// Smaller of two; the operands broadcast.
    ///
    /// ```text
    /// y = min(a, b)
    /// ```
    /// # Domain
    /// All reals, ±inf included. NaN if either is NaN, in both slopes too.
    ///
    /// # Gradient
    /// `ga = g where a < b, gb = g where b < a, half each at a tie`, summed over broadcast axes. Equal infinities
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
    /// let y = a.minimum(b);
    /// assert_eq!(y.value(), Tensor::from([1.0, 4.0, 2.0]));
    /// assert_eq!(y.sum().backward().wrt(a), Tensor::from([1.0, 0.0, 0.5]));
    /// ```
    pub fn minimum(self, other), try_minimum = Minimum;
}

impl Spec for Minimum {
    const NAME: &'static str = "minimum";
    const FORMULA: &'static str = "y = min(a, b)";
    const GRADIENT: &'static str = "ga = g where a < b, gb = g where b < a, half each at a tie";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].minimum(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] + x[1] - (x[0] - x[1]).abs()) * T::of(0.5))
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].minimum(x[1]))
    }
}
