//! Pullbacks that distribute a number over a line by its probabilities: of logsumexp, log-softmax and cross entropy.

use super::bundles::{Kept, Set};
use super::exponential::{Difference, Exponential, shifted, usual};
use super::layout::Layout;
use super::lines::{Job, Own};
use super::statistics::{Hole, quotient};
use super::sum::Pair;
use super::sweep::Function;
use super::{plain, plain_loss};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real};
use std::ops::Range;

/// `gx_j = a p_j + ...`, with the statistics of the forward.
pub(super) struct Spread<'a, T> {
    pub of: Of<'a, T>,
    pub top: &'a [u32],
    pub rest: &'a [T],
}

pub(super) enum Of<'a, T> {
    /// `g p_j`.
    LogSumExp(&'a [T]),
    /// `g p_j`, at the label `g (p_j - 1)`, which is `-g R/S` at the maximum. Holds cotangents and labels.
    CrossEntropy(&'a [T], &'a [u32]),
    /// `g_j - p_j Σ g`, which is `g_m R/S - (1/S) Σ_{i≠m} g_i` at the maximum.
    LogSoftmax,
    /// `g (p_j Σ t - t_j)`, likewise. Holds cotangents; the targets are the second input.
    SoftCrossEntropy(&'a [T]),
}

/// The elements of the second input except one.
#[derive(Clone, Copy)]
struct Others<V: Lanes> {
    level: V::Level,
    hole: Hole<V>,
}

impl<V: Lanes> Function<V> for Others<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, i: [usize; N], _: [V; N], mut g: [V; N]) -> [V; N] {
        if self.hole.among(i) {
            for (k, g) in g.iter_mut().enumerate() {
                *g = self.hole.left_out(self.level, i[k], *g);
            }
        }
        g
    }
}

/// The exponentials times a factor, plus multiples of the second input.
#[derive(Clone, Copy)]
struct Spreading<V: Lanes, const TWO: bool> {
    exponential: Exponential<V, Difference<V>>,
    factor: V,
    times: V,
}

impl<V: Lanes, const TWO: bool> Spreading<V, TWO> {
    #[inline(always)]
    fn new((exponential, factor, times): (Exponential<V, Difference<V>>, V, V)) -> Self {
        Self {
            exponential,
            factor,
            times,
        }
    }
}

impl<V: Lanes, const TWO: bool> Function<V> for Spreading<V, TWO> {
    const HEAVY: bool = true;

    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], x: [V; N], g: [V; N]) -> [V; N] {
        let mut e = self.exponential.at(x);
        for (e, g) in e.iter_mut().zip(g) {
            *e = if TWO {
                e.mul_add(self.factor, g * self.times)
            } else {
                *e * self.factor
            };
        }
        e
    }
}

/// The factor of the exponentials: `a / S`, and the power of two by which they are raised for its sake.
struct Weight<V> {
    raise: V,
    a: Pair<V>,
}

impl<V: Lanes> Weight<V> {
    /// The smaller `a`, the less its exponentials are raised, so that neither factor is subnormal where the product is
    /// not. By an even power, as in all other jobs: where products are not fused, exponents may lie between two whole
    /// numbers, and are rounded to the one that makes their sum with the power even.
    #[inline(always)]
    fn new<L: Layout<V>>(level: V::Level, a: Pair<V>) -> Self {
        let raise = |a: V::Item| {
            let raise = a.exponent() + V::Item::RAISE;
            V::Item::whole(raise.clamp(2 - V::Item::RAISE, V::Item::BIAS - 20) & !1)
        };
        let raise = L::map(level, a.sum, raise);
        let bias = V::splat(level, V::Item::ROUND + V::Item::whole(V::Item::BIAS));
        let lower = (bias - raise).power();
        Self {
            raise,
            a: Pair {
                sum: a.sum * lower,
                lost: a.lost * lower,
            },
        }
    }

    /// The factor, given the sum of the other exponentials.
    #[inline(always)]
    fn factor(self, level: V::Level, rest: V) -> V {
        let (one, zero) = (
            V::splat(level, V::Item::ONE),
            V::splat(level, V::Item::ZERO),
        );
        quotient(self.a, Pair::new(one, zero).plus(rest))
    }
}

impl<T: Real> Job<T> for Spread<'_, T> {
    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        r: usize,
        mut lines: L,
        own: Own<'_, T>,
    ) -> Set {
        let range = r..r + own.lines;
        let (top, rest) = (&self.top[range.clone()], &self.rest[range.clone()]);
        let (mut given, mut others) = (Kept::new(), Kept::new());
        self.given(level, range, &mut lines, &mut given, &mut others);
        let (mut parts, mut well) = (Kept::new(), 0);
        for k in 0..lines.bundles() {
            let (a, times): (Pair<V>, V) = given.get(k);
            let m: V = lines.pick(level, 0, k, top);
            let rest = L::spread(level, L::own(rest, k));
            well |= L::well(k, usual(level, m) & rest.finite() & a.value().finite());
            let weight = Weight::new::<L>(level, a);
            let exponential = shifted(level, m, weight.raise);
            parts.push((exponential, weight.factor(level, rest), times));
        }
        if lines.is_double() {
            lines.each::<_, true>(level, |k| Spreading::<V, true>::new(parts.get(k)));
        } else {
            lines.each::<_, false>(level, |k| Spreading::<V, false>::new(parts.get(k)));
        }
        for k in 0..lines.bundles() {
            let others = others.get(k).numbers();
            for (line, others) in L::range(k, own.lines).zip(others) {
                self.mend(r + line, line, others, &mut lines);
            }
        }
        well
    }

    fn line(&self, r: usize, [x, g]: [&[T]; 2], gx: &mut [T], _: Own<'_, T>) {
        let line = Rows::last(1, x.len());
        let (top, rest) = (&self.top[r..=r], &self.rest[r..=r]);
        match &self.of {
            Of::LogSumExp(each) => plain::logsumexp_vjp(line, x, top, rest, &each[r..=r], gx),
            Of::CrossEntropy(each, labels) => {
                let (each, labels) = (&each[r..=r], &labels[r..=r]);
                plain_loss::cross_entropy_vjp(line, x, labels, top, rest, each, gx);
            }
            Of::LogSoftmax => plain::log_softmax_vjp(line, x, top, rest, g, gx),
            Of::SoftCrossEntropy(each) => {
                let each = &each[r..=r];
                plain_loss::soft_cross_entropy_vjp(line, x, g, top, rest, each, gx);
            }
        }
    }
}

impl<T: Real> Spread<'_, T> {
    /// For each bundle: the factors of the exponentials and of the second input, and the sum of the others.
    #[inline(always)]
    fn given<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        range: Range<usize>,
        lines: &mut L,
        given: &mut Kept<(Pair<V>, V)>,
        others: &mut Kept<V>,
    ) {
        let (zero, one) = (V::splat(level, T::ZERO), V::splat(level, T::ONE));
        if let Of::LogSumExp(each) | Of::CrossEntropy(each, _) = &self.of {
            for k in 0..lines.bundles() {
                let each = L::spread(level, L::own(&each[range.clone()], k));
                given.push((Pair::new(each, zero), zero));
                others.push(zero);
            }
            return;
        }
        let top = &self.top[range.clone()];
        let mut holes = Kept::new();
        for k in 0..lines.bundles() {
            holes.push(Hole::new::<L>(level, L::own(top, k)));
        }
        let but_one = |k| Others {
            level,
            hole: holes.get(k),
        };
        let mut totals = Kept::new();
        lines.sums::<_, true, false>(level, 1, T::ZERO, but_one, &mut totals);
        for k in 0..lines.bundles() {
            let rest = totals.get(k).pair::<L>(level);
            let a: Pair<V> = rest.plus(lines.pick(level, 1, k, top));
            others.push(rest.value());
            given.push(match &self.of {
                Of::SoftCrossEntropy(each) => {
                    let each: V = L::spread(level, L::own(&each[range.clone()], k));
                    let sum = a.sum * each;
                    let lost = a.sum.fused(each, -sum) + a.lost * each;
                    (Pair { sum, lost }, -each)
                }
                _ => {
                    let (sum, lost) = (-a.sum, -a.lost);
                    (Pair { sum, lost }, one)
                }
            });
        }
    }

    /// Writes the elements of line `r` that have a formula of their own: at the maximum, and at the label.
    #[inline(always)]
    fn mend<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        r: usize,
        line: usize,
        others: T,
        lines: &mut L,
    ) {
        let (top, rest) = (self.top[r] as usize, self.rest[r]);
        let s = T::ONE + rest;
        match &self.of {
            Of::LogSumExp(_) => {}
            Of::CrossEntropy(each, labels) => {
                let (label, g) = (labels[r] as usize, each[r]);
                let gx = lines.result(line, label);
                *gx = if label == top {
                    -(g * (rest / s))
                } else {
                    *gx - g
                };
            }
            Of::LogSoftmax => {
                let g = lines.at(1, line, top);
                *lines.result(line, top) = g * (rest / s) - others / s;
            }
            Of::SoftCrossEntropy(each) => {
                let t = lines.at(1, line, top);
                *lines.result(line, top) = each[r] * (others / s - t * (rest / s));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::simd::Level;
    use crate::kernel::{Elem, Rows};

    /// Where a level rounds the product with log2 e before it rounds to a whole number, some lie just between two.
    #[test]
    fn a_loss_with_its_gradient_has_the_bits_of_both_where_exponents_are_ties() {
        let near = (0..10 << 20).map(|k| -20.0 - k as f32 * 2f32.powi(-18));
        let tie = |x: &f32| (x * std::f32::consts::LOG2_E).fract() == -0.5;
        let x: Vec<f32> = [0.0].into_iter().chain(near.filter(tie)).collect();
        assert!(x.len() > 10);
        let (rows, labels) = (Rows::last(1, x.len()), [0]);
        let (mut top, [mut loss, mut rest]) = ([0], [[0.0]; 2]);
        let [mut alone, mut with] = [x.clone(), x.clone()];
        for &level in Level::all() {
            for g in [0.3, 0.2] {
                level.force(|| {
                    let (top, rest) = (&mut top, &mut rest);
                    f32::cross_entropy(rows, &x, &labels, &mut loss, top, rest);
                    f32::cross_entropy_vjp(rows, &x, &labels, top, rest, &[g], &mut alone);
                    let (loss, with) = (&mut loss, &mut with);
                    f32::cross_entropy_and_vjp(rows, &x, &labels, loss, top, rest, &[g], with);
                });
                assert_eq!(alone, with, "{level}, {g}");
            }
        }
    }
}
