//! Sweeps over the vectors of a line: a function of each, or the sum of a function.
//!
//! In sums four vectors are added as a tree, the trees one after the other to more digits than a number has, and the
//! lanes of a line as a tree again. The error does not grow with the length of a line.

use super::inputs::Inputs;
use super::layout::{ahead, put, take, vectors};
use super::sum::Total;
use crate::kernel::simd::{Lanes, Real, Step};

/// A function of vectors of two buffers, the second of which may be missing; then `b` is `a`.
pub(super) trait Function<V: Lanes>: Copy + Sync {
    /// Whether values may be added as [`add`](Self::add) does.
    const PRODUCT: bool = false;

    /// Whether it takes many operations, so that copies of it are costly: for the compiler, and in registers.
    const HEAVY: bool = false;

    /// Whether a sum that may keep its terms does. Asked at run time, since a second copy would cost more.
    #[inline(always)]
    fn keeps(&self) -> bool {
        true
    }

    /// The values for the vectors with these numbers. Must be `#[inline(always)]`.
    fn of<const N: usize>(&self, i: [usize; N], a: [V; N], b: [V; N]) -> [V; N];

    /// `sum` plus the value for one, rounded together where the value is a product. Must be `#[inline(always)]`.
    #[inline(always)]
    fn add(&self, i: usize, a: V, b: V, sum: V) -> V {
        sum + one(self, i, a, b)
    }
}

/// The value for one vector.
#[inline(always)]
pub(super) fn one<V: Lanes, F: Function<V>>(f: &F, i: usize, a: V, b: V) -> V {
    let one = One { f, i, a, b };
    if F::HEAVY { V::step(one) } else { one.run() }
}

struct One<'a, V, F> {
    f: &'a F,
    i: usize,
    a: V,
    b: V,
}

impl<V: Lanes, F: Function<V>> Step for One<'_, V, F> {
    type Output = V;

    #[inline(always)]
    fn run(self) -> V {
        let [y] = self.f.of([self.i], [self.a], [self.b]);
        y
    }
}

/// The sum of `f` over a line, as [`Layout::sums`](super::layout::Layout::sums).
#[inline(always)]
pub(super) fn sum<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool>(
    level: V::Level,
    fours: usize,
    inputs: Inputs<'_, V::Item>,
    out: &mut [V::Item],
    fill: V::Item,
    f: &F,
) -> Total<V> {
    V::step(Sum::<V, F, TWO, KEEP> {
        level,
        fours,
        inputs,
        out,
        fill,
        f,
    })
}

struct Sum<'a, V: Lanes, F, const TWO: bool, const KEEP: bool> {
    level: V::Level,
    fours: usize,
    inputs: Inputs<'a, V::Item>,
    out: &'a mut [V::Item],
    fill: V::Item,
    f: &'a F,
}

impl<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool> Step
    for Sum<'_, V, F, TWO, KEEP>
{
    type Output = Total<V>;

    #[inline(always)]
    fn run(self) -> Total<V> {
        let Self {
            level,
            fours,
            inputs,
            out,
            fill,
            f,
        } = self;
        let count = vectors::<V>(inputs.now[0]);
        let mut total = Total::none(level);
        for i in (0..count).step_by(4 * fours) {
            let [a, b, c, d] = stretch::<V, _, TWO, KEEP>(level, fours, inputs, out, i, fill, f);
            total = total.plus((a + b) + (c + d));
        }
        total
    }
}

/// Four sums over up to `fours` fours of vectors, from `i` on, as far as there are any.
#[inline(always)]
fn stretch<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool>(
    level: V::Level,
    fours: usize,
    inputs: Inputs<'_, V::Item>,
    out: &mut [V::Item],
    mut i: usize,
    fill: V::Item,
    f: &F,
) -> [V; 4] {
    let whole = inputs.now[0].len() / V::COUNT;
    let end = i + 4 * fours;
    let mut terms = [V::splat(level, V::Item::ZERO); 4];
    if !F::HEAVY {
        // A loop over slices is not unrolled. It compares no index, and prefetchers learn its few loads, but not those
        // of a long stretch of code: with that the f64 VJP takes a fifth longer.
        let places = i * V::COUNT..whole.min(end) * V::COUNT;
        let a = &inputs.now[0][places.clone()];
        let b = if TWO { &inputs.now[1][places] } else { a };
        let (a, b) = (a.chunks_exact(4 * V::COUNT), b.chunks_exact(4 * V::COUNT));
        for (a, b) in a.zip(b) {
            terms = four::<V, F, TWO, KEEP, false>(level, [a, b], &mut [], i, f, terms);
            i += 4;
        }
        if i < end {
            terms = some::<V, _, TWO, KEEP>(level, inputs, out, i, end, fill, f, terms);
        }
        return terms;
    }
    if V::REGISTERS > 1 && i + 3 < whole.min(end) {
        // The first terms are not added to anything, which leaves registers for the function: 2 to 4 % on AVX2.
        terms = group::<V, _, TWO, KEEP, true>(level, inputs, out, i, f, terms);
        i += 4;
    }
    while i + 3 < whole.min(end) {
        terms = group::<V, _, TWO, KEEP, false>(level, inputs, out, i, f, terms);
        i += 4;
    }
    if i < end {
        terms = some::<V, _, TWO, KEEP>(level, inputs, out, i, end, fill, f, terms);
    }
    terms
}

/// Writes `f` of the inputs to `out`; vectors are not numbered.
#[inline(always)]
pub(super) fn each<V: Lanes, F: Function<V>, const TWO: bool>(
    level: V::Level,
    inputs: Inputs<'_, V::Item>,
    out: &mut [V::Item],
    f: &F,
) {
    let [a, b] = inputs.now;
    let b = if TWO { b } else { a };
    if F::HEAVY {
        let none = [V::splat(level, V::Item::ZERO); 4];
        let (x, y) = (a.chunks_exact(4 * V::COUNT), b.chunks_exact(4 * V::COUNT));
        let mut i = 0;
        for ((x, y), out) in x.zip(y).zip(out.chunks_exact_mut(4 * V::COUNT)) {
            inputs.fetch::<V, TWO, 4>(level, i);
            four::<V, _, TWO, true, true>(level, [x, y], out, i, f, none);
            i += 4;
        }
        let end = usize::MAX;
        some::<V, _, TWO, true>(level, inputs, out, i, end, V::Item::ZERO, f, none);
        return;
    }
    let mut start = 0;
    if out.len() % V::COUNT > 0 {
        let Some(last) = out.len().checked_sub(V::COUNT) else {
            let (x, y) = (
                V::load_part(level, a, V::Item::ZERO),
                V::load_part(level, b, V::Item::ZERO),
            );
            return one(f, 0, x, y).store_part(out);
        };
        for at in [0, last] {
            let (x, y) = (V::load(level, &a[at..]), V::load(level, &b[at..]));
            one(f, 0, x, y).store(&mut out[at..]);
        }
        start = ahead(out);
    }
    whole::<V, F, TWO>(level, [&a[start..], &b[start..]], &mut out[start..], f);
}

/// The same for the whole vectors from the beginning on.
#[inline(always)]
fn whole<V: Lanes, F: Function<V>, const TWO: bool>(
    level: V::Level,
    [a, b]: [&[V::Item]; 2],
    out: &mut [V::Item],
    f: &F,
) {
    let none = [V::splat(level, V::Item::ZERO); 4];
    let fours = out.len() - out.len() % (4 * V::COUNT);
    let (x, y) = (a.chunks_exact(4 * V::COUNT), b.chunks_exact(4 * V::COUNT));
    for ((x, y), out) in x.zip(y).zip(out.chunks_exact_mut(4 * V::COUNT)) {
        four::<V, _, TWO, true, true>(level, [x, y], out, 0, f, none);
    }
    let (x, y) = (
        a[fours..].chunks_exact(V::COUNT),
        b[fours..].chunks_exact(V::COUNT),
    );
    for ((x, y), out) in x.zip(y).zip(out[fours..].chunks_exact_mut(V::COUNT)) {
        one(f, 0, V::load(level, x), V::load(level, y)).store(out);
    }
}

/// Replaces a buffer by `f` of it; vectors are not numbered.
#[inline(always)]
pub(super) fn update<V: Lanes>(level: V::Level, y: &mut [V::Item], f: &impl Function<V>) {
    let Some(last) = y.len().checked_sub(V::COUNT) else {
        let v = V::load_part(level, y, V::Item::ONE);
        return one(f, 0, v, v).store_part(y);
    };
    // Read before anything is written.
    let (a, b) = (V::load(level, y), V::load(level, &y[last..]));
    let odd = y.len() % V::COUNT > 0;
    let start = if odd { ahead(y) } else { 0 };
    update_whole(level, &mut y[start..], f);
    if odd {
        one(f, 0, a, a).store(y);
        one(f, 0, b, b).store(&mut y[last..]);
    }
}

/// The same for the whole vectors from the beginning on.
#[inline(always)]
fn update_whole<V: Lanes>(level: V::Level, y: &mut [V::Item], f: &impl Function<V>) {
    let mut groups = y.chunks_exact_mut(4 * V::COUNT);
    for group in &mut groups {
        for k in 0..4 {
            let y = &mut group[k * V::COUNT..(k + 1) * V::COUNT];
            let v = V::load(level, y);
            one(f, 0, v, v).store(y);
        }
    }
    for y in groups.into_remainder().chunks_exact_mut(V::COUNT) {
        let v = V::load(level, y);
        one(f, 0, v, v).store(y);
    }
}

/// Adds `f` of the vectors to the terms in turn, from `i` on and before `end`, as far as there are any; the last may be
/// a part.
///
/// The terms rotate, unlike in the loop by fours: so the function is compiled once, not four times.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // as a struct it would be kept in memory
fn some<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool>(
    level: V::Level,
    inputs: Inputs<'_, V::Item>,
    out: &mut [V::Item],
    mut i: usize,
    end: usize,
    fill: V::Item,
    f: &F,
    mut terms: [V; 4],
) -> [V; 4] {
    let [a, b] = inputs.now;
    let end = end.min(vectors::<V>(a));
    let mut turns = 0;
    while i < end {
        if F::HEAVY {
            inputs.fetch::<V, TWO, 1>(level, i);
        }
        let x = take::<V>(level, a, i, fill);
        let y = if TWO { take(level, b, i, fill) } else { x };
        let term = if F::PRODUCT && !KEEP {
            f.add(i, x, y, terms[0])
        } else {
            let y = one(f, i, x, y);
            if KEEP && f.keeps() {
                put(y, out, i);
            }
            terms[0] + y
        };
        terms = [terms[1], terms[2], terms[3], term];
        (i, turns) = (i + 1, turns + 1);
    }
    let [a, b, c, d] = terms;
    match turns % 4 {
        0 => terms,
        1 => [d, a, b, c],
        2 => [c, d, a, b],
        _ => [b, c, d, a],
    }
}

/// Adds `f` of four vectors to the terms, from `i` on, all of them whole. The `FIRST` ones are added to nothing.
#[inline(always)]
fn group<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool, const FIRST: bool>(
    level: V::Level,
    inputs: Inputs<'_, V::Item>,
    out: &mut [V::Item],
    i: usize,
    f: &F,
    terms: [V; 4],
) -> [V; 4] {
    if F::HEAVY {
        inputs.fetch::<V, TWO, 4>(level, i);
    }
    let [a, b] = inputs.now;
    let start = i * V::COUNT;
    let b = if TWO { &b[start..] } else { b };
    let kept = if KEEP && f.keeps() { start } else { 0 };
    let out = &mut out[kept..];
    four::<V, F, TWO, KEEP, FIRST>(level, [&a[start..], b], out, i, f, terms)
}

/// The same for the vectors at the beginning of the buffers, of which the first has number `i`: a walk by chunks
/// compares no index, which is 3 to 7 % of the VJP.
#[inline(always)]
fn four<V: Lanes, F: Function<V>, const TWO: bool, const KEEP: bool, const FIRST: bool>(
    level: V::Level,
    [a, b]: [&[V::Item]; 2],
    out: &mut [V::Item],
    i: usize,
    f: &F,
    mut terms: [V; 4],
) -> [V; 4] {
    let count = 4 * V::COUNT;
    let a = &a[..count];
    let b = if TWO { &b[..count] } else { a };
    let keep = KEEP && f.keeps();
    let out = &mut out[..if keep { count } else { 0 }];
    let (mut x, mut y) = ([V::splat(level, V::Item::ZERO); 4], terms);
    for k in 0..4 {
        let place = k * V::COUNT..(k + 1) * V::COUNT;
        x[k] = V::load(level, &a[place.clone()]);
        y[k] = if TWO {
            V::load(level, &b[place.clone()])
        } else {
            x[k]
        };
        if F::PRODUCT && !KEEP {
            terms[k] = f.add(i + k, x[k], y[k], terms[k]);
        } else if V::REGISTERS > 1 || !F::HEAVY {
            x[k] = one(f, i + k, x[k], y[k]);
            if keep {
                x[k].store(&mut out[place]);
            }
        }
    }
    if F::PRODUCT && !KEEP {
        return terms;
    }
    // As many at a time as there are registers for.
    if V::REGISTERS == 1 && F::HEAVY {
        x = f.of([i, i + 1, i + 2, i + 3], x, y);
        if keep {
            for k in 0..4 {
                x[k].store(&mut out[k * V::COUNT..(k + 1) * V::COUNT]);
            }
        }
    }
    if FIRST {
        return x;
    }
    for k in 0..4 {
        terms[k] = terms[k] + x[k];
    }
    terms
}
