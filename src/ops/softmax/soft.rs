//! Cross entropy of logits against soft targets.

use super::composed;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::ops::loss::LossOptions;
use crate::ops::loss::outcome::{Form, Outcome, class_weights, smoothing, widen};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::{Operand, Var};

const NAME: &str = "cross_entropy_soft";

/// `-Σ_j t_j log_softmax(x)_j` of each row, weighted and reduced; the operands are x and t.
#[derive(Clone, Debug)]
pub struct SoftCrossEntropy<T> {
    axis: usize,
    outcome: Outcome<T>,
    epsilon: T,
    weights: Option<Vec<T>>,
}

impl<T: Elem> SoftCrossEntropy<T> {
    pub(in crate::ops) fn new(
        x: &Shape,
        axis: isize,
        options: &LossOptions,
        form: Option<Form>,
    ) -> Result<Self, Error> {
        let axis = x.axis(NAME, axis)?;
        if let Some(label) = options.ignore_index {
            let text = format!("soft targets have no label {label} to ignore; weigh the rows");
            return Err(Error::argument(NAME, text));
        }
        Ok(Self {
            axis,
            outcome: Outcome::even(form.unwrap_or(Form::of(options)), x.rows(axis).count()),
            epsilon: smoothing(NAME, options)?,
            weights: class_weights(NAME, options, x[axis])?,
        })
    }

    /// The factor on the targets of each class; `None` if all are 1.
    fn factor(&self) -> Option<impl Fn(usize) -> T> {
        let plain = self.epsilon.is_zero() && self.weights.is_none();
        let rest = T::one() - self.epsilon;
        let of_class = move |j: usize| self.weights.as_ref().map_or(rest, |w| w[j] * rest);
        (!plain).then_some(of_class)
    }

    /// The targets after smoothing and weighting; `None` if there is neither.
    fn targets(&self, t: &Tensor<T>) -> Option<Vec<T>> {
        let factor = self.factor()?;
        let rows = t.shape().rows(self.axis);
        let even = self.epsilon / T::of(rows.n as f64);
        let mut targets = t.data().to_vec();
        for start in rows.starts() {
            for (j, at) in rows.row(start).enumerate() {
                let even = self.weights.as_ref().map_or(even, |w| w[j] * even);
                targets[at] = targets[at] * factor(j) + even;
            }
        }
        Some(targets)
    }

    /// Multiplies each element by the factor on its target.
    fn scale(&self, shape: &Shape, of_targets: &mut [T]) {
        let Some(factor) = self.factor() else { return };
        let rows = shape.rows(self.axis);
        for start in rows.starts() {
            for (j, at) in rows.row(start).enumerate() {
                of_targets[at] *= factor(j);
            }
        }
    }
}

impl<T: Elem> Rule<T> for SoftCrossEntropy<T> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        if x[0] != x[1] {
            return Err(Error::new(ErrorKind::Shape {
                op: NAME,
                what: "the tensor of targets",
                found: x[1].clone(),
                expected: x[0].clone(),
            }));
        }
        Ok(self.outcome.shape(x[0].without(self.axis)))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        let (top, rest) = super::statistics(keep, rows);
        let mut loss = vec![T::zero(); rows.count()];
        let changed = self.targets(x[1]);
        let targets = changed.as_deref().unwrap_or(x[1].data());
        T::soft_cross_entropy(rows, x[0].data(), targets, &mut loss, top, rest);
        self.outcome.gather(&loss, y.fill());
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let [of_x, of_targets] = &mut *gx else {
            unreachable!("cross entropy has two operands")
        };
        let (x, rows) = (at.x[0].data(), at.x[0].shape().rows(self.axis));
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        let of_rows = self.outcome.spread(g.data(), rows.count());
        if of_x.wanted() {
            let changed = self.targets(at.x[1]);
            let targets = changed.as_deref().unwrap_or(at.x[1].data());
            T::soft_cross_entropy_vjp(rows, x, targets, top, rest, &of_rows, of_x.fill());
        }
        if of_targets.wanted() {
            let pulled = of_targets.fill();
            T::soft_cross_entropy_vjp_targets(rows, x, top, rest, &of_rows, pulled);
            self.scale(at.x[0].shape(), pulled);
        }
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let (x, rows) = (at.x[0].data(), at.x[0].shape().rows(self.axis));
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        let mut each = vec![T::zero(); rows.count()];
        if let Some(t) = t[0] {
            let changed = self.targets(at.x[1]);
            let targets = changed.as_deref().unwrap_or(at.x[1].data());
            T::soft_cross_entropy_jvp(rows, x, targets, top, rest, t.data(), &mut each);
        }
        if let Some(t) = t[1] {
            let mut moved = t.data().to_vec();
            self.scale(t.shape(), &mut moved);
            let mut more = vec![T::zero(); rows.count()];
            T::soft_cross_entropy_jvp_targets(rows, x, top, rest, &moved, &mut more);
            for (each, more) in each.iter_mut().zip(more) {
                *each += more;
            }
        }
        self.outcome.gather(&each, ty.fill());
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(SoftCrossEntropy {
            axis: self.axis,
            outcome: self.outcome.widen(),
            epsilon: self.epsilon.widen(),
            weights: widen(self.weights.as_deref()),
        }))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        // Smoothing and class weights change the targets linearly: `t * scale + even`.
        let shape = x[0].shape();
        let full = |targets: Vec<T>| Tensor::new(shape, targets).expect("one for each logit");
        let changed = |t: T| self.targets(&Tensor::full(shape, t)).map(full);
        let linear = changed(T::zero()).zip(changed(T::one()));
        let axis = self.axis;
        Twin::record_some(x, |x| {
            let targets = match linear {
                Some((even, one)) => x[1] * (&one - &even) + even,
                None => x[1],
            };
            let loss = composed::cross_entropy_soft(x[0], axis, targets);
            Some(self.outcome.composed(loss))
        })
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS.and_residual()
    }

    fn why(&self) -> &'static str {
        <SoftCrossEntropy<f64> as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Mean cross entropy of logits, with the classes along `axis`, against a target for each class.
    ///
    /// ```text
    /// loss_row = -Σ_j t_j ln p_j = -Σ_j t_j ((x_j - m) - ln(1 + R))
    /// ```
    /// # Shapes
    /// x and the targets: the same shape with an axis of classes (a negative `axis` counts from the end). The targets
    /// are a plain tensor, or a handle, which gets a gradient of its own; they need not add up to 1. The result is a
    /// scalar; the mean of no rows is NaN.
    ///
    /// # Domain
    /// All reals. A target of 0 at a logit of -inf adds nothing, a larger one gives +inf.
    ///
    /// # Gradient
    /// `gx_j = g (p_j Σ_i t_i - t_j) / rows` (without the factor `Σ t` it would be wrong for targets
    /// that do not add up to 1), and `gt_j = -g ln p_j / rows`.
    ///
    /// # Keeps
    /// x, t, and for each row R and the index of the maximum.
    ///
    /// # Accuracy
    /// On `tests/golden` loss and gradients are within 3 ulps, in f32 and f64.
    ///
    /// # Panics
    /// If `axis` is not an axis of x, the targets have a different shape, or their handle lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[0.0, 0.0]]));
    /// let loss = x.cross_entropy_soft(1, &Tensor::from([[0.75, 0.25]]));
    /// assert_eq!(loss.value(), 2f64.ln());
    /// assert_eq!(loss.backward().wrt(x), Tensor::from([[-0.25, 0.25]])); // p - t
    /// ```
    ///
    /// # Source
    /// Bishop, "Pattern Recognition and Machine Learning", 2006, equation 4.108.
    #[track_caller]
    pub fn cross_entropy_soft(self, axis: impl Axis, targets: impl Operand<'t, T>) -> Var<'t, T> {
        self.try_cross_entropy_soft(axis.signed(), targets)
            .or_panic()
    }

    /// [`cross_entropy_soft`](Self::cross_entropy_soft), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x, the targets have a different shape, or their handle lives on another tape.
    #[track_caller]
    pub fn try_cross_entropy_soft(
        self,
        axis: impl Axis,
        targets: impl Operand<'t, T>,
    ) -> Result<Var<'t, T>, Error> {
        self.try_cross_entropy_soft_with(axis.signed(), targets, &LossOptions::new())
    }

    /// [`cross_entropy_soft`](Self::cross_entropy_soft) with [`LossOptions`]: sum instead of mean,
    /// class weights, label smoothing. The meaning is PyTorch's: a weight multiplies the targets of
    /// its class, and the mean divides by the number of rows.
    ///
    /// # Panics
    /// As [`cross_entropy_soft`](Self::cross_entropy_soft), and if there is not one weight for each class, the
    /// smoothing is not between 0 and 1, or the options name a label to ignore.
    #[track_caller]
    pub fn cross_entropy_soft_with(
        self,
        axis: impl Axis,
        targets: impl Operand<'t, T>,
        options: &LossOptions,
    ) -> Var<'t, T> {
        self.try_cross_entropy_soft_with(axis.signed(), targets, options)
            .or_panic()
    }

    /// [`cross_entropy_soft_with`](Self::cross_entropy_soft_with), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_soft_with`](Self::cross_entropy_soft_with) panics.
    #[track_caller]
    pub fn try_cross_entropy_soft_with(
        self,
        axis: impl Axis,
        targets: impl Operand<'t, T>,
        options: &LossOptions,
    ) -> Result<Var<'t, T>, Error> {
        let rule = SoftCrossEntropy::<T>::new(&self.shape(), axis.signed(), options, None)?;
        let targets = targets.enter(self.tape(), NAME)?;
        Var::spread_one(self.tape(), rule, &[self.repr, targets])
    }

    /// The loss of each row, of which [`cross_entropy_soft`](Self::cross_entropy_soft) gives the mean: a tensor
    /// without the class axis.
    ///
    /// # Panics
    /// As [`cross_entropy_soft_with`](Self::cross_entropy_soft_with).
    #[track_caller]
    pub fn cross_entropy_soft_rows(
        self,
        axis: impl Axis,
        targets: impl Operand<'t, T>,
        options: &LossOptions,
    ) -> Self {
        self.try_cross_entropy_soft_rows(axis.signed(), targets, options)
            .or_panic()
    }

    /// [`cross_entropy_soft_rows`](Self::cross_entropy_soft_rows), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cross_entropy_soft_with`](Self::cross_entropy_soft_with) panics.
    #[track_caller]
    pub fn try_cross_entropy_soft_rows(
        self,
        axis: impl Axis,
        targets: impl Operand<'t, T>,
        options: &LossOptions,
    ) -> Result<Self, Error> {
        let form = Some(Form::Rows);
        let rule = SoftCrossEntropy::<T>::new(&self.shape(), axis.signed(), options, form)?;
        self.record2(rule, targets)
    }
}

impl Spec for SoftCrossEntropy<f64> {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "loss = -Σ_j t_j ln softmax(x)_j of each row";
    const GRADIENT: &'static str =
        "gx_j = g (p_j Σ_i t_i - t_j), gt_j = -g ln p_j, p = softmax(x) by the statistics kept";
    type Attributes = (isize, LossOptions);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.filled_shape(1);
        let axis = draw.axis(&shape);
        let n = shape[axis.rem_euclid(shape.rank() as isize) as usize];
        let x = draw.values(&shape, -5.0, 5.0);
        let t = draw.values(&shape, 0.0, 1.0);
        let mut options = LossOptions::new().label_smoothing(draw.pick(&[0.0, 0.125]));
        if draw.below(2) == 0 {
            let weights: Vec<f64> = (0..n).map(|j| 0.5 + 0.25 * j as f64).collect();
            options = options.weights(weights);
        }
        Sample::new(vec![x, t], (axis, options))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, options): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].cross_entropy_soft_rows(*axis, x[1], options)
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, options): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        let mut weights = Tensor::ones(x[0].shape());
        let axis_at = axis.rem_euclid(x[0].rank() as isize) as usize;
        let rows = x[0].shape().rows(axis_at);
        if let Some(of_classes) = &options.weights {
            for start in rows.starts() {
                for (at, &w) in rows.row(start).zip(of_classes) {
                    weights.data_mut()[at] = T::of(w);
                }
            }
        }
        let epsilon = options.label_smoothing;
        let even = Tensor::full(x[0].shape(), T::of(epsilon));
        let even = x[0].tape().constant(even) / T::of(rows.n as f64);
        let targets = (x[1] * T::of(1.0 - epsilon) + even) * weights;
        Some(composed::cross_entropy_soft(x[0], *axis, targets))
    }
}
