//! How lines lie in vectors: a vector is a stretch of one line, or holds an element of each of 16 (8) lines.
//!
//! Lane `l` of a line across holds its elements `l`, `l + lanes`, ...; down, the rows `l`, `l + lanes`, ... take its
//! part. Either way the same numbers are added in the same order, and a line has the same bits wherever it lies.

use super::bundles::{Kept, Set};
use super::sum::Total;
use super::sweep::Function;
use crate::kernel::simd::{Lanes, Real};
use std::ops::Range;

/// Lines that a job works on: [`Across`](super::across::Across) or [`Strip`](super::strip::Strip).
///
/// A bundle is the lines that share a vector: one line across, as many lines as there are lanes down. Each step goes
/// over all bundles before the next one begins.
pub(super) trait Layout<V: Lanes> {
    /// Whether every lane is a line of its own.
    const DOWN: bool;

    fn bundles(&self) -> usize;

    /// Whether there is a second input.
    fn is_double(&self) -> bool;

    /// Element `j` of line `line` of an input.
    fn at(&self, input: usize, line: usize, j: usize) -> V::Item;

    /// Element `j` of line `line` of the result.
    fn result(&mut self, line: usize, j: usize) -> &mut V::Item;

    /// Puts the largest element of each line of the first input in `m`, and its first index in `top`, unless that is
    /// empty.
    fn largest(&self, level: V::Level, top: &mut [u32], m: &mut Kept<V>);

    /// The sum of `f(k)` over the inputs, line by line. With `KEEP`, its terms are written to the result. `fours`
    /// groups of four vectors are added with the digits of an element before they go to the sum: fewer is more
    /// accurate, more is faster. Beyond the end of a line there is `fill`. The lanes of a line across are not joined
    /// yet.
    fn sums<F: Function<V>, const TWO: bool, const KEEP: bool>(
        &mut self,
        level: V::Level,
        fours: usize,
        fill: V::Item,
        f: impl Fn(usize) -> F,
        totals: &mut Kept<Total<V>>,
    );

    /// Writes `f(k)` of the inputs to the result.
    fn each<F: Function<V>, const TWO: bool>(&mut self, level: V::Level, f: impl Fn(usize) -> F);

    /// Replaces the result by `f(k)` of it.
    fn update<F: Function<V>>(&mut self, level: V::Level, f: impl Fn(usize) -> F);

    /// Keeps a function of numbers that each line has in its lanes, and returns the lines where it went well. What
    /// costs as much for a vector as for one number is done for all lines together.
    fn together<const N: usize>(
        &self,
        level: V::Level,
        given: impl Fn(usize) -> [V; N],
        f: impl Fn([V; N]) -> (V, u32),
        kept: &mut Kept<V>,
    ) -> Set;

    /// The lines of bundle `k`, of `lines` in all.
    #[inline(always)]
    fn range(k: usize, lines: usize) -> Range<usize> {
        let size = if Self::DOWN { V::COUNT } else { 1 };
        (k * size).min(lines)..((k + 1) * size).min(lines)
    }

    /// The entries of bundle `k` in a slice with one per line, or none.
    #[inline(always)]
    fn own<X>(each: &[X], k: usize) -> &[X] {
        &each[Self::range(k, each.len())]
    }

    /// The same for writing.
    #[inline(always)]
    fn own_mut<X>(each: &mut [X], k: usize) -> &mut [X] {
        let range = Self::range(k, each.len());
        &mut each[range]
    }

    /// The lines of bundle `k` that went well, from the lanes that did.
    #[inline(always)]
    fn well(k: usize, lanes: u32) -> Set {
        if Self::DOWN {
            Set::from(lanes) << (k * V::COUNT)
        } else {
            Set::from(lanes == V::ALL) << k
        }
    }

    /// Puts the number of each line of a bundle into its lanes.
    #[inline(always)]
    fn spread(level: V::Level, each: &[V::Item]) -> V {
        match each {
            [one, ..] if !Self::DOWN => V::splat(level, *one),
            all if all.len() == V::COUNT => V::load(level, all),
            some => V::load_part(level, some, V::Item::ZERO),
        }
    }

    /// Takes the number of each line from its lanes.
    #[inline(always)]
    fn collect(x: V, each: &mut [V::Item]) {
        if Self::DOWN {
            let count = each.len();
            each.copy_from_slice(&x.numbers()[..count]);
        } else {
            each[0] = x.first();
        }
    }

    /// A costly function of the number that each line has in its lanes.
    #[inline(always)]
    fn map(level: V::Level, x: V, f: impl Fn(V::Item) -> V::Item) -> V {
        if Self::DOWN {
            x.map(level, f)
        } else {
            V::splat(level, f(x.first()))
        }
    }

    /// The element at `places` of each line of bundle `k`, 0 where there is none.
    #[inline(always)]
    fn pick(&self, level: V::Level, input: usize, k: usize, places: &[u32]) -> V {
        let element = |line: usize, j: u32| match j {
            super::plain::NONE => V::Item::ZERO,
            j => self.at(input, line, j as usize),
        };
        let places = Self::own(places, k);
        if !Self::DOWN {
            return V::splat(level, element(k, places[0]));
        }
        let mut each = [V::Item::ZERO; 16];
        for (lane, (each, &j)) in each.iter_mut().zip(places).enumerate() {
            *each = element(k * V::COUNT + lane, j);
        }
        Self::spread(level, &each[..V::COUNT])
    }
}

/// The number of vectors of a buffer, the last of which may be a part.
#[inline(always)]
pub(super) fn vectors<V: Lanes>(x: &[V::Item]) -> usize {
    x.len().div_ceil(V::COUNT)
}

/// The number of elements of a buffer before the first that begins a cache line; less than a vector has.
///
/// A vector that straddles two cache lines takes twice as long to read, and longer to write; a partial one, longer
/// still. So where the order of elements does not matter, a buffer of at least a vector is processed from there on, and
/// its first and last vectors in addition, whole and wherever they lie.
#[inline(always)]
pub(super) fn ahead<T>(x: &[T]) -> usize {
    x.as_ptr().addr().wrapping_neg() % 64 / size_of::<T>()
}

/// Vector `i` of a buffer, with `fill` beyond the end.
#[inline(always)]
pub(super) fn take<V: Lanes>(level: V::Level, x: &[V::Item], i: usize, fill: V::Item) -> V {
    let start = i * V::COUNT;
    match x.get(start..start + V::COUNT) {
        Some(full) => V::load(level, full),
        None => V::load_part(level, &x[start..], fill),
    }
}

/// Writes vector `i` of a buffer, up to its end.
#[inline(always)]
pub(super) fn put<V: Lanes>(v: V, y: &mut [V::Item], i: usize) {
    let start = i * V::COUNT;
    match y.get_mut(start..start + V::COUNT) {
        Some(full) => v.store(full),
        None => v.store_part(&mut y[start..]),
    }
}
