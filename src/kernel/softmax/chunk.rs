//! The lines of one thread: long rows as they lie, others side by side in a scratch buffer.
#![allow(unsafe_code)]

use super::layout::{Across, Down, put, take};
use super::lines::{Job, Own, Work};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real, Shared, Task};
use std::ops::Range;

/// Rows of up to this many vectors lie better side by side, if there are enough of them.
const SHORT: usize = 3;

/// Lines with a job for them. No two chunks share a line: [`Work::run`] cuts them so.
pub(super) struct Chunk<'a, T, J> {
    pub work: &'a Work<'a, T>,
    pub lines: Range<usize>,
    pub job: &'a J,
}

impl<T: Real, J: Job<T>> Task<T> for Chunk<'_, T, J> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        let Rows { n, inner, .. } = self.work.rows;
        let few = self.lines.len() <= V::COUNT / 4 || n > SHORT * V::COUNT;
        if inner == 1 && few {
            self.across::<V>(level);
        } else {
            self.down::<V>(level);
        }
    }
}

impl<T: Real, J: Job<T>> Chunk<'_, T, J> {
    /// Rows that lie in one piece, one after the other.
    #[inline(always)]
    fn across<V: Lanes<Item = T>>(&self, level: V::Level) {
        let n = self.work.rows.n;
        let mut kept = Vec::new();
        for r in self.lines.clone() {
            let row = r * n..(r + 1) * n;
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
            let out = self.out(r * n, n);
            let well = self
                .job
                .lines::<V, Across>(level, r, [x, g], out, self.own(r, 1));
            if well != V::ALL {
                self.job.line(r, [x, g], out, self.own(r, 1));
            }
        }
    }

    /// Rows in bundles of as many as there are lanes, which are copied to lie side by side, and back.
    #[inline(always)]
    fn down<V: Lanes<Item = T>>(&self, level: V::Level) {
        let size = self.work.rows.n * V::COUNT;
        let each = |buffer: bool| vec![T::ZERO; if buffer { size } else { 0 }];
        let mut inputs = self.work.inputs.map(|input| each(!input.is_empty()));
        let mut out = each(!self.work.out.is_empty());
        for r in self.lines.clone().step_by(V::COUNT) {
            let lines = r..self.lines.end.min(r + V::COUNT);
            for (packed, input) in inputs.iter_mut().zip(self.work.inputs) {
                if !packed.is_empty() {
                    pack::<V>(level, self.work.rows, input, lines.clone(), packed);
                }
            }
            if let Some((mask, input, fill)) = self.work.mask {
                hide::<V>(
                    self.work.rows,
                    mask,
                    lines.clone(),
                    fill,
                    &mut inputs[input],
                );
            }
            let [x, g] = [&inputs[0][..], &inputs[1][..]];
            let own = self.own(r, lines.len());
            let well = self.job.lines::<V, Down>(level, r, [x, g], &mut out, own);
            let mut ill = !well & ((1 << lines.len()) - 1);
            while ill != 0 {
                self.again::<V>(r, ill.trailing_zeros() as usize, [x, g], &mut out);
                ill &= ill - 1;
            }
            if !out.is_empty() {
                self.unpack::<V>(level, &out, lines);
            }
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

    /// Copies a bundle to where its rows lie.
    #[inline(always)]
    fn unpack<V: Lanes<Item = T>>(&self, level: V::Level, packed: &[T], lines: Range<usize>) {
        let Rows { n, inner, .. } = self.work.rows;
        if inner == 1 {
            for (lane, r) in lines.enumerate() {
                for (j, y) in self.out(r * n, n).iter_mut().enumerate() {
                    *y = packed[j * V::COUNT + lane];
                }
            }
            return;
        }
        for (lane, start, width) in runs(self.work.rows, lines) {
            for j in 0..n {
                let y = self.out(start + j * inner, width);
                if width == V::COUNT {
                    take::<V>(level, packed, j, T::ZERO).store(y);
                } else {
                    for (k, y) in y.iter_mut().enumerate() {
                        *y = packed[j * V::COUNT + lane + k];
                    }
                }
            }
        }
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

/// The stretches in which the first elements of lines lie side by side: lane, place, width.
#[inline(always)]
fn runs(rows: Rows, lines: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> {
    let (first, mut next) = (lines.start, lines.start);
    std::iter::from_fn(move || {
        let (r, inside) = (next, next % rows.inner);
        let width = (rows.inner - inside).min(lines.end - r);
        next += width;
        (width > 0).then(|| (r - first, rows.at(r, 0), width))
    })
}

/// Copies a bundle from where its rows lie: element `j` of each to vector `j`.
#[inline(always)]
fn pack<V: Lanes>(
    level: V::Level,
    rows: Rows,
    x: &[V::Item],
    lines: Range<usize>,
    packed: &mut [V::Item],
) {
    let Rows { n, inner, .. } = rows;
    if inner == 1 {
        for (lane, r) in lines.enumerate() {
            for (j, &x) in x[r * n..(r + 1) * n].iter().enumerate() {
                packed[j * V::COUNT + lane] = x;
            }
        }
        return;
    }
    for (lane, start, width) in runs(rows, lines) {
        for j in 0..n {
            let x = &x[start + j * inner..][..width];
            if width == V::COUNT {
                put(V::load(level, x), packed, j);
            } else {
                for (k, &x) in x.iter().enumerate() {
                    packed[j * V::COUNT + lane + k] = x;
                }
            }
        }
    }
}

/// Puts `fill` for what the mask does not keep of a bundle.
fn hide<V: Lanes>(
    rows: Rows,
    mask: &[bool],
    lines: Range<usize>,
    fill: V::Item,
    packed: &mut [V::Item],
) {
    for (lane, r) in lines.enumerate() {
        for j in 0..rows.n {
            if !mask[rows.at(r, j)] {
                packed[j * V::COUNT + lane] = fill;
            }
        }
    }
}
