//! Copies between rows in place and lines side by side. Nothing is computed here.
#![allow(unsafe_code)]

use super::turn::Turn;
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Shared, Step};
use std::ops::Range;

/// Lines that are packed together: element `j` of each lies in row `j`.
pub(super) struct Packing {
    pub rows: Rows,
    pub lines: Range<usize>,
    /// From one packed row to the next: whole vectors.
    pub stride: usize,
}

impl Packing {
    /// Copies rows to packed lines, unless the input is empty.
    #[inline(always)]
    pub fn pack<V: Lanes>(&self, level: V::Level, x: &[V::Item], packed: &mut [V::Item]) {
        let (packing, Rows { n, inner, .. }) = (self, self.rows);
        if packed.is_empty() {
            return;
        }
        if inner > 1 {
            let pack = Pack { packing, x, packed };
            return V::apart(level, pack);
        }
        let turn = Turn::<V, true> {
            level,
            from: &x[self.lines.start * n..],
            strides: [n, self.stride],
            rows: self.lines.len(),
            columns: n,
            to: &Shared::new(packed),
            start: 0,
            far: false,
        };
        // SAFETY: needs that nobody else holds what is written, which is borrowed mutably.
        unsafe { turn.run() };
    }

    /// Copies packed lines to rows.
    ///
    /// # Safety
    /// Nobody else may hold a part of these lines in `out`, on any thread.
    #[inline(always)]
    pub unsafe fn unpack<V: Lanes>(
        &self,
        level: V::Level,
        packed: &[V::Item],
        out: &Shared<'_, V::Item>,
    ) {
        let (packing, Rows { n, inner, .. }) = (self, self.rows);
        if packed.is_empty() {
            return;
        }
        if inner > 1 {
            let unpack = Unpack {
                packing,
                packed,
                out,
            };
            return V::apart(level, unpack);
        }
        let turn = Turn::<V, false> {
            level,
            from: packed,
            strides: [self.stride, n],
            rows: n,
            columns: self.lines.len(),
            to: out,
            start: self.lines.start * n,
            far: false,
        };
        // SAFETY: needs that nobody else holds what is written: parts of these lines, as the caller promised.
        unsafe { turn.run() };
    }

    /// The runs in which the first elements of lines lie side by side: number of the first line here, place, width.
    #[inline(always)]
    fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let (rows, lines) = (self.rows, self.lines.clone());
        let mut next = lines.start;
        std::iter::from_fn(move || {
            let (r, inside) = (next, next % rows.inner);
            let width = (rows.inner - inside).min(lines.end - r);
            next += width;
            (width > 0).then(|| (r - lines.start, rows.at(r, 0), width))
        })
    }
}

/// [`Packing::pack`].
struct Pack<'a, T> {
    packing: &'a Packing,
    x: &'a [T],
    packed: &'a mut [T],
}

impl<T: Copy> Step for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { packing, x, packed } = self;
        let (Rows { n, inner, .. }, stride) = (packing.rows, packing.stride);
        for (line, start, width) in packing.runs() {
            for j in 0..n {
                let to = &mut packed[j * stride + line..][..width];
                let from = &x[start + j * inner..][..width];
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            }
        }
    }
}

/// [`Packing::unpack`], which creates it.
struct Unpack<'a, T> {
    packing: &'a Packing,
    packed: &'a [T],
    out: &'a Shared<'a, T>,
}

impl<T: Copy> Step for Unpack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            packing,
            packed,
            out,
        } = self;
        let (Rows { n, inner, .. }, stride) = (packing.rows, packing.stride);
        // SAFETY: needs that nobody else holds the stretch, which is part of one of the lines: whoever made this
        // promised that, and each stretch is released before the next is taken.
        let out = |start, len| unsafe { out.part(start, len) };
        for (line, start, width) in packing.runs() {
            for j in 0..n {
                let from = &packed[j * stride + line..][..width];
                let to = out(start + j * inner, width);
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            }
        }
    }
}
