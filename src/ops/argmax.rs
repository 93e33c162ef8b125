//! Index of the largest element along an axis: plain values in, plain indices out.
//!
//! It has no derivative, so it is not in the registry, and no tape records it.

use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Rows};
use crate::tensor::{Axis, Tensor};
use crate::var::Var;

/// Index of the first element of each row that no other is `better` than; NaN is better than all numbers.
pub(super) fn first<T: Elem>(
    op: &'static str,
    x: &Tensor<T>,
    axis: isize,
    better: impl Fn(&T, &T) -> bool,
) -> Result<Tensor<usize>, Error> {
    let axis = x.shape().axis(op, axis)?;
    let rows = x.shape().rows(axis);
    let mut y = Tensor::full(x.shape().without(axis), 0);
    if rows.n == 0 && rows.count() > 0 {
        return Err(Error::argument(
            op,
            format!(
                "rows of 0 elements have none to choose (shape {}, axis {axis}); drop them first",
                x.shape()
            ),
        ));
    }
    let better = |a: T, b: T| better(&a, &b) || (a.is_nan() && !b.is_nan());
    choose(rows, x.data(), y.data_mut(), better);
    Ok(y)
}

/// Walks the data in memory order, keeping the best element so far of each of the rows that lie side by side.
fn choose<T: Copy>(rows: Rows, x: &[T], y: &mut [usize], better: impl Fn(T, T) -> bool) {
    let Rows { n, inner, .. } = rows;
    if rows.elements() == 0 {
        return;
    }
    let mut best = x[..inner].to_vec();
    let blocks = x.chunks_exact(n * inner);
    for (block, y) in blocks.zip(y.chunks_exact_mut(inner)) {
        best.copy_from_slice(&block[..inner]);
        for (j, x) in block.chunks_exact(inner).enumerate().skip(1) {
            for ((&x, best), y) in x.iter().zip(&mut best).zip(&mut *y) {
                if better(x, *best) {
                    *best = x;
                    *y = j;
                }
            }
        }
    }
}

impl<T: Elem> Tensor<T> {
    /// Index of the largest element along `axis`, which disappears.
    ///
    /// Of equal elements, the first is taken. NaN counts as larger than all numbers, and of several
    /// NaNs the first is taken, as in numpy.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let x = Tensor::from([[1.0, 3.0, 3.0], [2.0, 1.0, 0.0]]);
    /// assert_eq!(x.argmax(1), Tensor::from([1, 0]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn argmax(&self, axis: impl Axis) -> Tensor<usize> {
        self.try_argmax(axis.signed()).or_panic()
    }

    /// [`argmax`](Self::argmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    pub fn try_argmax(&self, axis: impl Axis) -> Result<Tensor<usize>, Error> {
        first("argmax", self, axis.signed(), T::gt)
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// [`argmax`](Tensor::argmax) of the value; plain indices, through which no gradient flows.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    #[must_use]
    #[track_caller]
    pub fn argmax(self, axis: impl Axis) -> Tensor<usize> {
        self.try_argmax(axis.signed()).or_panic()
    }

    /// [`argmax`](Self::argmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    pub fn try_argmax(self, axis: impl Axis) -> Result<Tensor<usize>, Error> {
        self.with_value(|x| x.try_argmax(axis.signed()))
    }
}
