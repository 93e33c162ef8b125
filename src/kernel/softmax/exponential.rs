//! Exponentials of a line, relative to that of its maximum, which are right even where `x - max` is not.
//!
//! Rounding `x - max` costs a small probability up to half its distance in ulps: 60 in `f32`, 500 in `f64`. But softmax
//! does not care about a common factor, so with `k = ⌊max log2 e⌉`
//!
//! ```text
//! e^x 2^-k = e^(x - n ln 2) 2^(n - k),   n = ⌊x log2 e⌉
//! ```
//! needs no difference: `x` itself is reduced, `k` is taken off the exponent. Where all differences are exact, or the
//! maximum is so large that those which matter are, `x - max` is reduced instead: then a shift of the whole line changes
//! no bit. Everything is multiplied by a power of two, lest what matters underflow.

use super::layout::{Layout, take, vectors};
use super::sum::Pair;
use super::sweep::Function;
use crate::kernel::simd::{Lanes, Real};

/// The argument of the exponential.
pub(super) trait Argument<V>: Copy {
    /// The argument for an element, and what rounding took from it, if anything.
    fn of(self, x: V) -> (V, Option<V>);
}

/// `x - pivot`, known to be exact where it matters.
#[derive(Clone, Copy)]
pub(super) struct Difference<V> {
    pub pivot: V,
}

impl<V: Lanes> Argument<V> for Difference<V> {
    #[inline(always)]
    fn of(self, x: V) -> (V, Option<V>) {
        (x - self.pivot, None)
    }
}

/// `e^v` for arguments `v`, divided by about its largest value and multiplied by `2^raise`.
#[derive(Clone, Copy)]
pub(super) struct Exponential<V: Lanes, A> {
    level: V::Level,
    pub argument: A,
    /// Adding this rounds to whole numbers, whose low bits are the exponent of the result.
    round: V,
    /// Where the exponent of the result is that of 0.
    low: V,
}

impl<V: Lanes, A: Argument<V>> Exponential<V, A> {
    /// For arguments whose largest is `top`.
    #[inline(always)]
    pub fn new(level: V::Level, argument: A, top: V, raise: V) -> Self {
        let round = V::splat(level, V::Item::ROUND);
        let k = top.mul_add(V::splat(level, V::Item::LOG2_E), round) - round;
        let up = raise + V::splat(level, V::Item::whole(V::Item::BIAS));
        Self {
            level,
            argument,
            round: (round + up) - k,
            low: (k - up) * V::splat(level, V::Item::LN_2),
        }
    }

    /// `(w, n)` with `e^v = (1 + w) 2^n` for each of `N` vectors, `n` still with what rounds it.
    ///
    /// Step by step for all of them: their chains of dependent operations then run side by side.
    #[inline(always)]
    fn reduced<const N: usize>(self, x: [V; N]) -> ([V; N], [V; N]) {
        let number = |x| V::splat(self.level, x);
        let [log2_e, high, low] =
            [V::Item::LOG2_E, -V::Item::LN_2_HI, -V::Item::LN_2_LO].map(number);
        let (mut r, mut rounded, mut square) = (x, x, x);
        for k in 0..N {
            // In this order NaN stays.
            r[k] = self.low.max(self.argument.of(x[k]).0);
        }
        for k in 0..N {
            rounded[k] = r[k].mul_add(log2_e, self.round);
        }
        for k in 0..N {
            let n = rounded[k] - self.round;
            r[k] = n.mul_add(low, n.mul_add(high, r[k]));
            if let (v, Some(lost)) = self.argument.of(x[k]) {
                r[k] = r[k] + V::select(self.low.less(v), lost, number(V::Item::ZERO));
            }
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
            e[k] = (V::splat(self.level, V::Item::ONE) + e[k]) * n[k].power();
        }
        e
    }

    /// The exponential of the largest element without the factor `2^raise`, to more than the digits of a number.
    #[inline(always)]
    pub fn largest(self, m: V) -> Pair<V> {
        let one = V::splat(self.level, V::Item::ONE);
        let ([w], _) = self.reduced([m]);
        let sum = one + w;
        Pair {
            sum,
            lost: (one - sum) + w,
        }
    }
}

impl<V: Lanes, A: Argument<V>> Function<V> for Exponential<V, A> {
    #[inline(always)]
    fn of<const N: usize>(&self, _: usize, x: [V; N], _: [V; N]) -> [V; N] {
        self.at(x)
    }
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

/// The exponentials of a line and `x - max`, or `x` where the difference is not exact.
#[inline(always)]
pub(super) fn shifted<V: Lanes, L: Layout>(
    level: V::Level,
    x: &[V::Item],
    m: V,
    raise: V,
) -> Exponential<V, Difference<V>> {
    let zero = V::splat(level, V::Item::ZERO);
    let far = m.max(-m).less(V::splat(level, V::Item::SHORT)) ^ V::ALL;
    let pivot = V::select(far | exact::<V, L>(level, x, m, far), m, zero);
    let pivot = L::settle(level, pivot);
    Exponential::new(level, Difference { pivot }, m - pivot, raise)
}

/// The lines in which `x - m` is exact for every element that matters. Ordinary data is found not to be at once.
#[inline(always)]
fn exact<V: Lanes, L: Layout>(level: V::Level, x: &[V::Item], m: V, far: u32) -> u32 {
    let lowest = V::Item::whole(-V::Item::BIAS - V::Item::RAISE) * V::Item::LN_2;
    let (lowest, mut all) = (V::splat(level, lowest), V::ALL);
    if far == V::ALL {
        return all;
    }
    let mut groups = x.chunks_exact(4 * V::COUNT);
    for group in groups.by_ref() {
        let mut same = V::ALL;
        for k in 0..4 {
            same &= returns(V::load(level, &group[k * V::COUNT..(k + 1) * V::COUNT]), m);
        }
        if same != V::ALL {
            all &= matters(level, group, m, lowest);
            if L::whole::<V>(all) == 0 {
                return 0;
            }
        }
    }
    L::whole::<V>(all & matters(level, groups.remainder(), m, lowest))
}

/// The lanes where `x - m` is exact: rounding shows when the larger of the two is taken away again.
#[inline(always)]
fn returns<V: Lanes>(x: V, m: V) -> u32 {
    let d = x - m;
    (d + m).equal(x) & (x - d).equal(m)
}

/// The lanes where `x - m` is exact or lower than what matters, for all vectors of a buffer.
#[inline(always)]
fn matters<V: Lanes>(level: V::Level, x: &[V::Item], m: V, lowest: V) -> u32 {
    let mut all = V::ALL;
    for i in 0..vectors::<V>(x) {
        let x = take::<V>(level, x, i, V::Item::NOTHING);
        all &= returns(x, m) | (x - m).less(lowest);
    }
    all
}
