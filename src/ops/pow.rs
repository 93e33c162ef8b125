//! Power with a variable exponent.

use super::binary::{Binary, pairwise, plain_binary};
use crate::kernel::Elem;
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

    // A dual b of primal 0 still carries a tangent: only a whole 0 may stop the first slope.
    fn slopes(self, a: T, b: T, y: T) -> [T; 2] {
        // A narrow y has been rounded, and its tangent may have vanished: the wide form takes it again.
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

    fn far(self, [a, b, _]: [T; 3], k: usize, g: T) -> Option<T> {
        // What is 0 by convention stays so.
        let flat = b.is_zero() || a == T::zero();
        match k {
            _ if flat => None,
            0 => power_far(a, b, g),
            _ => {
                // Where even the root vanishes there is nothing to save, and ln a may have an infinite tangent.
                let half = a.powf(b * T::of(0.5));
                (!half.is_zero()).then(|| (g * half) * a.ln() * half)
            }
        }
    }
}

/// Both slopes, given `y = a^b` if it is at hand.
fn partials<T: Elem>(a: T, b: T, y: Option<T>) -> [T; 2] {
    let y = y.unwrap_or_else(|| a.powf(b));
    if y.is_normal() {
        return [power_slope(a, b, y), y * a.ln()];
    }
    // Near a = 1 the logarithm may bring back what only y overflows; and y / a, which enters the second
    // order, may be a number where y vanishes.
    let half = a.powf(b * T::of(0.5));
    [power_slope(a, b, y), half * a.ln() * half]
}

/// `b a^(b - 1)`, given `y = a^b` as well.
///
/// A rounding of `b - 1` would count |ln a| times, so where it is not exact `b y / a` stands in. That is
/// safe: for |b| up to 1/2 the size of y is moderate, for negative b y / a is more extreme than y, and
/// b beyond the whole numbers leaves y a number only if a is near 1.
pub(super) fn power_slope<T: Elem>(a: T, b: T, y: T) -> T {
    let one = T::one();
    let less = b - one;
    let exact = less + one == b && b - less == one;
    // At 0 and infinity the quotient would be 0/0 or its like.
    if (exact && b > T::of(0.5)) || a == T::zero() || a.is_infinite() {
        b * a.powf(less)
    } else {
        b * y / a
    }
}

/// `g b a^(b - 1)` in factors between which g comes; `None` where a is no pole but 0 or infinite.
pub(super) fn power_far<T: Elem>(a: T, b: T, g: T) -> Option<T> {
    if a == T::zero() || a.is_infinite() {
        return None;
    }
    let (one, half) = (T::one(), T::of(0.5));
    let (size, less) = (a.abs(), b - one);
    // From 1/2 on b - 1 is exact; below, the power is a little above or below 1, or a / is no risk.
    let power = if b > half {
        let root = size.powf(less * half);
        (g * root) * b * root
    } else {
        let root = size.powf(b * half);
        (g * root) / size * b * root
    };
    // NaN for a negative a with an exponent that is not whole.
    let sign = if a < T::zero() {
        (-one).powf(less)
    } else {
        one
    };
    Some(sign * power)
}

pairwise! {
    /// Power with a variable exponent; the operands broadcast.
    ///
    /// ```text
    /// y = a^b
    /// ```
    /// # Domain
    /// a > 0, or a < 0 with whole b; a^0 = 1 for every a.
    ///
    /// # Gradient
    /// `ga = g b a^(b - 1), gb = g y ln a`, summed over broadcast axes. Both are 0 at a = b = 0, and gb is 0 at a = 0 for b >= 0, the limit; gb is NaN for a < 0.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.5 in f64, gradient 0.5 and 1.6; see docs/accuracy.md.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the other operand lives on another tape.
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
