//! Largest element over all, one or several axes.

use super::forms::given::Given;
use super::forms::pull::share;
use super::forms::reduction::{Reduction, reduction};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = max x` along the axes.
#[derive(Clone, Debug)]
pub struct Max;

impl<T: Elem> Reduction<T> for Max {
    const NAME: &'static str = "max";
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT.and_residual();
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    const NEEDS_ELEMENTS: bool = true;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>) {
        // A comparison with NaN is false, so NaN is passed over here; `count_ties` finds it.
        let larger = |y: T, x: T| if x > y { x } else { y };
        kernel::fold_axis(rows, x, y, T::neg_infinity(), larger);
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
}

/// Keeps the number of elements of each row that equal `y`; `y` becomes NaN for a row that contains NaN.
///
/// Equal numbers may carry different tangents: `y` gets their mean, so that the tangent of the value is the one that
/// the pushforward gives. Plain numbers have nothing to add.
pub(super) fn count_ties<T: Elem>(rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>) {
    keep.values.resize(y.len(), T::zero());
    let ties = &mut keep.values[..];
    kernel::sum_axis_of(rows, x, y, ties, &|x, y| {
        let tie = if x == y { T::one() } else { T::zero() };
        if x.is_nan() { x } else { tie }
    });
    for (row, (y, &ties)) in y.iter_mut().zip(ties.iter()).enumerate() {
        if ties.is_nan() {
            *y = ties;
        } else if T::PARTS > 1 && ties > T::one() && y.is_finite() {
            let tied = rows.row(rows.at(row, 0)).filter(|&at| x[at] == *y);
            let beyond = tied.fold(T::zero(), |sum, at| sum + (x[at] - *y));
            // Adding 0 would lose the sign of -0.
            if !beyond.is_zero() {
                *y += beyond / ties;
            }
        }
    }
}

/// Shares the cotangent of each row evenly among the elements equal to its result; with `ONTO`, adds to what is
/// there.
pub(super) fn pull_ties<T: Elem, const ONTO: bool>(at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
    let of_row = g.iter().zip(at.y).zip(at.kept);
    let of_row: Vec<(T, T, T)> = of_row
        .map(|((&g, &y), &ties)| match y.is_nan() {
            true => (g, y, share(g, || y)),
            false => (g / ties, y, T::zero()),
        })
        .collect();
    // A branch on equality, for the convention that ties share evenly.
    let share = |x: T, (g, y, rest): (T, T, T)| if x == y { g } else { rest };
    match ONTO {
        true => at.add(&of_row, gx, share),
        false => at.write(&of_row, gx, share),
    }
}

reduction! {
    /// Largest of all elements, as a scalar.
    ///
    /// ```text
    /// y = max_i x_i
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
    /// let x = tape.var(Tensor::from([1.0, 3.0, 3.0]));
    /// assert_eq!(x.max().value(), 3.0);
    /// assert_eq!(x.max().backward().wrt(x), Tensor::from([0.0, 0.5, 0.5]));
    /// ```
    pub fn max(self), fn try_max, or "there are rows without elements";
    pub fn max_axis(self, axes), fn try_max_axis;
    pub fn max_keep(self, axes), fn try_max_keep;
    = Max
}

impl Spec for Max {
    const NAME: &'static str = "max";
    const FORMULA: &'static str = "y = max x along the axes";
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
            true => x[0].max_keep(&axes[..]),
            false => x[0].max_axis(&axes[..]),
        }
    }
}
