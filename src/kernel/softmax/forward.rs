//! Softmax of lines, also of `x / temperature`.

use super::bundles::{Bundles, Each, Kept};
use super::exponential::{Argument, Difference, Exponential, shifted, usual};
use super::inputs::Inputs;
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
    const TOGETHER: bool = true;

    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout>(
        &self,
        level: V::Level,
        _: usize,
        inputs: Inputs<'_, T>,
        y: &mut [T],
        own: Own<'_, T>,
    ) -> u32 {
        let raise = V::splat(level, T::whole(T::RAISE));
        let exponential = |m| shifted(level, m, raise);
        normalised::<V, L, Difference<V>>(level, exponential, inputs, y, own, |m| usual(level, m))
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
    const TOGETHER: bool = true;

    #[inline(always)]
    fn lines<V: Lanes<Item = T>, L: Layout>(
        &self,
        level: V::Level,
        _: usize,
        inputs: Inputs<'_, T>,
        y: &mut [T],
        own: Own<'_, T>,
    ) -> u32 {
        // Beyond this range products of the temperature are not exact, or differences overflow.
        let wide = T::whole(2).powi(T::BIAS / 2);
        if self.temperature >= wide || self.temperature <= wide.recip() {
            return 0;
        }
        let [temperature, reciprocal, raise, wide] = [
            self.temperature,
            self.temperature.recip(),
            T::whole(T::RAISE),
            wide,
        ]
        .map(|x| V::splat(level, x));
        let exponential = |top| {
            let quotient = Quotient {
                top,
                temperature,
                reciprocal,
            };
            Exponential::new(level, quotient, raise)
        };
        let small = |m: V| m.max(-m).less(wide);
        normalised::<V, L, Quotient<V>>(level, exponential, inputs, y, own, small)
    }

    fn line(&self, _: usize, [x, _]: [&[T]; 2], y: &mut [T], own: Own<'_, T>) {
        plain_loss::softmax_scaled(Rows::last(1, x.len()), x, self.temperature, y, own.top);
    }
}

/// Writes the exponentials, divided by their sum. Returns the lines where that went well, of those with a usual maximum.
#[inline(always)]
fn normalised<V: Lanes, L: Layout, A: Argument<V>>(
    level: V::Level,
    exponential: impl Fn(V) -> Exponential<V, A>,
    inputs: Inputs<'_, V::Item>,
    y: &mut [V::Item],
    own: Own<'_, V::Item>,
    usual: impl Fn(V) -> u32,
) -> u32 {
    let [x, _] = inputs.now;
    let bundles = Bundles::new::<L>(own.lines, x.len());
    let (mut top, mut sums) = (Kept::new(), Kept::new());
    largest::<V, L>(level, bundles, x, &mut top, own.top);
    for k in 0..bundles.count {
        let exponential = exponential(top.get(k));
        let inputs = bundles.inputs(inputs, k);
        let (y, fill) = (bundles.part_mut(y, k), V::Item::NOTHING);
        sums.push(sum::<V, L, _, false, true>(
            level,
            V::COUNT / 4,
            inputs,
            y,
            fill,
            &exponential,
        ));
    }
    let (mut m, mut sum, mut lost) = (Each::new(level), Each::new(level), Each::new(level));
    for k in 0..bundles.count {
        let s: Pair<V> = sums.get(k).pair::<L>(level);
        m.push::<L>(top.get(k));
        sum.push::<L>(s.sum);
        lost.push::<L>(s.lost);
    }
    let [m, sum, lost] = [m.lanes(), sum.lanes(), lost.lanes()];
    let s = Pair { sum, lost };
    let factors = reciprocal(level, s);
    let numbers = factors.numbers();
    for k in 0..bundles.count {
        let per = L::of_bundle(level, factors, &numbers, k);
        update(level, bundles.part_mut(y, k), &Times { per });
    }
    s.value().finite() & usual(m)
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
