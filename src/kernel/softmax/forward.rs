//! Softmax of lines, also of `x / temperature`.

use super::exponential::{Argument, Difference, Exponential, shifted, usual};
use super::layout::{Layout, largest};
use super::lines::{Job, Own};
use super::sum::Pair;
use super::sweep::{Function, sum, update};
use super::{plain, plain_loss};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real};

/// `y_j = e^(x_j - x_m) / S`. What a mask does not keep comes in as -inf.
pub(super) struct Softmax<'a> {
    pub mask: Option<Mask<'a>>,
}

impl<T: Real> Job<T> for Softmax<'_> {
    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout>(
        &self,
        level: V::Level,
        _: usize,
        [x, _]: [&[T]; 2],
        y: &mut [T],
        own: Own<'_, T>,
    ) -> u32 {
        let m = largest::<V, L>(level, x, own.top);
        let raise = V::splat(level, T::whole(T::RAISE));
        let exponential = shifted(level, m, raise);
        normalised::<V, L, Difference<V>>(level, exponential, x, y) & usual(level, m)
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

/// `(x - top) / temperature` with what rounding took from difference and quotient.
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
        // What is left of d after T q is exact.
        let left = (-q).fused(self.temperature, d);
        (q, (left + lost) * self.reciprocal)
    }
}

impl<T: Real> Job<T> for Scaled<T> {
    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout>(
        &self,
        level: V::Level,
        _: usize,
        [x, _]: [&[T]; 2],
        y: &mut [T],
        own: Own<'_, T>,
    ) -> u32 {
        let m = largest::<V, L>(level, x, own.top);
        let quotient = Quotient {
            top: m,
            temperature: V::splat(level, self.temperature),
            reciprocal: V::splat(level, self.temperature.recip()),
        };
        let raise = V::splat(level, T::whole(T::RAISE));
        let exponential = Exponential::new(level, quotient, raise);
        // Beyond this range products of the temperature are not exact, or differences overflow.
        let wide = T::whole(2).powi(T::BIAS / 2);
        let small = m.max(-m).less(V::splat(level, wide));
        let usual = self.temperature < wide && self.temperature > wide.recip();
        let set = normalised::<V, L, Quotient<V>>(level, exponential, x, y);
        if usual { set & small } else { 0 }
    }

    fn line(&self, _: usize, [x, _]: [&[T]; 2], y: &mut [T], own: Own<'_, T>) {
        plain_loss::softmax_scaled(Rows::last(1, x.len()), x, self.temperature, y, own.top);
    }
}

/// Writes the exponentials, divided by their sum. Returns the lines where that went well.
#[inline(always)]
fn normalised<V: Lanes, L: Layout, A: Argument<V>>(
    level: V::Level,
    exponential: Exponential<V, A>,
    x: &[V::Item],
    y: &mut [V::Item],
) -> u32 {
    let s = sum::<V, L, _, false, true>(
        level,
        V::COUNT / 4,
        [x, &[]],
        y,
        V::Item::NOTHING,
        &exponential,
    );
    let s = s.pair::<L>(level);
    let per = reciprocal(level, s);
    update(level, y, &Times { per });
    s.value().finite()
}

/// Multiplication.
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

/// A mask of the rows.
pub(super) struct Mask<'a> {
    pub rows: Rows,
    pub mask: &'a [bool],
}

impl Mask<'_> {
    /// The part for a line.
    pub fn line(&self, r: usize) -> Vec<bool> {
        let start = self.rows.at(r, 0);
        self.rows.row(start).map(|at| self.mask[at]).collect()
    }
}
