//! Lines side by side: a row in memory holds one element of each, a vector one element of as many as there are lanes.
//!
//! A strip is processed row by row, in place or in a scratch: memory is read in order, and lines do not wait for one
//! another. What is kept of each line from row to row stays in the first-level cache. Threads may share the rows:
//! maxima do not depend on order, and the sums of blocks of rows are added in the order of the blocks, whichever thread
//! computes them.
#![allow(unsafe_code)]

use super::bundles::{Kept, Set};
use super::descent::{Few, First, Found, Gather, Highest, Join, Terms, Write};
use super::layout::Layout;
use super::place::{Place, WIDE};
use super::sum::Total;
use super::sweep::Function;
use crate::kernel::simd::{Lanes, Real, Shared};
use crate::kernel::threads;
use std::ops::Range;

/// How many rows ahead to prefetch while exponentials are computed, whose loop is not unrolled.
const AHEAD: usize = 6;

/// Lines side by side.
pub(super) struct Strip<'a, T> {
    pub place: Place,
    inputs: [&'a [T]; 2],
    out: &'a Shared<'a, T>,
    /// Memory for the terms of sums, for each part.
    terms: &'a Shared<'a, T>,
    /// How many parts threads may cut the rows into.
    parts: usize,
}

impl<'a, T: Real> Strip<'a, T> {
    /// The lines at a place in up to two inputs and the result; what is not needed is empty.
    ///
    /// # Safety
    /// As long as the strip lives, nobody else may hold a part of these lines in `out`, nor of `terms`, on any thread.
    #[inline(always)]
    pub unsafe fn new(
        place: Place,
        inputs: [&'a [T]; 2],
        out: &'a Shared<'a, T>,
        terms: &'a Shared<'a, T>,
        parts: usize,
    ) -> Self {
        Self {
            place,
            inputs,
            out,
            terms,
            parts,
        }
    }

    fn part(&self, part: usize) -> Range<usize> {
        let from = |part: usize| self.place.n * part / self.parts;
        from(part)..from(part + 1)
    }

    /// Row `j` of the inputs; the first one twice, unless `TWO` is set.
    #[inline(always)]
    pub fn row<V: Lanes<Item = T>, const TWO: bool, const WHOLE: bool>(
        &self,
        j: usize,
    ) -> [&'a [T]; 2] {
        let (row, [a, b]) = (self.place.row::<V, WHOLE>(j), self.inputs);
        [&a[row.clone()], if TWO { &b[row] } else { &a[row] }]
    }

    /// Row `j` of the result.
    ///
    /// # Safety
    /// As long as the row is held, nobody else may hold a part of it through this strip.
    #[allow(clippy::mut_from_ref)] // threads have rows of their own
    #[inline(always)]
    pub unsafe fn out<V: Lanes<Item = T>, const WHOLE: bool>(&self, j: usize) -> &mut [T] {
        let row = self.place.row::<V, WHOLE>(j);
        // SAFETY: needs that nobody else holds the row: it belongs to these lines, which whoever made the strip has
        // exclusively, and whoever has the strip has promised the rest.
        unsafe { self.out.part(row.start, row.len()) }
    }

    /// Where later rows begin, of the inputs and of a result that is written; the slices are empty.
    #[inline(always)]
    pub fn later<const TWO: bool, const OUT: bool>(&self, j: usize) -> Later<'a, T, TWO, OUT> {
        let at = self.place.start + (j + AHEAD).min(self.place.n - 1) * self.place.stride;
        let [x, g] = [
            &self.inputs[0][at..at],
            if TWO { &self.inputs[1][at..at] } else { &[] },
        ];
        let out: &[T] = if OUT && !self.out.is_empty() {
            // SAFETY: needs that nobody else holds the part: it is empty.
            unsafe { self.out.part(at, 0) }
        } else {
            &[]
        };
        Later([x, g, out])
    }

    /// Writes to the result `f(k)` of the inputs or, with `AGAIN`, of the result itself.
    #[inline(always)]
    fn write<V: Lanes<Item = T>, F: Function<V>, const TWO: bool, const AGAIN: bool>(
        &mut self,
        level: V::Level,
        f: impl Fn(usize) -> F,
    ) {
        let (strip, mut each) = (&*self, Kept::new());
        each.fill(strip.place.bundles::<V, false>(), f);
        let f = each.each();
        threads::each(strip.parts, |part| {
            let rows = strip.part(part);
            if !F::HEAVY && strip.place.is_whole::<V>() {
                let write = Write::<V, F, TWO, AGAIN, true> {
                    level,
                    strip,
                    f,
                    rows,
                };
                V::apart(level, write);
            } else {
                let write = Write::<V, F, TWO, AGAIN, false> {
                    level,
                    strip,
                    f,
                    rows,
                };
                V::apart(level, write);
            }
        });
    }

    /// The largest elements of some rows, and their indices if they are wanted.
    #[inline(always)]
    fn highest<V: Lanes<Item = T>>(
        &self,
        level: V::Level,
        rows: Range<usize>,
        found: &mut Found<V>,
        top: &mut [u32],
    ) {
        let strip = self;
        if strip.place.is_whole::<V>() {
            let highest = Highest::<V, true> {
                level,
                strip,
                rows,
                found,
                top,
            };
            V::apart(level, highest);
        } else {
            let highest = Highest::<V, false> {
                level,
                strip,
                rows,
                found,
                top,
            };
            V::apart(level, highest);
        }
    }
}

/// Later rows: of two inputs, or one, and perhaps of the result.
#[derive(Clone, Copy)]
pub(super) struct Later<'a, T, const TWO: bool, const OUT: bool>([&'a [T]; 3]);

impl<T: Real, const TWO: bool, const OUT: bool> Later<'_, T, TWO, OUT> {
    /// Prefetches their bundle `k`.
    #[inline(always)]
    pub fn ask<V: Lanes<Item = T>>(self, level: V::Level, k: usize) {
        let [x, g, out] = self.0;
        V::fetch::<true>(level, x, k * V::COUNT);
        if TWO {
            V::fetch::<true>(level, g, k * V::COUNT);
        }
        if OUT {
            V::fetch::<true>(level, out, k * V::COUNT);
        }
    }
}

impl<V: Lanes> Layout<V> for Strip<'_, V::Item> {
    const DOWN: bool = true;

    #[inline(always)]
    fn bundles(&self) -> usize {
        self.place.bundles::<V, false>()
    }

    #[inline(always)]
    fn is_double(&self) -> bool {
        !self.inputs[1].is_empty()
    }

    #[inline(always)]
    fn at(&self, input: usize, line: usize, j: usize) -> V::Item {
        let Place { start, stride, .. } = self.place;
        self.inputs[input][start + j * stride + line]
    }

    #[inline(always)]
    fn result(&mut self, line: usize, j: usize) -> &mut V::Item {
        // SAFETY: needs that nobody else holds the row: the strip is borrowed as long as the number is held.
        unsafe { &mut self.out::<V, false>(j)[line] }
    }

    #[inline(always)]
    fn largest(&self, level: V::Level, top: &mut [u32], kept: &mut Kept<V>) {
        let mut found = Found::none(level);
        if self.parts == 1 {
            self.highest(level, 0..self.place.n, &mut found, top);
        } else {
            let parts = (0..self.parts).map(|part| self.part(part)).collect();
            let later = threads::map(parts, |rows| {
                let mut found = Found::none(level);
                self.highest::<V>(level, rows, &mut found, &mut []);
                found
            });
            let (found, later) = (&mut found, &later[..]);
            V::apart(level, First { found, later, top });
        }
        for &m in &found.m[..self.place.bundles::<V, false>()] {
            kept.push(m);
        }
    }

    #[inline(always)]
    fn sums<F: Function<V>, const TWO: bool, const KEEP: bool>(
        &mut self,
        level: V::Level,
        fours: usize,
        _: V::Item,
        f: impl Fn(usize) -> F,
        totals: &mut Kept<Total<V>>,
    ) {
        let (strip, mut each) = (&*self, Kept::new());
        let (n, bundles) = (strip.place.n, strip.place.bundles::<V, false>());
        each.fill(bundles, f);
        let f = each.each();
        if n <= V::COUNT {
            let few = Few::<V, F, TWO, KEEP> {
                level,
                strip,
                f,
                totals,
            };
            return V::apart(level, few);
        }
        // As many blocks at a time as there are parts.
        let mut sums = [[Total::none(level); 16]; WIDE];
        let (block, room) = (fours * 4 * V::COUNT, strip.place.terms::<V::Item>());
        let rows = |at: usize| at * block..n.min((at + 1) * block);
        let blocks = n.div_ceil(block);
        for start in (0..blocks).step_by(strip.parts) {
            let parts = strip.parts.min(blocks - start);
            threads::each(parts, |part| {
                // SAFETY: needs that nobody else holds this memory: each part has its own, and the strip has all.
                let terms = unsafe { strip.terms.part(part * room, room) };
                let rows = rows(start + part);
                V::apart(
                    level,
                    Terms::<V, F, TWO, KEEP> {
                        level,
                        strip,
                        f,
                        rows,
                        terms,
                    },
                );
            });
            for part in 0..parts {
                // SAFETY: needs that nobody else holds this memory: all parts are done.
                let terms = unsafe { strip.terms.part(part * room, room) };
                let gather = Gather::<V> {
                    level,
                    bundles,
                    rows: rows(start + part).len(),
                    terms,
                    sums: &mut sums,
                };
                V::apart(level, gather);
            }
        }
        let sums = &mut sums[..bundles];
        V::apart(level, Join { sums, totals });
    }

    #[inline(always)]
    fn each<F: Function<V>, const TWO: bool>(&mut self, level: V::Level, f: impl Fn(usize) -> F) {
        self.write::<V, F, TWO, false>(level, f);
    }

    #[inline(always)]
    fn update<F: Function<V>>(&mut self, level: V::Level, f: impl Fn(usize) -> F) {
        self.write::<V, F, false, true>(level, f);
    }

    #[inline(always)]
    fn together<const N: usize>(
        &self,
        _: V::Level,
        given: impl Fn(usize) -> [V; N],
        f: impl Fn([V; N]) -> (V, u32),
        kept: &mut Kept<V>,
    ) -> Set {
        let mut all = 0;
        for k in 0..self.place.bundles::<V, false>() {
            let (y, well) = f(given(k));
            kept.push(y);
            all |= <Self as Layout<V>>::well(k, well);
        }
        all
    }
}
