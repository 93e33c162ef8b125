//! Copies between rows where they lie and lines side by side: vector `j` of a bundle holds element `j` of each line.
//!
//! A bundle is as many lines as there are lanes; several of them lie one after the other. Nothing is reckoned here.
#![allow(unsafe_code)]

use super::layout::{put, take};
use crate::kernel::Rows;
use crate::kernel::simd::{Lanes, Real, Shared, Task, transpose};
use std::ops::Range;

/// How many rows of a strip ahead are asked for: memory is far, and they lie where no machine guesses.
const AHEAD: usize = 24;

/// Bytes of a result beyond which it leaves the last cache before anybody reads it. What goes past the caches is not read
/// from memory before it is written: a sixth of the time at 4096x4096 in f32.
const FAR: usize = 1 << 25;

/// Lines that are packed together.
pub(super) struct Packing {
    pub rows: Rows,
    pub lines: Range<usize>,
}

impl Packing {
    /// Copies from rows. An empty input has no place and stays so.
    #[inline(always)]
    pub fn pack<V: Lanes>(&self, level: V::Level, x: &[V::Item], packed: &mut [V::Item]) {
        if !packed.is_empty() {
            let packing = self;
            V::apart(level, Pack { packing, x, packed });
        }
    }

    /// Copies to rows.
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
            V::apart(
                level,
                Unpack {
                    packing,
                    packed,
                    out,
                },
            );
        }
    }

    /// Puts `fill` for what the mask does not keep.
    pub fn hide<V: Lanes>(&self, mask: &[bool], fill: V::Item, packed: &mut [V::Item]) {
        let size = self.rows.n * V::COUNT;
        for (line, r) in self.lines.clone().enumerate() {
            let packed = &mut packed[line / V::COUNT * size..];
            for j in 0..self.rows.n {
                if !mask[self.rows.at(r, j)] {
                    packed[j * V::COUNT + line % V::COUNT] = fill;
                }
            }
        }
    }

    /// Whether the rows together leave the last cache before anybody reads them again.
    fn is_far<T>(&self) -> bool {
        self.rows.elements() * size_of::<T>() > FAR
    }

    /// Where the first elements lie, if they lie side by side and fill bundles.
    #[inline(always)]
    fn one_stretch<V: Lanes>(&self) -> Option<usize> {
        let (_, start, width) = self.runs().next()?;
        (width == self.lines.len() && width.is_multiple_of(V::COUNT)).then_some(start)
    }

    /// The stretches in which the first elements of lines lie side by side: number among the lines, place, width.
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

impl<T: Real> Task<T> for Pack<'_, T> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        let Self { packing, x, packed } = self;
        let Rows { n, inner, .. } = packing.rows;
        let size = n * V::COUNT;
        if V::REGISTERS <= 2 && inner == 1 {
            for start in (0..n).step_by(V::COUNT) {
                let width = V::COUNT.min(n - start);
                let mut block = [V::splat(level, V::Item::ZERO); 16];
                for (vector, r) in block.iter_mut().zip(packing.lines.clone()) {
                    *vector = some(level, &x[r * n + start..][..width]);
                }
                transpose(&mut block);
                for (k, &vector) in block[..width].iter().enumerate() {
                    put(vector, packed, start + k);
                }
            }
            return;
        }
        if let Some(place) = packing.one_stretch::<V>() {
            let width = packing.lines.len();
            let far = packing.is_far::<T>();
            let row = |j: usize| x.get(place + j * inner..place + j * inner + width);
            for j in 0..n {
                let ahead = row(j + AHEAD).unwrap_or(&[]);
                for start in (0..ahead.len()).step_by(V::COUNT) {
                    // What comes from memory would wait in the first cache too long.
                    if far {
                        V::fetch::<false>(level, ahead, start);
                    } else {
                        V::fetch::<true>(level, ahead, start);
                    }
                }
                let row = row(j).expect("a strip lies within its rows");
                for (k, from) in row.chunks_exact(V::COUNT).enumerate() {
                    let to = k * size + j * V::COUNT;
                    V::load(level, from).store(&mut packed[to..to + V::COUNT]);
                }
            }
            return;
        }
        for (line, start, width) in packing.runs() {
            for j in 0..n {
                for (k, &x) in x[start + j * inner..][..width].iter().enumerate() {
                    let line = line + k;
                    packed[line / V::COUNT * size + j * V::COUNT + line % V::COUNT] = x;
                }
            }
        }
    }
}

/// [`Packing::unpack`], which makes it.
struct Unpack<'a, T> {
    packing: &'a Packing,
    packed: &'a [T],
    out: &'a Shared<'a, T>,
}

impl<T: Real> Task<T> for Unpack<'_, T> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        let Self {
            packing,
            packed,
            out,
        } = self;
        let Rows { n, inner, .. } = packing.rows;
        // SAFETY: needs that nobody else holds the stretch, which is part of one of the lines: whoever made this said so,
        // and each stretch is let go before the next is asked for.
        let out = |start, len| unsafe { out.part(start, len) };
        let size = n * V::COUNT;
        if V::REGISTERS <= 2 && inner == 1 {
            for start in (0..n).step_by(V::COUNT) {
                let width = V::COUNT.min(n - start);
                let mut block = [V::splat(level, V::Item::ZERO); 16];
                for (k, vector) in block[..width].iter_mut().enumerate() {
                    *vector = take(level, packed, start + k, V::Item::ZERO);
                }
                transpose(&mut block);
                for (&vector, r) in block.iter().zip(packing.lines.clone()) {
                    put(vector, out(r * n + start, width), 0);
                }
            }
            return;
        }
        if let Some(place) = packing.one_stretch::<V>() {
            let far = packing.is_far::<T>();
            for j in 0..n {
                let row = out(place + j * inner, packing.lines.len());
                for (k, to) in row.chunks_exact_mut(V::COUNT).enumerate() {
                    let from = k * size + j * V::COUNT;
                    let v = V::load(level, &packed[from..from + V::COUNT]);
                    if far {
                        // SAFETY: needs that the thread drains before anybody reads or writes the row, as it does below:
                        // nobody else has these lines, and each stretch of them is written once.
                        unsafe { v.stream(to) }
                    } else {
                        v.store(to);
                    }
                }
            }
            if far {
                V::drain(level);
            }
            return;
        }
        for (line, start, width) in packing.runs() {
            for j in 0..n {
                for (k, y) in out(start + j * inner, width).iter_mut().enumerate() {
                    let line = line + k;
                    *y = packed[line / V::COUNT * size + j * V::COUNT + line % V::COUNT];
                }
            }
        }
    }
}

/// A vector of up to so many numbers.
#[inline(always)]
fn some<V: Lanes>(level: V::Level, x: &[V::Item]) -> V {
    if x.len() == V::COUNT {
        V::load(level, x)
    } else {
        V::load_part(level, x, V::Item::ZERO)
    }
}
