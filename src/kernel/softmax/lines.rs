//! Rows become lines of vectors, cut into chunks for the threads.
//!
//! A line's result depends only on its numbers: not on its neighbours, its chunk, or the number of threads.

use super::bundles::Set;
use super::chunk::{Chunk, SHORT, TURNED, few};
use super::layout::Layout;
use super::place::WIDE;
use crate::kernel::simd::{Detected, Lanes, Real, Shared};
use crate::kernel::{Rows, Soon, threads};
use std::ops::Range;

/// What is done to lines.
pub(super) trait Job<T: Real>: Sync {
    /// Whether it takes several lines across at a time, too.
    const TOGETHER: bool = false;

    /// Whether it computes enough to prefetch in the meantime what is used next.
    const ASKS: bool = true;

    /// Processes the lines from number `r` on, and returns the set of those that went well; the others, which hold NaN
    /// or overflow, are computed again by `line`. Must be `#[inline(always)]`.
    fn lines<V: Lanes<Item = T>, L: Layout<V>>(
        &self,
        level: V::Level,
        r: usize,
        lines: L,
        own: Own<'_, T>,
    ) -> Set;

    /// The plain form, for one contiguous line.
    fn line(&self, r: usize, inputs: [&[T]; 2], out: &mut [T], own: Own<'_, T>);
}

/// What a job writes once per line, where it does.
pub(super) struct Own<'a, T> {
    pub lines: usize,
    pub top: &'a mut [u32],
    pub rest: &'a mut [T],
    pub value: &'a mut [T],
}

/// Rows to process: up to two inputs, a result of the same size, results per row. What is not needed is empty.
pub(super) struct Work<'a, T> {
    pub rows: Rows,
    pub inputs: [&'a [T]; 2],
    /// A mask, the number of an input, and what replaces the elements not kept.
    pub mask: Option<(&'a [bool], usize, T)>,
    pub out: Shared<'a, T>,
    /// Where the buffers begin that are used after this kernel at the places of the first input; 0 for none.
    pub soon: [usize; 2],
    pub top: Shared<'a, u32>,
    pub rest: Shared<'a, T>,
    pub value: Shared<'a, T>,
}

/// Bytes of a result beyond which it leaves the last cache before anything reads it. What bypasses the caches is not
/// read from memory before it is written, which was a fifth of the time of strips on two threads at 4096x4096 in f32.
const FAR: usize = 1 << 25;

/// Elements from which threads are worth calling, the least of a chunk, the most chunks. A thread takes 20 to 60 µs to
/// wake; for less work than that it comes too late.
const FORK: usize = 3 << 15;
const CHUNK: usize = 1 << 13;
const CHUNKS: usize = 64;

/// The most parts into which threads cut the rows of a strip: each has its own terms of sums.
const PARTS: usize = 32;

impl<'a, T: Real> Work<'a, T> {
    pub fn new(rows: Rows, x: &'a [T], out: &'a mut [T]) -> Self {
        let [a, b, _] = Soon::places::<T>(x.len());
        let soon = [a, b];
        Self {
            rows,
            inputs: [x, &[]],
            mask: None,
            out: Shared::new(out),
            soon,
            top: Shared::new(&mut []),
            rest: Shared::new(&mut []),
            value: Shared::new(&mut []),
        }
    }

    /// Adds a second input.
    pub fn with(mut self, g: &'a [T]) -> Self {
        self.inputs[1] = g;
        self
    }

    /// Replaces by `fill` the elements of an input that `mask` does not keep.
    pub fn masked(mut self, mask: &'a [bool], input: usize, fill: T) -> Self {
        self.mask = Some((mask, input, fill));
        self
    }

    /// Writes the index of each row's maximum.
    pub fn top(mut self, top: &'a mut [u32]) -> Self {
        self.top = Shared::new(top);
        self
    }

    /// Writes the sum of each row's other exponentials.
    pub fn rest(mut self, rest: &'a mut [T]) -> Self {
        self.rest = Shared::new(rest);
        self
    }

    /// Writes a number for each row.
    pub fn value(mut self, value: &'a mut [T]) -> Self {
        self.value = Shared::new(value);
        self
    }

    /// Whether a tensor of these rows is larger than the last cache.
    pub fn is_far(&self) -> bool {
        self.rows.elements() * size_of::<T>() > FAR
    }

    /// Whether lines lie side by side and are processed in place.
    pub fn lies_in_strips(&self) -> bool {
        self.rows.inner >= T::LANES && self.mask.is_none()
    }

    /// Replaces what the mask does not keep in a copy of some lines of input `input`; `at` gives the place
    /// there of an element of one of these lines.
    pub fn hide(
        &self,
        input: usize,
        lines: Range<usize>,
        copy: &mut [T],
        at: impl Fn(usize, usize) -> usize,
    ) {
        let Some((mask, _, fill)) = self.mask.filter(|&(_, masked, _)| masked == input) else {
            return;
        };
        // Row by row, so that the mask is read in order, and without a branch, which it would mispredict.
        let starts: Vec<usize> = lines.map(|r| self.rows.at(r, 0)).collect();
        for j in 0..self.rows.n {
            for (line, start) in starts.iter().enumerate() {
                let place = &mut copy[at(line, j)];
                *place = if mask[start + j * self.rows.inner] {
                    *place
                } else {
                    fill
                };
            }
        }
    }

    /// Does the job on the level in use, on as many threads as there are.
    pub fn run(&self, job: &impl Job<T>) {
        let (level, rows) = (Detected::current(), self.rows);
        let (count, elements) = (rows.count(), rows.elements());
        if elements == 0 {
            return;
        }
        let run = |lines, parts| {
            Chunk {
                work: self,
                lines,
                job,
                parts,
            }
            .run(level);
        };
        // A row of ten is done sooner than it takes to ask how many threads there are.
        if elements < FORK {
            return run(0..count, 1);
        }
        // Whole bundles, so that threads do not write to the same 64 bytes; and not too many chunks, since each has a
        // scratch.
        let lines = (CHUNK / rows.n).max(count / CHUNKS).max(1);
        let bundle = match rows.inner {
            1 if rows.n >= CHUNK => 1,
            1 if rows.n > SHORT * T::LANES => 16,
            1 => TURNED * T::LANES,
            _ if rows.n >= CHUNK && count <= few::<T>() => 1,
            // Not narrower: where there are too few strips, threads share their rows.
            _ => WIDE * T::LANES,
        };
        let lines = lines.next_multiple_of(bundle);
        let hands = threads::count();
        let mut chunks = if hands == 1 { 1 } else { count.div_ceil(lines) };
        // Threads share the rows of tall strips where there are fewer strips than threads, or few and all in the
        // caches: there, with a strip each, two cores far from each other took longer than one for 1000x300. From
        // memory, strips side by side are faster. Two parts per thread, since some come late: fewer and more were
        // slower.
        let (mut parts, strip) = (1, rows.n * bundle.min(rows.inner));
        let few = chunks < hands || chunks < 2 * hands && !self.is_far();
        if self.lies_in_strips() && hands > 1 && few && strip >= FORK {
            chunks = 1;
            parts = (2 * hands).min(PARTS).min(strip / CHUNK);
        }
        let lines = if chunks == 1 { count } else { lines };
        threads::each(chunks, |chunk| {
            run(chunk * lines..count.min((chunk + 1) * lines), parts);
        });
    }
}
