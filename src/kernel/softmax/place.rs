//! `Place`: where lines lie side by side. No number is read here.

use crate::kernel::simd::{Lanes, Real};
use std::ops::Range;

/// The most bundles of a strip: the terms of their sums fill 32 KB, and memory favours rows longer than a cache line.
/// Loops over this many are unrolled: each load of a row is then an instruction of its own, which prefetchers learn
/// however far it is to the next row: at 4096x4096 in f32 that was half of the time.
pub(super) const WIDE: usize = 8;

#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first element of the first line.
    pub start: usize,
    /// From one row to the next.
    pub stride: usize,
    /// The number of rows: elements of a line.
    pub n: usize,
    pub width: usize,
    /// Whether the result leaves the last cache before anything reads it.
    pub far: bool,
}

impl Place {
    /// Where row `j` lies, as a whole.
    #[inline(always)]
    pub fn row<V: Lanes, const WHOLE: bool>(self, j: usize) -> Range<usize> {
        let start = self.start + j * self.stride;
        start..start + if WHOLE { WIDE * V::COUNT } else { self.width }
    }

    /// How many bundles a loop goes over: where all are there, a number known to the compiler.
    #[inline(always)]
    pub fn bundles<V: Lanes, const WHOLE: bool>(self) -> usize {
        if WHOLE {
            WIDE
        } else {
            self.width.div_ceil(V::COUNT)
        }
    }

    /// Whether all bundles are there. Where a vector fills more registers, nothing is gained by unrolling.
    #[inline(always)]
    pub fn is_whole<V: Lanes>(self) -> bool {
        V::REGISTERS <= 2 && self.width == WIDE * V::COUNT
    }

    /// How many numbers the terms of sums over these lines take up.
    pub fn terms<T: Real>(self) -> usize {
        let slots = if self.n > T::LANES { 4 * T::LANES } else { 0 };
        slots * self.width.next_multiple_of(T::LANES)
    }
}
