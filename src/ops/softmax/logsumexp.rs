//! Log of a sum of exponentials, over all, one or several axes.

use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::over::Over;
use crate::ops::{Axes, Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y = ln Σ_j e^(x_j)` along the axes; its gradient is softmax.
#[derive(Clone, Debug)]
pub struct LogSumExp(Over);

impl LogSumExp {
    /// The rule over all axes of a tensor with so many.
    pub(super) fn all(rank: usize) -> Self {
        Self(Over::all(rank))
    }
}

impl<T: Elem> Rule<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.0.shape(x[0]))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let (x, rows) = self.0.rows(x[0]);
        let (top, rest) = super::statistics(keep, rows);
        T::logsumexp(rows, &x, y.fill(), top, rest);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (x, _) = self.0.rows(at.x[0]);
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        self.0.write(at.x[0].shape(), gx[0].fill(), |gx, rows| {
            T::logsumexp_vjp(rows, &x, top, rest, g.data(), gx);
        });
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
        let ((x, rows), (t, _)) = (self.0.rows(at.x[0]), self.0.rows(t));
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        T::logsumexp_jvp(rows, &x, top, rest, &t, ty.fill());
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(self.clone()))
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS.and_residual()
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Log of the sum of the exponentials of all elements, as a scalar: a smooth maximum.
    ///
    /// ```text
    /// y = ln Σ_j e^(x_j) = m + ln(1 + R),   m = max_j x_j,   R = Σ_{j≠m} e^(x_j - m)
    /// ```
    /// # Shapes
    /// Any; of no elements it is -inf, the logarithm of 0.
    ///
    /// # Domain
    /// All reals, however large. -inf adds nothing, and all of them together are -inf; a +inf makes
    /// the result +inf, a NaN makes it NaN.
    ///
    /// # Gradient
    /// `gx_j = g p_j`, `p = softmax(x)`: NaN where all elements are -inf (0 / 0), and where one is
    /// +inf it is NaN there and 0 elsewhere. The JVP is `c + Σ_j p_j (t_j - c)` with `c = t` at the
    /// maximum.
    ///
    /// # Keeps
    /// x, and R and the index of the maximum of each row.
    ///
    /// # Accuracy
    /// On `tests/golden` at most 1.5 ulps of the largest term, its gradient 3 ulps.
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
    #[track_caller]
    pub fn logsumexp(self) -> Var<'t, T> {
        self.record_scalar(LogSumExp::all(self.rank())).or_panic()
    }

    /// [`logsumexp`](Self::logsumexp) along some axes, which disappear: `x.logsumexp_axis(1)`,
    /// `x.logsumexp_axis([0, -1])`.
    ///
    /// # Panics
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn logsumexp_axis(self, axes: impl Axes) -> Self {
        self.try_logsumexp_axis(axes).or_panic()
    }

    /// [`logsumexp_axis`](Self::logsumexp_axis), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn try_logsumexp_axis(self, axes: impl Axes) -> Result<Self, Error> {
        let over = Over::new("logsumexp", &self.shape(), axes, false)?;
        self.record(LogSumExp(over))
    }

    /// [`logsumexp`](Self::logsumexp) along some axes, which stay as size 1, so that the result
    /// broadcasts against `self`.
    ///
    /// # Panics
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn logsumexp_keep(self, axes: impl Axes) -> Self {
        self.try_logsumexp_keep(axes).or_panic()
    }

    /// [`logsumexp_keep`](Self::logsumexp_keep), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If one is no axis of the tensor or is named twice.
    #[track_caller]
    pub fn try_logsumexp_keep(self, axes: impl Axes) -> Result<Self, Error> {
        let over = Over::new("logsumexp", &self.shape(), axes, true)?;
        self.record(LogSumExp(over))
    }
}

impl Spec for LogSumExp {
    const NAME: &'static str = "logsumexp";
    const FORMULA: &'static str = "y = ln Σ_j e^(x_j) along the axes";
    const GRADIENT: &'static str = "gx_j = g softmax(x)_j";
    type Attributes = (Vec<isize>, bool);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        // An axis of size 0 gives -inf, where nothing can be compared.
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
}
