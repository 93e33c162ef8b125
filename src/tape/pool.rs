//! `Pool`: buffers that live across steps, so that a training loop allocates in its first step only.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;

use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// Free buffers by size class: class `c` holds buffers with room for 2^c elements or more.
///
/// Blocks that a pool has lent come back to it; they lie on whole lines of the cache, the large ones on huge pages. None is
/// given up while the tape lives: a fresh page costs more than all that is done with it. What a user enters anew in each
/// step is not kept, or the pool would grow from step to step.
#[derive(Debug, Default)]
pub(crate) struct Pool<T> {
    classes: RefCell<Vec<Vec<Tensor<T>>>>,
    /// Bytes handed out and not yet given back, and the most there were: a walk counts from 0.
    live: Cell<isize>,
    peak: Cell<isize>,
    /// A pool for each thread that works on parts of a run, in whose cache its buffers are.
    helpers: RefCell<Vec<Mutex<Self>>>,
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
            None => Tensor::with_capacity(1 << class, shape, T::zero(), true),
        }
    }

    /// Exchanges the free buffers of two pools: how one tape lends them to another.
    pub(crate) fn swap(&self, other: &Self) {
        self.classes.swap(&other.classes);
    }

    /// Calls `f` with the pools of so many threads.
    pub(crate) fn with_helpers<R>(&self, count: usize, f: impl FnOnce(&[Mutex<Self>]) -> R) -> R {
        // Out of their place meanwhile: `f` may lead to another walk on the same tape.
        let mut helpers = self.helpers.take();
        helpers.resize_with(count.max(helpers.len()), Mutex::default);
        let result = f(&helpers);
        self.helpers.replace(helpers);
        result
    }

    /// Takes a tensor's buffer back if nobody shares it.
    #[inline]
    pub(crate) fn put(&self, tensor: Tensor<T>) {
        if !tensor.is_unique() {
            return;
        }
        self.count(-(size_of_val(tensor.data()) as isize));
        let Some(capacity) = tensor.lent_capacity() else {
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
    (usize::BITS - (len.max(line).max(1) - 1).leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_in_any_shape_that_it_has_room_for() {
        let pool = Pool::<f64>::default();
        let mut x = pool.take(&[2, 3].into());
        x.unique_mut().expect("one owner").fill(7.0);
        let place = x.data().as_ptr();
        pool.put(x);
        let x = pool.take(&[2, 3].into());
        assert_eq!((x.shape(), x.data()), (&[2, 3].into(), &[7.0; 6][..]));
        pool.put(x);
        let x = pool.take(&[8].into());
        assert_eq!((x.data().as_ptr(), x.len(), x.rank()), (place, 8, 1));
    }

    #[test]
    fn the_rest_of_a_buffer_comes_back_as_a_whole_one() {
        let pool = Pool::<f64>::default();
        let whole = pool.take(&[8].into());
        let place = whole.data().as_ptr();
        let part = whole.part(2..6, [4].into());
        drop(whole);
        pool.put(part);
        assert_eq!(pool.take(&[4].into()).data().as_ptr(), place);
    }

    #[test]
    fn what_was_not_lent_is_not_kept() {
        let pool = Pool::<f64>::default();
        pool.put(Tensor::zeros([8]));
        pool.put(Tensor::from(vec![0.0; 8]));
        assert!(pool.classes.borrow().iter().all(Vec::is_empty));
    }

    #[test]
    fn what_is_shared_is_not_taken_back() {
        let pool = Pool::<f64>::default();
        let x = pool.take(&[4].into());
        let place = x.data().as_ptr();
        pool.put(x.clone());
        assert_ne!(pool.take(&[4].into()).data().as_ptr(), place);
        pool.put(x.with_shape(&[2, 2].into()));
        assert_ne!(pool.take(&[4].into()).data().as_ptr(), place);
    }

    #[test]
    fn a_class_holds_its_lengths() {
        let lengths = [0, 1, 8, 9, 16, 17, 1000, 1024, 1025];
        let classes = lengths.map(class::<f64>);
        assert_eq!(classes, [3, 3, 3, 4, 4, 5, 10, 10, 11]);
        assert_eq!([1, 2, 3].map(class::<[f64; 20]>), [0, 1, 2]);
    }
}
