//! Softmax over the entries that a mask keeps.

use super::composed;
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Layout, Rows};
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tensor::{Axis, Shape, Storage, Tensor};
use crate::var::Var;

const NAME: &str = "masked_softmax";

/// What masked softmax returns for a row in which the mask keeps nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmptyRow {
    /// Zeros, with a gradient of zeros: such a row has no effect.
    #[default]
    Zeros,
    /// NaN, with a gradient of NaN: such a row must not go unnoticed.
    NaN,
    /// The same weight for every entry, `1 / n`, with a gradient of zeros.
    Uniform,
    /// An error when the op is recorded, with the number of the row.
    Error,
}

/// Softmax along one axis over the entries that the mask keeps, 0 elsewhere.
#[derive(Clone, Debug)]
pub struct MaskedSoftmax {
    axis: usize,
    /// As given; it broadcasts to x.
    mask: Tensor<bool>,
    empty: EmptyRow,
}

impl MaskedSoftmax {
    fn new(x: &Shape, axis: isize, mask: &Tensor<bool>, empty: EmptyRow) -> Result<Self, Error> {
        let axis = x.axis(NAME, axis)?;
        if x.broadcast(NAME, mask.shape())? != *x {
            let text = format!(
                "the mask of shape {} is larger than x of shape {x}",
                mask.shape()
            );
            return Err(Error::argument(NAME, text));
        }
        let mask = mask.clone();
        let rule = Self { axis, mask, empty };
        if empty == EmptyRow::Error {
            let (rows, mask) = (x.rows(axis), rule.spread(x));
            let keeps = |start| rows.row(start).any(|at| mask.data()[at]);
            if let Some(row) = rows.starts().position(|start| rows.n > 0 && !keeps(start)) {
                let text = format!(
                    "the mask keeps nothing of row {row} (shape {x}, axis {axis}); choose another EmptyRow to allow that"
                );
                return Err(Error::argument(NAME, text));
            }
        }
        Ok(rule)
    }

    /// The mask in the shape of x.
    fn spread(&self, x: &Shape) -> Tensor<bool> {
        // It then lacks at most axes of size 1, which do not matter for the data.
        if self.mask.len() == x.elements() {
            return self.mask.clone();
        }
        let mut full = Tensor::full(x, false);
        let layout = Layout::new(x, self.mask.shape(), &[]);
        layout.fill(self.mask.data(), &[()], full.data_mut(), |_, m, ()| m);
        full
    }

    /// Writes a number into every row in which the mask keeps nothing.
    fn overwrite<T: Elem>(&self, rows: Rows, top: &[u32], y: &mut [T], number: Option<T>) {
        let Some(number) = number else { return };
        for (start, _) in rows.starts().zip(top).filter(|(_, top)| **top == u32::MAX) {
            for at in rows.row(start) {
                y[at] = number;
            }
        }
    }
}

impl<T: Elem> Rule<T> for MaskedSoftmax {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        keep.indices.resize(rows.count(), 0);
        let (y, mask) = (y.fill(), self.spread(x[0].shape()));
        T::masked_softmax(rows, x[0].data(), mask.data(), y, &mut keep.indices);
        let number = match self.empty {
            EmptyRow::Zeros | EmptyRow::Error => None,
            EmptyRow::NaN => Some(T::nan()),
            EmptyRow::Uniform => Some(T::of(rows.n as f64).recip()),
        };
        self.overwrite(rows, &keep.indices, y, number);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let rows = at.y.shape().rows(self.axis);
        let (top, gx, mask) = (&at.kept.indices, gx[0].fill(), self.spread(g.shape()));
        T::masked_softmax_vjp(rows, at.y.data(), mask.data(), top, g.data(), gx);
        let number = (self.empty == EmptyRow::NaN).then(T::nan);
        self.overwrite(rows, top, gx, number);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.vjp(at, t, std::slice::from_mut(ty)),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(self.clone()))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let (axis, mask) = (self.axis, &self.mask);
        Twin::record_some(x, |x| Some(composed::masked_softmax(x[0], axis, mask)))
    }

    fn rowwise(&self, x: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        // Each block gets the whole mask, which must therefore be the same for all rows.
        let same = self.mask.shape().repeats(x[0].rank(), axes);
        (self.axis >= axes && same).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT.and_residual()
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Softmax along `axis` over the entries where `mask` is true; the others are 0.
    ///
    /// ```text
    /// y_i = e^(x_i) / Σ_{j kept} e^(x_j) where i is kept, else 0
    /// ```
    /// Masked entries never enter the arithmetic: they may be NaN or infinite, in x and in the cotangent, and leave
    /// no trace. (The usual trick, adding -inf to them, gives NaN for a row with nothing kept, and for a row with a
    /// NaN under the mask.)
    ///
    /// # Shapes
    /// x and y: any shape with an axis; rows run along `axis`, which counts from the end if negative. The mask
    /// broadcasts to x.
    ///
    /// # Domain
    /// For kept entries, that of [`softmax`](Self::softmax). A row with nothing kept is all 0;
    /// [`masked_softmax_or`](Self::masked_softmax_or) offers alternatives.
    ///
    /// # Gradient
    /// That of softmax over the kept entries, 0 at the others.
    ///
    /// # Keeps
    /// y, the mask, and the index of the maximum of each row.
    ///
    /// # Accuracy
    /// As softmax.
    ///
    /// # Panics
    /// If `axis` is not an axis of x, or the mask does not broadcast to x.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.0, f64::NAN, 0.0]));
    /// let y = x.masked_softmax(0, &Tensor::from([true, false, true]));
    /// assert_eq!(y.value(), Tensor::from([0.5, 0.0, 0.5]));
    /// let grads = y.vjp(Tensor::from([1.0, f64::NAN, 3.0]));
    /// assert_eq!(grads.wrt(x), Tensor::from([-0.5, 0.0, 0.5]));
    /// ```
    ///
    /// # Source
    /// As softmax; the convention for rows with nothing kept is that of `jax.nn.softmax(where=)`.
    #[track_caller]
    pub fn masked_softmax(self, axis: impl Axis, mask: &Tensor<bool>) -> Self {
        self.try_masked_softmax(axis.signed(), mask).or_panic()
    }

    /// [`masked_softmax`](Self::masked_softmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x, or the mask does not broadcast to x.
    #[track_caller]
    pub fn try_masked_softmax(self, axis: impl Axis, mask: &Tensor<bool>) -> Result<Self, Error> {
        self.try_masked_softmax_or(axis.signed(), mask, EmptyRow::Zeros)
    }

    /// [`masked_softmax`](Self::masked_softmax) with a choice for rows with nothing kept.
    ///
    /// # Panics
    /// If `axis` is not an axis of x, or the mask does not broadcast to x, or if it keeps nothing in a row and the
    /// choice is [`EmptyRow::Error`].
    #[track_caller]
    pub fn masked_softmax_or(self, axis: impl Axis, mask: &Tensor<bool>, empty: EmptyRow) -> Self {
        self.try_masked_softmax_or(axis.signed(), mask, empty)
            .or_panic()
    }

    /// [`masked_softmax_or`](Self::masked_softmax_or), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x, or the mask does not broadcast to x, or if it keeps nothing in a row and the
    /// choice is [`EmptyRow::Error`].
    #[track_caller]
    pub fn try_masked_softmax_or(
        self,
        axis: impl Axis,
        mask: &Tensor<bool>,
        empty: EmptyRow,
    ) -> Result<Self, Error> {
        self.record(MaskedSoftmax::new(
            &self.shape(),
            axis.signed(),
            mask,
            empty,
        )?)
    }
}

impl<T: Storage> Tensor<T> {
    /// `masked_softmax` of a plain tensor along `axis`. Formula and special values are documented
    /// on [`Var::masked_softmax`](crate::Var::masked_softmax).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or the mask does not broadcast to it.
    #[must_use]
    #[track_caller]
    pub fn masked_softmax(&self, axis: impl Axis, mask: &Tensor<bool>) -> Self {
        self.try_masked_softmax(axis, mask).or_panic()
    }

    /// [`masked_softmax`](Self::masked_softmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or the mask does not broadcast to it.
    pub fn try_masked_softmax(&self, axis: impl Axis, mask: &Tensor<bool>) -> Result<Self, Error> {
        self.try_masked_softmax_or(axis, mask, EmptyRow::Zeros)
    }

    /// [`masked_softmax`](Self::masked_softmax) with a choice for rows with nothing kept.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or the mask does not broadcast to it, or if it keeps nothing in a row
    /// and the choice is [`EmptyRow::Error`].
    #[must_use]
    #[track_caller]
    pub fn masked_softmax_or(&self, axis: impl Axis, mask: &Tensor<bool>, empty: EmptyRow) -> Self {
        self.try_masked_softmax_or(axis, mask, empty).or_panic()
    }

    /// [`masked_softmax_or`](Self::masked_softmax_or), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or the mask does not broadcast to it, or if it keeps nothing in a row
    /// and the choice is [`EmptyRow::Error`].
    pub fn try_masked_softmax_or(
        &self,
        axis: impl Axis,
        mask: &Tensor<bool>,
        empty: EmptyRow,
    ) -> Result<Self, Error> {
        let rule = MaskedSoftmax::new(self.shape(), axis.signed(), mask, empty)?;
        evaluate(&rule, [self])
    }
}

impl Spec for MaskedSoftmax {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "y_i = e^(x_i) / Σ_{j kept} e^(x_j) where i is kept, else 0";
    const GRADIENT: &'static str = "gx_i = y_i ((g_i - c) - Σ_j (g_j - c) y_j), c = g at the maximum, whose place is kept; 0 where masked";
    type Attributes = (isize, Tensor<bool>);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        let narrow = draw.narrower(&shape);
        let mask = draw.values(narrow, 0.0, 1.0).map(|u| u < 0.7);
        Sample::new(vec![draw.values(shape, -5.0, 5.0)], (axis, mask))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, mask): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].masked_softmax(*axis, mask)
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, mask): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(composed::masked_softmax(x[0], *axis, mask))
    }
}
