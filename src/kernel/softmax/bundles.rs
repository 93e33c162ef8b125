//! What a job keeps of each bundle of lines between its steps.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// The most bundles at a time: what is kept of them must stay in the first-level cache, beside their elements.
pub(super) const MOST: usize = 16;

/// A set of the lines given to a job: at most eight bundles of 16 lines.
pub(super) type Set = u128;

/// A value for each bundle, kept from one step to the next. Filling it first would cost, for one line, what is
/// gained.
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

    /// Keeps `f(k)` for each bundle `k`.
    #[inline(always)]
    pub fn fill(&mut self, bundles: usize, f: impl Fn(usize) -> X) {
        for k in 0..bundles {
            self.push(f(k));
        }
    }

    /// Keeps the value of the next bundle.
    #[inline(always)]
    pub fn push(&mut self, x: X) {
        self.each[self.count].write(x);
        self.count += 1;
    }

    /// The value of bundle `k`.
    #[inline(always)]
    pub fn get(&self, k: usize) -> X {
        self.each()[k]
    }

    #[inline(always)]
    pub fn each(&self) -> &[X] {
        // SAFETY: needs that `count` values were written: `push` has written all before `count`, within the
        // array.
        unsafe { std::slice::from_raw_parts(self.each.as_ptr().cast::<X>(), self.count) }
    }
}
