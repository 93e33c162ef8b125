//! Entries of one axis chosen by index: rows of a table, in any order and as often as wanted.

use super::forms::{evaluate, linear};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y` holds the entries of `x` that an index names along one axis.
#[derive(Clone, Debug)]
pub struct IndexSelect {
    axis: usize,
    index: Tensor<usize>,
}

impl<T: Elem> Rule<T> for IndexSelect {
    fn name(&self) -> &'static str {
        "index_select"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        check_entries("index_select", &self.index, self.axis, x[0])?;
        let (before, after) = (&x[0][..self.axis], &x[0][self.axis + 1..]);
        let sizes = before.iter().chain(self.index.shape().iter()).chain(after);
        Ok(sizes.copied().collect())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        kernel::select(rows, self.index.data(), x[0].data(), y.fill());
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let rows = at.x[0].shape().rows(self.axis);
        guard::added(self, at, g, gx, |gx| {
            kernel::add_selected(rows, self.index.data(), g.data(), gx);
        });
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

impl IndexSelect {
    fn new(shape: &Shape, axis: isize, index: impl Into<Tensor<usize>>) -> Result<Self, Error> {
        let axis = shape.axis("index_select", axis)?;
        let index = index.into();
        Ok(Self { axis, index })
    }
}

/// Refuses an index with an entry outside the axis.
pub(super) fn check_entries(
    op: &'static str,
    index: &Tensor<usize>,
    axis: usize,
    shape: &Shape,
) -> Result<(), Error> {
    match index.iter().find(|&&i| i >= shape[axis]) {
        None => Ok(()),
        Some(&index) => Err(Error::new(ErrorKind::Index {
            op,
            index,
            axis,
            shape: shape.clone(),
        })),
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The entries of one axis that `index` names, as often as it names them.
    ///
    /// ```text
    /// y[.., k, ..] = x[.., index[k], ..]
    /// ```
    /// # Shapes
    /// The axes of the index take the place of `axis`, as in `numpy.take`: an index of shape `[n]` gives
    /// an axis of size `n`; token numbers `[batch, time]` into a table `[words, width]` give
    /// `[batch, time, width]`.
    ///
    /// # Gradient
    /// `gx[.., i, ..]` is the sum of `g` over the places where the index names `i`, in their order.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or an entry of the index lies outside it.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    /// let y = x.index_select(0, [2, 0, 2]);
    /// assert_eq!(y.value(), Tensor::from([[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]));
    /// let grads = y.sum().backward();
    /// assert_eq!(grads.wrt(x), Tensor::from([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]));
    /// ```
    #[track_caller]
    pub fn index_select(self, axis: impl Axis, index: impl Into<Tensor<usize>>) -> Self {
        self.try_index_select(axis.signed(), index).or_panic()
    }

    /// [`index_select`](Self::index_select), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or an entry of the index lies outside it.
    #[track_caller]
    pub fn try_index_select(
        self,
        axis: impl Axis,
        index: impl Into<Tensor<usize>>,
    ) -> Result<Self, Error> {
        self.record(IndexSelect::new(&self.shape(), axis.signed(), index)?)
    }
}

impl<T: Elem> Tensor<T> {
    /// The entries of one axis that `index` names; see
    /// [`Var::index_select`](crate::Var::index_select).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or an entry of the index lies outside it.
    #[must_use]
    #[track_caller]
    pub fn index_select(&self, axis: impl Axis, index: impl Into<Tensor<usize>>) -> Self {
        self.try_index_select(axis.signed(), index).or_panic()
    }

    /// [`index_select`](Self::index_select), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or an entry of the index lies outside it.
    pub fn try_index_select(
        &self,
        axis: impl Axis,
        index: impl Into<Tensor<usize>>,
    ) -> Result<Self, Error> {
        evaluate(
            &IndexSelect::new(self.shape(), axis.signed(), index)?,
            [self],
        )
    }
}

impl Spec for IndexSelect {
    const NAME: &'static str = "index_select";
    const FORMULA: &'static str = "y[.., k, ..] = x[.., index[k], ..]";
    const GRADIENT: &'static str = "gx[.., i, ..] = Σ g[.., k, ..] over k with index[k] = i";
    type Attributes = (isize, Tensor<usize>);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        let n = shape[axis.rem_euclid(shape.rank() as isize) as usize];
        let of = match n {
            0 => Shape::from([0]),
            _ => draw.pick(&[[].into(), [3].into(), [1].into(), [2, 2].into(), [0].into()]),
        };
        let index = Tensor::full(of, 0).map(|_: usize| draw.below(n));
        Sample::new(vec![draw.values(shape, -10.0, 10.0)], (axis, index))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, index): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].index_select(*axis, index.clone())
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, index): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        // A matrix whose rows are one-hot picks the entries.
        let shape = x[0].shape();
        let at = shape.axis(Self::NAME, *axis).ok()?;
        let rows = shape.rows(at);
        let pick = Tensor::<T>::one_hot(index.flatten(), rows.n).ok()?;
        let y = x[0]
            .tape()
            .constant(pick)
            .matmul(x[0].reshape([rows.outer, rows.n, rows.inner]));
        let sizes = shape[..at]
            .iter()
            .chain(index.shape().iter())
            .chain(&shape[at + 1..]);
        Some(y.reshape(sizes.copied().collect::<Shape>()))
    }
}
