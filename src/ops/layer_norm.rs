//! Normalization of rows to mean 0 and variance 1.

use crate::error::{Error, OrPanic};
use crate::kernel::{self, Constant, Elem};
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Storage, Tensor};
use crate::var::Var;

const NAME: &str = "layer_norm";

/// `y = (x - mean) / √(variance + eps)` along one axis; the Jacobian is symmetric.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<T> {
    axis: usize,
    eps: T,
}

impl<T: Elem> LayerNorm<T> {
    /// The op along an axis, unless `eps` is negative, infinite or NaN.
    fn new(axis: usize, eps: T) -> Result<Self, Error> {
        if eps >= T::zero() && eps.is_finite() {
            return Ok(Self { axis, eps });
        }
        let text = format!("eps is {eps}; it must be 0 or a positive, finite number");
        Err(Error::argument(NAME, text))
    }

    fn composed<'t>(self, x: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
        let axis = self.axis;
        (x - x.mean_keep(axis)) / (x.var_keep(axis, 0) + self.eps).sqrt()
    }
}

impl<T: Elem> Rule<T> for LayerNorm<T> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        let scales = kernel::normalize(rows, x[0].data(), self.eps, y.fill());
        if keep.is_read() {
            keep.values = scales.into_flattened();
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let rows = at.y.shape().rows(self.axis);
        let (scales, _) = at.kept.values.as_chunks();
        if !kernel::normalize_vjp(rows, at.y.data(), scales, g.data(), gx[0].fill()) {
            guard::cotangents(self, at, g, gx);
        }
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
        Some(Box::new(LayerNorm {
            axis: self.axis,
            eps: self.eps.widen(),
        }))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Twin::record_some(x, |x| Some(self.composed(x[0])))
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        (self.axis >= axes).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT.and_residual()
    }

    fn why(&self) -> &'static str {
        <LayerNorm<f64> as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Layer normalization along `axis`: every row shifted to mean 0 and scaled to variance 1.
    ///
    /// ```text
    /// y_i = (x_i - m) / √(v + eps),   m = Σ_j x_j / n,   v = Σ_j (x_j - m)² / n
    /// ```
    /// There is no gain and no bias: `x.layer_norm(-1, 1e-5) * gain + bias` has both.
    ///
    /// # Shapes
    /// x and y: any shape with an axis; rows run along `axis`, which counts from the end if negative.
    ///
    /// # Domain
    /// All reals, however large or small. A row that holds an infinity or NaN is NaN; its neighbours are untouched. If
    /// all elements of a row are equal, y is 0, even if `eps` is 0. An axis of size 0 gives an empty result.
    ///
    /// # Gradient
    /// `gx_i = (h_i - y_i Σ_j h_j y_j / n) / √(v + eps)` with `h_i = g_i - Σ_j g_j / n`: g without its mean and without
    /// its part along y. The Jacobian is symmetric, so the JVP is the same kernel. If `eps` is 0, the gradient is 0
    /// where all elements are equal, as for [`std`](Self::std). A constant cotangent gives exactly 0.
    ///
    /// # Keeps
    /// y and `√(v + eps)` of each row, as a number and a power of two.
    ///
    /// # Accuracy
    /// Measured: value within 0.9 ulps, gradient within 0.5 ulps of the largest operand or result; see
    /// docs/accuracy.md. Deviations are taken from a mean that is corrected for its own rounding, so a large mean costs
    /// no digits: at means up to 1e12 in f64 and 1e5 in f32, y is within 3 ulps of its largest entry and gx within 6 of
    /// its largest term `h_i / √(v + eps)`. A row whose squares leave the range is computed in another unit. Where g is
    /// nearly along y, what is left of the terms has fewer digits.
    ///
    /// # Panics
    /// If `axis` is not an axis of x, or `eps` is negative, infinite or NaN.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 3.0], [5.0, 5.0]]));
    /// let y = x.layer_norm(-1, 0.0);
    /// assert_eq!(y.value(), Tensor::from([[-1.0, 1.0], [0.0, 0.0]]));
    ///
    /// let gain = tape.var(Tensor::from([1.0, 2.0]));
    /// let bias = tape.var(Tensor::from([0.5, 0.5]));
    /// let z = x.layer_norm(-1, 3.0) * gain + bias; // √(1 + 3) is 2
    /// assert_eq!(z.value(), Tensor::from([[0.0, 1.5], [0.5, 0.5]]));
    /// ```
    ///
    /// # Source
    /// Ba, Kiros, Hinton, "Layer normalization", 2016, equations 3 and 4.
    #[track_caller]
    pub fn layer_norm(self, axis: impl Axis, eps: impl Constant<T>) -> Self {
        self.try_layer_norm(axis.signed(), eps.embed()).or_panic()
    }

    /// [`layer_norm`](Self::layer_norm), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x, or `eps` is negative, infinite or NaN.
    #[track_caller]
    pub fn try_layer_norm(self, axis: impl Axis, eps: impl Constant<T>) -> Result<Self, Error> {
        let axis = self.axis(NAME, axis)?;
        self.record(LayerNorm::new(axis, eps.embed())?)
    }
}

impl<T: Storage> Tensor<T> {
    /// `layer_norm` of a plain tensor along `axis`. Formula and special values are documented on
    /// [`Var::layer_norm`](crate::Var::layer_norm).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or `eps` is negative, infinite or NaN.
    #[must_use]
    #[track_caller]
    pub fn layer_norm(&self, axis: impl Axis, eps: impl Constant<T::Work>) -> Self {
        self.try_layer_norm(axis.signed(), eps.embed()).or_panic()
    }

    /// [`layer_norm`](Self::layer_norm), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or `eps` is negative, infinite or NaN.
    pub fn try_layer_norm(
        &self,
        axis: impl Axis,
        eps: impl Constant<T::Work>,
    ) -> Result<Self, Error> {
        let axis = self.shape().axis(NAME, axis)?;
        evaluate(&LayerNorm::new(axis, eps.embed())?, [self])
    }
}

impl Spec for LayerNorm<f64> {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "y = (x - mean) / √(variance + eps) along the axis";
    const GRADIENT: &'static str =
        "gx = (h - y mean(h y)) / √(variance + eps), h = g - mean(g); the root is kept";
    type Attributes = (isize, f64);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        let rows = shape.rows(axis.rem_euclid(shape.rank() as isize) as usize);
        // A row of one element has no slope, and one of two hardly any where eps is small: there, rounding errors are
        // all that is left. 2^-17 is exact in every type.
        let eps = match rows.n {
            1 => draw.pick(&[0.5, 1.0 / 131_072.0]),
            2 => 0.5,
            _ => draw.pick(&[0.0, 0.5, 1.0 / 131_072.0]),
        };
        // Neighbours on either side of 0: the closer the elements of a row, the more digits their deviations lose.
        let mut x = draw.values(shape, 0.5, 4.0);
        for start in rows.starts() {
            for at in rows.row(start).skip(1).step_by(2) {
                x.data_mut()[at] *= -1.0;
            }
        }
        Sample::new(vec![x], (axis, eps))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, eps): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].layer_norm(*axis, T::of(*eps))
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (axis, eps): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        let axis = x[0].axis(NAME, *axis).or_panic();
        let eps = T::of(*eps);
        Some(LayerNorm { axis, eps }.composed(x[0]))
    }
}
