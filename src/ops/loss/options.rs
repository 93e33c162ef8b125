//! `LossOptions`: the options of a loss over classes, besides logits and labels.

/// How the losses of rows become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// The sum divided by the sum of the rows' weights, which is the number of rows if there are no
    /// class weights and no ignored rows.
    #[default]
    Mean,
    /// The sum.
    Sum,
}

/// Options of the losses over classes, as in PyTorch; the defaults give a plain mean.
///
/// PyTorch's `reduction="none"` is a method here (`cross_entropy_rows`), since its result is a
/// tensor and not a number.
///
/// # Example
/// ```
/// use wengert::{LossOptions, Tape, Tensor};
///
/// let tape = Tape::new();
/// let x = tape.var(Tensor::from([[0.0, 0.0], [f64::NAN, 0.0]]));
/// let options = LossOptions::new().ignore_index(255);
/// let loss = x.cross_entropy_with(1, [1, 255], &options);
/// assert_eq!(loss.value(), 2f64.ln()); // of the first row alone
/// assert_eq!(loss.backward().wrt(x), Tensor::from([[0.5, -0.5], [0.0, 0.0]]));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LossOptions {
    /// A label that marks rows to be left out; see [`ignore_index`](Self::ignore_index).
    pub ignore_index: Option<i64>,
    /// One weight for each class; see [`weights`](Self::weights).
    pub weights: Option<Vec<f64>>,
    /// The mass shared equally by all classes; see [`label_smoothing`](Self::label_smoothing).
    pub label_smoothing: f64,
    /// How the losses of rows become one number.
    pub reduction: Reduction,
}

impl LossOptions {
    /// The plain mean: no weights, no smoothing, nothing ignored.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out rows with this label: they add 0, do not count in the mean, and get a gradient of
    /// exactly 0, whatever they hold. PyTorch's default is -100; here there is none.
    ///
    /// If all rows are left out, the mean is 0 / 0, that is NaN, and the gradient is 0.
    #[must_use]
    pub fn ignore_index(mut self, label: i64) -> Self {
        self.ignore_index = Some(label);
        self
    }

    /// Multiplies the loss of each row by the weight of its label, or each target by the weight of
    /// its class. With labels the mean divides by the sum of the rows' weights, with soft targets
    /// by the number of rows. What has weight 0 adds 0, even where the loss is infinite.
    #[must_use]
    pub fn weights(mut self, of_classes: impl Into<Vec<f64>>) -> Self {
        self.weights = Some(of_classes.into());
        self
    }

    /// Mixes the targets with the same weight for all `C` classes: `(1 - epsilon) t + epsilon / C`.
    #[must_use]
    pub fn label_smoothing(mut self, epsilon: f64) -> Self {
        self.label_smoothing = epsilon;
        self
    }

    /// Chooses between mean and sum.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
}
