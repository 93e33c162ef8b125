//! Lines that a job works on together, and what it keeps of each between its steps.
//!
//! Each step goes over all lines before the next one begins. A line alone would wait in turn for its maximum, its sum and
//! a division; of several the machine does one's steps while another's wait.
#![allow(unsafe_code)]

use super::inputs::Inputs;
use super::layout::Layout;
use crate::kernel::simd::{Lanes, Real};
use std::mem::MaybeUninit;

/// The most lines at a time: what is kept of them is to stay in the first cache, beside their elements.
pub(super) const MOST: usize = 16;

/// The lines at hand, bundle by bundle: across each is a bundle, down all of them are one.
#[derive(Clone, Copy)]
pub(super) struct Bundles {
    pub count: usize,
    /// Elements of a bundle.
    size: usize,
    /// Lines of a bundle.
    lines: usize,
}

impl Bundles {
    /// Of so many lines with so many elements in all.
    #[inline(always)]
    pub fn new<L: Layout>(lines: usize, elements: usize) -> Self {
        let count = if L::DOWN { 1 } else { lines };
        Self {
            count,
            size: if count == 1 {
                elements
            } else {
                elements / count
            },
            lines: if L::DOWN { lines } else { 1 },
        }
    }

    /// The elements of bundle `k`; what is not there is empty.
    #[inline(always)]
    pub fn part<X>(self, x: &[X], k: usize) -> &[X] {
        x.get(k * self.size..(k + 1) * self.size).unwrap_or(&[])
    }

    /// The inputs of bundle `k`.
    #[inline(always)]
    pub fn inputs<X>(self, Inputs { now, next }: Inputs<'_, X>, k: usize) -> Inputs<'_, X> {
        Inputs {
            now: [self.part(now[0], k), self.part(now[1], k)],
            next: [self.part(next[0], k), self.part(next[1], k)],
        }
    }

    /// The elements of bundle `k` for writing.
    #[inline(always)]
    pub fn part_mut<X>(self, x: &mut [X], k: usize) -> &mut [X] {
        x.get_mut(k * self.size..(k + 1) * self.size)
            .unwrap_or(&mut [])
    }

    /// What there is once for each line, of bundle `k`.
    #[inline(always)]
    pub fn own<X>(self, each: &[X], k: usize) -> &[X] {
        each.get(k * self.lines..(k + 1) * self.lines)
            .unwrap_or(&[])
    }

    /// What there is once for each line, of bundle `k`, for writing.
    #[inline(always)]
    pub fn own_mut<X>(self, each: &mut [X], k: usize) -> &mut [X] {
        each.get_mut(k * self.lines..(k + 1) * self.lines)
            .unwrap_or(&mut [])
    }
}

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

    /// Keeps what the next bundle has.
    #[inline(always)]
    pub fn push(&mut self, x: X) {
        self.each[self.count].write(x);
        self.count += 1;
    }

    /// What bundle `k` had.
    #[inline(always)]
    pub fn get(&self, k: usize) -> X {
        assert!(k < self.count, "each step goes over all bundles");
        // SAFETY: needs that it was written: as `push` has written all before `count`, as compared above.
        unsafe { self.each[k].assume_init() }
    }
}

/// A number of each line at hand, in a lane for each. What costs as much for a vector as for one number is done for all lines
/// at once.
pub(super) struct Each<V> {
    lanes: V,
    count: usize,
}

impl<V: Lanes> Each<V> {
    #[inline(always)]
    pub fn new(level: V::Level) -> Self {
        Self {
            lanes: V::splat(level, V::Item::ONE),
            count: 0,
        }
    }

    /// Keeps what the lines of the next bundle have in their lanes: across it is the same in all lanes.
    #[inline(always)]
    pub fn push<L: Layout>(&mut self, x: V) {
        self.lanes = if L::DOWN || self.count == 0 {
            x
        } else {
            V::select(1 << self.count, x, self.lanes)
        };
        self.count += 1;
    }

    /// The numbers of all lines.
    #[inline(always)]
    pub fn lanes(&self) -> V {
        self.lanes
    }
}

/// The lines of bundle `k` that went well, by the lanes that did.
#[inline(always)]
pub(super) fn well<V: Lanes, L: Layout>(k: usize, lanes: u32) -> u32 {
    if L::DOWN {
        lanes
    } else {
        u32::from(lanes == V::ALL) << k
    }
}
