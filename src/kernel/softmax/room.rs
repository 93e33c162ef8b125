//! `Room`: memory for lines that are put side by side and for what is kept of them; a thread reuses it from call to
//! call.
#![allow(unsafe_code)]

use crate::kernel::simd::Real;
use std::cell::Cell;

thread_local! {
    static KEPT: Cell<Vec<f64>> = const { Cell::new(Vec::new()) };
}

/// The most memory, in `f64`s, that a thread keeps: 2 MiB.
const MOST: usize = 1 << 18;

/// Memory for numbers, which goes back to its thread on drop.
pub(super) struct Room(Vec<f64>);

impl Room {
    /// Memory for `len` numbers.
    pub fn new<T: Real>(len: usize) -> Self {
        let mut room = KEPT.take();
        // Seven more, so that the numbers can start at a cache line.
        let need = (len * size_of::<T>()).div_ceil(8) + 7;
        if room.len() < need && len > 0 {
            room.resize(need, 0.0);
        }
        Self(room)
    }

    /// The numbers, as they were left.
    pub fn numbers<T: Real>(&mut self, len: usize) -> &mut [T] {
        let ahead = self.0.as_ptr().align_offset(64).min(self.0.len());
        let room = &mut self.0[ahead..];
        let most = size_of_val(room) / size_of::<T>();
        // SAFETY: needs initialised memory of that length and of the alignment of T, which nobody else holds: it is
        // that of a slice of `f64`, borrowed mutably for as long as the result, and `Real` is this crate's own, for
        // `f32` and `f64`, which may hold any bits.
        let numbers =
            unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast::<T>(), most) };
        &mut numbers[..len]
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.0.len() <= MOST {
            KEPT.set(std::mem::take(&mut self.0));
        }
    }
}
