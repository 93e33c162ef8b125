//! Softmax at a temperature, which may be learned.

use super::composed;
use crate::error::{Error, OrPanic};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::{Operand, Var};

const NAME: &str = "softmax_scaled";

/// `softmax(x / temperature)` along one axis; the operands are x and the temperature.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxScaled {
    axis: usize,
}

/// Refuses a temperature for which there is no distribution. NaN passes and propagates.
fn check<T: Elem>(temperature: &Tensor<T>) -> Result<(), Error> {
    let text = match temperature.data() {
        [one] if one.is_nan() || usable(*one) => return Ok(()),
        [one] => format!("the temperature is {one}; it must be positive and finite"),
        _ => format!(
            "the temperature has shape {}; it must be one number",
            temperature.shape()
        ),
    };
    Err(Error::argument(NAME, text))
}

fn usable<T: Elem>(temperature: T) -> bool {
    temperature > T::zero() && temperature.is_finite()
}

impl<T: Elem> Rule<T> for SoftmaxScaled {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let rows = x[0].shape().rows(self.axis);
        let top = super::tops(keep, rows);
        let temperature = x[1].data()[0];
        if usable(temperature) {
            T::softmax_scaled(rows, x[0].data(), temperature, y.fill(), top);
        } else {
            // NaN, or a bad number from a replay; a recording refuses all others.
            y.fill().fill(T::nan());
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let [of_x, of_t] = &mut *gx else {
            unreachable!("softmax at a temperature has two operands")
        };
        let pulled = of_x.fill();
        self.pull(at, g.data(), pulled);
        if of_t.wanted() {
            let rows = at.y.shape().rows(self.axis);
            let (x, temperature) = (at.x[0].data(), at.x[1].data()[0]);
            let mut each = vec![T::nan(); rows.count()];
            if usable(temperature) {
                let top = &at.kept.indices;
                T::temperature_vjp(rows, x, top, temperature, pulled, &mut each);
            }
            kernel::sum_axis(Rows::last(1, each.len()), &each, of_t.fill());
        }
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let rows = at.y.shape().rows(self.axis);
        let (x, y, temperature) = (at.x[0].data(), at.y.data(), at.x[1].data()[0]);
        let mut total = match t[0] {
            Some(t) => t.data().to_vec(),
            None => vec![T::zero(); y.len()],
        };
        if let Some(of_temperature) = t[1] {
            // A step dT acts like a step of -(x - x_m) dT / T in x: softmax ignores a shift by x_m.
            let rate = of_temperature.data()[0] / temperature;
            for (start, &top) in rows.starts().zip(&at.kept.indices) {
                for j in rows.row(start) {
                    // Where y is 0 the difference may be infinite, but has no effect.
                    if y[j] != T::zero() {
                        total[j] -= (x[j] - x[start + top as usize * rows.inner]) * rate;
                    }
                }
            }
        }
        self.pull(at, &total, ty.fill());
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let axis = self.axis;
        Twin::record_some(x, |x| Some(composed::softmax(x[0] / x[1], axis)))
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        (self.axis >= axes).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT.and_residual()
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl SoftmaxScaled {
    /// The symmetric Jacobian with respect to x, applied to `g`.
    fn pull<T: Elem>(self, at: &Point<'_, T>, g: &[T], gx: &mut [T]) {
        let rows = at.y.shape().rows(self.axis);
        let (y, top, temperature) = (at.y.data(), &at.kept.indices, at.x[1].data()[0]);
        if usable(temperature) {
            T::softmax_scaled_vjp(rows, y, top, temperature, g, gx);
        } else {
            gx.fill(T::nan());
        }
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Softmax of `x / temperature` along `axis`: sharper for a temperature below 1, flatter above.
    ///
    /// ```text
    /// y_i = e^((x_i - m) / T) / Σ_j e^((x_j - m) / T),   m = max_j x_j
    /// ```
    /// # Shapes
    /// x and y: any shape with an axis; rows run along `axis`, which counts from the end if
    /// negative. The temperature is one number: plain, a scalar handle, or a tensor of one element.
    /// As a handle, it gets a gradient of its own.
    ///
    /// # Domain
    /// That of [`softmax`](Self::softmax); x / T is not formed, so it cannot overflow. If the
    /// temperature is NaN, so is every y.
    ///
    /// # Gradient
    /// `gx` is that of softmax divided by T, and `gT = -(1/T) Σ_j (x_j - m) gx_j` over all rows:
    /// the `gx` of a row add up to 0, so x may be centred, and nothing cancels. A logit of -inf
    /// adds 0.
    ///
    /// # Keeps
    /// x, T, y and the index of the maximum of each row.
    ///
    /// # Accuracy
    /// As softmax; the rounding errors of `x - m` and of its division by T are carried along.
    ///
    /// # Panics
    /// If `axis` is not an axis of x, the temperature is not one positive, finite number, or its
    /// handle lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (x, t) = (tape.var(Tensor::from([2.0, 0.0])), tape.var(2.0));
    /// let y = x.softmax_scaled(0, t); // softmax of [1, 0]
    /// assert_eq!(y.value(), Tensor::from([1.0, 0.0]).softmax(0));
    /// let grads = y.vjp(Tensor::from([1.0, 0.0]));
    /// let p = 1.0 / (1.0 + (-1f64).exp());
    /// assert!((grads.wrt(t) + p * (1.0 - p) / 2.0).abs() < 1e-16); // p (1 - p) d(2/T)/dT
    /// ```
    ///
    /// # Source
    /// Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015, equation 1.
    #[track_caller]
    pub fn softmax_scaled(self, axis: impl Axis, temperature: impl Operand<'t, T>) -> Self {
        self.try_softmax_scaled(axis.signed(), temperature)
            .or_panic()
    }

    /// [`softmax_scaled`](Self::softmax_scaled), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x, the temperature is not one positive, finite number, or its
    /// handle lives on another tape.
    #[track_caller]
    pub fn try_softmax_scaled(
        self,
        axis: impl Axis,
        temperature: impl Operand<'t, T>,
    ) -> Result<Self, Error> {
        let axis = self.axis(NAME, axis)?;
        let temperature = temperature.enter(self.tape(), NAME)?;
        let temperature = Var::of_node(self.tape(), temperature);
        temperature.with_value(check)?;
        self.record2(SoftmaxScaled { axis }, temperature)
    }
}

impl<T: Elem> Tensor<T> {
    /// `softmax_scaled` of a plain tensor along `axis`. Formula and special values are documented
    /// on [`Var::softmax_scaled`](crate::Var::softmax_scaled).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor, or the temperature is not positive and finite.
    #[must_use]
    #[track_caller]
    pub fn softmax_scaled(&self, axis: impl Axis, temperature: T) -> Self {
        self.try_softmax_scaled(axis.signed(), temperature)
            .or_panic()
    }

    /// [`softmax_scaled`](Self::softmax_scaled), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor, or the temperature is not positive and finite.
    pub fn try_softmax_scaled(&self, axis: impl Axis, temperature: T) -> Result<Self, Error> {
        let axis = self.shape().axis(NAME, axis)?;
        let temperature = Tensor::scalar(temperature);
        check(&temperature)?;
        evaluate(&SoftmaxScaled { axis }, [self, &temperature])
    }
}

impl Spec for SoftmaxScaled {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "y = softmax(x / T) along the axis";
    const GRADIENT: &'static str = "gx_i = y_i ((g_i - c) - Σ_j (g_j - c) y_j) / T, gT = -(1/T) Σ_j (x_j - m) gx_j, m = max x, whose place is kept";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<isize> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        let x = draw.values(shape, -5.0, 5.0);
        Sample::new(vec![x, draw.values([], 0.5, 2.0)], axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        x[0].softmax_scaled(*axis, x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Option<Var<'t, Tensor<T>>> {
        Some(composed::softmax(x[0] / x[1], *axis))
    }
}
