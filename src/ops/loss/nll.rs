//! Negative log-likelihood of labels.

use super::labels::classes;
use super::outcome::{Form, Outcome, class_weights};
use super::sample::Classes;
use super::{Labels, LossOptions};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Rows};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

const NAME: &str = "nll_loss";

/// `-z` at the label of each row, weighted and reduced.
#[derive(Clone, Debug)]
pub struct Nll<T> {
    axis: usize,
    /// One class for each row; `None` for an ignored row.
    labels: Vec<Option<u32>>,
    outcome: Outcome<T>,
}

impl<T: Elem> Nll<T> {
    pub(in crate::ops) fn new(
        z: &Shape,
        axis: isize,
        labels: impl Labels,
        options: &LossOptions,
        form: Option<Form>,
    ) -> Result<Self, Error> {
        let axis = z.axis(NAME, axis)?;
        let labels = classes(NAME, z, axis, &labels, options.ignore_index)?;
        if options.label_smoothing != 0.0 {
            let text = "log-probabilities of one class cannot be smoothed; use cross_entropy";
            return Err(Error::argument(NAME, text));
        }
        let weights = class_weights::<T>(NAME, options, z[axis])?;
        let form = form.unwrap_or(Form::of(options));
        let outcome = Outcome::of_labels(form, &labels, weights.as_deref());
        Ok(Self {
            axis,
            labels,
            outcome,
        })
    }

    /// The row and the position of each label that is not ignored.
    fn picked(&self, rows: Rows) -> impl Iterator<Item = (usize, usize)> {
        let labels = self.labels.iter().enumerate();
        labels.filter_map(move |(row, label)| Some((row, rows.at(row, (*label)? as usize))))
    }

    /// `-z` at the labels, reduced.
    fn pick(&self, z: &Tensor<T>, y: &mut Slot<'_, T>) {
        let rows = z.shape().rows(self.axis);
        let mut loss = vec![T::zero(); rows.count()];
        for (row, at) in self.picked(rows) {
            loss[row] = -z.data()[at];
        }
        self.outcome.gather(&loss, y.fill());
    }
}

impl<T: Elem> Rule<T> for Nll<T> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, z: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.outcome.shape(z[0].without(self.axis)))
    }

    fn forward(&self, z: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        self.pick(z[0], y);
        guard::output(self, z, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gz: &mut [Slot<'_, T>]) {
        let rows = at.x[0].shape().rows(self.axis);
        let g = self.outcome.spread(g.data(), rows.count());
        let gz = gz[0].fill();
        gz.fill(T::zero());
        for (row, at) in self.picked(rows) {
            gz[at] = -g[row];
        }
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.pick(t, ty),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(Nll {
            axis: self.axis,
            labels: self.labels.clone(),
            outcome: self.outcome.widen(),
        }))
    }

    fn twin(&self, z: &[&Tensor<T>]) -> Option<Twin<T>> {
        let mut own = Tensor::zeros(z[0].shape());
        for (_, at) in self.picked(z[0].shape().rows(self.axis)) {
            own.data_mut()[at] = T::one();
        }
        let axis = self.axis;
        Twin::record_some(z, |z| {
            Some(self.outcome.composed(-(z[0] * own).sum_axis(axis)))
        })
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn why(&self) -> &'static str {
        <Nll<f64> as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Mean negative log-likelihood: `-z` at the label of each row, for `z` from [`log_softmax`](Self::log_softmax).
    ///
    /// For logits, [`cross_entropy`](Self::cross_entropy) is one step and keeps no log-probabilities.
    ///
    /// ```text
    /// loss = -(1/rows) Σ_row z_label
    /// ```
    /// # Shapes
    /// z: any shape with an axis of classes (a negative `axis` counts from the end); labels as for
    /// [`cross_entropy`](Self::cross_entropy). The result is a scalar; the mean of no rows is NaN.
    ///
    /// # Domain
    /// All reals. Only the entries at the labels are read.
    ///
    /// # Gradient
    /// `-g / rows` at the labels, 0 elsewhere.
    ///
    /// # Keeps
    /// Nothing but the labels.
    ///
    /// # Panics
    /// If `axis` is not an axis of z, if there is not one label for each row, or if one is not a class.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let z = tape.var(Tensor::from([[-1.0, -2.0], [-3.0, -4.0]]));
    /// let loss = z.nll_loss(1, [0, 1]);
    /// assert_eq!(loss.value(), 2.5); // (1 + 4) / 2
    /// assert_eq!(loss.backward().wrt(z), Tensor::from([[-0.5, 0.0], [0.0, -0.5]]));
    /// ```
    #[track_caller]
    pub fn nll_loss(self, axis: impl Axis, labels: impl Labels) -> Var<'t, T> {
        self.try_nll_loss(axis.signed(), labels).or_panic()
    }

    /// [`nll_loss`](Self::nll_loss), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of z, if there is not one label for each row, or if one is not a class.
    #[track_caller]
    pub fn try_nll_loss(self, axis: impl Axis, labels: impl Labels) -> Result<Var<'t, T>, Error> {
        self.try_nll_loss_with(axis.signed(), labels, &LossOptions::new())
    }

    /// [`nll_loss`](Self::nll_loss) with [`LossOptions`]: sum instead of mean, rows to ignore, class
    /// weights.
    ///
    /// # Panics
    /// As [`nll_loss`](Self::nll_loss), and if there is not one weight for each class, or the options ask for label
    /// smoothing.
    #[track_caller]
    pub fn nll_loss_with(
        self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Var<'t, T> {
        self.try_nll_loss_with(axis.signed(), labels, options)
            .or_panic()
    }

    /// [`nll_loss_with`](Self::nll_loss_with), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`nll_loss_with`](Self::nll_loss_with) panics.
    #[track_caller]
    pub fn try_nll_loss_with(
        self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<Var<'t, T>, Error> {
        self.record_scalar(Nll::<T>::new(
            &self.shape(),
            axis.signed(),
            labels,
            options,
            None,
        )?)
    }

    /// The weighted loss of each row, of which [`nll_loss`](Self::nll_loss) gives the mean: a tensor without the
    /// class axis, with 0 for ignored rows.
    ///
    /// # Panics
    /// As [`nll_loss_with`](Self::nll_loss_with).
    #[track_caller]
    pub fn nll_loss_rows(
        self,
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
    /// As [`nll_loss_with`](Self::nll_loss_with) panics.
    #[track_caller]
    pub fn try_nll_loss_rows(
        self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<Self, Error> {
        let form = Some(Form::Rows);
        self.record(Nll::<T>::new(
            &self.shape(),
            axis.signed(),
            labels,
            options,
            form,
        )?)
    }
}

impl Spec for Nll<f64> {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "loss = mean over rows of -z_t";
    const GRADIENT: &'static str = "gz = -g / rows at the labels, else 0";
    type Attributes = Classes;

    fn sample(draw: &mut Draw) -> Sample<Classes> {
        Classes::sample(draw, &[0.0])
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Classes) -> Var<'t, Tensor<T>> {
        let Classes { axis, labels, .. } = with;
        let (shape, form) = (x[0].shape(), Some(with.form()));
        let rule = Nll::<T>::new(&shape, *axis, labels, &with.options, form);
        rule.and_then(|rule| x[0].record(rule)).or_panic()
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Classes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(with.composed(x[0]))
    }
}
