//! Softmax.

use super::composed;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tensor::{Axis, Shape, Storage, Tensor};
use crate::var::Var;

/// `y_i = e^(x_i - m) / Σ_j e^(x_j - m)` along one axis; the Jacobian `diag(y) - y yᵀ` is symmetric.
#[derive(Clone, Copy, Debug)]
pub struct Softmax {
    pub(super) axis: usize,
}

impl<T: Elem> Rule<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        T::softmax(rows, x[0].data(), y.fill(), super::tops(keep, rows));
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let rows = at.y.shape().rows(self.axis);
        let top = &at.kept.indices;
        T::softmax_vjp(rows, at.y.data(), top, g.data(), gx[0].fill());
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.vjp(at, t, std::slice::from_mut(ty)),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let axis = self.axis;
        Twin::record_some(x, |x| Some(composed::softmax(x[0], axis)))
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        (self.axis >= axes).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT.and_residual()
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Softmax along `axis`: positive weights that sum to 1.
    ///
    /// ```text
    /// y_i = e^(x_i - m) / Σ_j e^(x_j - m),   m = max_j x_j
    /// ```
    /// # Shapes
    /// x and y: any shape with an axis; rows run along `axis`, which counts from the end if negative. There is no
    /// default: a softmax over the wrong axis looks like one over the right one.
    ///
    /// # Domain
    /// All reals, however large. -inf gives 0. A row that is all -inf, or holds +inf or NaN, is NaN;
    /// its neighbours are untouched. An axis of size 0 gives an empty result.
    ///
    /// # Gradient
    /// `gx_i = y_i ((g_i - c) - Σ_j (g_j - c) y_j)` with `c = g` at the row's maximum. The Jacobian maps constants to
    /// 0, so every `c` gives the same map; this one keeps small results right: at x = [40, 0] and g = [1, 0] the
    /// gradient is ±e^-40, where `y (g - Σ g y)` rounds to 0. The Jacobian `diag(y) - y yᵀ` is symmetric, so the JVP
    /// is the same kernel. Nothing special happens at ties: softmax is smooth. A constant cotangent gives exactly 0.
    ///
    /// # Keeps
    /// y and the index of each row's maximum.
    ///
    /// # Accuracy
    /// On `tests/golden` at most 1.8 ulps (0.4 on average), VJP and JVP 3.0 centred ulps, along every axis and with
    /// every instruction set. Differences from the maximum carry their rounding errors, so a small probability loses
    /// no digits to a large difference, and an exact shift of a row changes no bit. The bits are the same for any
    /// number of threads, and for a row alone or in a batch.
    ///
    /// # Panics
    /// If `axis` is not an axis of x.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[0.0, 0.0], [40.0, 0.0]]));
    /// let y = x.softmax(1);
    /// assert_eq!(y.value()[[0, 0]], 0.5);
    /// let grads = y.vjp(Tensor::from([[1.0, 0.0], [1.0, 0.0]]));
    /// assert_eq!(grads.wrt(x)[[0, 0]], 0.25); // y (1 - y)
    /// assert_eq!(grads.wrt(x)[[1, 1]], -4.248354255291589e-18); // -e^-40
    /// ```
    ///
    /// # Source
    /// Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990;
    /// the centred rule is derived in `docs/softmax.md`.
    #[track_caller]
    pub fn softmax(self, axis: impl Axis) -> Self {
        self.try_softmax(axis.signed()).or_panic()
    }

    /// [`softmax`](Self::softmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x.
    #[track_caller]
    pub fn try_softmax(self, axis: impl Axis) -> Result<Self, Error> {
        let axis = self.axis("softmax", axis)?;
        self.record(Softmax { axis })
    }
}

impl<T: Storage> Tensor<T> {
    /// `softmax` of a plain tensor along `axis`. Formula and special values are documented on
    /// [`Var::softmax`](crate::Var::softmax).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    #[must_use]
    #[track_caller]
    pub fn softmax(&self, axis: impl Axis) -> Self {
        self.try_softmax(axis.signed()).or_panic()
    }

    /// [`softmax`](Self::softmax), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    pub fn try_softmax(&self, axis: impl Axis) -> Result<Self, Error> {
        let axis = self.shape().axis("softmax", axis)?;
        evaluate(&Softmax { axis }, [self])
    }
}

impl Spec for Softmax {
    const NAME: &'static str = "softmax";
    const FORMULA: &'static str = "y_i = e^(x_i - m) / Σ_j e^(x_j - m) along the axis";
    const GRADIENT: &'static str =
        "gx_i = y_i ((g_i - c) - Σ_j (g_j - c) y_j), c = g at the maximum, whose place is kept";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<isize> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        Sample::new(vec![draw.values(shape, -5.0, 5.0)], axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        x[0].softmax(*axis)
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Option<Var<'t, Tensor<T>>> {
        Some(composed::softmax(x[0], *axis))
    }
}
