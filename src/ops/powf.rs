//! Power with a constant exponent.

use super::forms::pull::pull_inside;
use super::forms::unary::{Unary, elementwise};
use crate::kernel::{Constant, Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x^e`.
#[derive(Clone, Copy, Debug)]
pub struct Powf<T> {
    exponent: T,
}

impl<T: Elem> Unary<T> for Powf<T> {
    const NAME: &'static str = "powf";
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT;
    const WHY: &'static str = <Powf<f64> as Spec>::GRADIENT;
    const FAR_LATER: bool = !T::ROOM;
    type Wide = Powf<T::Wide>;

    fn wide(self) -> Self::Wide {
        Powf {
            exponent: self.exponent.widen(),
        }
    }

    fn value(self, x: T) -> T {
        x.powf(self.exponent)
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        let with = [x, self.exponent];
        T::bulk_of::<function::Pow, 2>(with, |[x, _]| self.value(x))
    }

    #[inline(always)]
    fn bulk_pull(self, x: T, y: T, g: T) -> T {
        let with = [x, self.exponent, g];
        let plain = |[x, _, g]: [T; 3]| pull_inside(g, self.slope(x, y));
        T::bulk_of::<function::PowBase, 3>(with, plain)
    }

    fn slope(self, x: T, y: T) -> T {
        if self.exponent.is_zero() {
            T::zero()
        } else {
            super::pow::power_slope(x, self.exponent, y)
        }
    }

    fn far(self, x: T, _: T, g: T) -> Option<T> {
        if self.exponent.is_zero() {
            return None;
        }
        super::pow::power_far(x, self.exponent, g)
    }

    fn twin<'t>(self, x: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        Some((x.ln() * self.exponent).exp())
    }
}

elementwise! {
    /// Power with a constant exponent, of every element.
    ///
    /// ```text
    /// y = x^e
    /// ```
    /// # Domain
    /// x >= 0, or x < 0 with a whole exponent; x^0 is 1, even for NaN. 0 to a negative power is ±inf, and ±inf give
    /// what IEEE arithmetic has for them. Otherwise NaN stays NaN.
    ///
    /// # Gradient
    /// `gx = g e x^(e - 1), 0 for e = 0`, at ±inf and NaN too.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.5 and 1.8; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(4.0);
    /// let y = x.powf(1.5);
    /// assert_eq!(y.value(), 8.0);
    /// assert_eq!(y.backward().wrt(x), 3.0); // 1.5 · √4
    /// ```
    pub fn powf(self, exponent: impl Constant<T>) = Powf { exponent: exponent.embed() };
}

impl Spec for Powf<f64> {
    const NAME: &'static str = "powf";
    const FORMULA: &'static str = "y = x^e";
    const GRADIENT: &'static str = "gx = g e y / x, 0 for e = 0";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = f64;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let with = draw.pick(&[-1.5, 0.0, 0.5, 1.0, 2.5]);
        Sample::new(draw.one(0.5, 2.0), with)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self::Attributes) -> Var<'t, Tensor<T>> {
        x[0].powf(T::of(*with))
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Powf {
            exponent: T::of(*with),
        }
        .twin(x[0])
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], with: &Self::Attributes) -> Option<Var<'t, T>> {
        Some(x[0].powf(T::of(*with)))
    }
}
