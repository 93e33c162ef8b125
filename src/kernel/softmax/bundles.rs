//! What a job keeps of each bundle of lines between its steps.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// The most bundles at a time: what is kept of them is to stay in the first cache, beside their elements.
pub(super) const MOST: usize = 16;

/// Some of the lines that a job is given: at most eight bundles of 16 lines.
pub(super) type Set = u128;

/// Something of each bundle, from one step to the next. To fill it first would cost what is gained, of one line.
pub(super) struct Kept<X> {
    each: [MaybeUninit<X>; MOST],
    count: usize,
}

impl<X: Copy> Kept<X> {
    #[inline(always)]
    pub fn new() -> Self {
        Self {
            each: [const { MaybeUninit::uninit() }; MOST],
            count: 0,
        }
    }

    /// Keeps what `f` gives for each bundle.
    #[inline(always)]
    pub fn fill(&mut self, bundles: usize, f: impl Fn(usize) -> X) {
        for k in 0..bundles {
            self.push(f(k));
        }
    }

    /// Keeps what the next bundle has.
    #[inline(always)]
    pub fn push(&mut self, x: X) {
        self.each[self.count].write(x);
        self.count += 1;
    }

    /// What bundle `k` had.
    #[inline(always)]
    pub fn get(&self, k: usize) -> X {
        self.each()[k]
    }

    /// What all bundles had.
    #[inline(always)]
    pub fn each(&self) -> &[X] {
        // SAFETY: needs that so many were written: as `push` has written all before `count`, within the array.
        unsafe { std::slice::from_raw_parts(self.each.as_ptr().cast::<X>(), self.count) }
    }
}
