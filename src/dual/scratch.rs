//! `Scratch`: a buffer that its thread reuses, since fresh pages cost more than the product that is
//! computed in them.

use std::any::Any;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// At most so many buffers wait in a thread: as many as one product of `Dual<Dual<T>>` matrices takes.
const SPARE: usize = 12;

thread_local! {
    /// Buffers (`Vec`s of any element) that wait for their next use.
    static WAITING: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// A vector that goes back to its thread when it is dropped.
pub(super) struct Scratch<T: 'static>(Vec<T>);

impl<T: Clone + 'static> Scratch<T> {
    /// Collects the elements, in a buffer that was used before if there is one.
    pub(super) fn collect(elements: impl ExactSizeIterator<Item = T>) -> Self {
        let waiting = WAITING.with_borrow_mut(|waiting| {
            let fits = |buffer: &Box<dyn Any>| buffer.is::<Vec<T>>();
            let at = waiting.iter().rposition(fits)?;
            waiting.swap_remove(at).downcast::<Vec<T>>().ok()
        });
        let mut buffer = waiting.map_or_else(Vec::new, |buffer| *buffer);
        buffer.clear();
        buffer.extend(elements);
        Self(buffer)
    }
}

impl<T: 'static> Deref for Scratch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: 'static> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: 'static> Drop for Scratch<T> {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // While the thread ends, the list may be gone already; then the buffer is simply freed.
        let _ = WAITING.try_with(|waiting| {
            let mut waiting = waiting.borrow_mut();
            if waiting.len() < SPARE {
                waiting.push(Box::new(buffer));
            }
        });
    }
}
