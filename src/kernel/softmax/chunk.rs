//! The lines of one thread: long rows as they lie, others side by side in a scratch buffer.
#![allow(unsafe_code)]

use super::bundles::MOST;
use super::inputs::Inputs;
use super::layout::{Across, Down};
use super::lines::{Job, Own, Work};
use super::pack::Packing;
use super::room::Room;
use crate::kernel::Rows;
use crate::kernel::simd::{self, Lanes, Level, Real, Shared, Task};
use std::ops::Range;

/// Rows of up to this many vectors lie better side by side, if there are enough of them.
const SHORT: usize = 3;

/// Bundles of lines that are packed together: what is read at a place of memory is then longer than a line of the cache.
const STRIP: usize = 8;

/// Bytes of the lines across that are worked on together: they stay in the first cache from one step to the next.
const BATCH: usize = 1 << 14;

/// The elements of a batch.
const fn batch<T>() -> usize {
    BATCH / size_of::<T>()
}

/// Lines with a job for them. No two chunks share a line: [`Work::run`] cuts them so.
pub(super) struct Chunk<'a, T, J> {
    pub work: &'a Work<'a, T>,
    pub lines: Range<usize>,
    pub job: &'a J,
}

impl<T: Real, J: Job<T>> Chunk<'_, T, J> {
    /// Does the job. Each way to go is a task by itself, since the compiler's work grows faster than a function.
    pub fn run(self, level: Level) {
        let Rows { n, inner, .. } = self.work.rows;
        let few = self.lines.len() <= T::LANES / 4 || n > SHORT * T::LANES;
        if inner == 1 && few {
            simd::run(level, InPlace(self));
        } else {
            simd::run(level, Packed(self));
        }
    }
}

/// Rows that lie in one piece.
struct InPlace<'a, T, J>(Chunk<'a, T, J>);

impl<T: Real, J: Job<T>> Task<T> for InPlace<'_, T, J> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        self.0.across::<V>(level);
    }
}

/// Others.
struct Packed<'a, T, J>(Chunk<'a, T, J>);

impl<T: Real, J: Job<T>> Task<T> for Packed<'_, T, J> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        self.0.down::<V>(level);
    }
}

impl<T: Real, J: Job<T>> Chunk<'_, T, J> {
    /// Rows that lie in one piece, one after the other.
    #[inline(always)]
    fn across<V: Lanes<Item = T>>(&self, level: V::Level) {
        let n = self.work.rows.n;
        let most = match J::TOGETHER {
            true => (batch::<T>() / n).clamp(1, MOST.min(V::COUNT)),
            false => 1,
        };
        let mut kept = Vec::new();
        for r in self.lines.clone().step_by(most) {
            let lines = match J::TOGETHER {
                true => most.min(self.lines.end - r),
                false => 1,
            };
            let row = r * n..(r + lines) * n;
            let [mut x, mut g] = self
                .work
                .inputs
                .map(|input| input.get(row.clone()).unwrap_or(&[]));
            if let Some((mask, input, fill)) = self.work.mask {
                let mask = &mask[row];
                kept.clear();
                kept.extend_from_slice([x, g][input]);
                for (x, &keep) in kept.iter_mut().zip(mask) {
                    *x = if keep { *x } else { fill };
                }
                *[&mut x, &mut g][input] = &kept;
            }
            let next = self.next([x, g], r * n, lines * n);
            let inputs = Inputs { now: [x, g], next };
            let (out, own) = (self.out(r * n, lines * n), self.own(r, lines));
            let well = self.job.lines::<V, Across>(level, r, inputs, out, own);
            for k in set(!well & ((1 << lines) - 1)) {
                let inputs = [x, g].map(|x| x.get(k * n..(k + 1) * n).unwrap_or(&[]));
                let (out, own) = (self.out((r + k) * n, n), self.own(r + k, 1));
                self.job.line(r + k, inputs, out, own);
            }
        }
    }

    /// What is asked for while some lines are worked on: as much of each input, not so near that it would be there no sooner;
    /// at the end what is there already.
    #[inline(always)]
    fn next<'x>(&'x self, now: [&'x [T]; 2], start: usize, len: usize) -> [&'x [T]; 2] {
        let start = start + batch::<T>().max(len);
        let mut next = now;
        for (next, input) in next.iter_mut().zip(self.work.inputs) {
            *next = input.get(start..start + len).unwrap_or(*next);
        }
        next
    }

    /// Rows in bundles of as many as there are lanes, which are copied to lie side by side, and back.
    #[inline(always)]
    fn down<V: Lanes<Item = T>>(&self, level: V::Level) {
        let rows = self.work.rows;
        let size = rows.n * V::COUNT;
        let strip = if rows.inner > 1 { STRIP } else { 1 };
        let sizes = self
            .work
            .inputs
            .map(|x| if x.is_empty() { 0 } else { strip * size });
        let last = if self.work.out.is_empty() {
            0
        } else {
            strip * size
        };
        let all = sizes[0] + sizes[1] + last;
        let mut room = Room::new::<T>(all);
        let room = room.numbers::<T>(all);
        let (x, room) = room.split_at_mut(sizes[0]);
        let (g, out) = room.split_at_mut(sizes[1]);
        let mut inputs = [x, g];
        for first in self.lines.clone().step_by(strip * V::COUNT) {
            let all = first..self.lines.end.min(first + strip * V::COUNT);
            let packing = Packing {
                rows,
                lines: all.clone(),
            };
            for (packed, input) in inputs.iter_mut().zip(self.work.inputs) {
                packing.pack::<V>(level, input, packed);
            }
            if let Some((mask, input, fill)) = self.work.mask {
                packing.hide::<V>(mask, fill, inputs[input]);
            }
            for (k, r) in all.clone().step_by(V::COUNT).enumerate() {
                let lines = r..all.end.min(r + V::COUNT);
                let part = |x: &[T]| {
                    if x.is_empty() {
                        0..0
                    } else {
                        k * size..(k + 1) * size
                    }
                };
                let [x, g] = [&inputs[0][part(inputs[0])], &inputs[1][part(inputs[1])]];
                let place = part(out);
                let out = &mut out[place];
                let own = self.own(r, lines.len());
                let well = self
                    .job
                    .lines::<V, Down>(level, r, Inputs::only([x, g]), out, own);
                for line in set(!well & ((1 << lines.len()) - 1)) {
                    self.again::<V>(r, line, [x, g], out);
                }
            }
            // SAFETY: needs that nobody else holds these lines: they are of this chunk, chunks share none, and within a chunk
            // every part is let go before.
            unsafe { packing.unpack::<V>(level, out, &self.work.out) };
        }
    }

    /// Does one line of a bundle again in its plain form.
    #[cold]
    fn again<V: Lanes<Item = T>>(&self, r: usize, line: usize, inputs: [&[T]; 2], out: &mut [T]) {
        let cut = |x: &[T]| -> Vec<T> { x.iter().skip(line).step_by(V::COUNT).copied().collect() };
        let (inputs, mut result) = (inputs.map(cut), cut(out));
        let own = self.own(r + line, 1);
        let [x, g] = [&inputs[0][..], &inputs[1][..]];
        self.job.line(r + line, [x, g], &mut result, own);
        let places = out.iter_mut().skip(line).step_by(V::COUNT);
        places.zip(result).for_each(|(place, x)| *place = x);
    }

    /// A stretch of the result, which belongs to a line of this chunk.
    #[allow(clippy::mut_from_ref)] // one at a time, as below
    #[inline(always)]
    fn out(&self, start: usize, len: usize) -> &mut [T] {
        if self.work.out.is_empty() {
            return &mut [];
        }
        // SAFETY: needs that nobody else holds the stretch: it is part of a line of this chunk, chunks share no line, and
        // within a chunk each stretch is let go before the next is asked for.
        unsafe { self.work.out.part(start, len) }
    }

    /// What belongs to each of some lines of this chunk.
    #[inline(always)]
    fn own(&self, r: usize, lines: usize) -> Own<'_, T> {
        #[allow(clippy::mut_from_ref)] // one at a time, as below
        #[inline(always)]
        fn part<'a, X>(shared: &'a Shared<'_, X>, r: usize, lines: usize) -> &'a mut [X] {
            if shared.is_empty() {
                return &mut [];
            }
            // SAFETY: needs that nobody else holds the numbers: the lines are of one chunk, chunks share no line, and
            // within a chunk they are let go before they are asked for again.
            unsafe { shared.part(r, lines) }
        }
        Own {
            lines,
            top: part(&self.work.top, r, lines),
            rest: part(&self.work.rest, r, lines),
            value: part(&self.work.value, r, lines),
        }
    }
}

/// The members of a set of lines.
#[inline(always)]
fn set(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            first
        })
    })
}
