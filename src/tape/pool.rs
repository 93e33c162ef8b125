//! `Pool`: buffers that live across steps, so that a training loop allocates only in its first step.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Mutex;

use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// Free buffers by size class: class `c` holds buffers with room for at least 2^c elements.
///
/// Blocks that a pool has lent come back to it; they are aligned to cache lines, large ones to huge pages. None is
/// freed while the tape lives, since a fresh page costs more than the work done on it; only helpers go when a walk
/// panics, or with a walk within a walk. Tensors that a user enters in each
/// step are not kept, or the pool would grow from step to step.
#[derive(Default)]
pub(crate) struct Pool<T> {
    classes: RefCell<Vec<Vec<Tensor<T>>>>,
    /// The buffer that came back last: a walk often takes one of that shape next, and need not look up the class.
    spare: Cell<Option<Tensor<T>>>,
    /// Bytes handed out and not yet given back, and their maximum; a walk counts from 0.
    live: Cell<isize>,
    peak: Cell<isize>,
    /// A pool for each thread that works on parts of a run, so that its buffers are in that thread's cache.
    helpers: RefCell<Vec<Mutex<Self>>>,
}

impl<T: Elem> Pool<T> {
    /// A tensor of unspecified content that has one owner.
    #[inline]
    pub(crate) fn take(&self, shape: &Shape) -> Tensor<T> {
        self.count((shape.elements() * size_of::<T>()) as isize);
        // Nested matches, not one combined `Option`, for which the compiler would keep a drop flag.
        let found = match self.spare.take() {
            Some(spare) => spare,
            None => match self.find(shape) {
                Some(free) => free,
                None => return Self::fresh(shape),
            },
        };
        match found.is_surely_like(shape) {
            true => found,
            false => self.take_unlike(shape, found),
        }
    }

    /// The same when the buffer found first may have another shape or even belong to another class.
    #[inline(never)]
    fn take_unlike(&self, shape: &Shape, found: Tensor<T>) -> Tensor<T> {
        self.sort_in_late(found);
        match self.find(shape) {
            Some(tensor) if tensor.is_like(shape) => tensor,
            Some(tensor) => tensor.renewed(shape),
            None => Self::fresh(shape),
        }
    }

    #[cold]
    fn fresh(shape: &Shape) -> Tensor<T> {
        Tensor::with_room(1 << class::<T>(shape.elements()), shape.clone(), true)
    }

    /// The buffer that came back last to the class for this shape.
    #[inline]
    fn find(&self, shape: &Shape) -> Option<Tensor<T>> {
        let class = class::<T>(shape.elements());
        self.classes.borrow_mut().get_mut(class).and_then(Vec::pop)
    }

    /// Exchanges the free buffers of two pools, so that one tape can lend them to another.
    pub(crate) fn swap(&self, other: &Self) {
        self.classes.swap(&other.classes);
        self.spare.swap(&other.spare);
    }

    /// Calls `f` with the pools of `count` threads.
    pub(crate) fn with_helpers<R>(&self, count: usize, f: impl FnOnce(&[Mutex<Self>]) -> R) -> R {
        // Taken out meanwhile, since `f` may lead to another walk on the same tape.
        let mut helpers = self.helpers.take();
        helpers.resize_with(count.max(helpers.len()), Mutex::default);
        let result = f(&helpers);
        self.helpers.replace(helpers);
        result
    }

    /// Takes a tensor's buffer back if no other tensor shares it and a pool has lent it.
    #[inline]
    pub(crate) fn put(&self, tensor: Tensor<T>) {
        if self.room_of(&tensor).is_some()
            && let Some(earlier) = self.spare.replace(Some(tensor))
        {
            self.sort_in_late(earlier);
        }
    }

    /// The same for one of many buffers that come back together and are not needed again immediately.
    #[inline]
    pub(crate) fn shelve(&mut self, tensor: Tensor<T>) {
        if let Some(capacity) = self.room_of(&tensor) {
            sort_in(self.classes.get_mut(), capacity, tensor);
        }
    }

    /// How many elements the tensor's buffer has room for, if the pool gets it back.
    #[inline]
    fn room_of(&self, tensor: &Tensor<T>) -> Option<usize> {
        if !tensor.is_unique() {
            return None;
        }
        // The count falls, so the peak stays.
        let bytes = size_of_val(tensor.data()) as isize;
        self.live.set(self.live.get() - bytes);
        tensor.lent_capacity()
    }

    /// Sorts in what was kept aside; not inlined into the common path.
    #[inline(never)]
    fn sort_in_late(&self, tensor: Tensor<T>) {
        let capacity = tensor.lent_capacity().expect("the pool has lent it");
        sort_in(&mut self.classes.borrow_mut(), capacity, tensor);
    }

    /// Counts bytes that are handed out or come from elsewhere, negative ones when they leave.
    #[inline]
    pub(crate) fn count(&self, bytes: isize) {
        let live = self.live.get() + bytes;
        self.live.set(live);
        self.peak.set(self.peak.get().max(live));
    }

    /// Starts counting from 0; returns the counts so far, to be passed to [`end`](Self::end).
    pub(crate) fn begin(&self) -> [isize; 2] {
        [self.live.replace(0), self.peak.replace(0)]
    }

    /// The most bytes that were out at the same time since [`begin`](Self::begin). Adds them to the count
    /// that was interrupted, since a hook may start a walk during another one.
    pub(crate) fn end(&self, [live, peak]: [isize; 2]) -> usize {
        let most = self.peak.get();
        self.peak.set(peak.max(live + most));
        self.live.set(live + self.live.get());
        most as usize
    }
}

/// The elements of a tensor that a pool has just lent, or that nothing else shares for another reason.
#[inline]
pub(crate) fn unique<T>(tensor: &mut Tensor<T>) -> &mut [T] {
    let elements = tensor.unique_mut();
    elements.expect("a buffer from the pool has one owner")
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.classes.borrow().iter().map(Vec::len).sum::<usize>();
        f.debug_struct("Pool").field("free", &free).finish()
    }
}

/// Puts a buffer with room for `capacity` elements into its class.
#[inline]
fn sort_in<X>(classes: &mut Vec<Vec<X>>, capacity: usize, buffer: X) {
    let class = capacity.ilog2() as usize;
    match classes.get_mut(class) {
        Some(free) => free.push(buffer),
        None => begin_class(classes, class, buffer),
    }
}

/// Creates a class with its first buffer.
#[cold]
fn begin_class<X>(classes: &mut Vec<Vec<X>>, class: usize, first: X) {
    classes.resize_with(class, Vec::new);
    classes.push(vec![first]);
}

/// The size class whose buffers hold `len` elements.
///
/// Never less than a cache line: a block is rounded up to whole lines, and must find its class again by its size. Nor
/// less than two elements, so that the logarithm is defined.
#[inline]
fn class<T>(len: usize) -> usize {
    let line = (64 / size_of::<T>().max(1)).max(2);
    ((len.max(1) - 1) | (line - 1)).ilog2() as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_in_any_shape_that_it_has_room_for() {
        let pool = Pool::<f64>::default();
        let mut x = pool.take(&[2, 3].into());
        unique(&mut x).fill(7.0);
        let place = x.data().as_ptr();
        pool.put(x);
        let x = pool.take(&[2, 3].into());
        assert_eq!((x.shape(), x.data()), (&[2, 3].into(), &[7.0; 6][..]));
        pool.put(x);
        let x = pool.take(&[8].into());
        assert_eq!((x.data().as_ptr(), x.len(), x.rank()), (place, 8, 1));
    }

    #[test]
    fn of_two_buffers_that_came_back_the_later_one_is_taken_first() {
        let pool = Pool::<f64>::default();
        let [a, b] = [(); 2].map(|()| pool.take(&[4].into()));
        let places = [&b, &a].map(|x| x.data().as_ptr());
        pool.put(a);
        pool.put(b);
        let again = [(); 2].map(|()| pool.take(&[4].into()));
        assert_eq!(again.map(|x| x.data().as_ptr()), places);
    }

    #[test]
    fn a_pool_lends_all_that_is_free_to_another() {
        let (pool, other) = (Pool::<f64>::default(), Pool::default());
        let lent = [(); 3].map(|()| pool.take(&[4].into()));
        let places: Vec<_> = lent.iter().map(|x| x.data().as_ptr()).collect();
        lent.into_iter().for_each(|x| pool.put(x));
        other.swap(&pool);
        let taken = [(); 3].map(|()| other.take(&[4].into()));
        assert!(taken.iter().all(|x| places.contains(&x.data().as_ptr())));
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
        assert!(pool.spare.take().is_none());
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
        assert_eq!([1, 2, 3].map(class::<[f64; 20]>), [1, 1, 2]);
    }
}
