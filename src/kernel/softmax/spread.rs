//! Pullbacks that spread a number over a line by its probabilities: of logsumexp, log-softmax and cross entropy.

use super::bundles::well;
use super::exponential::{Difference, Exponential, shifted, usual};
use super::inputs::Inputs;
use super::layout::Layout;
use super::lines::{Job, Own};
use super::statistics::{Hole, quotient};
use super::sum::Pair;
use super::sweep::{Function, each, sum};
use super::{plain, plain_loss};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real};

/// `gx_j = a p_j + ...`, with the statistics of the forward.
pub(super) struct Spread<'a, T> {
    pub of: Of<'a, T>,
    pub top: &'a [u32],
    pub rest: &'a [T],
}

/// Whose pullback.
pub(super) enum Of<'a, T> {
    /// `g p_j`.
    LogSumExp(&'a [T]),
    /// `g p_j`, at the label `g (p_j - 1)`, which is `-g R/S` at the maximum. Cotangents and labels.
    CrossEntropy(&'a [T], &'a [u32]),
    /// `g_j - p_j Σ g`, which is `g_m R/S - (1/S) Σ_{i≠m} g_i` at the maximum.
    LogSoftmax,
    /// `g (p_j Σ t - t_j)`, likewise. Cotangents; the targets are the second input.
    SoftCrossEntropy(&'a [T]),
}

/// The elements of a line but one.
struct Others<V: Lanes> {
    level: V::Level,
    hole: Hole<V>,
}

impl<V: Lanes> Function<V> for Others<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, i: [usize; N], mut g: [V; N], _: [V; N]) -> [V; N] {
        if self.hole.among(i) {
            for (k, g) in g.iter_mut().enumerate() {
                *g = self.hole.left_out(self.level, i[k], *g);
            }
        }
        g
    }
}

/// The exponentials times a factor, plus multiples of the second input.
struct Spreading<V: Lanes, const TWO: bool> {
    exponential: Exponential<V, Difference<V>>,
    factor: V,
    times: V,
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

/// What stands before the exponentials: `a / S`, and the power of two that they are raised by for its sake.
struct Weight<V> {
    raise: V,
    a: Pair<V>,
}

impl<V: Lanes> Weight<V> {
    /// The smaller `a`, the lower its exponentials, so that neither of the factors is subnormal where the product is not.
    #[inline(always)]
    fn new<L: Layout>(level: V::Level, a: Pair<V>) -> Self {
        let raise = |a: V::Item| {
            let raise = a.exponent() + V::Item::RAISE;
            V::Item::whole(raise.clamp(2 - V::Item::RAISE, V::Item::BIAS - 20))
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
        let [one, zero] = [V::Item::ONE, V::Item::ZERO].map(|x| V::splat(level, x));
        quotient(self.a, Pair::new(one, zero).plus(rest))
    }
}

impl<T: Real> Job<T> for Spread<'_, T> {
    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout>(
        &self,
        level: V::Level,
        r: usize,
        inputs: Inputs<'_, T>,
        gx: &mut [T],
        own: Own<'_, T>,
    ) -> u32 {
        let [x, g] = inputs.now;
        let lines = r..r + own.lines;
        let top = &self.top[lines.clone()];
        let m = L::pick::<V>(level, x, top);
        let rest = L::spread::<V>(level, &self.rest[lines.clone()]);
        let zero = V::splat(level, T::ZERO);
        let (a, others) = match &self.of {
            Of::LogSumExp(each) | Of::CrossEntropy(each, _) => (
                Pair::new(L::spread(level, &each[lines.clone()]), zero),
                zero,
            ),
            Of::LogSoftmax | Of::SoftCrossEntropy(_) => {
                let hole = Hole::new::<L>(level, top);
                let others = Others { level, hole };
                let others = sum::<V, L, _, false, false>(
                    level,
                    1,
                    Inputs::only([g, &[]]),
                    &mut [],
                    T::ZERO,
                    &others,
                );
                let others = others.pair::<L>(level);
                (others.plus(L::pick(level, g, top)), others.value())
            }
        };
        let (a, times) = match &self.of {
            Of::LogSumExp(_) | Of::CrossEntropy(..) => (a, zero),
            Of::LogSoftmax => {
                let (sum, lost) = (-a.sum, -a.lost);
                (Pair { sum, lost }, V::splat(level, T::ONE))
            }
            Of::SoftCrossEntropy(each) => {
                let each: V = L::spread(level, &each[lines.clone()]);
                let sum = a.sum * each;
                let lost = a.sum.fused(each, -sum) + a.lost * each;
                (Pair { sum, lost }, -each)
            }
        };
        let weight = Weight::new::<L>(level, a);
        let exponential = shifted(level, m, weight.raise);
        let factor = weight.factor(level, rest);
        if g.is_empty() {
            let spreading = Spreading::<V, false> {
                exponential,
                factor,
                times,
            };
            each::<V, _, false>(level, inputs, gx, &spreading);
        } else {
            let spreading = Spreading::<V, true> {
                exponential,
                factor,
                times,
            };
            each::<V, _, true>(level, inputs, gx, &spreading);
        }
        let others = others.numbers();
        for (line, r) in lines.enumerate() {
            self.mend(r, others[line], &|j| L::at::<V>(line, j), g, gx);
        }
        well::<V, L>(0, usual(level, m) & rest.finite() & a.value().finite())
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
    /// Writes the elements of line `r` that have a form of their own: that of the maximum, that of the label.
    #[inline(always)]
    fn mend(&self, r: usize, others: T, at: &impl Fn(usize) -> usize, g: &[T], gx: &mut [T]) {
        let (top, rest) = (self.top[r] as usize, self.rest[r]);
        let s = T::ONE + rest;
        match &self.of {
            Of::LogSumExp(_) => {}
            Of::CrossEntropy(each, labels) => {
                let (label, g) = (labels[r] as usize, each[r]);
                let gx = &mut gx[at(label)];
                *gx = if label == top {
                    -(g * (rest / s))
                } else {
                    *gx - g
                };
            }
            Of::LogSoftmax => gx[at(top)] = g[at(top)] * (rest / s) - others / s,
            Of::SoftCrossEntropy(each) => {
                gx[at(top)] = each[r] * (others / s - g[at(top)] * (rest / s));
            }
        }
    }
}
