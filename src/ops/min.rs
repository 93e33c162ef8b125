//! Smallest element over all, one or several axes.

use super::forms::given::Given;
use super::forms::reduction::{Reduction, reduction};
use super::max::{count_ties, pull_ties};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = min x` along the axes.
#[derive(Clone, Debug)]
pub struct Min;

impl<T: Elem> Reduction<T> for Min {
    const NAME: &'static str = "min";
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT.and_residual();
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    const NEEDS_ELEMENTS: bool = true;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>) {
        let smaller = |y: T, x: T| if x < y { x } else { y };
        kernel::fold_axis(rows, x, y, T::infinity(), smaller);
        count_ties(rows, x, y, keep);
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        pull_ties::<T, false>(at, g, gx);
    }

    const ONTO: bool = true;
    const GATE: bool = true;

    fn pull_onto(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        pull_ties::<T, true>(at, g, gx);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(match keep {
            true => -(-x).max_keep(axes),
            false => -(-x).max_axis(axes),
        })
    }
}

reduction! {
    /// Smallest of all elements, as a scalar.
    ///
    /// ```text
    /// y = min_i x_i
    /// ```
    /// # Shapes
    /// Any with at least one element.
    ///
    /// # Domain
    /// All reals and both infinities. NaN anywhere in a row makes that row's value and gradient NaN.
    ///
    /// # Gradient
    /// `gx_i = g / k` at each of the `k` elements equal to `y`, 0 elsewhere: ties share evenly, so
    /// that the gradient does not depend on the order of the elements.
    ///
    /// # Keeps
    /// x, y and the number of ties of each row.
    ///
    /// # Panics
    /// If there are no elements.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([3.0, 1.0, 2.0]));
    /// assert_eq!(x.min().value(), 1.0);
    /// assert_eq!(x.min().backward().wrt(x), Tensor::from([0.0, 1.0, 0.0]));
    /// ```
    pub fn min(self), fn try_min, or "there are rows without elements";
    pub fn min_axis(self, axes), fn try_min_axis;
    pub fn min_keep(self, axes), fn try_min_keep;
    = Min
}

impl Spec for Min {
    const NAME: &'static str = "min";
    const FORMULA: &'static str = "y = min x along the axes";
    const GRADIENT: &'static str =
        "gx = g / k where x is y, else 0; k, the number of ties, is kept";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.filled_shape(0);
        let axes = draw.axes(&shape);
        let inputs = vec![draw.distinct(shape, -10.0, 10.0)];
        Sample::new(inputs, (axes, draw.below(2) == 0))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].min_keep(&axes[..]),
            false => x[0].min_axis(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Min.composed(x[0], axes, *keep)
    }
}
