//! Log-softmax.

use super::composed;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tensor::{Axis, Shape, Storage, Tensor};
use crate::var::Var;

/// `z_i = x_i - lse(x)` along one axis; the pullback is `gx = g - softmax(x) Σ g`.
#[derive(Clone, Copy, Debug)]
pub struct LogSoftmax {
    pub(super) axis: usize,
}

impl<T: Elem> Rule<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], z: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        let (top, rest) = super::statistics(keep, rows);
        T::log_softmax(rows, x[0].data(), z.fill(), top, rest);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let rows = at.y.shape().rows(self.axis);
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        T::log_softmax_vjp(rows, at.x[0].data(), top, rest, g.data(), gx[0].fill());
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let rows = at.y.shape().rows(self.axis);
        let (top, rest) = (&at.kept.indices, &at.kept.values);
        match t[0] {
            Some(t) => {
                T::log_softmax_jvp(rows, at.x[0].data(), top, rest, t.data(), ty.fill());
            }
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let axis = self.axis;
        Twin::record_some(x, |x| Some(composed::log_softmax(x[0], axis)))
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        (self.axis >= axes).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS.and_residual()
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Logarithm of softmax along `axis`, right even where softmax itself underflows or rounds to 1.
    ///
    /// ```text
    /// z_i = x_i - ln Σ_j e^(x_j) = (x_i - m) - ln(1 + R),   m = max_j x_j,   R = Σ_{j≠m} e^(x_j - m)
    /// ```
    /// # Shapes
    /// x and z: any shape with an axis; rows run along `axis`, which counts from the end if negative.
    ///
    /// # Domain
    /// All reals. -inf gives -inf. A row that is all -inf, or holds +inf or NaN, is NaN; its
    /// neighbours are untouched. An axis of size 0 gives an empty result.
    ///
    /// # Gradient
    /// `gx_i = g_i - p_i Σ_j g_j` with `p = softmax(x)` from the row statistics, never from `e^z`; at the maximum it
    /// is computed as `g_m R / (1 + R) - p_m Σ_{j≠m} g_j`, which does not cancel. The JVP is
    /// `(t_i - c) - Σ_j p_j (t_j - c)` with `c = t` at the maximum.
    ///
    /// # Keeps
    /// x, and for each row R and the index of the maximum.
    ///
    /// # Accuracy
    /// On `tests/golden` at most 1.5 ulps, VJP 1.7 ulps of its largest term, with every instruction set.
    ///
    /// # Panics
    /// If `axis` is not an axis of x.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([800.0, 0.0]));
    /// assert_eq!(x.log_softmax(0).value(), Tensor::from([0.0, -800.0])); // ln(softmax) is -inf
    /// ```
    ///
    /// # Source
    /// Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions",
    /// IMA J. Numer. Anal. 41 (2021), equation (1.3); the gradient at the maximum is derived in
    /// `docs/softmax.md`.
    #[track_caller]
    pub fn log_softmax(self, axis: impl Axis) -> Self {
        self.try_log_softmax(axis.signed()).or_panic()
    }

    /// [`log_softmax`](Self::log_softmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x.
    #[track_caller]
    pub fn try_log_softmax(self, axis: impl Axis) -> Result<Self, Error> {
        let axis = self.axis("log_softmax", axis)?;
        self.record(LogSoftmax { axis })
    }
}

impl<T: Storage> Tensor<T> {
    /// `log_softmax` of a plain tensor along `axis`. Formula and special values are documented on
    /// [`Var::log_softmax`](crate::Var::log_softmax).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    #[must_use]
    #[track_caller]
    pub fn log_softmax(&self, axis: impl Axis) -> Self {
        self.try_log_softmax(axis.signed()).or_panic()
    }

    /// [`log_softmax`](Self::log_softmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    pub fn try_log_softmax(&self, axis: impl Axis) -> Result<Self, Error> {
        let axis = self.shape().axis("log_softmax", axis)?;
        evaluate(&LogSoftmax { axis }, [self])
    }
}

impl Spec for LogSoftmax {
    const NAME: &'static str = "log_softmax";
    const FORMULA: &'static str = "z_i = x_i - ln Σ_j e^(x_j) along the axis";
    const GRADIENT: &'static str =
        "gx_i = g_i - p_i Σ_j g_j, p = softmax(x) by the statistics kept";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<isize> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        Sample::new(vec![draw.values(shape, -5.0, 5.0)], axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        x[0].log_softmax(*axis)
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Option<Var<'t, Tensor<T>>> {
        Some(composed::log_softmax(x[0], *axis))
    }
}
