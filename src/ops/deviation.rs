//! Standard deviation over all, one or several axes.

use super::forms::given::Given;
use super::forms::pull::share;
use super::forms::reduction::{Reduction, reduction};
use super::variance::{centre, centres, freedom, spread_rows};
use crate::kernel::{self, Elem, Rows, from_centre};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = √(Σ (x - mean)² / (n - ddof))` along the axes.
#[derive(Clone, Debug)]
pub struct Deviation {
    ddof: usize,
}

impl<T: Elem> Reduction<T> for Deviation {
    const NAME: &'static str = "std";
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT.and_residual();
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    // Differences from the mean do.
    const OVERFLOWS: bool = true;
    type Wide = Self;

    fn wide(&self) -> Self {
        self.clone()
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>) {
        let centres = centre(rows, x, keep);
        let root = freedom::<T>(rows, self.ddof).sqrt();
        kernel::norm_axis(rows, x, &centres, y, root, &from_centre);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        let variance = match keep {
            true => x.var_keep(axes, self.ddof),
            false => x.var_axis(axes, self.ddof),
        };
        Some(variance.sqrt())
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        let freedom = freedom::<T>(at.rows, self.ddof);
        let g = g.iter().map(|&g| share(g, || freedom.recip()));
        let of_row: Vec<_> = g.zip(at.y).zip(centres(at.kept)).collect();
        at.write(&of_row, gx, |x, ((g, &y), c)| {
            // A test for equality, deliberately: by convention the gradient is 0 where all elements are equal.
            if y == T::zero() {
                T::zero()
            } else {
                share(g, || from_centre(x, c) / y)
            }
        });
    }
}

reduction! {
    /// Standard deviation of all elements, as a scalar; `ddof` is 0 for a population, 1 for a
    /// sample from one.
    ///
    /// ```text
    /// y = √(Σ_i (x_i - m)² / (n - ddof)),   m = Σ_i x_i / n
    /// ```
    /// # Shapes
    /// Any. If `n <= ddof`, value and gradient are NaN.
    ///
    /// # Domain
    /// All reals. An infinite element or a NaN makes the value and every gradient NaN.
    ///
    /// # Gradient
    /// `gx_i = g (x_i - m) / (y (n - ddof))`, and 0 where all elements are equal: the
    /// subgradient of least norm.
    ///
    /// # Keeps
    /// x, y and the centre of each row.
    ///
    /// # Accuracy
    /// As for [`var`](Self::var); moreover, the squares neither overflow nor underflow: the deviation
    /// of `[-1e200, 1e200]` is 1e200.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 3.0, 5.0, 7.0, 9.0]));
    /// assert_eq!(x.std(1).value(), 10f64.sqrt());
    /// assert_eq!(tape.var(Tensor::full([3], 0.1)).std(0).value(), 0.0);
    /// ```
    pub fn std(self, ddof: usize);
    pub fn std_axis(self, axes, ddof), fn try_std_axis;
    pub fn std_keep(self, axes, ddof), fn try_std_keep;
    = Deviation { ddof }
}

impl Spec for Deviation {
    const NAME: &'static str = "std";
    const FORMULA: &'static str = "y = √(Σ (x - mean)² / (n - ddof)) along the axes";
    const GRADIENT: &'static str =
        "gx = g (x - mean) / (y (n - ddof)), 0 where y is 0; the mean is kept";
    type Attributes = (Vec<isize>, bool, usize);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let (shape, with) = spread_rows(draw);
        Sample::new(vec![draw.distinct(shape, -5.0, 5.0)], with)
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep, ddof): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].std_keep(&axes[..], *ddof),
            false => x[0].std_axis(&axes[..], *ddof),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep, ddof): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Deviation { ddof: *ddof }.composed(x[0], axes, *keep)
    }
}
