//! Power with a variable exponent.

use super::forms::binary::{Binary, pairwise, plain_binary};
use super::forms::factors::{power, product};
use super::forms::pull::pull;
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = a^b`.
#[derive(Clone, Copy, Debug)]
pub struct Pow;

impl<T: Elem> Binary<T> for Pow {
    plain_binary!("pow", INPUTS_AND_OUTPUT);

    fn value(self, a: T, b: T) -> T {
        a.powf(b)
    }

    #[inline(always)]
    fn bulk_value(self, a: T, b: T) -> T {
        T::bulk_of::<function::Pow, 2>([a, b], |[a, b]| self.value(a, b))
    }

    #[inline(always)]
    fn bulk_pull<const K: usize>(self, [a, b, y]: [T; 3], g: T) -> T {
        let plain = |[a, b, g]: [T; 3]| {
            let slope = self.slopes(a, b, y)[K];
            pull(g, slope, || self.far([a, b, y], K, g))
        };
        match K {
            0 => T::bulk_of::<function::PowBase, 3>([a, b, g], plain),
            _ => T::bulk_of::<function::PowExponent, 3>([a, b, g], plain),
        }
    }

    // A dual b with primal 0 may carry a tangent: the slope in a is 0 only if all of b is 0, or a is 0 as well.
    fn slopes(self, a: T, b: T, y: T) -> [T; 2] {
        // In f32, y has been rounded, and its tangent may have vanished, so y is computed again in the wider type.
        let wide = T::epsilon().primal() <= f64::EPSILON;
        let y = wide.then(|| y.lift());
        let [da, db] = partials(a.lift(), b.lift(), y).map(T::land);
        let flat = b.is_zero() || (b == T::zero() && a == T::zero());
        let still = a == T::zero() && b >= T::zero();
        [
            if flat { T::zero() } else { da },
            if still { T::zero() } else { db },
        ]
    }

    fn far(self, [a, b, y]: [T; 3], k: usize, g: T) -> Option<T> {
        // What is 0 by convention stays 0; a pole is one whatever its factors are.
        let flat = b.is_zero() || a == T::zero();
        match k {
            _ if flat => {
                let slope = self.slopes(a, b, y)[k];
                (!slope.is_finite()).then(|| slope * g)
            }
            0 => power_far(a, b, g),
            _ => {
                let far = logarithm_far(a.lift(), b.lift(), g.lift());
                far.map(T::land)
            }
        }
    }
}

/// Both slopes, given `y = a^b` if it is known.
fn partials<T: Elem>(a: T, b: T, y: Option<T>) -> [T; 2] {
    let y = y.unwrap_or_else(|| a.powf(b));
    if y.is_normal() {
        return [power_slope(a, b, y), y * a.ln()];
    }
    // Near a = 1, ln a may bring an overflowed y back into the range; and y / a, which enters the second order, may
    // be a number where y vanishes.
    let half = a.powf(b * T::of(0.5));
    [power_slope(a, b, y), half * a.ln() * half]
}

/// `b a^(b - 1)`, given `y = a^b` as well.
///
/// The rounding error of `b - 1` would be multiplied by |ln a|, so where that difference is not exact, `b y / a` is
/// used instead. That is safe: for |b| up to 1/2, y is of moderate size; for negative b, y / a is more extreme than
/// y; and where b is too large for an exact `b - 1`, y is a number only if a is near 1.
pub(super) fn power_slope<T: Elem>(a: T, b: T, y: T) -> T {
    let (less, exact) = one_less(b);
    // If a is 0 or infinite, the quotient would be 0/0 or the like.
    let (power, slope) = if exact || a == T::zero() || a.is_infinite() {
        let power = a.powf(less);
        (power, b * power)
    } else {
        (y, b * y / a)
    };
    // A large b turns a subnormal power, which has few digits, into a normal slope.
    let few_digits = power != T::zero() && power.abs() < T::min_positive_value();
    match few_digits {
        true => power_far(a, b, T::one()).unwrap_or(slope),
        false => slope,
    }
}

/// `g b a^(b - 1)` with the power split into factors, so that g can come between them; `None` if a is 0 or infinite.
pub(super) fn power_far<T: Elem>(a: T, b: T, g: T) -> Option<T> {
    if a == T::zero() || a.is_infinite() {
        return None;
    }
    Some(T::land(power_product(a.lift(), b.lift(), g.lift())))
}

fn power_product<T: Elem>(a: T, b: T, g: T) -> T {
    let (one, size) = (T::one(), a.abs());
    let (less, exact) = one_less(b);
    let (p, over) = if exact { (less, one) } else { (b, size) };
    // NaN for a negative a and a fractional b. Computed from b, since a large b has no exact `b - 1`.
    let sign = if a < T::zero() { -(-one).powf(b) } else { one };
    let [h, i, j, k] = power(size, p);
    product(sign * g, [h, b, i, j, k], [over])
}

/// `g a^b ln a` likewise; `None` where even the root of the power vanishes: nothing can be saved, and ln a may have
/// an infinite tangent.
fn logarithm_far<T: Elem>(a: T, b: T, g: T) -> Option<T> {
    let [h, i, j, k] = power(a, b);
    let lost = k < T::one() && (h * i).is_zero();
    (!lost).then(|| product(g, [h, a.ln(), i, j, k], []))
}

/// `b - 1`, and whether to take `a^(b - 1)` rather than `a^b / a`: if `b - 1` is exact and b is not so small that the
/// two factors of the quotient are more moderate.
fn one_less<T: Elem>(b: T) -> (T, bool) {
    let one = T::one();
    let less = b - one;
    let exact = less + one == b && b - less == one;
    (less, exact && b > T::of(0.5))
}

pairwise! {
    /// Power with a variable exponent; the operands broadcast.
    ///
    /// ```text
    /// y = a^b
    /// ```
    /// # Domain
    /// a > 0, or a < 0 with whole b; a^0 = 1 for every a and 1^b = 1 for every b, even for NaN. Otherwise NaN if
    /// either is NaN.
    ///
    /// # Gradient
    /// `ga = g b a^(b - 1), gb = g y ln a`, summed over broadcast axes. Both are 0 at a = b = 0, and gb is 0 at a =
    /// 0 for b >= 0, the limit; gb is NaN for a < 0. At infinite operands and NaN they are what the formula gives,
    /// NaN where it multiplies 0 by infinity.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.5 and 1.6; see docs/accuracy.md.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var(2.0), tape.var(3.0));
    /// let y = a.pow(b);
    /// assert_eq!(y.value(), 8.0);
    /// let grads = y.backward();
    /// assert_eq!(grads.wrt(a), 12.0); // 3 · 2²
    /// assert!((grads.wrt(b) - 8.0 * 2f64.ln()).abs() < 1e-14);
    /// ```
    pub fn pow(self, other), try_pow = Pow;
}

impl Spec for Pow {
    const NAME: &'static str = "pow";
    const FORMULA: &'static str = "y = a^b";
    const GRADIENT: &'static str = "ga = g b a^(b - 1), gb = g y ln a";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].pow(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0].ln() * x[1]).exp())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].pow(x[1]))
    }
}
