//! Losses over classes of plain tensors: what an evaluation needs, with no tape.

use super::nll::Nll;
use super::outcome::Form;
use super::{Labels, LossOptions};
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::evaluate;
use crate::ops::softmax::{CrossEntropy, SoftCrossEntropy};
use crate::tensor::{Axis, Storage, Tensor};

impl<T: Storage> Tensor<T> {
    /// Mean `cross_entropy` of plain logits, with the classes along `axis`, against one label for each row.
    ///
    /// Formula and special values are documented on [`Var::cross_entropy`](crate::Var::cross_entropy).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, if there is not one label for each row, or if one is not a class.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy(&self, axis: impl Axis, labels: impl Labels) -> T {
        self.try_cross_entropy(axis.signed(), labels).or_panic()
    }

    /// [`cross_entropy`](Self::cross_entropy), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, if there is not one label for each row, or if one is not a class.
    pub fn try_cross_entropy(&self, axis: impl Axis, labels: impl Labels) -> Result<T, Error> {
        self.try_cross_entropy_with(axis.signed(), labels, &LossOptions::new())
    }

    /// [`cross_entropy`](Self::cross_entropy) with [`LossOptions`], as
    /// [`Var::cross_entropy_with`](crate::Var::cross_entropy_with).
    ///
    /// # Panics
    /// As that does.
    ///
    /// # Example
    /// ```
    /// use wengert::{LossOptions, Tensor};
    ///
    /// let logits = Tensor::from([[0.0, 0.0], [3.0, 1.0]]);
    /// let options = LossOptions::new().ignore_index(-100);
    /// assert_eq!(logits.cross_entropy_with(1, [0, -100], &options), 2f64.ln()); // of the first row alone
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_with(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> T {
        self.try_cross_entropy_with(axis.signed(), labels, options)
            .or_panic()
    }

    /// [`cross_entropy_with`](Self::cross_entropy_with), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_with`](Self::cross_entropy_with) panics.
    pub fn try_cross_entropy_with(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<T, Error> {
        let rule =
            CrossEntropy::<T::Work>::new(self.shape(), axis.signed(), labels, options, None)?;
        Ok(evaluate(&rule, [self])?.item())
    }

    /// The loss of each row, as [`Var::cross_entropy_rows`](crate::Var::cross_entropy_rows).
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_rows(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Self {
        self.try_cross_entropy_rows(axis.signed(), labels, options)
            .or_panic()
    }

    /// [`cross_entropy_rows`](Self::cross_entropy_rows), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_rows`](Self::cross_entropy_rows) panics.
    pub fn try_cross_entropy_rows(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<Self, Error> {
        let rule = CrossEntropy::<T::Work>::new(
            self.shape(),
            axis.signed(),
            labels,
            options,
            Some(Form::Rows),
        )?;
        evaluate(&rule, [self])
    }

    /// Mean `cross_entropy_soft` of plain logits, with the classes along `axis`, against plain targets.
    ///
    /// Formula and special values are documented on [`Var::cross_entropy_soft`](crate::Var::cross_entropy_soft).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or the targets have a different shape.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_soft(&self, axis: impl Axis, targets: &Self) -> T {
        self.try_cross_entropy_soft(axis.signed(), targets)
            .or_panic()
    }

    /// [`cross_entropy_soft`](Self::cross_entropy_soft), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or the targets have a different shape.
    pub fn try_cross_entropy_soft(&self, axis: impl Axis, targets: &Self) -> Result<T, Error> {
        self.try_cross_entropy_soft_with(axis.signed(), targets, &LossOptions::new())
    }

    /// [`cross_entropy_soft`](Self::cross_entropy_soft) with [`LossOptions`], as
    /// [`Var::cross_entropy_soft_with`](crate::Var::cross_entropy_soft_with).
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_soft_with(
        &self,
        axis: impl Axis,
        targets: &Self,
        options: &LossOptions,
    ) -> T {
        self.try_cross_entropy_soft_with(axis.signed(), targets, options)
            .or_panic()
    }

    /// [`cross_entropy_soft_with`](Self::cross_entropy_soft_with), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_soft_with`](Self::cross_entropy_soft_with) panics.
    pub fn try_cross_entropy_soft_with(
        &self,
        axis: impl Axis,
        targets: &Self,
        options: &LossOptions,
    ) -> Result<T, Error> {
        let rule = SoftCrossEntropy::<T::Work>::new(self.shape(), axis.signed(), options, None)?;
        Ok(evaluate(&rule, [self, targets])?.item())
    }

    /// The loss of each row, as [`Var::cross_entropy_soft_rows`](crate::Var::cross_entropy_soft_rows).
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_soft_rows(
        &self,
        axis: impl Axis,
        targets: &Self,
        options: &LossOptions,
    ) -> Self {
        self.try_cross_entropy_soft_rows(axis.signed(), targets, options)
            .or_panic()
    }

    /// [`cross_entropy_soft_rows`](Self::cross_entropy_soft_rows), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_soft_rows`](Self::cross_entropy_soft_rows) panics.
    pub fn try_cross_entropy_soft_rows(
        &self,
        axis: impl Axis,
        targets: &Self,
        options: &LossOptions,
    ) -> Result<Self, Error> {
        let rule = SoftCrossEntropy::<T::Work>::new(
            self.shape(),
            axis.signed(),
            options,
            Some(Form::Rows),
        )?;
        evaluate(&rule, [self, targets])
    }
}

impl<T: Elem> Tensor<T> {
    /// Mean `nll_loss` of plain log-probabilities, with the classes along `axis`, against one label for each row.
    ///
    /// Formula and special values are documented on [`Var::nll_loss`](crate::Var::nll_loss).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, if there is not one label for each row, or if one is not a class.
    #[must_use]
    #[track_caller]
    pub fn nll_loss(&self, axis: impl Axis, labels: impl Labels) -> T {
        self.try_nll_loss(axis.signed(), labels).or_panic()
    }

    /// [`nll_loss`](Self::nll_loss), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, if there is not one label for each row, or if one is not a class.
    pub fn try_nll_loss(&self, axis: impl Axis, labels: impl Labels) -> Result<T, Error> {
        self.try_nll_loss_with(axis.signed(), labels, &LossOptions::new())
    }

    /// [`nll_loss`](Self::nll_loss) with [`LossOptions`], as
    /// [`Var::nll_loss_with`](crate::Var::nll_loss_with).
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn nll_loss_with(&self, axis: impl Axis, labels: impl Labels, options: &LossOptions) -> T {
        self.try_nll_loss_with(axis.signed(), labels, options)
            .or_panic()
    }

    /// [`nll_loss_with`](Self::nll_loss_with), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`nll_loss_with`](Self::nll_loss_with) panics.
    pub fn try_nll_loss_with(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<T, Error> {
        let rule = Nll::<T>::new(self.shape(), axis.signed(), labels, options, None)?;
        Ok(evaluate(&rule, [self])?.item())
    }

    /// The loss of each row, as [`Var::nll_loss_rows`](crate::Var::nll_loss_rows).
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn nll_loss_rows(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Self {
        self.try_nll_loss_rows(axis.signed(), labels, options)
            .or_panic()
    }

    /// [`nll_loss_rows`](Self::nll_loss_rows), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`nll_loss_rows`](Self::nll_loss_rows) panics.
    pub fn try_nll_loss_rows(
        &self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<Self, Error> {
        let rule = Nll::<T>::new(
            self.shape(),
            axis.signed(),
            labels,
            options,
            Some(Form::Rows),
        )?;
        evaluate(&rule, [self])
    }
}
