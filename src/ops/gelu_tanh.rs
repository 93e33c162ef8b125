//! Gaussian error linear unit, the approximation by tanh.

use super::unary::{Unary, elementwise, plain_unary};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x (1 + tanh u) / 2`.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;

impl<T: Elem> Unary<T> for GeluTanh {
    plain_unary!("gelu_tanh", INPUTS);

    fn value(self, x: T) -> T {
        x * super::sigmoid::logistic(twice_inner(x))
    }

    fn slope(self, x: T, _: T) -> T {
        let u = twice_inner(x);
        let e = (-u.abs()).exp();
        let d = T::one() + e;
        let inner = T::SQRT_2() * T::FRAC_2_SQRT_PI() * (T::one() + T::of(3.0 * CUBIC) * x * x);
        super::sigmoid::logistic(u) + x * inner * (e / (d * d))
    }
}

/// The coefficient of the cubic term, from the paper.
const CUBIC: f64 = 0.044_715;

/// `2√(2/π)`.
fn twice_root<T: Elem>() -> T {
    T::SQRT_2() * T::FRAC_2_SQRT_PI()
}

/// `2u`.
fn twice_inner<T: Elem>(x: T) -> T {
    twice_root::<T>() * (x + T::of(CUBIC) * x * x * x)
}

elementwise! {
    /// Gaussian error linear unit, the approximation by tanh, of every element.
    ///
    /// ```text
    /// y = x (1 + tanh u) / 2 = x / (1 + e^(-2u)), u = √(2/π) (x + 0.044715 x³)
    /// ```
    /// # Domain
    /// All reals.
    ///
    /// # Gradient
    /// `gx = g (s + x 2u' e / (1 + e)²), s = 1 / (1 + e^(-2u)), e = e^(-2|u|)`. The logistic form, since 1 + tanh loses every digit in the left tail. Hendrycks and Gimpel, arXiv:1606.08415.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// assert_eq!(tape.var(0.0).gelu_tanh().value(), 0.0);
    /// ```
    pub fn gelu_tanh(self) = GeluTanh;
}

impl Spec for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    const FORMULA: &'static str = "y = x (1 + tanh u) / 2 = x / (1 + e^(-2u)), u = √(2/π) (x + 0.044715 x³)";
    const GRADIENT: &'static str = "gx = g (s + x 2u' e / (1 + e)²), s = 1 / (1 + e^(-2u)), e = e^(-2|u|)";
    const EDGES: &'static [f64] = &[0.0, 5.0, -5.0, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-3.0, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].gelu_tanh()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some({
                let u = (x[0] + x[0] * x[0] * x[0] * T::of(0.044715)) * twice_root::<T>();
                x[0] * ((u * T::of(0.5)).tanh() + T::one()) * T::of(0.5)
            })
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].gelu_tanh())
    }
}
