//! Sum of absolute values over all, one or several axes.

use super::forms::given::Given;
use super::forms::pull::share;
use super::forms::reduction::{Reduction, reduction};
use super::sign::signum;
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = Σ |x|` along the axes.
#[derive(Clone, Debug)]
pub struct NormL1;

impl<T: Elem> Reduction<T> for NormL1 {
    const NAME: &'static str = "norm_l1";
    const KEEPS: Keeps = Keeps::INPUTS;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], _: &mut Residual<T>) {
        kernel::sum_axis_of(rows, x, &vec![(); rows.count()], y, &|x, ()| x.abs());
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        at.write(g, gx, |x, g| share(g, || signum(x)));
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(match keep {
            true => x.abs().sum_keep(axes),
            false => x.abs().sum_axis(axes),
        })
    }
}

reduction! {
    /// Sum of the absolute values of all elements, as a scalar.
    ///
    /// ```text
    /// y = Σ_i |x_i|
    /// ```
    /// # Shapes
    /// Any; the norm of no elements is 0.
    ///
    /// # Domain
    /// All reals. An infinite element gives +inf, a NaN gives NaN; in the gradient, an infinite element has its sign, and
    /// only a NaN has NaN.
    ///
    /// # Gradient
    /// `gx_i = g sign(x_i)`, and 0 where x_i is 0: the subgradient of least norm.
    ///
    /// # Keeps
    /// x.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([3.0, 0.0, -4.0]));
    /// assert_eq!(x.norm_l1().value(), 7.0);
    /// assert_eq!(x.norm_l1().backward().wrt(x), Tensor::from([1.0, 0.0, -1.0]));
    /// ```
    pub fn norm_l1(self);
    pub fn norm_l1_axis(self, axes), fn try_norm_l1_axis;
    pub fn norm_l1_keep(self, axes), fn try_norm_l1_keep;
    = NormL1
}

impl Spec for NormL1 {
    const NAME: &'static str = "norm_l1";
    const FORMULA: &'static str = "y = Σ |x| along the axes";
    const GRADIENT: &'static str = "gx = g sign(x), 0 where x is 0";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(0);
        let axes = draw.axes(&shape);
        let inputs = vec![draw.signed(shape, 0.5, 5.0)];
        Sample::new(inputs, (axes, draw.below(2) == 0))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].norm_l1_keep(&axes[..]),
            false => x[0].norm_l1_axis(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        NormL1.composed(x[0], axes, *keep)
    }
}
