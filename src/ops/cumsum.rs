//! Running sum along an axis.

use super::forms::linear;
use crate::error::{Error, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y_j = x_0 + .. + x_j` along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Cumsum {
    axis: usize,
}

impl<T: Elem> Rule<T> for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        kernel::cumsum(rows, x[0].data(), y.fill(), false);
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let rows = g.shape().rows(self.axis);
        kernel::cumsum(rows, g.data(), gx[0].fill(), true);
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        linear::push(self, t, ty)
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        (self.axis >= axes).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl Cumsum {
    /// Along an axis of a tensor of this shape.
    fn along(shape: &Shape, axis: isize) -> Result<Self, Error> {
        let axis = shape.axis("cumsum", axis)?;
        Ok(Self { axis })
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// Running sum along `axis`.
    ///
    /// ```text
    /// y_j = x_0 + .. + x_j
    /// ```
    /// # Shapes
    /// Any with at least one axis; y has the shape of x.
    ///
    /// # Domain
    /// All reals. From the first infinity on, a row stays infinite, until one of the other sign makes it NaN; from
    /// the first NaN on, it is NaN.
    ///
    /// # Gradient
    /// `gx_j = g_j + .. + g_(n-1)`: the running sum from the other end.
    ///
    /// # Accuracy
    /// The rounding error of each addition is carried along and added to each result, so the error
    /// does not grow with the length.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0, 3.0]));
    /// assert_eq!(x.cumsum(0).value(), Tensor::from([1.0, 3.0, 6.0]));
    /// assert_eq!(x.cumsum(0).sum().backward().wrt(x), Tensor::from([3.0, 2.0, 1.0]));
    /// ```
    #[track_caller]
    pub fn cumsum(self, axis: impl Axis) -> Self {
        self.try_cumsum(axis.signed()).or_panic()
    }

    /// [`cumsum`](Self::cumsum), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    #[track_caller]
    pub fn try_cumsum(self, axis: impl Axis) -> Result<Self, Error> {
        self.record(Cumsum::along(&self.shape(), axis.signed())?)
    }
}

impl<T: Elem> Tensor<T> {
    /// Running sum along `axis`. Formula and domain are documented on
    /// [`Var::cumsum`](crate::Var::cumsum).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    #[must_use]
    #[track_caller]
    pub fn cumsum(&self, axis: impl Axis) -> Self {
        self.try_cumsum(axis.signed()).or_panic()
    }

    /// [`cumsum`](Self::cumsum), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    pub fn try_cumsum(&self, axis: impl Axis) -> Result<Self, Error> {
        evaluate(&Cumsum::along(self.shape(), axis.signed())?, [self])
    }
}

impl Spec for Cumsum {
    const NAME: &'static str = "cumsum";
    const FORMULA: &'static str = "y_j = Σ x_k over k <= j";
    const GRADIENT: &'static str = "gx_j = Σ g_k over k >= j";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<isize> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        Sample::new(vec![draw.values(shape, -10.0, 10.0)], axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        x[0].cumsum(*axis)
    }
}
