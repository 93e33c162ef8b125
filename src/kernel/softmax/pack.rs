//! Copies between rows in place and lines side by side. Nothing is computed here.
#![allow(unsafe_code)]

use super::layout::put;
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real, Shared, Step, transpose};
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
        if !packed.is_empty() {
            let packing = self;
            let pack = Pack::<V> {
                packing,
                level,
                x,
                packed,
            };
            V::apart(level, pack);
        }
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
        if !packed.is_empty() {
            let packing = self;
            let unpack = Unpack::<V> {
                packing,
                level,
                packed,
                out,
            };
            V::apart(level, unpack);
        }
    }

    /// Puts `fill` where the mask does not keep an element.
    pub fn hide<T: Copy>(&self, mask: &[bool], fill: T, packed: &mut [T]) {
        for (line, r) in self.lines.clone().enumerate() {
            for j in 0..self.rows.n {
                if !mask[self.rows.at(r, j)] {
                    packed[j * self.stride + line] = fill;
                }
            }
        }
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

    /// The squares of contiguous rows: for each its lines, where in them it begins, and its width. For vectors of few
    /// registers only.
    #[inline(always)]
    fn squares<V: Lanes>(&self) -> impl Iterator<Item = (Range<usize>, usize, usize)> {
        let (n, lines) = (self.rows.n, self.lines.clone());
        let bundles = lines.clone().step_by(V::COUNT);
        bundles.flat_map(move |r| {
            let lines = r..lines.end.min(r + V::COUNT);
            let starts = (0..n).step_by(V::COUNT);
            starts.map(move |start| (lines.clone(), start, V::COUNT.min(n - start)))
        })
    }

    /// Whether rows are transposed by squares.
    #[inline(always)]
    fn turns<V: Lanes>(&self) -> bool {
        V::REGISTERS <= 2 && self.rows.inner == 1
    }
}

/// [`Packing::pack`].
struct Pack<'a, V: Lanes> {
    packing: &'a Packing,
    level: V::Level,
    x: &'a [V::Item],
    packed: &'a mut [V::Item],
}

impl<V: Lanes> Step for Pack<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            packing,
            level,
            x,
            packed,
        } = self;
        let Rows { n, inner, .. } = packing.rows;
        let (stride, first) = (packing.stride, packing.lines.start);
        if packing.turns::<V>() {
            for (lines, start, width) in packing.squares::<V>() {
                let at = start * stride + lines.start - first;
                let mut block = [V::splat(level, V::Item::ZERO); 16];
                let (from, height) = (lines.start * n + start, lines.len());
                // Loops of constant length here and below, so that the vectors stay in registers.
                for (k, vector) in block.iter_mut().enumerate() {
                    if k < height {
                        *vector = some(level, &x[from + k * n..][..width]);
                    }
                }
                transpose(&mut block);
                for (k, vector) in block.iter().enumerate() {
                    if k < width {
                        vector.store(&mut packed[at + k * stride..][..V::COUNT]);
                    }
                }
            }
            return;
        }
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
struct Unpack<'a, V: Lanes> {
    packing: &'a Packing,
    level: V::Level,
    packed: &'a [V::Item],
    out: &'a Shared<'a, V::Item>,
}

impl<V: Lanes> Step for Unpack<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            packing,
            level,
            packed,
            out,
        } = self;
        let Rows { n, inner, .. } = packing.rows;
        let (stride, first) = (packing.stride, packing.lines.start);
        // SAFETY: needs that nobody else holds the stretch, which is part of one of the lines: whoever made this
        // promised that, and each stretch is released before the next is taken.
        let out = |start, len| unsafe { out.part(start, len) };
        if packing.turns::<V>() {
            for (lines, start, width) in packing.squares::<V>() {
                let at = start * stride + lines.start - first;
                let mut block = [V::splat(level, V::Item::ZERO); 16];
                for (k, vector) in block.iter_mut().enumerate() {
                    if k < width {
                        *vector = V::load(level, &packed[at + k * stride..][..V::COUNT]);
                    }
                }
                transpose(&mut block);
                let (from, height) = (lines.start * n + start, lines.len());
                for (k, &vector) in block.iter().enumerate() {
                    if k < height {
                        put(vector, out(from + k * n, width), 0);
                    }
                }
            }
            return;
        }
        for (line, start, width) in packing.runs() {
            for j in 0..n {
                let from = &packed[j * stride + line..][..width];
                let to = out(start + j * inner, width);
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            }
        }
    }
}

/// A vector of up to `COUNT` numbers.
#[inline(always)]
fn some<V: Lanes>(level: V::Level, x: &[V::Item]) -> V {
    if x.len() == V::COUNT {
        V::load(level, x)
    } else {
        V::load_part(level, x, V::Item::ZERO)
    }
}
