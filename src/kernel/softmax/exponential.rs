//! Exponentials of a line relative to that of its maximum, which are right even where `x - max` is not.
//!
//! Rounding `x - max` costs a small probability up to half its distance in ulps: 60 in `f32`, 500 in `f64`. So the
//! difference is computed together with its rounding error, which is added after the reduction by multiples of ln 2.
//! Only the exact differences enter: an exact shift of the whole line changes no bit. Everything is multiplied by a
//! power of two, lest what matters underflow.

use super::sweep::Function;
use crate::kernel::simd::{Lanes, Real};
use num_traits::Float;

/// The argument of the exponential.
pub(super) trait Argument<V>: Copy + Sync {
    /// Whether the rounding error is small even where there is no weight.
    const TAME: bool;

    /// The argument for an element, and its rounding error.
    fn of(self, x: V) -> (V, V);

    /// Whether no argument lies below the point where weights end, except by a rounding.
    fn bounded(self) -> bool;
}

/// `x - max` with its rounding error.
#[derive(Clone, Copy)]
pub(super) struct Difference<V> {
    /// `-max`.
    minus: V,
    /// Elements below this have no weight; they are raised to it, lest their rounding errors be large.
    lowest: V,
    /// Whether `lowest` is the point where weights end, and not farther down.
    bounded: bool,
}

impl<V: Lanes> Difference<V> {
    /// For lines with maxima `m`, where whatever lies `away` below them or farther has no weight.
    #[inline(always)]
    fn new(level: V::Level, m: V, away: V) -> Self {
        let number = |x| V::splat(level, x);
        // Next to a large maximum differences are exact, by Sterbenz's lemma, but there may be no number at that
        // distance.
        let part = m.max(-m) * number(V::Item::whole(64).recip());
        Self {
            minus: -m,
            lowest: number(V::Item::min_value()).max(m - part.max(away)),
            bounded: away.less(part) == 0,
        }
    }
}

/// The lines whose maximum is finite and not the lowest number, below which there is none to raise elements to.
#[inline(always)]
pub(super) fn usual<V: Lanes>(level: V::Level, m: V) -> u32 {
    m.finite() & V::splat(level, V::Item::min_value()).less(m)
}

impl<V: Lanes> Argument<V> for Difference<V> {
    const TAME: bool = true;

    /// Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18 (1971): the
    /// sum of the two numbers is not positive, so the lower one is also the larger in size. In this order NaN stays.
    #[inline(always)]
    fn of(self, x: V) -> (V, V) {
        let x = self.lowest.max(x);
        let (low, high) = (self.minus.min(x), self.minus.max(x));
        let d = low + high;
        (d, high - (d - low))
    }

    #[inline(always)]
    fn bounded(self) -> bool {
        self.bounded
    }
}

/// `e^v` for arguments `v`, multiplied by `2^raise`.
#[derive(Clone, Copy)]
pub(super) struct Exponential<V: Lanes, A> {
    level: V::Level,
    pub argument: A,
    /// Adding this rounds to whole numbers, whose low bits are the exponent of the result.
    round: V,
    /// Where the exponent of the result becomes that of 0.
    low: V,
}

impl<V: Lanes, A: Argument<V>> Exponential<V, A> {
    /// For arguments none of which is above 0.
    #[inline(always)]
    pub fn new(level: V::Level, argument: A, raise: V) -> Self {
        let round = V::splat(level, V::Item::ROUND);
        Self {
            level,
            argument,
            round: round + up(level, raise),
            low: -away(level, raise),
        }
    }

    /// `(w, n)` with `e^v = (1 + w) 2^n` for each of `N` vectors, `n` still with what rounds it.
    ///
    /// Each step is done for all vectors: their chains of dependent operations then run side by side.
    #[inline(always)]
    fn reduced<const N: usize>(self, x: [V; N]) -> ([V; N], [V; N]) {
        let log2_e = V::splat(self.level, V::Item::LOG2_E);
        let high = V::splat(self.level, -V::Item::LN_2_HI);
        let low = V::splat(self.level, -V::Item::LN_2_LO);
        let (mut r, mut rounded, mut square) = (x, x, x);
        for k in 0..N {
            r[k] = self.argument.of(x[k]).0;
        }
        // Differences hardly ever need this: one test for all vectors costs less than an operation on each.
        if !self.argument.bounded() {
            for r in &mut r {
                // In this order NaN stays.
                *r = self.low.max(*r);
            }
        }
        for k in 0..N {
            rounded[k] = r[k].mul_add(log2_e, self.round);
        }
        for k in 0..N {
            let n = rounded[k] - self.round;
            let (v, lost) = self.argument.of(x[k]);
            let none = V::splat(self.level, V::Item::ZERO);
            let lost = if A::TAME {
                lost
            } else {
                V::select(self.low.less(v), lost, none)
            };
            // The product with the first part and its sum are exact: only small terms are rounded, and then the sum,
            // once.
            r[k] = n.mul_add(high, r[k]) + n.mul_add(low, lost);
        }
        for k in 0..N {
            square[k] = r[k] * r[k];
        }
        // Even and odd powers: two short chains instead of a long one.
        let even = horner(self.level, V::Item::EVEN, square);
        let odd = horner(self.level, V::Item::ODD, square);
        let mut w = x;
        for k in 0..N {
            w[k] = odd[k].mul_add(r[k], even[k]);
        }
        for k in 0..N {
            w[k] = square[k].mul_add(w[k], r[k]);
        }
        (w, rounded)
    }

    /// The exponentials of elements.
    #[inline(always)]
    pub fn at<const N: usize>(self, x: [V; N]) -> [V; N] {
        let (mut e, n) = self.reduced(x);
        for k in 0..N {
            let power = n[k].power();
            e[k] = e[k].mul_add(power, power);
        }
        e
    }
}

impl<V: Lanes, A: Argument<V>> Function<V> for Exponential<V, A> {
    const HEAVY: bool = true;

    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], x: [V; N], _: [V; N]) -> [V; N] {
        self.at(x)
    }
}

/// The exponent of the result for an argument of 0.
#[inline(always)]
fn up<V: Lanes>(level: V::Level, raise: V) -> V {
    raise + V::splat(level, V::Item::whole(V::Item::BIAS))
}

/// How far below 0 an argument has no weight: there the exponent of the result is 0.
#[inline(always)]
fn away<V: Lanes>(level: V::Level, raise: V) -> V {
    up(level, raise) * V::splat(level, V::Item::LN_2)
}

/// A polynomial, its highest coefficient first.
#[inline(always)]
fn horner<V: Lanes, const N: usize>(
    level: V::Level,
    coefficients: &[V::Item],
    x: [V; N],
) -> [V; N] {
    let mut p = [V::splat(level, coefficients[0]); N];
    for &c in &coefficients[1..] {
        for k in 0..N {
            p[k] = p[k].mul_add(x[k], V::splat(level, c));
        }
    }
    p
}

/// The exponentials of lines with these maxima.
#[inline(always)]
pub(super) fn shifted<V: Lanes>(level: V::Level, m: V, raise: V) -> Exponential<V, Difference<V>> {
    Exponential::new(level, Difference::new(level, m, away(level, raise)), raise)
}
