//! `Pool`: buffers that live across steps, so that a training loop allocates in its first step only.

use std::cell::{Cell, RefCell};

use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// Free buffers by size class: class `c` holds buffers with room for 2^c elements or more.
///
/// Only blocks of our own are kept, which lie on whole lines of the cache, the large ones on huge pages. None is given back
/// while the tape lives: a fresh page costs more than all that is done with it.
#[derive(Debug, Default)]
pub(crate) struct Pool<T> {
    classes: RefCell<Vec<Vec<Tensor<T>>>>,
    /// Bytes handed out and not yet given back, and the most there were: a walk counts from 0.
    live: Cell<isize>,
    peak: Cell<isize>,
}

impl<T: Elem> Pool<T> {
    /// A tensor of unspecified content that nobody shares.
    #[inline]
    pub(crate) fn take(&self, shape: &Shape) -> Tensor<T> {
        let len = shape.len();
        let class = class::<T>(len);
        let pooled = self.classes.borrow_mut().get_mut(class).and_then(Vec::pop);
        self.count((len * size_of::<T>()) as isize);
        match pooled {
            Some(tensor) => tensor.renewed(shape, T::zero()),
            None => Tensor::with_capacity(1 << class, shape, T::zero()),
        }
    }

    /// Exchanges the free buffers of two pools: how one tape lends them to another.
    pub(crate) fn swap(&self, other: &Self) {
        self.classes.swap(&other.classes);
    }

    /// Takes a tensor's buffer back if nobody shares it.
    #[inline]
    pub(crate) fn put(&self, tensor: Tensor<T>) {
        if !tensor.is_unique() {
            return;
        }
        self.count(-(size_of_val(tensor.data()) as isize));
        let Some(capacity) = tensor.own_capacity() else {
            return;
        };
        let class = capacity.ilog2() as usize;
        let mut classes = self.classes.borrow_mut();
        if classes.len() <= class {
            classes.resize_with(class + 1, Vec::new);
        }
        classes[class].push(tensor);
    }

    /// Counts bytes that came from elsewhere or went back.
    #[inline]
    pub(crate) fn count(&self, bytes: isize) {
        let live = self.live.get() + bytes;
        self.live.set(live);
        self.peak.set(self.peak.get().max(live));
    }

    /// Counts from 0; what was counted before is for [`end`](Self::end).
    pub(crate) fn begin(&self) -> [isize; 2] {
        [self.live.replace(0), self.peak.replace(0)]
    }

    /// The most bytes that were out at once since [`begin`](Self::begin); adds them to the count
    /// that was interrupted, since a hook may walk while another walk is under way.
    pub(crate) fn end(&self, [live, peak]: [isize; 2]) -> usize {
        let most = self.peak.get();
        self.peak.set(peak.max(live + most));
        self.live.set(live + self.live.get());
        most as usize
    }
}

/// The size class whose buffers hold `len` elements.
///
/// Never less than a line of the cache: a block is rounded up to lines, and must find its class again by its size.
#[inline]
fn class<T>(len: usize) -> usize {
    let line = 64 / size_of::<T>().max(1);
    len.max(line).max(1).next_power_of_two().ilog2() as usize
}
