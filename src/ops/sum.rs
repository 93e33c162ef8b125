//! Sum over all, one or several axes.

use super::over::{Axes, Over};
use crate::error::{Error, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y = Σ x` along the axes; the cotangent is repeated along them.
#[derive(Clone, Debug)]
pub struct Sum(Over);

impl<T: Elem> Rule<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.0.shape(x[0]))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let (x, rows) = self.0.rows(x[0]);
        kernel::sum_axis(rows, &x, y.fill());
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        self.0.write(at.x[0].shape(), gx[0].fill(), |gx, rows| {
            for (start, &g) in rows.starts().zip(g.iter()) {
                for j in rows.row(start) {
                    gx[j] = g;
                }
            }
        });
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.forward(&[t], ty, &mut Residual::default()),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(self.clone()))
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Sum of all elements, as a scalar.
    ///
    /// ```text
    /// y = Σ_i x_i
    /// ```
    /// # Shapes
    /// Any; the sum of no elements is 0.
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
    #[track_caller]
    pub fn sum(self) -> Var<'t, T> {
        self.record_scalar(Sum(Over::all(self.rank()))).or_panic()
    }

    /// Sum along some axes, which disappear: `x.sum_axis(0)`, `x.sum_axis([0, -1])`.
    ///
    /// # Panics
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn sum_axis(self, axes: impl Axes) -> Self {
        self.try_sum_axis(axes).or_panic()
    }

    /// [`sum_axis`](Self::sum_axis), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn try_sum_axis(self, axes: impl Axes) -> Result<Self, Error> {
        self.record(Sum(Over::new("sum", &self.shape(), axes, false)?))
    }

    /// Sum along some axes, which stay as size 1, so that the result broadcasts against `self`.
    ///
    /// # Panics
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn sum_keep(self, axes: impl Axes) -> Self {
        self.try_sum_keep(axes).or_panic()
    }

    /// [`sum_keep`](Self::sum_keep), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn try_sum_keep(self, axes: impl Axes) -> Result<Self, Error> {
        self.record(Sum(Over::new("sum", &self.shape(), axes, true)?))
    }
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
