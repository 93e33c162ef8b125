//! Addition to the elements that an index selects along one axis, one entry for each summand.

use super::forms::evaluate;
use super::gather;
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Lookup};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::{Operand, Var};

/// `y` is `x` with the elements of a second operand added where an index puts them.
#[derive(Clone, Debug)]
pub struct ScatterAdd {
    axis: usize,
    index: Tensor<usize>,
}

impl<T: Elem> Rule<T> for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        gather::check("scatter_add", self.axis, &self.index, x[0])?;
        let (index, source) = (self.index.shape(), x[1]);
        let fits = |k: usize| index[k] <= source[k];
        if index.rank() != source.rank() || !(0..index.rank()).all(fits) {
            return Err(Error::argument(
                "scatter_add",
                format!(
                    "a source of shape {source} does not cover an index of shape {index}; it needs as many axes, and no smaller sizes"
                ),
            ));
        }
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let sums = y.fill();
        sums.copy_from_slice(x[0].data());
        let lookup = self.lookup(x[0], x[1]);
        lookup.add(self.index.data(), x[1].data(), sums);
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        gx[0].share(g);
        if gx[1].wanted() {
            let whole = self.index.shape() == at.x[1].shape();
            let gs = gx[1].fill();
            if !whole {
                gs.fill(T::zero());
            }
            let lookup = self.lookup(at.x[0], at.x[1]);
            lookup.read(self.index.data(), g.data(), gs);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let ty = ty.fill();
        match t[0] {
            Some(t) => ty.copy_from_slice(t.data()),
            None => ty.fill(T::zero()),
        }
        if let Some(t) = t[1] {
            let lookup = self.lookup(at.x[0], at.x[1]);
            lookup.add(self.index.data(), t.data(), ty);
        }
        Ok(())
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
}

impl ScatterAdd {
    fn new(shape: &Shape, axis: isize, index: &Tensor<usize>) -> Result<Self, Error> {
        let axis = shape.axis("scatter_add", axis)?;
        let index = index.clone();
        Ok(Self { axis, index })
    }

    fn lookup<T>(&self, base: &Tensor<T>, source: &Tensor<T>) -> Lookup {
        Lookup::new(self.axis, base.shape(), self.index.shape(), source.shape())
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// This tensor with the elements of `source` added where `index` puts them along `axis`.
    ///
    /// ```text
    /// y = x, then y[i, index[i, k]] += source[i, k] for all i, k     along axis 1
    /// ```
    /// # Shapes
    /// x, index and source have the same number of axes; the index is no larger than the source along any axis, and
    /// no larger than x along any axis but `axis`. y has the shape of x. As in `torch.scatter_add`.
    ///
    /// # Gradient
    /// `gx = g`; `gsource[i, k] = g[i, index[i, k]]`, 0 where the source reaches beyond the index: as a map of
    /// `source`, this is the adjoint of [`gather`](Self::gather).
    ///
    /// # Accuracy
    /// Summands of the same element are always added in the order of the index.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, index or source do not fit, an entry of the index lies outside the
    /// axis, or the source lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 1.0, 1.0]));
    /// let source = tape.var(Tensor::from([10.0, 20.0, 40.0]));
    /// let y = x.scatter_add(0, &Tensor::from([2, 0, 2]), source);
    /// assert_eq!(y.value(), Tensor::from([21.0, 1.0, 51.0]));
    /// ```
    #[track_caller]
    pub fn scatter_add(
        self,
        axis: impl Axis,
        index: &Tensor<usize>,
        source: impl Operand<'t, T>,
    ) -> Self {
        self.try_scatter_add(axis.signed(), index, source)
            .or_panic()
    }

    /// [`scatter_add`](Self::scatter_add), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`scatter_add`](Self::scatter_add) panics.
    #[track_caller]
    pub fn try_scatter_add(
        self,
        axis: impl Axis,
        index: &Tensor<usize>,
        source: impl Operand<'t, T>,
    ) -> Result<Self, Error> {
        self.record2(
            ScatterAdd::new(&self.shape(), axis.signed(), index)?,
            source,
        )
    }
}

impl<T: Elem> Tensor<T> {
    /// This tensor with the elements of `source` added where `index` puts them along `axis`; see
    /// [`Var::scatter_add`](crate::Var::scatter_add).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, index or source do not fit, or an entry of the index lies outside the
    /// axis.
    #[must_use]
    #[track_caller]
    pub fn scatter_add(&self, axis: impl Axis, index: &Tensor<usize>, source: &Self) -> Self {
        self.try_scatter_add(axis.signed(), index, source)
            .or_panic()
    }

    /// [`scatter_add`](Self::scatter_add), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`scatter_add`](Self::scatter_add) panics.
    pub fn try_scatter_add(
        &self,
        axis: impl Axis,
        index: &Tensor<usize>,
        source: &Self,
    ) -> Result<Self, Error> {
        let rule = ScatterAdd::new(self.shape(), axis.signed(), index)?;
        evaluate(&rule, [self, source])
    }
}

impl Spec for ScatterAdd {
    const NAME: &'static str = "scatter_add";
    const FORMULA: &'static str = "y[i, j] = x[i, j] + Σ s[i, k] over k with index[i, k] = j";
    const GRADIENT: &'static str = "gx = g, gs[i, k] = g[i, index[i, k]]";
    type Attributes = (isize, Tensor<usize>);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let (x, (axis, index)) = gather::sample(draw);
        let wide = |&n: &usize| n + draw.pick(&[0, 0, 1]);
        let shape: Shape = index.shape().iter().map(wide).collect();
        let source = draw.values(shape, -10.0, 10.0);
        Sample::new(vec![x, source], (axis, index))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, index): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].scatter_add(*axis, index, x[1])
    }
}
