//! `Buffer`: a counted stretch of numbers, the memory under a tensor.
//!
//! Like `Arc<Vec<T>>`, except that a part of a buffer is a buffer too, and that memory allocated here is aligned for
//! vectors and not filled before use.
#![allow(unsafe_code)]

use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::Range;
use std::ptr::NonNull;
use std::slice;

use super::Counted;
use super::block::Block;
use super::settle::settle;
use crate::kernel::Elem;

/// The `len` numbers from `start` on, in memory that other buffers may share.
///
/// The numbers are initialized; whoever makes a buffer ensures that.
pub(crate) struct Buffer<T> {
    start: NonNull<T>,
    len: usize,
    memory: Counted<Memory<T>>,
}

// SAFETY: needs that a buffer gives another thread no more than an `Arc<Vec<T>>` would: it hands out `&T` to all who
// share it, `&mut T` to a single owner, and drops the numbers on the thread of the last owner.
unsafe impl<T: Send + Sync> Send for Buffer<T> {}
// SAFETY: needs the same, for those who share it.
unsafe impl<T: Send + Sync> Sync for Buffer<T> {}

/// A block of memory, and how it is freed.
struct Memory<T> {
    start: NonNull<T>,
    /// How many numbers fit.
    capacity: usize,
    /// How many of them are initialized.
    ready: usize,
    /// The block, if it was allocated here, which frees itself; otherwise the memory is a vector's and is freed as one.
    own: Option<Block>,
    /// Whether a pool has lent it and wants it back.
    lent: bool,
}

// SAFETY: needs what `Vec<T>` needs: the block is owned, and accessed only through its buffers.
unsafe impl<T: Send> Send for Memory<T> {}
// SAFETY: needs that `&Memory<T>` gives no access to a number: its fields are private to this file, which reads the
// numbers only through buffers.
unsafe impl<T: Sync> Sync for Memory<T> {}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // The numbers of a block are `Copy` and need no drop.
        if self.own.is_none() {
            // SAFETY: needs the parts of a vector that was forgotten: `Buffer::from` took them, `ready` is its length.
            let vector =
                unsafe { Vec::from_raw_parts(self.start.as_ptr(), self.ready, self.capacity) };
            drop(vector);
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    /// Takes over a vector without a copy.
    fn from(vector: Vec<T>) -> Self {
        let mut vector = ManuallyDrop::new(vector);
        let start = NonNull::new(vector.as_mut_ptr()).expect("a vector points somewhere");
        let memory = Memory {
            start,
            capacity: vector.capacity(),
            ready: vector.len(),
            own: None,
            lent: false,
        };
        Self {
            start,
            len: vector.len(),
            memory: Counted::new(memory),
        }
    }
}

impl<T: Copy> Buffer<T> {
    /// An empty buffer on a new block for at least `capacity` numbers; `lent` says whether a pool lends it.
    ///
    /// # Panics
    /// If that is more than an allocation can hold.
    pub(crate) fn with_capacity(capacity: usize, lent: bool) -> Self {
        let bytes = capacity.max(1).checked_mul(size_of::<T>());
        let block = bytes
            .and_then(|bytes| Block::new(bytes, align_of::<T>()))
            .expect("a buffer of that many numbers exceeds the address space");
        let start = block.start().cast::<T>();
        let room = block.size().checked_div(size_of::<T>());
        Self {
            start,
            len: 0,
            memory: Counted::new(Memory {
                start,
                capacity: room.unwrap_or(usize::MAX),
                ready: 0,
                own: Some(block),
                lent,
            }),
        }
    }

    /// Resizes the buffer to the first `len` numbers of its block; `write` initializes those that were never used.
    ///
    /// # Panics
    /// If the block is shared or too small.
    ///
    /// # Safety
    /// `write` initializes all that it is given.
    #[inline]
    unsafe fn grow(&mut self, len: usize, write: impl FnOnce(&mut [MaybeUninit<T>])) {
        let memory = self
            .memory
            .get_mut()
            .expect("a block that is resized has one owner");
        assert!(len <= memory.capacity, "the block has room");
        let ready = memory.ready.min(len);
        // SAFETY: needs places within the block that nobody else can access: they lie below its capacity, checked
        // above, and it has one owner. They may be uninitialized.
        let rest = unsafe {
            let first = memory.start.add(ready).cast::<MaybeUninit<T>>();
            slice::from_raw_parts_mut(first.as_ptr(), len - ready)
        };
        write(rest);
        memory.ready = memory.ready.max(len);
        self.start = memory.start;
        self.len = len;
    }

    /// Resizes the buffer to the first `len` numbers of its block, with `fill` for those that were never used.
    ///
    /// # Panics
    /// If the block is shared or too small.
    pub(crate) fn fill(&mut self, len: usize, fill: T) {
        // SAFETY: needs that `write` initializes all: it fills it.
        unsafe { self.grow(len, |rest| rest.fill(MaybeUninit::new(fill))) };
    }

    /// Resizes the buffer to the first `len` of `numbers`, on a block that was never used.
    ///
    /// # Panics
    /// If there are fewer, or if the block was used, is shared or is too small.
    pub(crate) fn collect(&mut self, len: usize, numbers: impl IntoIterator<Item = T>) {
        assert_eq!(self.memory.ready, 0, "the block was never used");
        let write = |rest: &mut [MaybeUninit<T>]| {
            let (places, mut written) = (rest.len(), 0);
            rest.iter_mut().zip(numbers).for_each(|(place, number)| {
                place.write(number);
                written += 1;
            });
            assert_eq!(written, places, "there are as many numbers as places");
        };
        // SAFETY: needs that `write` initializes all: it writes as many numbers, or panics.
        unsafe { self.grow(len, write) };
    }
}

impl<T: Elem> Buffer<T> {
    /// Resizes the buffer to the first `len` numbers of its block, with unspecified values.
    ///
    /// # Panics
    /// If the block is shared or too small.
    #[inline]
    pub(crate) fn resize(&mut self, len: usize) {
        // SAFETY: needs that `write` initializes all: `settle` does.
        unsafe { self.grow(len, settle) };
    }
}

impl<T> Buffer<T> {
    /// The capacity of a block that a pool has lent; `None` for other memory.
    #[inline]
    pub(crate) fn lent_capacity(&self) -> Option<usize> {
        self.memory.lent.then_some(self.memory.capacity)
    }

    /// Whether the buffer begins where its block does.
    #[inline]
    pub(crate) fn is_whole(&self) -> bool {
        self.start == self.memory.start
    }

    /// Whether no other buffer shares the block.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        self.memory.is_unique()
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: needs initialized numbers that nobody writes while the slice lives: `start` and `len` lie within what
        // is ready, and writing needs `&mut` of the only buffer of the block.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The numbers for writing, if no other buffer shares the block.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut [T]> {
        // SAFETY: needs that no other reference to the numbers is alive: there is no other buffer of the block, nor a
        // way to make one while `self` is borrowed (there are no weak counts), and `self` is borrowed mutably.
        self.is_unique()
            .then(|| unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) })
    }

    /// Some of the numbers, as a buffer that shares the block.
    ///
    /// # Panics
    /// If `range` does not lie within the buffer.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "a part lies within its buffer"
        );
        Self {
            // SAFETY: needs a place within the block or at its end: checked above.
            start: unsafe { self.start.add(range.start) },
            len: range.len(),
            memory: self.memory.clone(),
        }
    }
}

impl<T: Clone> Buffer<T> {
    /// The numbers as a vector: without a copy if they came as one and nobody shares them.
    pub(crate) fn into_vec(self) -> Vec<T> {
        let whole = self.start == self.memory.start && self.len == self.memory.ready;
        if self.memory.own.is_some() || !whole {
            return self.as_slice().to_vec();
        }
        match self.memory.into_inner() {
            Ok(memory) => {
                let memory = ManuallyDrop::new(memory);
                // SAFETY: needs the parts of a vector that was forgotten, for the last time: memory without `own` is a
                // vector's, `Buffer::from` took its parts, and `memory`, which would free them again, is forgotten in
                // its turn.
                unsafe { Vec::from_raw_parts(memory.start.as_ptr(), memory.ready, memory.capacity) }
            }
            // SAFETY: needs initialized numbers that nobody writes: as in `as_slice`; `memory` keeps them alive.
            Err(memory) => unsafe {
                slice::from_raw_parts(memory.start.as_ptr(), memory.ready).to_vec()
            },
        }
    }
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self {
            start: self.start,
            len: self.len,
            memory: self.memory.clone(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_comes_back_without_a_copy() {
        let vector = vec![1, 2, 3];
        let place = vector.as_ptr();
        let back = Buffer::from(vector).into_vec();
        assert_eq!(back.as_ptr(), place);
    }

    #[test]
    fn what_is_shared_is_not_written() {
        let mut a = Buffer::from(vec![1, 2, 3]);
        let mut b = a.clone();
        assert!(a.get_mut().is_none() && !b.is_unique());
        assert_eq!(a.into_vec(), [1, 2, 3]);
        b.get_mut().expect("the only owner")[0] = 9;
        assert_eq!(b.into_vec(), [9, 2, 3]);
    }

    #[test]
    fn a_part_shares_the_block_and_outlives_the_whole() {
        let mut whole = Buffer::from(vec![String::from("a"), String::from("b")]);
        let mut part = whole.part(1..2);
        assert!(whole.get_mut().is_none() && part.get_mut().is_none());
        drop(whole);
        part.get_mut().expect("the only owner")[0].push('!');
        assert_eq!(part.into_vec(), ["b!"]);
    }

    #[test]
    fn a_block_of_our_own_is_filled_once() {
        let mut buffer = Buffer::with_capacity(100, true);
        buffer.fill(3, 7.0);
        assert_eq!(buffer.as_slice(), [7.0; 3]);
        buffer.resize(2);
        buffer.get_mut().expect("one owner").fill(1.0);
        buffer.fill(5, 2.0);
        assert_eq!(buffer.as_slice(), [1.0, 1.0, 7.0, 2.0, 2.0]);
        assert_eq!(buffer.lent_capacity(), Some(buffer.memory.capacity));
        assert_eq!(buffer.as_slice().as_ptr().align_offset(64), 0);
        assert_eq!(buffer.into_vec(), [1.0, 1.0, 7.0, 2.0, 2.0]);
    }

    #[test]
    fn elements_without_a_size_have_room() {
        let mut buffer = Buffer::with_capacity(100, false);
        buffer.fill(100, ());
        assert_eq!(buffer.as_slice().len(), 100);
    }

    #[test]
    fn numbers_are_collected_where_none_were() {
        let mut buffer = Buffer::with_capacity(100, false);
        buffer.collect(3, 7..);
        assert_eq!(buffer.as_slice(), [7, 8, 9]);
    }

    #[test]
    #[should_panic(expected = "as many numbers as places")]
    fn too_few_numbers_are_refused() {
        Buffer::with_capacity(100, false).collect(3, [7, 8]);
    }

    #[test]
    fn another_thread_may_let_go_of_it() {
        let mut a = Buffer::from(vec![1; 1000]);
        let b = a.clone();
        let sum = std::thread::spawn(move || b.as_slice().iter().sum::<i32>());
        assert_eq!(sum.join().expect("no panic"), 1000);
        assert!(a.get_mut().is_some());
    }
}
