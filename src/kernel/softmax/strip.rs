//! Lines side by side: a row of memory holds one element of each, a vector one element of as many as there are lanes.
//!
//! A strip is worked on row by row, where it lies or in a scratch: memory is read in its order, and lines do not wait for one
//! another. What is kept of each line from row to row lies in the first cache.
#![allow(unsafe_code)]

use super::bundles::{Kept, Set};
use super::descent::{Highest, Sums, Write};
use super::layout::Layout;
use super::place::{Place, WIDE};
use super::sum::Total;
use super::sweep::Function;
use crate::kernel::simd::{Lanes, Real, Shared};

/// How many rows ahead memory is asked while exponentials are reckoned, whose loop is not unrolled.
const AHEAD: usize = 6;

/// Lines side by side.
pub(super) struct Strip<'a, T> {
    pub place: Place,
    inputs: [&'a [T]; 2],
    out: &'a Shared<'a, T>,
    /// Room for the terms of sums.
    pub terms: &'a mut [T],
}

impl<'a, T: Real> Strip<'a, T> {
    /// The lines at a place of up to two inputs and the result; what is not there is empty.
    ///
    /// # Safety
    /// As long as it lives, nobody else may hold a part of these lines in `out`, on any thread.
    #[inline(always)]
    pub unsafe fn new(
        place: Place,
        inputs: [&'a [T]; 2],
        out: &'a Shared<'a, T>,
        terms: &'a mut [T],
    ) -> Self {
        Self {
            place,
            inputs,
            out,
            terms,
        }
    }

    /// Row `j` of the inputs; the first one twice, unless the second is asked for.
    #[inline(always)]
    pub fn row<V: Lanes<Item = T>, const TWO: bool, const WHOLE: bool>(
        &self,
        j: usize,
    ) -> [&'a [T]; 2] {
        let (row, [a, b]) = (self.place.row::<V, WHOLE>(j), self.inputs);
        [&a[row.clone()], if TWO { &b[row] } else { &a[row] }]
    }

    /// Row `j` of the result.
    #[inline(always)]
    pub fn out<V: Lanes<Item = T>, const WHOLE: bool>(&mut self, j: usize) -> &mut [T] {
        let row = self.place.row::<V, WHOLE>(j);
        // SAFETY: needs that nobody else holds the row: it is of these lines, which whoever made the strip has for itself, and
        // the strip is borrowed as long as the row is held.
        unsafe { self.out.part(row.start, row.len()) }
    }

    /// Where rows begin that come later, of the inputs and of a result that is written; there is nothing in them.
    #[inline(always)]
    pub fn later<const TWO: bool, const OUT: bool>(&self, j: usize) -> Later<'a, T, TWO, OUT> {
        let at = self.place.start + (j + AHEAD).min(self.place.n - 1) * self.place.stride;
        let [x, g] = [
            &self.inputs[0][at..at],
            if TWO { &self.inputs[1][at..at] } else { &[] },
        ];
        let out: &[T] = if OUT {
            // SAFETY: needs that nobody else holds the part, in which there is nothing.
            unsafe { self.out.part(at, 0) }
        } else {
            &[]
        };
        Later([x, g, out])
    }

    /// Writes `f(k)` of the inputs to the result, or with `AGAIN` of the result itself.
    #[inline(always)]
    fn write<V: Lanes<Item = T>, F: Function<V>, const TWO: bool, const AGAIN: bool>(
        &mut self,
        level: V::Level,
        f: impl Fn(usize) -> F,
    ) {
        let (strip, mut each) = (self, Kept::new());
        each.fill(strip.place.bundles::<V, false>(), f);
        let f = each.each();
        if !F::HEAVY && strip.place.is_whole::<V>() {
            V::apart(level, Write::<V, F, TWO, AGAIN, true> { level, strip, f });
        } else {
            V::apart(level, Write::<V, F, TWO, AGAIN, false> { level, strip, f });
        }
    }
}

/// Rows that come later: two inputs, or one, and perhaps the result.
#[derive(Clone, Copy)]
pub(super) struct Later<'a, T, const TWO: bool, const OUT: bool>([&'a [T]; 3]);

impl<T: Real, const TWO: bool, const OUT: bool> Later<'_, T, TWO, OUT> {
    /// Asks memory for their bundle `k`.
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
        &mut self.out::<V, false>(j)[line]
    }

    #[inline(always)]
    fn largest(&self, level: V::Level, top: &mut [u32], kept: &mut Kept<V>) {
        let (strip, mut m) = (self, [V::splat(level, V::Item::NOTHING); WIDE]);
        if self.place.is_whole::<V>() {
            let m = &mut m;
            V::apart(
                level,
                Highest::<V, true> {
                    level,
                    strip,
                    m,
                    top,
                },
            );
        } else {
            let m = &mut m;
            V::apart(
                level,
                Highest::<V, false> {
                    level,
                    strip,
                    m,
                    top,
                },
            );
        }
        for &m in &m[..self.place.bundles::<V, false>()] {
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
        let mut each = Kept::new();
        each.fill(self.place.bundles::<V, false>(), f);
        let (strip, f) = (self, each.each());
        let sums = Sums::<V, F, TWO, KEEP> {
            level,
            fours,
            strip,
            f,
            totals,
        };
        V::apart(level, sums);
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
