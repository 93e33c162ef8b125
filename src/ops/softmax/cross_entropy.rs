//! Cross entropy of logits against labels.

use super::composed;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::loss::labels::classes;
use crate::ops::loss::outcome::{Form, Outcome, class_weights, smoothing, widen};
use crate::ops::loss::sample::Classes;
use crate::ops::loss::{Labels, LossOptions};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

const NAME: &str = "cross_entropy";

/// `-log_softmax(x)` at the label of each row, weighted and reduced.
#[derive(Clone, Debug)]
pub struct CrossEntropy<T> {
    axis: usize,
    /// One class for each row; arbitrary for rows that the outcome leaves out.
    labels: Vec<u32>,
    outcome: Outcome<T>,
    smooth: Option<Smooth<T>>,
}

/// Label smoothing: the targets are no longer one-hot.
#[derive(Clone, Debug)]
struct Smooth<T> {
    epsilon: T,
    weights: Option<Vec<T>>,
}

impl<T: Elem> CrossEntropy<T> {
    /// The rule for logits of this shape; if `form` is `None`, the options decide.
    pub(in crate::ops) fn new(
        x: &Shape,
        axis: isize,
        labels: impl Labels,
        options: &LossOptions,
        form: Option<Form>,
    ) -> Result<Self, Error> {
        let axis = x.axis(NAME, axis)?;
        let n = x[axis];
        let labels = classes(NAME, x, axis, &labels, options.ignore_index)?;
        let weights = class_weights::<T>(NAME, options, n)?;
        let epsilon = smoothing::<T>(NAME, options)?;
        let form = form.unwrap_or(Form::of(options));
        let mut outcome = Outcome::of_labels(form, &labels, weights.as_deref());
        if !epsilon.is_zero() {
            // The class weights are then part of the targets.
            outcome = outcome.weighted_before(&labels);
        }
        Ok(Self {
            axis,
            labels: labels.iter().map(|l| l.unwrap_or_default()).collect(),
            outcome,
            smooth: (!epsilon.is_zero()).then_some(Smooth { epsilon, weights }),
        })
    }

    /// The targets after smoothing the labels.
    fn targets(&self, smooth: &Smooth<T>, x: &Shape) -> Vec<T> {
        let rows = x.rows(self.axis);
        let weight = |j: usize| smooth.weights.as_ref().map_or(T::one(), |w| w[j]);
        let even = smooth.epsilon / T::of(rows.n as f64);
        let mut targets = vec![T::zero(); x.elements()];
        for (row, (start, &label)) in rows.starts().zip(&self.labels).enumerate() {
            if self.outcome.skips(row) {
                continue;
            }
            for (j, at) in rows.row(start).enumerate() {
                let own = match j == label as usize {
                    true => T::one() - smooth.epsilon,
                    false => T::zero(),
                };
                targets[at] = weight(j) * (own + even);
            }
        }
        targets
    }
}

impl<T: Elem> Rule<T> for CrossEntropy<T> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.outcome.shape(x[0].without(self.axis)))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        let (top, rest) = super::statistics(keep, rows);
        let mut loss = vec![T::zero(); rows.count()];
        match &self.smooth {
            // Without classes all rows are ignored; any label would have been refused.
            _ if rows.n == 0 => {}
            None => T::cross_entropy(rows, x[0].data(), &self.labels, &mut loss, top, rest),
            Some(smooth) => {
                let targets = self.targets(smooth, x[0].shape());
                T::soft_cross_entropy(rows, x[0].data(), &targets, &mut loss, top, rest);
            }
        }
        self.outcome.gather(&loss, y.fill());
        guard::output(self, x, y);
    }

    fn forward_to_pull(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        if self.smooth.is_some() || rows.elements() == 0 {
            return self.forward(x, y, keep);
        }
        // The gradient for a cotangent of 1, while the exponentials are at hand.
        let (top, rest) = super::statistics(keep, rows);
        let mut loss = vec![T::zero(); rows.count()];
        let g = self.outcome.spread(&[T::one()], rows.count());
        let mut gx = y.scratch(x[0].shape());
        let (logits, out) = (x[0].data(), gx.fill());
        T::cross_entropy_and_vjp(rows, logits, &self.labels, &mut loss, top, rest, &g, out);
        self.outcome.clear(rows, out);
        keep.tensor = Some(gx.finish_dense(NAME));
        self.outcome.gather(&loss, y.fill());
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        if let Some(gradient) = &at.kept.tensor
            && g.item().same(T::one())
        {
            return gx[0].share(gradient);
        }
        let x = at.x[0];
        let rows = x.shape().rows(self.axis);
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        let g = self.outcome.spread(g.data(), rows.count());
        let gx = gx[0].fill();
        match &self.smooth {
            _ if rows.n == 0 => {}
            None => T::cross_entropy_vjp(rows, x.data(), &self.labels, top, rest, &g, gx),
            Some(smooth) => {
                let targets = self.targets(smooth, x.shape());
                T::soft_cross_entropy_vjp(rows, x.data(), &targets, top, rest, &g, gx);
            }
        }
        self.outcome.clear(rows, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let Some(t) = t[0] else {
            ty.zero();
            return Ok(());
        };
        let x = at.x[0];
        let rows = x.shape().rows(self.axis);
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        let mut each = vec![T::zero(); rows.count()];
        match &self.smooth {
            _ if rows.n == 0 => {}
            None => {
                let labels = &self.labels;
                T::cross_entropy_jvp(rows, x.data(), labels, top, rest, t.data(), &mut each);
            }
            Some(smooth) => {
                let (x, targets) = (x.data(), self.targets(smooth, x.shape()));
                T::soft_cross_entropy_jvp(rows, x, &targets, top, rest, t.data(), &mut each);
            }
        }
        self.outcome.gather(&each, ty.fill());
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(CrossEntropy {
            axis: self.axis,
            labels: self.labels.clone(),
            outcome: self.outcome.widen(),
            smooth: self.smooth.as_ref().map(|smooth| Smooth {
                epsilon: smooth.epsilon.widen(),
                weights: widen(smooth.weights.as_deref()),
            }),
        }))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        // With smoothing, class weights are in the targets; without, the outcome has them.
        let plain = Smooth {
            epsilon: T::zero(),
            weights: None,
        };
        let targets = self.targets(self.smooth.as_ref().unwrap_or(&plain), x[0].shape());
        let targets = Tensor::new(x[0].shape(), targets).expect("one target for each logit");
        let axis = self.axis;
        Twin::record_some(x, |x| {
            let loss = composed::cross_entropy_soft(x[0], axis, targets);
            Some(self.outcome.composed(loss))
        })
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS.and_residual()
    }

    fn why(&self) -> &'static str {
        <CrossEntropy<f64> as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Mean cross entropy of logits, with the classes along `axis`, against one label for each row.
    ///
    /// ```text
    /// loss_row = -ln p_t = (m - x_t) + ln(1 + R),   m = max_j x_j,   R = Σ_{j≠m} e^(x_j - m)
    /// ```
    /// # Shapes
    /// x: any shape with an axis of classes (a negative `axis` counts from the end); one label for each row, as a
    /// list in the order of the rows or as a tensor with the shape of x without the axis ([`Labels`]). The result is
    /// a scalar; the mean of no rows is NaN.
    ///
    /// # Domain
    /// All reals. A label whose logit is -inf gives a loss of +inf, with a finite gradient. A row that is all -inf,
    /// or holds +inf or NaN, makes the loss NaN.
    ///
    /// # Gradient
    /// `gx_j = g (p_j - (j = t ? 1 : 0)) / rows`; where the label is the maximum, `-g R / (1 + R)` instead of
    /// `p - 1`, which would round to 0 exactly where a network is nearly right. The JVP is
    /// `(t_m - t_label) + Σ_j p_j (t_j - t_m)` for each row.
    ///
    /// # Keeps
    /// x, and for each row R and the index of the maximum; no probabilities. If x needs a gradient, also that for the
    /// usual cotangent of 1, which takes one pass here instead of two later; for any other cotangent, it is computed
    /// separately.
    ///
    /// # Accuracy
    /// On `tests/golden` loss and gradient are within 2 ulps, in f32 and f64, with every instruction set.
    ///
    /// # Panics
    /// If `axis` is not an axis of x, if there is not one label for each row, or if one is not a class: beyond the
    /// last one, negative, fractional or NaN.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[0.0, 0.0], [40.0, 0.0]]));
    /// let loss = x.cross_entropy(1, [0, 0]);
    /// assert!((loss.value() - 2f64.ln() / 2.0).abs() < 1e-16); // the second row costs e^-40
    /// let gx = loss.backward().wrt(x);
    /// assert_eq!(gx[[0, 0]], -0.25); // (p - 1) / 2
    /// assert_eq!(gx[[1, 0]], -4.248354255291589e-18 / 2.0); // p - 1 would be 0
    /// ```
    ///
    /// # Source
    /// Bishop, "Pattern Recognition and Machine Learning", 2006, equation 4.108; the forms with R are derived in
    /// `docs/softmax.md`.
    #[track_caller]
    pub fn cross_entropy(self, axis: impl Axis, labels: impl Labels) -> Var<'t, T> {
        self.try_cross_entropy(axis.signed(), labels).or_panic()
    }

    /// [`cross_entropy`](Self::cross_entropy), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x, if there is not one label for each row, or if one is not a class.
    #[track_caller]
    pub fn try_cross_entropy(
        self,
        axis: impl Axis,
        labels: impl Labels,
    ) -> Result<Var<'t, T>, Error> {
        self.try_cross_entropy_with(axis.signed(), labels, &LossOptions::new())
    }

    /// [`cross_entropy`](Self::cross_entropy) with [`LossOptions`]: sum instead of mean, rows to
    /// ignore, class weights, label smoothing. The meaning is PyTorch's.
    ///
    /// # Panics
    /// As [`cross_entropy`](Self::cross_entropy), and if there is not one weight for each class or
    /// the smoothing is not between 0 and 1.
    #[track_caller]
    pub fn cross_entropy_with(
        self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Var<'t, T> {
        self.try_cross_entropy_with(axis.signed(), labels, options)
            .or_panic()
    }

    /// [`cross_entropy_with`](Self::cross_entropy_with), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_with`](Self::cross_entropy_with) panics.
    #[track_caller]
    pub fn try_cross_entropy_with(
        self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<Var<'t, T>, Error> {
        let rule = CrossEntropy::<T>::new(&self.shape(), axis.signed(), labels, options, None)?;
        self.record_scalar(rule)
    }

    /// The weighted loss of each row, of which [`cross_entropy`](Self::cross_entropy) gives the mean: a tensor
    /// without the class axis, with 0 for ignored rows.
    ///
    /// # Panics
    /// As [`cross_entropy_with`](Self::cross_entropy_with).
    #[track_caller]
    pub fn cross_entropy_rows(
        self,
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
    /// As [`cross_entropy_with`](Self::cross_entropy_with) panics.
    #[track_caller]
    pub fn try_cross_entropy_rows(
        self,
        axis: impl Axis,
        labels: impl Labels,
        options: &LossOptions,
    ) -> Result<Self, Error> {
        let form = Some(Form::Rows);
        self.record(CrossEntropy::<T>::new(
            &self.shape(),
            axis.signed(),
            labels,
            options,
            form,
        )?)
    }
}

impl Spec for CrossEntropy<f64> {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "loss = mean over rows of ln Σ_j e^(x_j) - x_t";
    const GRADIENT: &'static str =
        "gx_j = g (p_j - (j = t ? 1 : 0)) / rows, p = softmax(x) by the statistics kept";
    type Attributes = Classes;

    fn sample(draw: &mut Draw) -> Sample<Classes> {
        Classes::sample(draw, &[0.0, 0.125])
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Classes) -> Var<'t, Tensor<T>> {
        let Classes { axis, labels, .. } = with;
        let (shape, form) = (x[0].shape(), Some(with.form()));
        let rule = CrossEntropy::<T>::new(&shape, *axis, labels, &with.options, form);
        rule.and_then(|rule| x[0].record(rule)).or_panic()
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Classes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(with.composed(composed::log_softmax(x[0], with.axis)))
    }
}
