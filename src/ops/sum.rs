//! Sum over all, one or several axes.

use super::forms::given::Given;
use super::forms::reduction::{Reduction, reduction};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = Σ x` along the axes; the cotangent is repeated along them.
#[derive(Clone, Debug)]
pub struct Sum;

impl<T: Elem> Reduction<T> for Sum {
    const NAME: &'static str = "sum";
    const KEEPS: Keeps = Keeps::NOTHING;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], _: &mut Residual<T>) {
        kernel::sum_axis(rows, x, y);
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        at.spread(g, gx);
    }

    const ONTO: bool = true;

    fn pull_onto(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        at.spread_onto(g, gx);
    }

    fn of_total(&self, _: usize, total: T) -> Option<T> {
        Some(total)
    }

    fn even(&self, _: usize, g: T) -> Option<T> {
        Some(g)
    }

    fn push(&self, at: &Given<'_, T>, t: &[T], ty: &mut [T]) {
        kernel::sum_axis(at.rows, t, ty);
    }
}

reduction! {
    /// Sum of all elements, as a scalar.
    ///
    /// ```text
    /// y = Σ_i x_i
    /// ```
    /// # Shapes
    /// Any; the sum of no elements is 0.
    ///
    /// # Domain
    /// All reals. Infinities of one sign give that infinity, of both signs NaN; a NaN gives NaN. The gradient is `g`
    /// all the same.
    ///
    /// # Gradient
    /// `gx_i = g`.
    ///
    /// # Accuracy
    /// Summed in blocks of 128, then pairwise: the error grows with the logarithm of the length.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0, 3.0]));
    /// assert_eq!(x.sum().value(), 6.0);
    /// assert_eq!(x.sum().backward().wrt(x), Tensor::ones([3]));
    /// ```
    pub fn sum(self);
    pub fn sum_axis(self, axes), fn try_sum_axis;
    pub fn sum_keep(self, axes), fn try_sum_keep;
    = Sum
}

impl Spec for Sum {
    const NAME: &'static str = "sum";
    const FORMULA: &'static str = "y = Σ x along the axes";
    const GRADIENT: &'static str = "gx = g, repeated along the axes";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let inputs = draw.one(-10.0, 10.0);
        let axes = draw.axes(inputs[0].shape());
        Sample::new(inputs, (axes, draw.below(2) == 0))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].sum_keep(&axes[..]),
            false => x[0].sum_axis(&axes[..]),
        }
    }
}
