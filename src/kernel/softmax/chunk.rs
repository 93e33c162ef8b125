//! The lines of one thread: contiguous, in place or as copies, or else side by side, in place or in a scratch.
#![allow(unsafe_code)]

use std::ops::Range;

use super::across::Across;
use super::bundles::{MOST, Set};
use super::inputs::Inputs;
use super::lines::{Job, Own, Work};
use super::pack::Packing;
use super::place::{Place, WIDE};
use super::room::Room;
use super::sheaf::{self, Sheaf};
use super::strip::Strip;
use crate::kernel::Rows;
use crate::kernel::simd::{self, Detected, Lanes, Real, Shared, Task};

/// Rows of up to this many vectors are better put side by side, if there are enough of them.
pub(super) const SHORT: usize = 3;

/// Bundles of short rows that are put side by side at a time. One alone would wait for its sums: together, packed rows
/// of 10 take 0.87 of the time.
pub(super) const TURNED: usize = 4;

/// Bytes of the lines across that are processed together, so that they stay in the first-level cache from step to step.
const BATCH: usize = 1 << 14;

const fn batch<T>() -> usize {
    BATCH / size_of::<T>()
}

/// So few lines that most of a vector would be empty if they were put side by side.
pub(super) const fn few<T: Real>() -> usize {
    T::LANES / 4
}

/// Lines with a job for them. No two chunks share a line, as [`Work::run`] cuts them, and no two lines share an
/// element: rows whose sizes overflow exceed any buffer, and `fast` has refused them.
pub(super) struct Chunk<'a, T, J> {
    pub work: &'a Work<'a, T>,
    pub lines: Range<usize>,
    pub job: &'a J,
    /// How many parts threads may cut the rows of a strip into.
    pub parts: usize,
}

impl<T: Real, J: Job<T>> Chunk<'_, T, J> {
    /// Does the job. Each layout is a task of its own, since the compiler's work grows faster than a function's size.
    pub fn run(self, level: Detected) {
        let Rows { n, inner, .. } = self.work.rows;
        let (few, long) = (self.lines.len() <= few::<T>(), n > SHORT * T::LANES);
        // Where threads share the rows of a strip, there are too few lines for a thread to copy some of its own.
        let copied = inner > 1 && self.parts == 1 && sheaf::is_worthwhile(self.work);
        if few && long || copied || inner == 1 && (few || long) {
            simd::run(level, Along(self));
        } else {
            simd::run(level, Side(self));
        }
    }
}

/// Contiguous rows, and lines that are made so.
struct Along<'a, T, J>(Chunk<'a, T, J>);

impl<T: Real, J: Job<T>> Task<T> for Along<'_, T, J> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        self.0.across::<V>(level);
    }
}

/// All other rows.
struct Side<'a, T, J>(Chunk<'a, T, J>);

impl<T: Real, J: Job<T>> Task<T> for Side<'_, T, J> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        self.0.side::<V>(level);
    }
}

impl<T: Real, J: Job<T>> Chunk<'_, T, J> {
    /// Processes rows one after the other: in place if they are contiguous, or else copied to a scratch and back.
    #[inline(always)]
    fn across<V: Lanes<Item = T>>(&self, level: V::Level) {
        let Rows { n, inner, .. } = self.work.rows;
        let most = match J::TOGETHER && inner == 1 {
            true => (batch::<T>() / n).clamp(1, MOST.min(V::COUNT)),
            false => 1,
        };
        let mut kept = Vec::new();
        let mut sheaf = (inner > 1).then(|| Sheaf::new(self.work, self.lines.len()));
        for r in self.lines.clone().step_by(most) {
            let lines = match J::TOGETHER {
                true => most.min(self.lines.end - r),
                false => 1,
            };
            let ([x, g], out) = match &mut sheaf {
                Some(sheaf) => {
                    if sheaf.ends_before(r) {
                        sheaf.take::<V>(level, r, self.lines.end);
                    }
                    sheaf.line(r)
                }
                None => {
                    // SAFETY: needs that nobody else holds these lines: they are this chunk's, chunks share none, and
                    // each is released before the next is taken.
                    let out = unsafe { self.out(r * n, lines * n) };
                    (self.contiguous(r * n..(r + lines) * n, &mut kept), out)
                }
            };
            let (next, soon) = match J::ASKS && inner == 1 {
                true => (self.next([x, g], r * n, lines * n), self.soon(x, r * n)),
                false => ([&[][..]; 2], [0; 2]),
            };
            let now = [x, g];
            let inputs = Inputs { now, next, soon };
            // SAFETY: needs that nobody else holds what is stored for these lines, likewise.
            let own = unsafe { self.own(r, lines) };
            let well = if J::TOGETHER {
                let across = Across::<T, true>::new(inputs, &mut *out, lines);
                self.job.lines::<V, _>(level, r, across, own)
            } else {
                let across = Across::<T, false>::new(inputs, &mut *out, 1);
                self.job.lines::<V, _>(level, r, across, own)
            };
            for k in others(well, lines) {
                let line = k * n..(k + 1) * n;
                let out = out.get_mut(line.clone()).unwrap_or(&mut []);
                self.alone(r + k, [lines_of(x, line.clone()), lines_of(g, line)], out);
            }
            if let Some(sheaf) = sheaf.as_mut().filter(|sheaf| sheaf.ends_before(r + 1)) {
                // SAFETY: needs that nobody else holds these lines of the result: they are this chunk's, and chunks
                // share none.
                unsafe { sheaf.put_back::<V>(level) };
            }
        }
    }

    /// The inputs at some contiguous rows, the masked one as a copy in `kept`.
    #[inline(always)]
    fn contiguous<'x>(&'x self, row: Range<usize>, kept: &'x mut Vec<T>) -> [&'x [T]; 2] {
        let mut inputs = self.work.inputs.map(|input| lines_of(input, row.clone()));
        if let Some((mask, input, fill)) = self.work.mask {
            hidden(&mask[row], inputs[input], fill, kept);
            inputs[input] = kept;
        }
        inputs
    }

    /// Some lines, put side by side in rows that are `stride` apart.
    #[inline(always)]
    fn packing(&self, lines: Range<usize>, stride: usize) -> Packing {
        Packing {
            rows: self.work.rows,
            lines,
            stride,
        }
    }

    /// Computes one line again, in its plain form.
    #[cold]
    #[inline(never)]
    fn alone(&self, r: usize, inputs: [&[T]; 2], out: &mut [T]) {
        // SAFETY: needs that nobody else holds the line, as in `across`.
        self.job.line(r, inputs, out, unsafe { self.own(r, 1) });
    }

    /// What is prefetched while some lines are processed: as much of each input, far enough ahead for it to help; at
    /// the end, these lines, which are there already.
    #[inline(always)]
    fn next<'x>(&'x self, now: [&'x [T]; 2], start: usize, len: usize) -> [&'x [T]; 2] {
        let start = start + batch::<T>().max(len);
        let mut next = now;
        for (next, input) in next.iter_mut().zip(self.work.inputs) {
            *next = input.get(start..start + len).unwrap_or(*next);
        }
        next
    }

    /// How far it is from `now`, which begins with element `start`, to the same place in what is used after this
    /// kernel.
    #[inline(always)]
    fn soon(&self, now: &[T], start: usize) -> [usize; 2] {
        let mut away = self.work.soon;
        for away in &mut away {
            if *away != 0 {
                // Both addresses are multiples of the size, whatever the sign.
                let bytes = away.wrapping_sub(now.as_ptr().addr()) as isize;
                *away = (bytes / size_of::<T>() as isize) as usize;
                *away = away.wrapping_add(start);
            }
        }
        away
    }

    /// Processes lines side by side: in place, or copied to a scratch and back.
    #[inline(always)]
    fn side<V: Lanes<Item = T>>(&self, level: V::Level) {
        let (rows, inputs) = (self.work.rows, self.work.inputs);
        let lies = self.work.lies_in_strips();
        let most = V::COUNT * if rows.inner == 1 { TURNED } else { WIDE };
        let most = most.min(self.lines.len().next_multiple_of(V::COUNT));
        let scratch = Place {
            start: 0,
            stride: most,
            n: rows.n,
            width: most,
            far: false,
        };
        let size = |is_empty| if lies || is_empty { 0 } else { rows.n * most };
        let sizes = [size(inputs[0].is_empty()), size(inputs[1].is_empty())];
        let (last, terms) = (
            size(self.work.out.is_empty()),
            self.parts * scratch.terms::<T>(),
        );
        let all = sizes[0] + sizes[1] + last + terms;
        let mut room = Room::new::<T>(all);
        let room = room.numbers::<T>(all);
        let (x, room) = room.split_at_mut(sizes[0]);
        let (g, room) = room.split_at_mut(sizes[1]);
        let (y, terms) = room.split_at_mut(last);
        let terms = Shared::new(terms);
        let mut r = self.lines.start;
        while r < self.lines.end {
            let mut count = most.min(self.lines.end - r);
            if lies {
                count = count.min(rows.inner - r % rows.inner);
            }
            let packing = self.packing(r..r + count, most);
            let packed = Shared::new(y);
            let (place, inputs, out) = if lies {
                let place = Place {
                    start: rows.at(r, 0),
                    stride: rows.inner,
                    width: count,
                    far: self.work.is_far(),
                    ..scratch
                };
                (place, inputs, &self.work.out)
            } else {
                packing.pack::<V>(level, inputs[0], x);
                packing.pack::<V>(level, inputs[1], g);
                let at = |line, j| j * most + line;
                self.work.hide(0, r..r + count, x, at);
                self.work.hide(1, r..r + count, g, at);
                let place = Place {
                    width: count.next_multiple_of(V::COUNT),
                    ..scratch
                };
                (place, [&*x, &*g], &packed)
            };
            // SAFETY: needs that nobody else holds these lines of the result: they are this chunk's, chunks share none,
            // and within a chunk every part is released before the next is taken; the scratch is this thread's alone.
            let (strip, own) = unsafe {
                let strip = Strip::new(place, inputs, out, &terms, self.parts);
                (strip, self.own(r, count))
            };
            let well = self.job.lines::<V, _>(level, r, strip, own);
            for line in others(well, count) {
                self.again(r + line, line, place, inputs, out);
            }
            if !lies {
                // SAFETY: needs that nobody else holds these lines: as above, and the strip is gone.
                unsafe { packing.unpack::<V>(level, y, &self.work.out) };
            }
            r += count;
        }
    }

    /// Computes one line of a strip again, in its plain form.
    #[cold]
    #[inline(never)]
    fn again(&self, r: usize, line: usize, place: Place, inputs: [&[T]; 2], out: &Shared<'_, T>) {
        let at = |j: usize| place.start + j * place.stride + line;
        let rows = 0..place.n;
        let cut = |x: &[T]| -> Vec<T> {
            let rows = if x.is_empty() { 0..0 } else { rows.clone() };
            rows.map(|j| x[at(j)]).collect()
        };
        let [x, g] = inputs.map(cut);
        let len = if out.is_empty() { 0 } else { place.n };
        let mut result = vec![T::ZERO; len];
        self.alone(r, [&x, &g], &mut result);
        for (j, x) in result.into_iter().enumerate() {
            // SAFETY: needs that nobody else holds the number: it belongs to a line of this chunk, or to its scratch.
            unsafe { out.part(at(j), 1)[0] = x };
        }
    }

    /// A stretch of the result.
    ///
    /// # Safety
    /// It must lie within the lines of this chunk, and nobody else may hold a part of it.
    #[allow(clippy::mut_from_ref)] // that is the point
    #[inline(always)]
    unsafe fn out(&self, start: usize, len: usize) -> &mut [T] {
        if self.work.out.is_empty() {
            return &mut [];
        }
        // SAFETY: needs that nobody else holds the stretch, which the caller promised.
        unsafe { self.work.out.part(start, len) }
    }

    /// What is stored once per line.
    ///
    /// # Safety
    /// The lines must be among those of this chunk, and nobody else may hold what is stored for one of them.
    #[inline(always)]
    unsafe fn own(&self, r: usize, lines: usize) -> Own<'_, T> {
        /// # Safety
        /// That of `own`.
        #[allow(clippy::mut_from_ref)] // that is the point
        #[inline(always)]
        unsafe fn part<'a, X>(shared: &'a Shared<'_, X>, r: usize, lines: usize) -> &'a mut [X] {
            if shared.is_empty() {
                return &mut [];
            }
            // SAFETY: needs that nobody else holds the numbers, which the caller promised.
            unsafe { shared.part(r, lines) }
        }
        // SAFETY: needs that nobody else holds what is stored for these lines, which the caller promised.
        unsafe {
            Own {
                lines,
                top: part(&self.work.top, r, lines),
                rest: part(&self.work.rest, r, lines),
                value: part(&self.work.value, r, lines),
            }
        }
    }
}

/// Copies lines to `kept`, with `fill` for what the mask does not keep.
#[inline(never)]
fn hidden<T: Real>(mask: &[bool], x: &[T], fill: T, kept: &mut Vec<T>) {
    kept.clear();
    kept.extend_from_slice(x);
    for (x, &keep) in kept.iter_mut().zip(mask) {
        *x = if keep { *x } else { fill };
    }
}

/// The part of an input at these places; empty for an input that is not needed.
#[inline(always)]
fn lines_of<T>(input: &[T], places: Range<usize>) -> &[T] {
    input.get(places).unwrap_or(&[])
}

/// The lines that did not go well, of `count` lines.
#[inline(always)]
fn others(well: Set, count: usize) -> impl Iterator<Item = usize> {
    let mut bits = !well & (Set::MAX >> (Set::BITS as usize - count));
    std::iter::from_fn(move || {
        let first = bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            first
        })
    })
}
