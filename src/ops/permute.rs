//! Reordering of axes: permute, transpose, swap_axes.

use smallvec::SmallVec;

use super::forms::{evaluate, linear};
use crate::error::{Error, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Axes, Axis, Shape, Tensor};
use crate::var::Var;

/// Axis `k` of `y` is axis `order[k]` of `x`.
#[derive(Clone, Debug)]
pub struct Permute {
    order: SmallVec<[usize; 4]>,
}

impl<T: Elem> Rule<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.order.iter().map(|&axis| x[0][axis]).collect())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        copy(x[0], &self.order, y);
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        copy(g, &kernel::inverse(&self.order), &mut gx[0]);
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

/// Copies `x` with its axes reordered; shares the buffer where only axes of size 1 move.
fn copy<T: Elem>(x: &Tensor<T>, order: &[usize], y: &mut Slot<'_, T>) {
    let long = order.iter().filter(|&&axis| x.shape()[axis] != 1);
    if long.is_sorted_by(|a, b| a < b) {
        y.share(x);
    } else {
        kernel::permute(x.shape(), x.data(), order, y.fill());
    }
}

impl Permute {
    /// The rule for a tensor of this shape.
    fn new(shape: &Shape, axes: impl Axes) -> Result<Self, Error> {
        Self::listed("permute", shape, &axes.list("permute", shape)?)
    }

    /// [`new`](Self::new), compiled once for all forms that axes come in.
    fn listed(op: &'static str, shape: &Shape, axes: &[isize]) -> Result<Self, Error> {
        shape.axes(op, axes)?;
        if axes.len() != shape.rank() {
            return Err(Error::argument(
                op,
                format!(
                    "{} axes for shape {shape}; name each of its axes once",
                    axes.len()
                ),
            ));
        }
        let order: Result<_, Error> = axes.iter().map(|&axis| shape.axis(op, axis)).collect();
        Ok(Self { order: order? })
    }

    /// The rule that reverses the order of all axes.
    fn reversed(rank: usize) -> Self {
        Self {
            order: (0..rank).rev().collect(),
        }
    }

    /// The rule that swaps two axes.
    fn swapped(shape: &Shape, a: isize, b: isize) -> Result<Self, Error> {
        let mut order: SmallVec<[usize; 4]> = (0..shape.rank()).collect();
        order.swap(shape.axis("swap_axes", a)?, shape.axis("swap_axes", b)?);
        Ok(Self { order })
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// This tensor with its axes reordered: axis `k` of y is axis `axes[k]` of x.
    ///
    /// ```text
    /// y[i_axes[0], i_axes[1], ..] = x[i_0, i_1, ..]
    /// ```
    /// # Shapes
    /// Any; `axes` names each axis once, and negative ones count from the end.
    ///
    /// # Gradient
    /// `gx` is `g` with the axes back in their original order.
    ///
    /// # Complexity
    /// One pass; none where only axes of size 1 move, since the buffer is then shared.
    ///
    /// # Panics
    /// If `axes` does not name each axis exactly once.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::<f64>::zeros([2, 3, 4]));
    /// assert_eq!(x.permute([2, 0, 1]).shape(), [4, 2, 3]);
    /// ```
    #[track_caller]
    pub fn permute(self, axes: impl Axes) -> Self {
        self.try_permute(axes).or_panic()
    }

    /// [`permute`](Self::permute), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axes` does not name each axis exactly once.
    #[track_caller]
    pub fn try_permute(self, axes: impl Axes) -> Result<Self, Error> {
        self.record(Permute::new(&self.shape(), axes)?)
    }

    /// This tensor with its axes in reverse order, as in `numpy.transpose`; for a matrix, rows
    /// become columns.
    ///
    /// For the last two axes of a batch use [`swap_axes(-1, -2)`](Self::swap_axes).
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0, 3.0]]));
    /// assert_eq!(x.transpose().value(), Tensor::from([[1.0], [2.0], [3.0]]));
    /// ```
    #[track_caller]
    pub fn transpose(self) -> Self {
        self.record(Permute::reversed(self.rank())).or_panic()
    }

    /// This tensor with two axes swapped.
    ///
    /// # Panics
    /// If `a` or `b` is not an axis of the tensor.
    #[track_caller]
    pub fn swap_axes(self, a: impl Axis, b: impl Axis) -> Self {
        self.try_swap_axes(a.signed(), b.signed()).or_panic()
    }

    /// [`swap_axes`](Self::swap_axes), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `a` or `b` is not an axis of the tensor.
    #[track_caller]
    pub fn try_swap_axes(self, a: impl Axis, b: impl Axis) -> Result<Self, Error> {
        self.record(Permute::swapped(&self.shape(), a.signed(), b.signed())?)
    }
}

impl<T: Elem> Tensor<T> {
    /// This tensor with its axes reordered; see [`Var::permute`](crate::Var::permute).
    ///
    /// # Panics
    /// If `axes` does not name each axis exactly once.
    #[must_use]
    #[track_caller]
    pub fn permute(&self, axes: impl Axes) -> Self {
        self.try_permute(axes).or_panic()
    }

    /// [`permute`](Self::permute), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axes` does not name each axis exactly once.
    pub fn try_permute(&self, axes: impl Axes) -> Result<Self, Error> {
        evaluate(&Permute::new(self.shape(), axes)?, [self])
    }

    /// This tensor with its axes in reverse order.
    #[must_use]
    #[track_caller]
    pub fn transpose(&self) -> Self {
        evaluate(&Permute::reversed(self.rank()), [self]).or_panic()
    }

    /// This tensor with two axes swapped.
    ///
    /// # Panics
    /// If `a` or `b` is not an axis of the tensor.
    #[must_use]
    #[track_caller]
    pub fn swap_axes(&self, a: impl Axis, b: impl Axis) -> Self {
        self.try_swap_axes(a.signed(), b.signed()).or_panic()
    }

    /// [`swap_axes`](Self::swap_axes), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `a` or `b` is not an axis of the tensor.
    pub fn try_swap_axes(&self, a: impl Axis, b: impl Axis) -> Result<Self, Error> {
        evaluate(
            &Permute::swapped(self.shape(), a.signed(), b.signed())?,
            [self],
        )
    }
}

impl Spec for Permute {
    const NAME: &'static str = "permute";
    const FORMULA: &'static str = "axis k of y is axis order_k of x";
    const GRADIENT: &'static str = "gx = g with the axes put back";
    type Attributes = Vec<isize>;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let inputs = draw.one(-10.0, 10.0);
        let rank = inputs[0].rank();
        let mut axes: Vec<isize> = (0..rank as isize).collect();
        for k in 1..rank {
            axes.swap(k, draw.below(k + 1));
        }
        if rank > 0 && draw.below(2) == 0 {
            axes[0] -= rank as isize;
        }
        Sample::new(inputs, axes)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axes: &Self::Attributes) -> Var<'t, Tensor<T>> {
        let reversed = (0..axes.len()).rev().map(|k| k as isize);
        match axes.iter().copied().eq(reversed) {
            true => x[0].transpose(),
            false => x[0].permute(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        axes: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        // Selection sort by swaps; `now[k]` is the axis of x at place k so far.
        let rank = axes.len() as isize;
        let mut now: Vec<isize> = (0..rank).collect();
        let mut y = x[0];
        for (k, axis) in axes.iter().map(|axis| axis.rem_euclid(rank)).enumerate() {
            let from = now.iter().position(|&a| a == axis)?;
            y = y.swap_axes(k, from);
            now.swap(k, from);
        }
        Some(y)
    }
}
