//! Mean over all, one or several axes.

use super::forms::given::Given;
use super::forms::reduction::{Reduction, reduction};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = Σ x / n` along the axes; the cotangent is divided evenly along them.
#[derive(Clone, Debug)]
pub struct Mean;

impl<T: Elem> Reduction<T> for Mean {
    const NAME: &'static str = "mean";
    const KEEPS: Keeps = Keeps::NOTHING;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], _: &mut Residual<T>) {
        kernel::mean_axis(rows, x, &vec![(); rows.count()], y, &|x, ()| x);
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        let share: Vec<T> = g.iter().map(|&g| share(at.rows.n, g)).collect();
        at.spread(&share, gx);
    }

    // Where the sum has left the range, `value` computes the mean in another unit.
    fn of_total(&self, n: usize, total: T) -> Option<T> {
        total.is_finite().then(|| total / T::of(n as f64))
    }

    fn even(&self, n: usize, g: T) -> Option<T> {
        Some(share(n, g))
    }

    fn push(&self, at: &Given<'_, T>, t: &[T], ty: &mut [T]) {
        kernel::mean_axis(at.rows, t, &vec![(); at.rows.count()], ty, &|t, ()| t);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        let shape = x.shape();
        let sizes = axes.iter().map(|&axis| shape[axis as usize]);
        let n = T::of(sizes.product::<usize>() as f64);
        Some(match keep {
            true => x.sum_keep(axes) / n,
            false => x.sum_axis(axes) / n,
        })
    }
}

/// The share of a cotangent that each of `n` elements gets.
fn share<T: Elem>(n: usize, g: T) -> T {
    g / T::of(n as f64)
}

reduction! {
    /// Mean of all elements, as a scalar.
    ///
    /// ```text
    /// y = Σ_i x_i / n
    /// ```
    /// # Shapes
    /// Any; the mean of no elements is NaN.
    ///
    /// # Domain
    /// All reals. Infinities of one sign give that infinity, of both signs NaN; a NaN gives NaN. The gradient is
    /// `g / n` all the same.
    ///
    /// # Gradient
    /// `gx_i = g / n`.
    ///
    /// # Accuracy
    /// Summed in blocks of 128, then pairwise. A sum that overflows is computed again in a larger
    /// unit, so the mean of finite numbers is finite.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0, 6.0, 7.0]));
    /// assert_eq!(x.mean().value(), 4.0);
    /// assert_eq!(x.mean().backward().wrt(x), Tensor::full([4], 0.25));
    /// ```
    pub fn mean(self);
    pub fn mean_axis(self, axes), fn try_mean_axis;
    pub fn mean_keep(self, axes), fn try_mean_keep;
    = Mean
}

impl Spec for Mean {
    const NAME: &'static str = "mean";
    const FORMULA: &'static str = "y = Σ x / n along the axes";
    const GRADIENT: &'static str = "gx = g / n, repeated along the axes";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.filled_shape(0);
        let axes = draw.axes(&shape);
        let inputs = vec![draw.values(shape, -10.0, 10.0)];
        Sample::new(inputs, (axes, draw.below(2) == 0))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].mean_keep(&axes[..]),
            false => x[0].mean_axis(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Mean.composed(x[0], axes, *keep)
    }
}
