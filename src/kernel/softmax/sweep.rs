//! Sweeps over the vectors of a buffer: a function of each, or the sum of a function line by line.
//!
//! In sums four vectors are added as a tree, the trees one after the other with what rounding lost beside them, the lanes
//! of a line as a tree again. The error does not grow with the length of a line.

use super::layout::{Layout, put, take, vectors};
use super::sum::{Pair, tree};
use crate::kernel::simd::{Lanes, Real};

/// A function of vectors of two buffers, the second of which may be missing; then `b` is `a`.
pub(super) trait Function<V: Lanes> {
    /// Whether values may be added as [`add`](Self::add) does.
    const PRODUCT: bool = false;

    /// The values for `N` vectors from number `i` on. Must be `#[inline(always)]`.
    fn of<const N: usize>(&self, i: usize, a: [V; N], b: [V; N]) -> [V; N];

    /// `sum` plus the value for one, rounded together where that is a product. Must be `#[inline(always)]`.
    #[inline(always)]
    fn add(&self, i: usize, a: V, b: V, sum: V) -> V {
        let [y] = self.of(i, [a], [b]);
        sum + y
    }
}

/// The sum of `f` over the inputs, line by line. With `KEEP`, its terms are written to `out`. `FOURS` fours of vectors are
/// added before what is lost is looked at: fewer is better, more is faster.
#[inline(always)]
pub(super) fn sum<V: Lanes, L: Layout, const TWO: bool, const KEEP: bool, const FOURS: usize>(
    level: V::Level,
    inputs: [&[V::Item]; 2],
    out: &mut [V::Item],
    fill: V::Item,
    f: &impl Function<V>,
) -> Pair<V> {
    let zero = V::splat(level, V::Item::ZERO);
    let none = Pair::new(zero, zero);
    let count = vectors::<V>(inputs[0]);
    if L::DOWN {
        let mut parts = [none; 16];
        for base in (0..count).step_by(4 * FOURS * V::COUNT) {
            for (l, part) in parts[..V::COUNT.min(count - base)].iter_mut().enumerate() {
                let mut terms = zero;
                for i in (base + l..count).step_by(4 * V::COUNT).take(FOURS) {
                    let step = V::COUNT;
                    terms = terms + some::<V, _, TWO, KEEP>(level, inputs, out, i, step, fill, f);
                }
                *part = part.plus(terms);
            }
        }
        return tree(&parts, V::COUNT);
    }
    let (mut part, whole) = (none, count_of_fours::<V>(inputs[0]));
    let mut start = 0;
    while start < count {
        let end = count.min(start + 4 * FOURS);
        let mut terms = zero;
        for i in (start..end.min(whole)).step_by(4) {
            terms = terms + group::<V, _, TWO, KEEP>(level, inputs, out, i, f);
        }
        if end > whole {
            terms = terms + some::<V, _, TWO, KEEP>(level, inputs, out, whole, 1, fill, f);
        }
        part = part.plus(terms);
        start = end;
    }
    across(level, part)
}

/// Writes `f` of the inputs to `out`.
#[inline(always)]
pub(super) fn each<V: Lanes, const TWO: bool>(
    level: V::Level,
    inputs: [&[V::Item]; 2],
    out: &mut [V::Item],
    f: &impl Function<V>,
) {
    let whole = count_of_fours::<V>(inputs[0]);
    for i in (0..whole).step_by(4) {
        group::<V, _, TWO, true>(level, inputs, out, i, f);
    }
    some::<V, _, TWO, true>(level, inputs, out, whole, 1, V::Item::ZERO, f);
}

/// Puts `f` of a buffer in its place.
#[inline(always)]
pub(super) fn update<V: Lanes>(level: V::Level, y: &mut [V::Item], f: &impl Function<V>) {
    let mut groups = y.chunks_exact_mut(4 * V::COUNT);
    for group in &mut groups {
        for k in 0..4 {
            let y = &mut group[k * V::COUNT..(k + 1) * V::COUNT];
            let v = V::load(level, y);
            let [v] = f.of(k, [v], [v]);
            v.store(y);
        }
    }
    let rest = groups.into_remainder();
    for i in 0..vectors::<V>(rest) {
        let v = take::<V>(level, rest, i, V::Item::ONE);
        let [v] = f.of(i, [v], [v]);
        put(v, rest, i);
    }
}

/// The number of vectors that come in whole fours.
#[inline(always)]
fn count_of_fours<V: Lanes>(x: &[V::Item]) -> usize {
    x.len() / (4 * V::COUNT) * 4
}

/// The sum of `f` of up to four vectors, `step` apart from `i` on, as far as there are any; the last may be a part.
#[inline(always)]
fn some<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool>(
    level: V::Level,
    [a, b]: [&[V::Item]; 2],
    out: &mut [V::Item],
    i: usize,
    step: usize,
    fill: V::Item,
    f: &F,
) -> V {
    let mut pairs = [V::splat(level, V::Item::ZERO); 2];
    for (k, i) in (i..vectors::<V>(a)).step_by(step).take(4).enumerate() {
        let a = take::<V>(level, a, i, fill);
        let b = if TWO { take(level, b, i, fill) } else { a };
        let pair = &mut pairs[k / 2];
        if F::PRODUCT {
            *pair = f.add(i, a, b, *pair);
            continue;
        }
        let [y] = f.of(i, [a], [b]);
        if KEEP {
            put(y, out, i);
        }
        *pair = *pair + y;
    }
    pairs[0] + pairs[1]
}

/// The sum of `f` of the four vectors from `i` on, all of them whole.
#[inline(always)]
fn group<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool>(
    level: V::Level,
    [a, b]: [&[V::Item]; 2],
    out: &mut [V::Item],
    i: usize,
    f: &F,
) -> V {
    let (start, count) = (i * V::COUNT, 4 * V::COUNT);
    let a = &a[start..start + count];
    let b = if TWO { &b[start..start + count] } else { a };
    let zero = V::splat(level, V::Item::ZERO);
    let (mut x, mut y, mut pairs) = ([zero; 4], [zero; 4], [zero; 2]);
    for k in 0..4 {
        let place = k * V::COUNT..(k + 1) * V::COUNT;
        x[k] = V::load(level, &a[place.clone()]);
        y[k] = if TWO { V::load(level, &b[place]) } else { x[k] };
        if F::PRODUCT {
            pairs[k / 2] = f.add(i + k, x[k], y[k], pairs[k / 2]);
        } else if V::REGISTERS > 1 {
            [x[k]] = f.of(i + k, [x[k]], [y[k]]);
        }
    }
    if F::PRODUCT {
        return pairs[0] + pairs[1];
    }
    // As many at a time as there are registers for.
    if V::REGISTERS == 1 {
        x = f.of(i, x, y);
    }
    if KEEP {
        let out = &mut out[start..start + count];
        for (k, x) in x.iter().enumerate() {
            x.store(&mut out[k * V::COUNT..(k + 1) * V::COUNT]);
        }
    }
    (x[0] + x[1]) + (x[2] + x[3])
}

/// The sum of the lanes of one line, in every lane.
#[inline(always)]
fn across<V: Lanes>(level: V::Level, part: Pair<V>) -> Pair<V> {
    let mut lanes = [Pair::new(V::Item::ZERO, V::Item::ZERO); 16];
    let parts = part.sum.numbers().into_iter().zip(part.lost.numbers());
    for (lane, (sum, lost)) in lanes.iter_mut().zip(parts) {
        *lane = Pair { sum, lost };
    }
    let total = tree(&lanes, V::COUNT);
    Pair {
        sum: V::splat(level, total.sum),
        lost: V::splat(level, total.lost),
    }
}
