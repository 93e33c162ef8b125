//! The same elements in another shape: reshape, flatten, squeeze, unsqueeze.

use super::forms::linear;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y` has the elements of `x` in another shape; nothing is copied in either direction.
#[derive(Clone, Debug)]
pub struct Reshape(Shape);

impl<T: Elem> Rule<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        check("reshape", x[0], &self.0)?;
        Ok(self.0.clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        y.share(x[0]);
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        gx[0].share(g);
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
        Some(Box::new(self.clone()))
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }

    fn reach(&self) -> Reach {
        Reach::Copies
    }
}

/// Refuses a shape with a different number of elements.
fn check(op: &'static str, from: &Shape, to: &Shape) -> Result<(), Error> {
    if from.elements() == to.elements() {
        return Ok(());
    }
    let (found, shape) = (from.elements(), to.clone());
    Err(Error::new(ErrorKind::Length { op, found, shape }))
}

/// The shape with a new axis of size 1 at position `axis`.
fn unsqueezed(shape: &Shape, axis: isize) -> Result<Shape, Error> {
    let axis = shape.inserted(0, 1).axis("unsqueeze", axis)?;
    Ok(shape.inserted(axis, 1))
}

/// The shape without an axis of size 1.
fn squeezed(shape: &Shape, axis: isize) -> Result<Shape, Error> {
    let axis = shape.axis("squeeze", axis)?;
    match shape[axis] {
        1 => Ok(shape.without(axis)),
        n => Err(Error::argument(
            "squeeze",
            format!("axis {axis} of {shape} has size {n}; only an axis of size 1 can go"),
        )),
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The same elements, in row-major order, in another shape.
    ///
    /// All sizes must be given. [`flatten`](Self::flatten) merges all axes into one; to let one
    /// size follow from the others, divide: `x.reshape([x.shape().elements() / n, n])`.
    ///
    /// # Shapes
    /// Any two with the same number of elements.
    ///
    /// # Gradient
    /// `gx` is `g` in the shape of `x`.
    ///
    /// # Complexity
    /// No pass over the elements: the value shares the buffer of `x`, and `gx` that of `g`.
    ///
    /// # Panics
    /// If the shape has a different number of elements.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    /// assert_eq!(x.reshape([3, 2]).value(), Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    /// ```
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        self.try_reshape(shape).or_panic()
    }

    /// [`reshape`](Self::reshape), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shape has a different number of elements.
    #[track_caller]
    pub fn try_reshape(self, shape: impl Into<Shape>) -> Result<Self, Error> {
        self.record(Reshape(shape.into()))
    }

    /// This tensor with all elements along one axis, in row-major order.
    #[track_caller]
    pub fn flatten(self) -> Self {
        self.reshape([self.shape().elements()])
    }

    /// This tensor with a new axis of size 1 at position `axis`; -1 puts it last.
    ///
    /// # Panics
    /// If `axis` is not an axis of the result.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0, 3.0]));
    /// assert_eq!(x.unsqueeze(0).shape(), [1, 3]);
    /// assert_eq!(x.unsqueeze(-1).shape(), [3, 1]);
    /// ```
    #[track_caller]
    pub fn unsqueeze(self, axis: impl Axis) -> Self {
        self.try_unsqueeze(axis.signed()).or_panic()
    }

    /// [`unsqueeze`](Self::unsqueeze), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the result.
    #[track_caller]
    pub fn try_unsqueeze(self, axis: impl Axis) -> Result<Self, Error> {
        self.record(Reshape(unsqueezed(&self.shape(), axis.signed())?))
    }

    /// This tensor without an axis of size 1.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or its size is not 1.
    #[track_caller]
    pub fn squeeze(self, axis: impl Axis) -> Self {
        self.try_squeeze(axis.signed()).or_panic()
    }

    /// [`squeeze`](Self::squeeze), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or its size is not 1.
    #[track_caller]
    pub fn try_squeeze(self, axis: impl Axis) -> Result<Self, Error> {
        self.record(Reshape(squeezed(&self.shape(), axis.signed())?))
    }
}

impl<T: Clone> Tensor<T> {
    /// The same elements in another shape; the buffer is shared.
    ///
    /// # Panics
    /// If the shape has a different number of elements.
    #[must_use]
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        self.try_reshape(shape).or_panic()
    }

    /// [`reshape`](Self::reshape), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shape has a different number of elements.
    pub fn try_reshape(&self, shape: impl Into<Shape>) -> Result<Self, Error> {
        let shape = shape.into();
        check("reshape", self.shape(), &shape)?;
        Ok(self.with_shape(&shape))
    }

    /// This tensor with all elements along one axis; the buffer is shared.
    #[must_use]
    pub fn flatten(&self) -> Self {
        self.with_shape(&[self.len()].into())
    }

    /// This tensor with a new axis of size 1 at position `axis`; the buffer is shared.
    ///
    /// # Panics
    /// If `axis` is not an axis of the result.
    #[must_use]
    #[track_caller]
    pub fn unsqueeze(&self, axis: impl Axis) -> Self {
        self.try_unsqueeze(axis.signed()).or_panic()
    }

    /// [`unsqueeze`](Self::unsqueeze), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the result.
    pub fn try_unsqueeze(&self, axis: impl Axis) -> Result<Self, Error> {
        Ok(self.with_shape(&unsqueezed(self.shape(), axis.signed())?))
    }

    /// This tensor without an axis of size 1; the buffer is shared.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or its size is not 1.
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self, axis: impl Axis) -> Self {
        self.try_squeeze(axis.signed()).or_panic()
    }

    /// [`squeeze`](Self::squeeze), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or its size is not 1.
    pub fn try_squeeze(&self, axis: impl Axis) -> Result<Self, Error> {
        Ok(self.with_shape(&squeezed(self.shape(), axis.signed())?))
    }
}

impl Spec for Reshape {
    const NAME: &'static str = "reshape";
    const FORMULA: &'static str = "y = x, the elements in another shape";
    const GRADIENT: &'static str = "gx = g in the shape of x";
    type Attributes = Vec<usize>;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let inputs = draw.one(-10.0, 10.0);
        let shape = inputs[0].shape();
        // Neighbouring axes are merged, or an axis of size 1 is inserted, or all is flattened.
        let other: Shape = match (draw.below(3), shape.rank()) {
            (0, 2..) => shape.without(0).with(0, shape[0] * shape[1]),
            (1, _) => shape.inserted(draw.below(shape.rank() + 1), 1),
            _ => [shape.elements()].into(),
        };
        Sample::new(inputs, other.to_vec())
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        shape: &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].reshape(&shape[..])
    }
}
