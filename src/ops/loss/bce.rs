//! Binary cross entropy of logits.

use super::average::Average;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::forms::pull::share;
use crate::ops::forms::unary::Unary;
use crate::ops::sigmoid::logistic;
use crate::ops::softplus::Softplus;
use crate::ops::{Binary, Draw, Sample, Spec, evaluate};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::{Operand, Var};

/// Mean of `-t ln σ(x) - (1 - t) ln σ(-x)` of two tensors of one shape.
#[derive(Clone, Copy, Debug)]
pub struct Bce;

impl<T: Elem> Binary<T> for Bce {
    const NAME: &'static str = "bce_with_logits";
    const KEEPS: Keeps = Keeps::INPUTS;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(self) -> Self {
        self
    }

    // Each logarithm is a softplus, so nothing cancels; a share of 0 contributes nothing, even to
    // an infinite loss.
    fn value(self, x: T, t: T) -> T {
        let lost = |part: T, x: T| share(part, || Softplus.value(x));
        lost(t, -x) + lost(T::one() - t, x)
    }

    // σ(x) - t would be 0 where x is large and t is 1.
    fn slopes(self, x: T, t: T, _: T) -> [T; 2] {
        [(T::one() - t) * logistic(x) - t * logistic(-x), -x]
    }

    fn twin<'t>(self, x: Var<'t, Tensor<T>>, t: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        let (yes, no) = (x.sigmoid().ln(), x.neg().sigmoid().ln());
        Some(-(t * yes + (-t + T::one()) * no))
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Mean binary cross entropy of logits against targets between 0 and 1, as a scalar.
    ///
    /// ```text
    /// loss = (1/n) Σ_i t_i ln(1 + e^-x_i) + (1 - t_i) ln(1 + e^x_i)
    /// ```
    /// # Shapes
    /// x and the targets: the same shape, without broadcasting. The mean of no elements is NaN.
    ///
    /// # Domain
    /// All reals. An infinite logit on the side of a target of 0 or 1 gives a loss of 0, on the
    /// other +inf.
    ///
    /// # Gradient
    /// `gx = g ((1 - t) σ(x) - t σ(-x)) / n`, which keeps the digits that `σ(x) - t` loses if the
    /// logit is large and right; `gt = -g x / n`.
    ///
    /// # Keeps
    /// x and t.
    ///
    /// # Accuracy
    /// A few ulps per element for targets between 0 and 1, where nothing cancels.
    ///
    /// # Panics
    /// If the targets have a different shape, or their handle lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.0, 40.0]));
    /// let loss = x.bce_with_logits(&Tensor::from([0.0, 1.0]));
    /// assert_eq!(loss.value(), 2f64.ln() / 2.0);
    /// let gx = loss.backward().wrt(x);
    /// assert_eq!(gx[[0]], 0.25); // (σ(0) - 0) / 2
    /// assert!(gx[[1]] < 0.0); // -e^-40 / 2, where σ(40) - 1 is 0
    /// ```
    #[track_caller]
    pub fn bce_with_logits(self, targets: impl Operand<'t, T>) -> Var<'t, T> {
        self.try_bce_with_logits(targets).or_panic()
    }

    /// [`bce_with_logits`](Self::bce_with_logits), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the targets have a different shape, or their handle lives on another tape.
    #[track_caller]
    pub fn try_bce_with_logits(self, targets: impl Operand<'t, T>) -> Result<Var<'t, T>, Error> {
        let targets = targets.enter(self.tape(), "bce_with_logits")?;
        Var::spread_one(self.tape(), Average(Bce), &[self.repr, targets])
    }
}

impl<T: Elem> Tensor<T> {
    /// `bce_with_logits` of a plain tensor. Formula and special values are documented on
    /// [`Var::bce_with_logits`](crate::Var::bce_with_logits).
    ///
    /// # Panics
    /// If the targets have a different shape.
    #[must_use]
    #[track_caller]
    pub fn bce_with_logits(&self, targets: &Self) -> T {
        self.try_bce_with_logits(targets).or_panic()
    }

    /// [`bce_with_logits`](Self::bce_with_logits), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the targets have a different shape.
    pub fn try_bce_with_logits(&self, targets: &Self) -> Result<T, Error> {
        Ok(evaluate(&Average(Bce), [self, targets])?.item())
    }
}

impl Spec for Bce {
    const NAME: &'static str = "bce_with_logits";
    const FORMULA: &'static str = "loss = mean of t ln(1 + e^-x) + (1 - t) ln(1 + e^x)";
    const GRADIENT: &'static str = "gx = g ((1 - t) σ(x) - t σ(-x)) / n, gt = -g x / n";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let shape = draw.filled_shape(0);
        let x = draw.values(&shape, -5.0, 5.0);
        Sample::new(vec![x, draw.values(&shape, 0.0, 1.0)], ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].record2(Average(Bce), x[1]).or_panic()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(Bce.twin(x[0], x[1])?.mean_axis(..))
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        let (x, t) = (x[0], x[1]);
        Some(x.softplus() - x * t)
    }
}
