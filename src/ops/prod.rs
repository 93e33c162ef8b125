//! Product over all, one or several axes.

use super::forms::given::Given;
use super::forms::reduction::{Reduction, reduction};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = Π x` along the axes.
#[derive(Clone, Debug)]
pub struct Prod;

impl<T: Elem> Reduction<T> for Prod {
    const NAME: &'static str = "prod";
    const KEEPS: Keeps = Keeps::INPUTS;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], _: &mut Residual<T>) {
        kernel::product_axis(rows, x, y);
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        kernel::product_of_others(at.rows, at.x, g, gx);
    }

    fn push(&self, at: &Given<'_, T>, t: &[T], ty: &mut [T]) {
        kernel::product_tangent(at.rows, at.x, t, ty);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        // The sign is that of (-1)^k, k the number of negative elements.
        let (size, half_turns) = (x.abs().ln(), (-x.sign() + T::one()) * T::FRAC_PI_2());
        let [size, half_turns] = [size, half_turns].map(|x| match keep {
            true => x.sum_keep(axes),
            false => x.sum_axis(axes),
        });
        Some(size.exp() * half_turns.cos())
    }
}

reduction! {
    /// Product of all elements, as a scalar.
    ///
    /// ```text
    /// y = Π_i x_i
    /// ```
    /// # Shapes
    /// Any; the product of no elements is 1.
    ///
    /// # Domain
    /// All reals. The order of the elements does not matter: where an intermediate product could leave the range, the
    /// row is multiplied again on wider numbers, so that `[1e200, 1e200, 1e-300]` gives 1e100. Infinities and NaN go
    /// through the products, so an infinity beside a 0 gives NaN, in the value and in the gradients of the others.
    ///
    /// # Gradient
    /// `gx_i = g Π_(k ≠ i) x_k`, from the products of the elements before and after each element: right with any
    /// number of zeros, where `g y / x_i` would be 0/0.
    ///
    /// # Keeps
    /// x.
    ///
    /// # Complexity
    /// Linear, forward and backward.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([2.0, 0.0, 3.0]));
    /// assert_eq!(x.prod().value(), 0.0);
    /// assert_eq!(x.prod().backward().wrt(x), Tensor::from([0.0, 6.0, 0.0]));
    /// ```
    pub fn prod(self);
    pub fn prod_axis(self, axes), fn try_prod_axis;
    pub fn prod_keep(self, axes), fn try_prod_keep;
    = Prod
}

impl Spec for Prod {
    const NAME: &'static str = "prod";
    const FORMULA: &'static str = "y = Π x along the axes";
    const GRADIENT: &'static str = "gx_i = g Π x_k over k ≠ i";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(0);
        let axes = draw.axes(&shape);
        let inputs = vec![draw.signed(shape, 0.5, 1.5)];
        Sample::new(inputs, (axes, draw.below(2) == 0))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].prod_keep(&axes[..]),
            false => x[0].prod_axis(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Prod.composed(x[0], axes, *keep)
    }
}
