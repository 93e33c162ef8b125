//! Gaussian error linear unit, approximated by tanh.

use super::forms::gate::Gate;
use super::forms::unary::{Unary, elementwise, plain_unary};
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x (1 + tanh u) / 2`.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;

impl<T: Elem> Unary<T> for GeluTanh {
    plain_unary!("gelu_tanh", INPUTS);

    fn value(self, x: T) -> T {
        match flat(x) {
            Some([y, _]) => y,
            None => T::land(bent(x.lift())),
        }
    }

    fn slope(self, x: T, _: T) -> T {
        match flat(x) {
            Some([_, slope]) => slope,
            None => T::land(bent_slope(x.lift())),
        }
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        x.bulk::<function::GeluTanh>(|x| self.value(x))
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        x.bulk::<function::GeluTanhSlope>(|x| self.slope(x, y))
    }
}

fn bent<T: Elem>(x: T) -> T {
    gate(x).times(x)
}

fn bent_slope<T: Elem>(x: T) -> T {
    let steepness = root::<T>() * (T::one() + cubic::<T>(3.0) * x * x);
    gate(x).slope(x * steepness)
}

/// Value and slope of a gelu where they equal the rectifier's to the last bit in every element type,
/// infinities included.
pub(super) fn flat<T: Elem>(x: T) -> Option<[T; 2]> {
    let far = T::of(40.0);
    if x > far {
        Some([x, T::one()])
    } else if x < -far {
        Some([T::zero(); 2])
    } else {
        None
    }
}

/// The coefficient of the cubic term, from the paper: the nearest `f64`, and what it lacks.
const CUBIC: [f64; 2] = [0.044_715, 2.196_021_142_708_559_5e-18];

/// `2√(2/π)` as the sum of two `f64`.
const ROOT: [f64; 2] = [1.595_769_121_605_730_8, -9.969_308_809_110_92e-17];

/// The coefficient of the cubic term, times a small whole number.
fn cubic<T: Elem>(times: f64) -> T {
    T::of(CUBIC[0] * times) + T::of(CUBIC[0].mul_add(times, -(CUBIC[0] * times)) + CUBIC[1] * times)
}

/// `2√(2/π)`.
fn root<T: Elem>() -> T {
    T::of(ROOT[0]) + T::of(ROOT[1])
}

/// The gate of `2u`, with what rounding took from `2u`: in the tail, `e^(2u)` multiplies the relative
/// error of `2u` by the size of `2u`.
fn gate<T: Elem>(x: T) -> Gate<T> {
    let [coefficient, coefficient_rest] = CUBIC.map(T::of);
    let [root, root_rest] = ROOT.map(T::of);
    let square = x * x;
    let cubic = coefficient * square;
    let factor = T::one() + cubic;
    let product = x * factor;
    let value = root * product;
    let cubic_lost = coefficient.mul_add(square, -cubic)
        + coefficient * x.mul_add(x, -square)
        + coefficient_rest * square;
    // The rounding error of 1 + cubic, whichever of the two is larger.
    let back = factor - T::one();
    let factor_lost = (T::one() - (factor - back)) + (cubic - back) + cubic_lost;
    let product_lost = x.mul_add(factor, -product) + x * factor_lost;
    let lost = root.mul_add(product, -value) + root * product_lost + root_rest * product;
    Gate::with_rest(value, lost)
}

elementwise! {
    /// Gaussian error linear unit, approximated by tanh, of every element.
    ///
    /// ```text
    /// y = x (1 + tanh u) / 2 = x / (1 + e^(-2u)), u = √(2/π) (x + 0.044715 x³)
    /// ```
    /// # Domain
    /// All reals; at ±inf the values are the limits +inf and 0, the slopes 1 and 0. NaN gives NaN, in the slope
    /// too.
    ///
    /// # Gradient
    /// `gx = g (s + x 2u' s'), s = 1 / (1 + e^(-2u))`. Computed in logistic form, since 1 + tanh loses every
    /// digit in the left tail. Hendrycks and Gimpel, arXiv:1606.08415.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 2.2 in f64, gradient 0.5 and 4.5; see docs/accuracy.md.
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
