//! Variance over all, one or several axes.

use super::forms::given::Given;
use super::forms::pull::share;
use super::forms::reduction::{Reduction, reduction};
use crate::kernel::{self, Elem, Rows, from_centre};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y = Σ (x - mean)² / (n - ddof)` along the axes.
#[derive(Clone, Debug)]
pub struct Variance {
    ddof: usize,
}

impl<T: Elem> Reduction<T> for Variance {
    const NAME: &'static str = "var";
    const KEEPS: Keeps = Keeps::INPUTS.and_residual();
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    // Differences from the mean do.
    const OVERFLOWS: bool = true;
    type Wide = Self;

    fn wide(&self) -> Self {
        self.clone()
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>) {
        let centres = centre(rows, x, keep);
        kernel::mean_axis(rows, x, &centres, y, &|x, c| {
            let d = from_centre(x, c);
            d * d
        });
        // So far, y is a mean over n, which does not overflow on the way.
        let scale = T::of(rows.n as f64) / freedom::<T>(rows, self.ddof);
        y.iter_mut().for_each(|y| *y *= scale);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        let shape = x.shape();
        let n: usize = axes.iter().map(|&axis| shape[axis as usize]).product();
        let centred = x - x.sum_keep(axes) / T::of(n as f64);
        let squares = centred * centred;
        let sum = match keep {
            true => squares.sum_keep(axes),
            false => squares.sum_axis(axes),
        };
        Some(sum / T::of(n as f64 - self.ddof as f64))
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        let scale = T::of(2.0) / freedom::<T>(at.rows, self.ddof);
        let g = g.iter().map(|&g| share(g, || scale));
        let of_row: Vec<_> = g.zip(centres(at.kept)).collect();
        at.write(&of_row, gx, |x, (g, c)| share(g, || from_centre(x, c)));
    }
}

/// Degrees of freedom, `n - ddof`; NaN if that is not positive.
pub(super) fn freedom<T: Elem>(rows: Rows, ddof: usize) -> T {
    match rows.n.checked_sub(ddof) {
        None | Some(0) => T::nan(),
        Some(n) => T::of(n as f64),
    }
}

/// The centre of each row, kept for the pullback.
pub(super) fn centre<T: Elem>(rows: Rows, x: &[T], keep: &mut Residual<T>) -> Vec<[T; 2]> {
    let centres = kernel::centres(rows, x);
    // Row by row, since what blocks of rows keep is concatenated.
    keep.values.clear();
    keep.values.extend(centres.iter().flatten());
    centres
}

/// The centres kept by [`centre`].
pub(super) fn centres<T: Elem>(kept: &[T]) -> impl Iterator<Item = [T; 2]> {
    kept.chunks_exact(2).map(|pair| [pair[0], pair[1]])
}

reduction! {
    /// Variance of all elements, as a scalar; `ddof` is 0 for a whole population, 1 for a sample.
    ///
    /// ```text
    /// y = Σ_i (x_i - m)² / (n - ddof),   m = Σ_i x_i / n
    /// ```
    /// # Shapes
    /// Any. With `n <= ddof` value and gradient are NaN.
    ///
    /// # Domain
    /// All reals. An infinite element or a NaN makes the value and every gradient NaN.
    ///
    /// # Gradient
    /// `gx_i = 2 g (x_i - m) / (n - ddof)`.
    ///
    /// # Keeps
    /// x and the centre of each row.
    ///
    /// # Accuracy
    /// Computed from differences from the mean, which is corrected for its own rounding: a large
    /// mean costs no digits, and the variance of equal numbers is exactly 0.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0, 3.0, 6.0]));
    /// assert_eq!(x.var(0).value(), 3.5);
    /// assert_eq!(x.var(0).backward().wrt(x), Tensor::from([-1.0, -0.5, 0.0, 1.5]));
    /// ```
    pub fn var(self, ddof: usize);
    pub fn var_axis(self, axes, ddof), fn try_var_axis;
    pub fn var_keep(self, axes, ddof), fn try_var_keep;
    = Variance { ddof }
}

/// A shape, axes along which rows have two or more elements, and a `ddof` of 0 or 1.
pub(super) fn spread_rows(draw: &mut Draw) -> (Shape, (Vec<isize>, bool, usize)) {
    let shape = draw.shape(1);
    let first = draw.axis(&shape).rem_euclid(shape.rank() as isize);
    let shape = shape.with(first as usize, shape[first as usize].max(2));
    let axis = |axis: &isize| *axis == first || shape[*axis as usize] > 0 && draw.below(2) == 0;
    let axes: Vec<isize> = (0..shape.rank() as isize).filter(axis).collect();
    let with = (axes, draw.below(2) == 0, draw.below(2));
    (shape, with)
}

impl Spec for Variance {
    const NAME: &'static str = "var";
    const FORMULA: &'static str = "y = Σ (x - mean)² / (n - ddof) along the axes";
    const GRADIENT: &'static str = "gx = 2 g (x - mean) / (n - ddof); the mean is kept";
    type Attributes = (Vec<isize>, bool, usize);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let (shape, with) = spread_rows(draw);
        Sample::new(vec![draw.values(shape, -5.0, 5.0)], with)
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep, ddof): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].var_keep(&axes[..], *ddof),
            false => x[0].var_axis(&axes[..], *ddof),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep, ddof): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Variance { ddof: *ddof }.composed(x[0], axes, *keep)
    }
}
