//! Index of the smallest element along an axis: plain values in, plain indices out.
//!
//! It has no derivative, so it is not in the registry, and no tape records it.

use super::argmax::first;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tensor::{Axis, Tensor};
use crate::var::Var;

impl<T: Elem> Tensor<T> {
    /// Index of the smallest element along `axis`, which disappears.
    ///
    /// Of equal elements, the first is taken. NaN counts as smaller than all numbers, and of several
    /// NaNs the first is taken, as in numpy.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let x = Tensor::from([[3.0, 1.0, 1.0], [0.0, 1.0, 2.0]]);
    /// assert_eq!(x.argmin(1), Tensor::from([1, 0]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn argmin(&self, axis: impl Axis) -> Tensor<usize> {
        self.try_argmin(axis.signed()).or_panic()
    }

    /// [`argmin`](Self::argmin), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    pub fn try_argmin(&self, axis: impl Axis) -> Result<Tensor<usize>, Error> {
        first("argmin", self, axis.signed(), T::lt)
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// [`argmin`](Tensor::argmin) of the value; plain indices, through which no gradient flows.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    #[must_use]
    #[track_caller]
    pub fn argmin(self, axis: impl Axis) -> Tensor<usize> {
        self.try_argmin(axis.signed()).or_panic()
    }

    /// [`argmin`](Self::argmin), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or there are rows without elements.
    pub fn try_argmin(self, axis: impl Axis) -> Result<Tensor<usize>, Error> {
        self.with_value(|x| x.try_argmin(axis.signed()))
    }
}
