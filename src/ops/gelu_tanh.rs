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
        x * Inner::at(x).logistic()
    }

    fn slope(self, x: T, _: T) -> T {
        let inner = Inner::at(x);
        let steepness = root::<T>() * (T::one() + T::of(3.0 * CUBIC) * x * x);
        inner.logistic() + x * (steepness * inner.logistic_slope())
    }
}

/// The coefficient of the cubic term, from the paper.
const CUBIC: f64 = 0.044_715;

/// `2√(2/π)`.
fn root<T: Elem>() -> T {
    T::SQRT_2() * T::FRAC_2_SQRT_PI()
}

/// `2u` with what rounding took from it: in the tail `e^(2u)` has as many more ulps of error as `2u`
/// is large.
struct Inner<T> {
    value: T,
    lost: T,
}

impl<T: Elem> Inner<T> {
    fn at(x: T) -> Self {
        let coefficient = T::of(CUBIC);
        let square = x * x;
        let cubic = coefficient * square;
        let factor = T::one() + cubic;
        let product = x * factor;
        let value = T::of(ROOT) * product;
        if !value.is_finite() {
            return Self {
                value,
                lost: T::zero(),
            };
        }
        let rest = |of: f64| T::of(of - T::of(of).primal());
        let cubic_lost = coefficient.mul_add(square, -cubic)
            + coefficient * x.mul_add(x, -square)
            + (rest(CUBIC) + T::of(CUBIC_REST)) * square;
        // 1 + c in two parts, whichever is the larger.
        let back = factor - T::one();
        let factor_lost = (T::one() - (factor - back)) + (cubic - back) + cubic_lost;
        let product_lost = x.mul_add(factor, -product) + x * factor_lost;
        let lost = T::of(ROOT).mul_add(product, -value)
            + T::of(ROOT) * product_lost
            + (rest(ROOT) + T::of(ROOT_REST)) * product;
        Self { value, lost }
    }

    fn logistic(&self) -> T {
        use super::sigmoid::{logistic, logistic_slope};
        logistic(self.value) + logistic_slope(self.value) * self.lost
    }

    fn logistic_slope(&self) -> T {
        use super::sigmoid::{logistic, logistic_slope};
        let slope = logistic_slope(self.value);
        // s'' = s' (1 - 2s)
        slope + slope * (T::one() - (logistic(self.value) + logistic(self.value))) * self.lost
    }
}

/// What the `f64` nearest to the coefficient leaves of it.
const CUBIC_REST: f64 = 2.1960211427085595e-18;

/// `2√(2/π)` as the sum of two `f64`.
const ROOT: f64 = 1.5957691216057308;
const ROOT_REST: f64 = -9.96930880911092e-17;

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
    /// `gx = g (s + x 2u' s'), s = 1 / (1 + e^(-2u))`. The logistic form, since 1 + tanh loses every digit in the left tail. Hendrycks and Gimpel, arXiv:1606.08415.
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
    const FORMULA: &'static str =
        "y = x (1 + tanh u) / 2 = x / (1 + e^(-2u)), u = √(2/π) (x + 0.044715 x³)";
    const GRADIENT: &'static str = "gx = g (s + x 2u' s'), s = 1 / (1 + e^(-2u))";
    const EDGES: &'static [f64] = &[0.0, 5.0, -5.0, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].gelu_tanh()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some({
            let u = (x[0] + x[0] * x[0] * x[0] * T::of(0.044715)) * root::<T>();
            x[0] * ((u * T::of(0.5)).tanh() + T::one()) * T::of(0.5)
        })
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].gelu_tanh())
    }
}
