//! `Scratch`: a buffer that its thread uses again, since fresh pages cost more than the product
//! that is computed in them.

use std::any::Any;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// As many buffers wait in a thread as one product on dual numbers of dual numbers takes.
const SPARE: usize = 12;

thread_local! {
    /// Buffers (`Vec`s of any element) that wait for their next use.
    static WAITING: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// A vector that goes back to its thread when it is dropped.
pub(super) struct Scratch<T: 'static>(Vec<T>);

impl<T: Clone + 'static> Scratch<T> {
    /// The elements, in a buffer that was used before if there is one.
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
        // At the end of the thread there is nobody to wait for it.
        let _ = WAITING.try_with(|waiting| {
            let mut waiting = waiting.borrow_mut();
            if waiting.len() < SPARE {
                waiting.push(Box::new(buffer));
            }
        });
    }
}
