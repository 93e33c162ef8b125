//! Softmax of lines, also of `x / temperature`.

use super::bundles::{Kept, Set};
use super::exponential::{Argument, Difference, Exponential, shifted, usual};
use super::layout::Layout;
use super::lines::{Job, Own};
use super::sum::{Pair, Total};
use super::sweep::Function;
use super::{plain, plain_loss};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real};

/// `y_j = e^(x_j - x_m) / S`. What a mask does not keep enters as -inf.
pub(super) struct Softmax<'a> {
    pub mask: Option<Mask<'a>>,
}

impl<T: Real> Job<T> for Softmax<'_> {
    const TOGETHER: bool = true;

    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        _: usize,
        lines: L,
        own: Own<'_, T>,
    ) -> Set {
        let raise = V::splat(level, T::whole(T::RAISE));
        let exponential = |m| shifted(level, m, raise);
        normalised::<V, L, Difference<V>>(level, exponential, lines, own, |m| usual(level, m))
    }

    fn line(&self, r: usize, [x, _]: [&[T]; 2], y: &mut [T], own: Own<'_, T>) {
        let line = Rows::last(1, x.len());
        match &self.mask {
            Some(mask) => plain_loss::masked_softmax(line, x, &mask.line(r), y, own.top),
            None => plain::softmax(line, x, y, own.top),
        }
    }
}

/// `y_j = e^((x_j - x_m) / T) / S`.
pub(super) struct Scaled<T> {
    pub temperature: T,
}

/// `(x - top) / temperature`, with the rounding errors of difference and quotient.
#[derive(Clone, Copy)]
struct Quotient<V> {
    top: V,
    temperature: V,
    reciprocal: V,
}

impl<V: Lanes> Argument<V> for Quotient<V> {
    const TAME: bool = false;

    #[inline(always)]
    fn of(self, x: V) -> (V, V) {
        let d = x - self.top;
        let back = d - x;
        let lost = (x - (d - back)) - (self.top + back);
        let q = d * self.reciprocal;
        // The remainder of d after T q is exact.
        let left = (-q).fused(self.temperature, d);
        (q, (left + lost) * self.reciprocal)
    }

    #[inline(always)]
    fn bounded(self) -> bool {
        false
    }
}

impl<T: Real> Job<T> for Scaled<T> {
    const TOGETHER: bool = true;

    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        _: usize,
        lines: L,
        own: Own<'_, T>,
    ) -> Set {
        // Beyond this range products with the temperature are not exact, or differences overflow.
        let wide = T::whole(2).powi(T::BIAS / 2);
        if self.temperature >= wide || self.temperature <= wide.recip() {
            return 0;
        }
        let temperature = V::splat(level, self.temperature);
        let reciprocal = V::splat(level, self.temperature.recip());
        let (raise, wide) = (V::splat(level, T::whole(T::RAISE)), V::splat(level, wide));
        let exponential = |top| {
            let quotient = Quotient {
                top,
                temperature,
                reciprocal,
            };
            Exponential::new(level, quotient, raise)
        };
        let small = |m: V| m.max(-m).less(wide);
        normalised::<V, L, Quotient<V>>(level, exponential, lines, own, small)
    }

    fn line(&self, _: usize, [x, _]: [&[T]; 2], y: &mut [T], own: Own<'_, T>) {
        plain_loss::softmax_scaled(Rows::last(1, x.len()), x, self.temperature, y, own.top);
    }
}

/// Writes the exponentials divided by their sum. Returns the lines where that went well, of those with a usual maximum.
#[inline(always)]
fn normalised<V: Lanes, L: Layout<V>, A: Argument<V>>(
    level: V::Level,
    exponential: impl Fn(V) -> Exponential<V, A>,
    mut lines: L,
    own: Own<'_, V::Item>,
    usual: impl Fn(V) -> u32,
) -> Set {
    let (mut top, mut sums, mut factors) = (Kept::new(), Kept::new(), Kept::new());
    lines.largest(level, own.top, &mut top);
    let exponential = |k| exponential(top.get(k));
    let (fours, fill) = (V::COUNT / 4, V::Item::NOTHING);
    lines.sums::<_, false, true>(level, fours, fill, exponential, &mut sums);
    let given = |k| {
        let total: Total<V> = sums.get(k);
        let Pair { sum, lost } = total.pair::<L>(level);
        [top.get(k), sum, lost]
    };
    let factor = |[m, sum, lost]: [V; 3]| {
        let s = Pair { sum, lost };
        (reciprocal(level, s), s.value().finite() & usual(m))
    };
    let well = lines.together(level, given, factor, &mut factors);
    lines.update(level, |k| Times {
        per: factors.get(k),
    });
    well
}

/// Multiplication.
#[derive(Clone, Copy)]
pub(super) struct Times<V> {
    pub per: V,
}

impl<V: Lanes> Function<V> for Times<V> {
    #[inline(always)]
    fn of<const N: usize>(&self, _: [usize; N], mut e: [V; N], _: [V; N]) -> [V; N] {
        for e in &mut e {
            *e = *e * self.per;
        }
        e
    }
}

/// `1 / (sum + lost)`, rounded once.
#[inline(always)]
fn reciprocal<V: Lanes>(level: V::Level, s: Pair<V>) -> V {
    let one = V::splat(level, V::Item::ONE);
    let per = one / s.sum;
    let left = (-per).fused(s.sum, one) - per * s.lost;
    left.mul_add(per, per)
}

pub(super) struct Mask<'a> {
    pub rows: Rows,
    pub mask: &'a [bool],
}

impl Mask<'_> {
    /// The part for one line.
    pub fn line(&self, r: usize) -> Vec<bool> {
        let start = self.rows.at(r, 0);
        self.rows.row(start).map(|at| self.mask[at]).collect()
    }
}
