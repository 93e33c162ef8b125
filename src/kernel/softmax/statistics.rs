//! The sum of a line's exponentials but the largest, and what follows from it: log-softmax, logsumexp, cross entropy.

use super::bundles::{Kept, Set};
use super::exponential::{Argument, Exponential, shifted, usual};
use super::forward::Times;
use super::layout::Layout;
use super::lines::{Job, Own};
use super::sum::{Pair, Total};
use super::sweep::Function;
use super::{plain, plain_loss};
use crate::kernel::Rows;
use crate::kernel::function::{Function as _, Log1p};
use crate::kernel::simd::{Lanes, Real, Step};
use num_traits::Float;

/// What is computed from a line's statistics.
pub(super) enum Statistics<'a, T> {
    /// `z_j = (x_j - x_m) - log(1 + R)`.
    LogSoftmax,
    /// `x_m + log(1 + R)`.
    LogSumExp,
    /// `log(1 + R) - (x_t - x_m)` at the label t. With cotangents the pullback as well, from the exponentials of the
    /// sum, with the bits of [`Spread`](super::spread::Spread).
    CrossEntropy {
        labels: &'a [u32],
        g: Option<&'a [T]>,
    },
    /// `-Σ_j t_j z_j` over targets t.
    SoftCrossEntropy,
}

/// The position of the maximum, which a sum leaves out.
#[derive(Clone, Copy)]
pub(super) struct Hole<V> {
    /// Across: the vector, and the lane in it.
    vector: usize,
    set: u32,
    /// Down: the number of each lane's vector, in two parts that are exact as elements.
    each: [V; 2],
    down: bool,
}

/// The number of a vector, in two parts.
#[inline(always)]
fn parts<T: Real>(i: usize) -> [T; 2] {
    [T::whole((i >> 20) as i32), T::whole((i & 0xF_FFFF) as i32)]
}

impl<V: Lanes> Hole<V> {
    #[inline(always)]
    pub fn new<L: Layout<V>>(level: V::Level, top: &[u32]) -> Self {
        let mut each = [[V::Item::ZERO; 16]; 2];
        if L::DOWN {
            for (line, &top) in top.iter().enumerate() {
                [each[0][line], each[1][line]] = parts(top as usize);
            }
        }
        Self {
            vector: top[0] as usize / V::COUNT,
            set: 1 << (top[0] as usize % V::COUNT),
            each: [V::load(level, &each[0]), V::load(level, &each[1])],
            down: L::DOWN,
        }
    }

    /// Whether it may be in one of these vectors, which are consecutive where lines lie across: one test for all.
    #[inline(always)]
    pub fn among<const N: usize>(self, i: [usize; N]) -> bool {
        self.down || self.vector.wrapping_sub(i[0]) < N
    }

    /// Vector `i` with 0 for the maximum.
    #[inline(always)]
    pub fn left_out(self, level: V::Level, i: usize, v: V) -> V {
        let set = if self.down {
            let [high, low] = parts(i);
            let high = self.each[0].equal(V::splat(level, high));
            high & self.each[1].equal(V::splat(level, low))
        } else if i == self.vector {
            self.set
        } else {
            return v;
        };
        V::select(set, V::splat(level, V::Item::ZERO), v)
    }
}

/// The exponentials except the largest.
#[derive(Clone, Copy)]
struct Others<V: Lanes, A> {
    level: V::Level,
    exponential: Exponential<V, A>,
    hole: Hole<V>,
    /// Whether they are written to the result, 0 for the maximum.
    keep: bool,
}

impl<V: Lanes, A: Argument<V>> Function<V> for Others<V, A> {
    const HEAVY: bool = true;

    #[inline(always)]
    fn keeps(&self) -> bool {
        self.keep
    }

    #[inline(always)]
    fn of<const N: usize>(&self, i: [usize; N], x: [V; N], _: [V; N]) -> [V; N] {
        let mut e = self.exponential.at(x);
        if self.hole.among(i) {
            for (k, e) in e.iter_mut().enumerate() {
                *e = self.hole.left_out(self.level, i[k], *e);
            }
        }
        e
    }
}

/// `z_j = (x_j - x_m) - log(1 + R)`.
#[derive(Clone, Copy)]
struct Log<V> {
    m: V,
    log: V,
}

impl<V: Lanes> Function<V> for Log<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], mut x: [V; N], _: [V; N]) -> [V; N] {
        for x in &mut x {
            *x = (*x - self.m) - self.log;
        }
        x
    }
}

/// `-t_j z_j`, 0 for a target of 0.
#[derive(Clone, Copy)]
struct Surprise<V> {
    z: Log<V>,
    zero: V,
}

impl<V: Lanes> Function<V> for Surprise<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, i: [usize; N], x: [V; N], t: [V; N]) -> [V; N] {
        let mut z = self.z.of(i, x, t);
        for (z, t) in z.iter_mut().zip(t) {
            *z = V::select(t.equal(self.zero), self.zero, -(t * *z));
        }
        z
    }
}

/// `2^RAISE R` with `R = Σ_{j≠m} e^(x_j - x_m)`.
#[inline(always)]
fn rests<V: Lanes, L: Layout<V>>(
    level: V::Level,
    lines: &mut L,
    tops: &Kept<V>,
    top: &[u32],
    keep: bool,
    totals: &mut Kept<Total<V>>,
) {
    let raise = V::splat(level, V::Item::whole(V::Item::RAISE));
    let others = |k| Others {
        level,
        exponential: shifted(level, tops.get(k), raise),
        hole: Hole::new::<L>(level, L::own(top, k)),
        keep,
    };
    let (fours, fill) = (V::COUNT / 4, V::Item::NOTHING);
    lines.sums::<_, false, true>(level, fours, fill, others, totals);
}

/// `R` from the sum of such terms.
#[inline(always)]
fn lowered<V: Lanes, L: Layout<V>>(level: V::Level, terms: Total<V>) -> Pair<V> {
    let r = terms.pair::<L>(level);
    let lower = V::splat(level, V::Item::whole(2).powi(-V::Item::RAISE));
    Pair {
        sum: r.sum * lower,
        lost: r.lost * lower,
    }
}

/// `log(1 + R)` of each bundle, to the digits of an `f64` or about as many.
struct Logs<'s, V: Lanes> {
    level: V::Level,
    down: bool,
    rests: &'s [Pair<V>],
    logs: &'s mut Kept<Pair<V>>,
}

impl<V: Lanes> Step for Logs<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let level = self.level;
        for rest in self.rests {
            let (mut sum, mut lost) = (rest.sum.numbers(), rest.lost.numbers());
            if !self.down {
                let [sum, lost] = log(sum[0], lost[0]).map(|x| V::splat(level, x));
                self.logs.push(Pair { sum, lost });
                continue;
            }
            for l in 0..V::COUNT {
                [sum[l], lost[l]] = log(sum[l], lost[l]);
            }
            self.logs.push(Pair {
                sum: V::load(level, &sum),
                lost: V::load(level, &lost),
            });
        }
    }
}

/// The logarithm of one sum.
#[inline(always)]
fn log<T: Real>(sum: T, lost: T) -> [T; 2] {
    let log = Log1p::double(sum.wide() + lost.wide(), f64::ln_1p);
    let near = T::of_wide(log);
    [near, T::of_wide(log - near.wide())]
}

/// The quotient of two numbers with their rounding errors, rounded once.
#[inline(always)]
pub(super) fn quotient<V: Lanes>(a: Pair<V>, b: Pair<V>) -> V {
    let q = a.sum / b.sum;
    let left = (-q).fused(b.sum, a.sum) + ((-q).mul_add(b.lost, a.lost));
    q + left / b.sum
}

/// Writes the cotangents of the logits in place of their exponentials.
#[inline(always)]
fn pull<V: Lanes, L: Layout<V>>(
    level: V::Level,
    lines: &mut L,
    (labels, g): (&[u32], &[V::Item]),
    top: &[u32],
    rests: &Kept<V>,
) {
    let (one, zero) = (
        V::splat(level, V::Item::ONE),
        V::splat(level, V::Item::ZERO),
    );
    let power = V::Item::whole(2).powi(V::Item::RAISE);
    let mut per = Kept::new();
    for k in 0..lines.bundles() {
        let a = L::spread(level, L::own(g, k)) * V::splat(level, power.recip());
        let s = Pair::new(one, zero).plus(rests.get(k));
        per.push(quotient(Pair::new(a, zero), s));
    }
    lines.update(level, |k| Times { per: per.get(k) });
    for k in 0..lines.bundles() {
        // The cotangent at the maximum, without the label there and with it.
        let (cotangent, rest): (V, V) = (L::spread(level, L::own(g, k)), rests.get(k));
        let labelled = -(cotangent * (rest / (one + rest)));
        let (largest, labelled) = (
            (V::splat(level, power) * per.get(k)).numbers(),
            labelled.numbers(),
        );
        for (lane, line) in L::range(k, labels.len()).enumerate() {
            let (label, top) = (labels[line] as usize, top[line] as usize);
            if label == top {
                *lines.result(line, top) = labelled[lane];
            } else {
                *lines.result(line, top) = largest[lane];
                let gx = lines.result(line, label);
                *gx = *gx - g[line];
            }
        }
    }
}

impl<T: Real> Job<T> for Statistics<'_, T> {
    const TOGETHER: bool = true;

    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        r: usize,
        mut lines: L,
        own: Own<'_, T>,
    ) -> Set {
        let Own {
            top, rest, value, ..
        } = own;
        let range = r..r + own.lines;
        let (mut tops, mut totals) = (Kept::new(), Kept::new());
        lines.largest(level, top, &mut tops);
        let keep = matches!(self, Self::CrossEntropy { g: Some(_), .. });
        rests(level, &mut lines, &tops, top, keep, &mut totals);
        let (mut pairs, mut rests, mut well) = (Kept::new(), Kept::new(), 0);
        for k in 0..lines.bundles() {
            let pair: Pair<V> = lowered::<V, L>(level, totals.get(k));
            pairs.push(pair);
            let r = pair.value();
            rests.push(r);
            L::collect(r, L::own_mut(rest, k));
            well |= L::well(k, usual(level, tops.get(k)) & r.finite());
        }
        let mut logs = Kept::new();
        V::apart(
            level,
            Logs {
                level,
                down: L::DOWN,
                rests: pairs.each(),
                logs: &mut logs,
            },
        );
        let zero = V::splat(level, T::ZERO);
        let z = |k| {
            let (m, log): (V, Pair<V>) = (tops.get(k), logs.get(k));
            Log { m, log: log.sum }
        };
        match self {
            Self::LogSoftmax => lines.each::<_, false>(level, z),
            Self::LogSumExp => {
                for k in 0..lines.bundles() {
                    let sum = logs.get(k).plus(tops.get(k)).value();
                    L::collect(sum, L::own_mut(value, k));
                }
            }
            Self::CrossEntropy { labels, g } => {
                let labels = &labels[range.clone()];
                if let Some(g) = g {
                    pull(level, &mut lines, (labels, &g[range]), top, &rests);
                }
                for k in 0..lines.bundles() {
                    let (m, log): (V, Pair<V>) = (tops.get(k), logs.get(k));
                    let x: V = lines.pick(level, 0, k, labels);
                    let away = Pair::new(m, zero).plus(-x);
                    let loss = log.join(away).value();
                    // Rounding errors of infinite parts are NaN.
                    let loss = V::select(loss.finite(), loss, log.sum + away.sum);
                    L::collect(loss, L::own_mut(value, k));
                }
            }
            Self::SoftCrossEntropy => {
                let surprise = |k| Surprise { z: z(k), zero };
                let mut sums = Kept::new();
                lines.sums::<_, true, false>(level, 1, T::ZERO, surprise, &mut sums);
                let mut fine = 0;
                for k in 0..lines.bundles() {
                    let total: Total<V> = sums.get(k);
                    let s = total.value::<L>(level);
                    L::collect(s, L::own_mut(value, k));
                    fine |= L::well(k, s.finite());
                }
                well &= fine;
            }
        }
        well
    }

    fn line(&self, r: usize, [x, targets]: [&[T]; 2], z: &mut [T], own: Own<'_, T>) {
        let line = Rows::last(1, x.len());
        let Own {
            top, rest, value, ..
        } = own;
        match self {
            Self::LogSoftmax => plain::log_softmax(line, x, z, top, rest),
            Self::LogSumExp => plain::logsumexp(line, x, value, top, rest),
            Self::CrossEntropy { labels, g } => {
                let labels = &labels[r..=r];
                plain_loss::cross_entropy(line, x, labels, value, top, rest);
                if let Some(g) = g {
                    let g = &g[r..=r];
                    plain_loss::cross_entropy_vjp(line, x, labels, top, rest, g, z);
                }
            }
            Self::SoftCrossEntropy => {
                plain_loss::soft_cross_entropy(line, x, targets, value, top, rest);
            }
        }
    }
}
