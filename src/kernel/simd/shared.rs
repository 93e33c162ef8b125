//! `Shared`: a buffer that several threads write, each at places of its own.
#![allow(unsafe_code)]

use std::marker::PhantomData;

/// A borrowed buffer whose parts are handed out as if each had been split off.
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    buffer: PhantomData<&'a mut [T]>,
}

// SAFETY: needs that no two threads access the same number, which callers of `part` promise. Numbers of type T may
// move between threads.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Borrows the buffer for as long as this lives.
    pub fn new(buffer: &'a mut [T]) -> Self {
        Self {
            start: buffer.as_mut_ptr(),
            len: buffer.len(),
            buffer: PhantomData,
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of the first number.
    pub fn address(&self) -> usize {
        self.start.addr()
    }

    /// The `len` numbers from `start` on.
    ///
    /// # Safety
    /// No other part that contains one of them may be alive, on any thread.
    #[allow(clippy::mut_from_ref)] // that is the point
    #[inline(always)]
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(
            start <= self.len && len <= self.len - start,
            "the part lies within the buffer"
        );
        // SAFETY: needs a place within the buffer, checked above, that nobody else accesses, which the caller
        // promised.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
