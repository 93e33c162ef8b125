//! Log of a sum of exponentials, over all, one or several axes.

use super::composed;
use crate::kernel::{Elem, Rows};
use crate::ops::forms::given::Given;
use crate::ops::forms::reduction::{Reduction, reduction};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Residual};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = ln Σ_j e^(x_j)` along the axes; its gradient is softmax.
#[derive(Clone, Debug)]
pub struct LogSumExp;

impl<T: Elem> Reduction<T> for LogSumExp {
    const NAME: &'static str = "logsumexp";
    const KEEPS: Keeps = Keeps::INPUTS.and_residual();
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(&self) -> Self {
        Self
    }

    fn value(&self, rows: Rows, x: &[T], y: &mut [T], keep: &mut Residual<T>) {
        let (top, rest) = super::statistics(keep, rows);
        T::logsumexp(rows, x, y, top, rest);
    }

    fn composed<'t>(
        &self,
        x: Var<'t, Tensor<T>>,
        axes: &[isize],
        keep: bool,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(match keep {
            true => composed::logsumexp_keep(x, axes),
            false => composed::logsumexp_axis(x, axes),
        })
    }

    fn pull(&self, at: &Given<'_, T>, g: &[T], gx: &mut [T]) {
        T::logsumexp_vjp(at.rows, at.x, at.indices, at.kept, g, gx);
    }

    fn push(&self, at: &Given<'_, T>, t: &[T], ty: &mut [T]) {
        T::logsumexp_jvp(at.rows, at.x, at.indices, at.kept, t, ty);
    }
}

reduction! {
    /// Log of the sum of the exponentials of all elements, as a scalar: a smooth maximum.
    ///
    /// ```text
    /// y = ln Σ_j e^(x_j) = m + ln(1 + R),   m = max_j x_j,   R = Σ_{j≠m} e^(x_j - m)
    /// ```
    /// # Shapes
    /// Any; without elements the result is -inf, the logarithm of 0.
    ///
    /// # Domain
    /// All reals, however large. -inf adds nothing, and if all elements are -inf, so is the result; a +inf makes it
    /// +inf, a NaN makes it NaN.
    ///
    /// # Gradient
    /// `gx_j = g p_j`, `p = softmax(x)`. It is NaN if all elements are -inf (0 / 0); if one is +inf, it is NaN there
    /// and 0 elsewhere. The JVP is `c + Σ_j p_j (t_j - c)` with `c = t` at the maximum.
    ///
    /// # Keeps
    /// x, and for each row R and the index of the maximum.
    ///
    /// # Accuracy
    /// On `tests/golden` at most 0.8 ulps of the largest term, its gradient 2.3 ulps, with every instruction set.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1000.0, 1000.0]));
    /// assert_eq!(x.logsumexp().value(), 1000.0 + 2f64.ln());
    /// assert_eq!(x.logsumexp().backward().wrt(x), Tensor::from([0.5, 0.5]));
    /// ```
    ///
    /// # Source
    /// Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions",
    /// IMA J. Numer. Anal. 41 (2021), algorithm 3.1.
    pub fn logsumexp(self);
    pub fn logsumexp_axis(self, axes), fn try_logsumexp_axis;
    pub fn logsumexp_keep(self, axes), fn try_logsumexp_keep;
    = LogSumExp
}

impl Spec for LogSumExp {
    const NAME: &'static str = "logsumexp";
    const FORMULA: &'static str = "y = ln Σ_j e^(x_j) along the axes";
    const GRADIENT: &'static str = "gx_j = g p_j, p = softmax(x) by the statistics kept";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        // An axis of size 0 would give -inf, with which nothing can be compared.
        let shape = draw.filled_shape(0);
        let axes = draw.axes(&shape);
        let keep = draw.below(2) == 0;
        Sample::new(vec![draw.values(shape, -5.0, 5.0)], (axes, keep))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        match keep {
            true => x[0].logsumexp_keep(&axes[..]),
            false => x[0].logsumexp_axis(&axes[..]),
        }
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axes, keep): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        LogSumExp.composed(x[0], axes, *keep)
    }
}
