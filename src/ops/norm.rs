//! Euclidean norm over all, one or several axes.

use super::forms::given::Given;
use super::forms::pull::share;
use super::forms::reduction::{Reduction, reduction};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = √Σ x²` along the axes.
#[derive(Clone, Debug)]
pub struct Norm;

impl<T: Elem> Reduction<T> for Norm {
    const NAME: &'static str = "norm";
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], _: &mut Residual<T>) {
        kernel::norm_axis(rows, x, &vec![(); rows.count()], y, T::one(), &|x, ()| x);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        let squares = x * x;
        let sum = match keep {
            true => squares.sum_keep(axes),
            false => squares.sum_axis(axes),
        };
        Some(sum.sqrt())
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        let units: Vec<_> = (0..at.y.len()).map(|row| unit(at, row)).collect();
        let of_row: Vec<_> = g.iter().zip(units).collect();
        at.write(&of_row, gx, |x, (&g, (y, unit))| {
            // A branch on equality, for the convention that norm'(0) is 0.
            if y == T::zero() {
                T::zero()
            } else {
                share(g, || x * unit / y)
            }
        });
    }
}

/// The norm of a row in a unit in which it does not overflow, and the factor to that unit.
fn unit<T: Elem>(at: &Given<'_, T>, row: usize) -> (T, T) {
    let y = at.y[row];
    if !y.is_infinite() {
        return (y, T::one());
    }
    // The norm is at most √n times the largest element, and √n is far below 2^40.
    let unit = T::of(1.0 / (1u64 << 40) as f64);
    let elements = at.rows.row(at.rows.at(row, 0));
    let small: Vec<T> = elements.map(|place| at.x[place] * unit).collect();
    let mut y = [T::zero()];
    let rows = Rows::last(1, small.len());
    kernel::norm_axis(rows, &small, &[()], &mut y, T::one(), &|x, ()| x);
    (y[0], unit)
}

reduction! {
    /// Euclidean norm of all elements, as a scalar.
    ///
    /// ```text
    /// y = √Σ_i x_i²
    /// ```
    /// # Shapes
    /// Any; the norm of no elements is 0.
    ///
    /// # Domain
    /// All reals. An infinite element gives +inf (its gradient is NaN, that of the others 0); NaN
    /// gives NaN.
    ///
    /// # Gradient
    /// `gx_i = g x_i / y`, and 0 where y is 0: the subgradient of least norm.
    ///
    /// # Keeps
    /// x and y.
    ///
    /// # Accuracy
    /// If squares overflow or underflow, they are summed again in another unit: the norm of
    /// `[3e200, 4e200]` is 5e200, that of `[3e-200, 4e-200]` is 5e-200.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([3.0, -4.0]));
    /// assert_eq!(x.norm().value(), 5.0);
    /// assert_eq!(x.norm().backward().wrt(x), Tensor::from([0.6, -0.8]));
    /// ```
    pub fn norm(self);
    pub fn norm_axis(self, axes), fn try_norm_axis;
    pub fn norm_keep(self, axes), fn try_norm_keep;
    = Norm
}

impl Spec for Norm {
    const NAME: &'static str = "norm";
    const FORMULA: &'static str = "y = √Σ x² along the axes";
    const GRADIENT: &'static str = "gx = g x / y, 0 where y is 0";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.filled_shape(0);
        let axes = draw.axes(&shape);
        let inputs = vec![draw.signed(shape, 0.5, 5.0)];
        Sample::new(inputs, (axes, draw.below(2) == 0))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].norm_keep(&axes[..]),
            false => x[0].norm_axis(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Norm.composed(x[0], axes, *keep)
    }
}
