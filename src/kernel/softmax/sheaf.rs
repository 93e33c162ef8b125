//! `Sheaf`: lines whose elements lie apart, copied so that each is contiguous, and their results copied back.
//!
//! In place, each step would read the lines from memory again, most of all where rows are a power of two apart: such
//! rows share a place in the caches, which then hold few of them.
#![allow(unsafe_code)]

use super::lines::Work;
use super::room::Room;
use super::turn::Turn;
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real, Shared};
use std::ops::{Range, RangeInclusive};

/// The fewest and the most elements of a line for which copies of all lines are worthwhile, as measured
/// (docs/measurements.md): shorter ones mostly stay in the caches in place, and longer ones do not even as copies.
const TALL: RangeInclusive<usize> = 1 << 10..=1 << 15;

/// Whether copies are worthwhile. Copying results back is cheap only past the caches: where they begin at cache lines,
/// and are not read again before they would have left the caches.
pub(super) fn is_worthwhile<T: Real>(work: &Work<'_, T>) -> bool {
    let Rows { n, inner, .. } = work.rows;
    let row = inner * size_of::<T>();
    // Without results of their size there is too little to do for the copies: logsumexp takes 1.1 to 1.5 of its time.
    let aligned = !work.out.is_empty() && (work.out.address() | row).is_multiple_of(64);
    inner >= 2 * T::LANES && TALL.contains(&n) && work.is_far() && aligned
}

/// Copies of some lines.
pub(super) struct Sheaf<'a, T> {
    work: &'a Work<'a, T>,
    /// The most lines that it holds.
    most: usize,
    lines: Range<usize>,
    /// From one line to the next: one cache line more than whole vectors, so that few stretches of a column share a
    /// place in the cache.
    stride: usize,
    /// How many numbers each copy has: of two inputs, and of the result.
    sizes: [usize; 3],
    room: Room,
}

impl<'a, T: Real> Sheaf<'a, T> {
    /// An empty one, for up to `count` lines.
    pub fn new(work: &'a Work<'a, T>, count: usize) -> Self {
        let n = work.rows.n;
        let most = (if n <= *TALL.end() { 2 * T::LANES } else { 1 }).min(count);
        let stride = n.next_multiple_of(T::LANES) + T::LANES;
        let [a, b] = work.inputs.map(<[T]>::is_empty);
        let missing = [a, b, work.out.is_empty()];
        let sizes = missing.map(|is_missing| if is_missing { 0 } else { most * stride });
        Self {
            work,
            most,
            lines: 0..0,
            stride,
            sizes,
            room: Room::new::<T>(sizes.iter().sum()),
        }
    }

    fn copies(&mut self) -> [&mut [T]; 3] {
        let [first, second, last] = self.sizes;
        let all = self.room.numbers(first + second + last);
        let (a, rest) = all.split_at_mut(first);
        let (b, out) = rest.split_at_mut(second);
        [a, b, out]
    }

    /// Whether line `r` is beyond the lines that it holds.
    pub fn ends_before(&self, r: usize) -> bool {
        self.lines.end <= r
    }

    /// Copies as many lines from number `r` on as it can hold and lie side by side, before number `end`.
    pub fn take<V: Lanes<Item = T>>(&mut self, level: V::Level, r: usize, end: usize) {
        let (work, stride, Rows { n, inner, .. }) = (self.work, self.stride, self.work.rows);
        let lines = r..end.min(r + self.most.min(inner - r % inner));
        self.lines = lines.clone();
        let [a, b, _] = self.copies();
        for (k, (copy, input)) in [a, b].into_iter().zip(work.inputs).enumerate() {
            if input.is_empty() {
                continue;
            }
            let turn = Turn::<V, true> {
                level,
                from: &input[work.rows.at(r, 0)..],
                strides: [inner, stride],
                rows: n,
                columns: lines.len(),
                to: &Shared::new(copy),
                start: 0,
                far: work.is_far(),
            };
            // SAFETY: needs that nobody else holds what is written, which is borrowed mutably.
            unsafe { turn.run() };
            work.hide(k, lines.clone(), copy, |line, j| line * stride + j);
        }
    }

    /// The inputs of line `r`, and the place of its result; what is not needed is empty.
    pub fn line(&mut self, r: usize) -> ([&[T]; 2], &mut [T]) {
        let start = (r - self.lines.start) * self.stride;
        let place = start..start + self.work.rows.n;
        let [a, b, out] = self.copies();
        let inputs = [&*a, &*b].map(|x| x.get(place.clone()).unwrap_or(&[]));
        (inputs, out.get_mut(place).unwrap_or(&mut []))
    }

    /// Copies the results back.
    ///
    /// # Safety
    /// Nobody else may hold a part of these lines in the result, on any thread.
    pub unsafe fn put_back<V: Lanes<Item = T>>(&mut self, level: V::Level) {
        let (work, stride, lines) = (self.work, self.stride, self.lines.clone());
        let [_, _, out] = self.copies();
        if out.is_empty() {
            return;
        }
        let turn = Turn::<V, false> {
            level,
            from: out,
            strides: [stride, work.rows.inner],
            rows: lines.len(),
            columns: work.rows.n,
            to: &work.out,
            start: work.rows.at(lines.start, 0),
            far: work.is_far(),
        };
        // SAFETY: needs that nobody else holds what is written: parts of these lines, as the caller promised.
        unsafe { turn.run() };
    }
}
