//! `Pool`: buffers that live across steps, so that a training loop allocates in its first step only.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// Free buffers by size class: class `c` holds buffers of capacity 2^c.
///
/// The counted allocation is pooled together with the vector in it, so that taking a buffer costs
/// no allocation at all.
#[derive(Debug, Default)]
pub(crate) struct Pool<T> {
    classes: RefCell<Vec<Vec<Arc<Vec<T>>>>>,
    /// Bytes handed out and not yet given back, and the most there were: a walk counts from 0.
    live: Cell<isize>,
    peak: Cell<isize>,
}

impl<T: Elem> Pool<T> {
    /// A tensor of unspecified content that nobody shares.
    pub(crate) fn take(&self, shape: Shape) -> Tensor<T> {
        let len = shape.len();
        let class = class(len);
        let pooled = self.classes.borrow_mut().get_mut(class).and_then(Vec::pop);
        self.count((len * size_of::<T>()) as isize);
        let mut buffer = pooled.unwrap_or_else(|| Arc::new(vec![T::zero(); 1 << class]));
        Arc::get_mut(&mut buffer)
            .expect("a pooled buffer has one owner")
            .resize(len, T::zero());
        Tensor::of_buffer(shape, buffer)
    }

    /// Exchanges the free buffers of two pools: how one tape lends them to another.
    pub(crate) fn swap(&self, other: &Self) {
        self.classes.swap(&other.classes);
    }

    /// Takes a tensor's buffer back if nobody shares it.
    pub(crate) fn put(&self, tensor: Tensor<T>) {
        let mut buffer = tensor.into_buffer();
        let Some(vector) = Arc::get_mut(&mut buffer) else {
            return;
        };
        self.count(-(size_of_val(&vector[..]) as isize));
        // A buffer of the user's may have any capacity; the class is the one it can surely serve.
        let Some(class) = vector.capacity().checked_ilog2() else {
            return;
        };
        let mut classes = self.classes.borrow_mut();
        if classes.len() <= class as usize {
            classes.resize_with(class as usize + 1, Vec::new);
        }
        classes[class as usize].push(buffer);
    }

    /// Counts bytes that came from elsewhere or went back.
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
fn class(len: usize) -> usize {
    len.max(1).next_power_of_two().ilog2() as usize
}
