//! Elements chosen along one axis by an index that has one entry for each element of the result.

use super::forms::{evaluate, linear};
use super::index_select::check_entries;
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Lookup};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y` holds, at each place of an index, the element of `x` that the index names along one axis.
#[derive(Clone, Debug)]
pub struct Gather {
    axis: usize,
    index: Tensor<usize>,
}

impl<T: Elem> Rule<T> for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        check("gather", self.axis, &self.index, x[0])?;
        Ok(self.index.shape().clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let lookup = self.lookup(x[0].shape());
        lookup.read(self.index.data(), x[0].data(), y.fill());
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let lookup = self.lookup(at.x[0].shape());
        guard::added(self, at, g, gx, |gx| {
            lookup.add(self.index.data(), g.data(), gx);
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

impl Gather {
    fn new(shape: &Shape, axis: isize, index: &Tensor<usize>) -> Result<Self, Error> {
        let axis = shape.axis("gather", axis)?;
        let index = index.clone();
        Ok(Self { axis, index })
    }

    fn lookup(&self, x: &Shape) -> Lookup {
        let index = self.index.shape();
        Lookup::new(self.axis, x, index, index)
    }
}

/// Refuses an index that does not fit a table of this shape.
pub(super) fn check(
    op: &'static str,
    axis: usize,
    index: &Tensor<usize>,
    table: &Shape,
) -> Result<(), Error> {
    let own = index.shape();
    let fits = |k: usize| k == axis || own[k] <= table[k];
    if own.rank() != table.rank() || !(0..own.rank()).all(fits) {
        return Err(Error::argument(
            op,
            format!(
                "an index of shape {own} does not fit {table} along axis {axis}; it needs as many axes, and no larger sizes beside that axis"
            ),
        ));
    }
    check_entries(op, index, axis, table)
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The element that each entry of `index` names along `axis`.
    ///
    /// ```text
    /// y[i, k] = x[i, index[i, k]]     along axis 1
    /// ```
    /// # Shapes
    /// The index has as many axes as x and, except along `axis`, no larger sizes; y has the shape of
    /// the index, as in `torch.gather`.
    ///
    /// # Gradient
    /// For each element, `gx` is the sum of `g` over the places that name it, in their order: this map
    /// is the adjoint of [`scatter_add`](Self::scatter_add).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, the index does not fit, or one of its entries lies outside the axis.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    /// let labels = Tensor::from([[2], [0]]);
    /// let y = x.gather(1, &labels);
    /// assert_eq!(y.value(), Tensor::from([[3.0], [4.0]]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::from([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
    /// ```
    #[track_caller]
    pub fn gather(self, axis: impl Axis, index: &Tensor<usize>) -> Self {
        self.try_gather(axis.signed(), index).or_panic()
    }

    /// [`gather`](Self::gather), with bad input as an [`Error`].
    ///
    /// # Errors
    /// In the cases where [`gather`](Self::gather) panics.
    #[track_caller]
    pub fn try_gather(self, axis: impl Axis, index: &Tensor<usize>) -> Result<Self, Error> {
        self.record(Gather::new(&self.shape(), axis.signed(), index)?)
    }
}

impl<T: Elem> Tensor<T> {
    /// The element that each entry of `index` names along `axis`; see
    /// [`Var::gather`](crate::Var::gather).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, the index does not fit, or one of its entries lies outside the axis.
    #[must_use]
    #[track_caller]
    pub fn gather(&self, axis: impl Axis, index: &Tensor<usize>) -> Self {
        self.try_gather(axis.signed(), index).or_panic()
    }

    /// [`gather`](Self::gather), with bad input as an [`Error`].
    ///
    /// # Errors
    /// In the cases where [`gather`](Self::gather) panics.
    pub fn try_gather(&self, axis: impl Axis, index: &Tensor<usize>) -> Result<Self, Error> {
        evaluate(&Gather::new(self.shape(), axis.signed(), index)?, [self])
    }
}

/// A table, one of its axes, and an index that fits, for the samples of this op and of scatter_add.
pub(super) fn sample(draw: &mut Draw) -> (Tensor<f64>, (isize, Tensor<usize>)) {
    let shape = draw.shape(1);
    let axis = draw.axis(&shape);
    let at = axis.rem_euclid(shape.rank() as isize) as usize;
    let n = shape[at];
    let sizes = shape.iter().enumerate().map(|(k, &size)| match k == at {
        true if n == 0 => 0,
        true => draw.below(5),
        false => size - size.min(draw.pick(&[0, 0, 1])),
    });
    let sizes: Shape = sizes.collect();
    let index = Tensor::full(sizes, 0).map(|_: usize| draw.below(n));
    (draw.values(shape, -10.0, 10.0), (axis, index))
}

impl Spec for Gather {
    const NAME: &'static str = "gather";
    const FORMULA: &'static str = "y[i, k] = x[i, index[i, k]] along axis 1";
    const GRADIENT: &'static str = "gx[i, j] = Σ g[i, k] over k with index[i, k] = j";
    type Attributes = (isize, Tensor<usize>);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let (x, with) = sample(draw);
        Sample::new(vec![x], with)
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, index): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].gather(*axis, index)
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, index): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        // Each element is selected by its place in the flattened tensor.
        let shape = x[0].shape();
        let at = shape.axis(Self::NAME, *axis).ok()?;
        let (from, to) = (shape.strides(), index.shape().strides());
        let place = |(p, &i): (usize, &usize)| -> usize {
            let along = |k: usize| match k == at {
                true => i,
                false => p / to[k] % index.shape()[k],
            };
            (0..shape.rank()).map(|k| along(k) * from[k]).sum()
        };
        let places: Tensor<usize> = index.iter().enumerate().map(place).collect();
        Some(
            x[0].flatten()
                .index_select(0, places)
                .reshape(index.shape()),
        )
    }
}
