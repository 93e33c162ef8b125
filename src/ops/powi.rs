//! Whole power.

use super::forms::pull::pull;
use super::forms::unary::{Unary, elementwise};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = x^n`.
#[derive(Clone, Copy, Debug)]
pub struct Powi {
    pub(super) n: i32,
}

impl<T: Elem> Unary<T> for Powi {
    const NAME: &'static str = "powi";
    const KEEPS: Keeps = Keeps::INPUTS;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(self) -> Self {
        self
    }

    fn value(self, x: T) -> T {
        whole_power(x, self.n.into())
    }

    fn slope(self, x: T, _: T) -> T {
        match self.n {
            0 => T::zero(),
            n => {
                let power = whole_power(x, i64::from(n) - 1);
                let slope = T::of(f64::from(n)) * power;
                // A large n turns a subnormal power, which has few digits, into a normal slope.
                let few_digits = power != T::zero() && power.abs() < T::min_positive_value();
                match few_digits {
                    true => self.far(x, x, T::one()).unwrap_or(slope),
                    false => slope,
                }
            }
        }
    }

    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        match self.n {
            0..=4 => few(x, self.n),
            _ => self.value(x),
        }
    }

    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        match self.n {
            0..=5 => T::of(f64::from(self.n)) * few(x, self.n - 1),
            _ => self.slope(x, y),
        }
    }

    // The exponent is tested once, outside the loop, which then contains only one of the two forms.
    #[inline(always)]
    fn bulk_pull(self, x: T, y: T, g: T) -> T {
        match self.n {
            0..=5 => pull(g, self.bulk_slope(x, y), || Some(self.few_far(x, g))),
            _ => self.many_pull(x, g),
        }
    }

    fn far(self, x: T, _: T, g: T) -> Option<T> {
        match self.n {
            0 => None,
            1..=5 => Some(self.few_far(x, g)),
            n => super::pow::power_far(x, T::of(f64::from(n)), g),
        }
    }

    fn twin<'t>(self, x: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        Some((x.ln() * T::of(f64::from(self.n))).exp())
    }
}

impl Powi {
    /// [`Unary::far`] for n up to 5, without branches: the square may leave the range where the product does not.
    #[inline(always)]
    fn few_far<T: Elem>(self, x: T, g: T) -> T {
        let factor = |least| if self.n < least { T::one() } else { x };
        let first = (g * factor(2)) * factor(4) * factor(5);
        first * T::of(f64::from(self.n)) * factor(3)
    }

    /// Pulls a cotangent back through a power with more factors or with a negative exponent.
    #[inline(never)]
    fn many_pull<T: Elem>(self, x: T, g: T) -> T {
        pull(g, self.slope(x, x), || self.far(x, x, g))
    }
}

/// `x^n` for n from 0 to 4, and 1 for n below 0: without a call, multiplying in the order in which `powi` does.
#[inline(always)]
fn few<T: Elem>(x: T, n: i32) -> T {
    let square = x * x;
    match n {
        1 => x,
        2 => square,
        3 => x * square,
        4 => square * square,
        _ => T::one(),
    }
}

/// `x^n`; multiplies for small powers only, since every multiplication adds a rounding.
fn whole_power<T: Elem>(x: T, n: i64) -> T {
    match n {
        0..=4 => x.powi(n as i32),
        // The reciprocal comes first, since the power may overflow where the result does not vanish.
        -2..=-1 => x.recip().powi(-n as i32),
        // The wider type holds every exponent exactly.
        _ => T::land(power(x.lift(), n)),
    }
}

fn power<T: Elem>(x: T, n: i64) -> T {
    x.powf(T::of(n as f64))
}

elementwise! {
    /// Whole power, of every element.
    ///
    /// ```text
    /// y = x^n
    /// ```
    /// # Domain
    /// All reals; 0 to a negative power is ±inf, and ±inf give the limits. x^0 is 1, even for NaN; otherwise NaN
    /// stays NaN.
    ///
    /// # Gradient
    /// `gx = g n x^(n - 1), 0 for n = 0`, at ±inf and NaN too.
    ///
    /// # Accuracy
    /// Measured: value within 1.8 ulps in f32 and 1.9 in f64, gradient 2.5 and 2.2; see docs/accuracy.md.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(2.0);
    /// let y = x.powi(3);
    /// assert_eq!(y.value(), 8.0);
    /// assert_eq!(y.backward().wrt(x), 12.0); // 3 · 2²
    /// assert_eq!(x.powi(-2).value(), 0.25);
    /// ```
    pub fn powi(self, n: i32) = Powi { n };
}

impl Spec for Powi {
    const NAME: &'static str = "powi";
    const FORMULA: &'static str = "y = x^n";
    const GRADIENT: &'static str = "gx = g n x^(n - 1), 0 for n = 0";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = i32;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let with = draw.pick(&[-2, -1, 0, 1, 2, 3, 5]);
        Sample::new(draw.one(0.5, 2.0), with)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self::Attributes) -> Var<'t, Tensor<T>> {
        x[0].powi(*with)
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Self { n: *with }.twin(x[0])
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], with: &Self::Attributes) -> Option<Var<'t, T>> {
        Some(x[0].powi(*with))
    }
}
