//! Leaky rectifier, which has a slope for negative x too.

use super::forms::unary::{Unary, elementwise};
use crate::kernel::{Constant, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x where x > 0, else alpha x`.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<T> {
    alpha: T,
}

impl<T: Elem> Unary<T> for LeakyRelu<T> {
    const NAME: &'static str = "leaky_relu";
    const KEEPS: Keeps = Keeps::INPUTS;
    const GATE: bool = true;
    const WHY: &'static str = <LeakyRelu<f64> as Spec>::GRADIENT;
    type Wide = LeakyRelu<T::Wide>;

    fn wide(self) -> Self::Wide {
        LeakyRelu {
            alpha: self.alpha.widen(),
        }
    }

    fn value(self, x: T) -> T {
        if x > T::zero() { x } else { self.alpha * x }
    }

    fn slope(self, x: T, _: T) -> T {
        if x > T::zero() { T::one() } else { self.alpha }
    }

    fn twin<'t>(self, x: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        Some(x.relu() - (-x).relu() * self.alpha)
    }
}

elementwise! {
    /// Leaky rectifier of every element, with slope `alpha` for negative x.
    ///
    /// ```text
    /// y = x where x > 0, else alpha x
    /// ```
    /// # Domain
    /// All reals; +inf gives +inf with slope 1, -inf gives alpha times -inf with slope alpha. NaN stays NaN, with
    /// slope alpha.
    ///
    /// # Gradient
    /// `gx = g where x > 0, else alpha g (at 0 too)`.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.0 in f64, gradient 0.0 and 0.0; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([-2.0, 0.0, 3.0]));
    /// let y = x.leaky_relu(0.5);
    /// assert_eq!(y.value(), Tensor::from([-1.0, 0.0, 3.0]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::from([0.5, 0.5, 1.0]));
    /// ```
    pub fn leaky_relu(self, alpha: impl Constant<T>) = LeakyRelu { alpha: alpha.embed() };
}

impl Spec for LeakyRelu<f64> {
    const NAME: &'static str = "leaky_relu";
    const FORMULA: &'static str = "y = x where x > 0, else alpha x";
    const GRADIENT: &'static str = "gx = g where x > 0, else alpha g (at 0 too)";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = f64;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let with = draw.pick(&[0.0, 0.25, 0.5]);
        Sample::new(draw.one(0.5, 4.0), with)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self::Attributes) -> Var<'t, Tensor<T>> {
        x[0].leaky_relu(T::of(*with))
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        LeakyRelu {
            alpha: T::of(*with),
        }
        .twin(x[0])
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], with: &Self::Attributes) -> Option<Var<'t, T>> {
        Some(x[0].leaky_relu(T::of(*with)))
    }
}
