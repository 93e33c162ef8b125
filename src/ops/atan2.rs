//! Angle of the point (b, a), from -π to π.

use super::forms::binary::{Binary, pairwise, plain_binary};
use super::forms::factors::product;
use crate::kernel::{Elem, function};
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = angle of the point with abscissa b and ordinate a`.
#[derive(Clone, Copy, Debug)]
pub struct Atan2;

impl<T: Elem> Binary<T> for Atan2 {
    plain_binary!("atan2", INPUTS);
    const FAR_LATER: bool = true;

    fn value(self, a: T, b: T) -> T {
        a.atan2(b)
    }

    fn slopes(self, a: T, b: T, _: T) -> [T; 2] {
        if a == T::zero() && b == T::zero() {
            [T::zero(); 2]
        } else {
            turns(a.lift(), b.lift()).map(T::land)
        }
    }

    fn far(self, [a, b, _]: [T; 3], k: usize, g: T) -> Option<T> {
        let origin = a == T::zero() && b == T::zero();
        (!origin).then(|| T::land(turned([a.lift(), b.lift()], k, g.lift())))
    }

    #[inline(always)]
    fn bulk_value(self, a: T, b: T) -> T {
        T::bulk_of::<function::Atan2, 2>([a, b], |[a, b]| self.value(a, b))
    }

    #[inline(always)]
    fn bulk_slope<const K: usize>(self, a: T, b: T, y: T) -> T {
        let slope = |a, b| self.slopes(a, b, y)[K];
        if K == 0 {
            T::bulk_of::<function::Turn, 2>([b, a], |[b, a]| slope(a, b))
        } else {
            T::bulk_of::<function::Turn, 2>([-a, b], |[a, b]| slope(-a, b))
        }
    }
}

/// The slopes away from the origin, from the ratio of the operands, since a² + b² leaves the range long
/// before the slopes do.
fn turns<T: Elem>(a: T, b: T) -> [T; 2] {
    let part = |ratio: T| (T::one() + ratio * ratio).recip();
    if a.abs() >= b.abs() {
        let ratio = b / a;
        [ratio * part(ratio) / a, -(part(ratio) / a)]
    } else {
        let ratio = a / b;
        [part(ratio) / b, -(ratio * part(ratio) / b)]
    }
}

/// `g` times slope `k`, which has left the range.
fn turned<T: Elem>([a, b]: [T; 2], k: usize, g: T) -> T {
    if k == 1 {
        return -turned([b, a], 0, g);
    }
    let part = |ratio: T| (T::one() + ratio * ratio).recip();
    if a.abs() < b.abs() {
        return product(g, [part(a / b)], [b]);
    }
    let ratio = b / a;
    match ratio.is_normal() {
        true => product(g, [ratio, part(ratio)], [a]),
        false => product(g, [b, part(ratio)], [a, a]),
    }
}

pairwise! {
    /// Angle of the point (b, a), from -π to π; the operands broadcast.
    ///
    /// ```text
    /// y = angle of the point with abscissa b and ordinate a
    /// ```
    /// # Domain
    /// All reals. At the origin the signs of the zeros decide between 0 and ±π, as in IEEE arithmetic. Infinite
    /// operands give the limits: ±π/2 where only a is infinite, 0 or ±π where only b is, ±π/4 or ±3π/4 where both
    /// are. NaN if either is NaN.
    ///
    /// # Gradient
    /// `ga = g b / (a² + b²), gb = -g a / (a² + b²)`, summed over broadcast axes. Computed from the ratio of the
    /// operands, since a² + b² overflows and underflows long before the slopes do. Both are 0 at the origin and
    /// where one operand is infinite, NaN where both are.
    ///
    /// # Accuracy
    /// Measured: value within 0.5 ulps in f32 and 0.6 in f64, gradient 0.5 and 2.9; see docs/accuracy.md.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use std::f64::consts::FRAC_PI_4;
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var(1.0), tape.var(1.0));
    /// let y = a.atan2(b);
    /// assert_eq!(y.value(), FRAC_PI_4);
    /// let grads = y.backward();
    /// assert_eq!((grads.wrt(a), grads.wrt(b)), (0.5, -0.5)); // a² + b² = 2
    /// ```
    pub fn atan2(self, other), try_atan2 = Atan2;
}

impl Spec for Atan2 {
    const NAME: &'static str = "atan2";
    const FORMULA: &'static str = "y = angle of the point with abscissa b and ordinate a";
    const GRADIENT: &'static str = "ga = g b / (a² + b²), gb = -g a / (a² + b²)";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].atan2(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] / x[1]).atan())
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0].atan2(x[1]))
    }
}
