//! `Counted`: a value with several owners.
#![allow(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// An `Arc` that never has weak counts, so that asking whether there is one owner is a load and not a locked exchange:
/// the engine asks several times for each node.
#[derive(Debug)]
pub(crate) struct Counted<H>(Arc<H>);

impl<H> Counted<H> {
    pub(crate) fn new(value: H) -> Self {
        Self(Arc::new(value))
    }

    /// Whether there is one owner.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        let unique = Arc::strong_count(&self.0) == 1;
        // Former owners are done with the value: the count goes down with a release.
        fence(Ordering::Acquire);
        unique
    }

    /// The value for writing, if there is one owner.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut H> {
        // SAFETY: needs that no other reference to the value is alive: this is the only `Arc` of it, no weak one was
        // ever made, since the field is private and nothing here makes one, and `self` is borrowed mutably; what former
        // owners did to it happened before, by the fence. std does not say that what an `Arc` points to may be written
        // through `Arc::as_ptr`; the suites of tools/README.md check it under Miri.
        self.is_unique()
            .then(|| unsafe { &mut *Arc::as_ptr(&self.0).cast_mut() })
    }

    /// The value, if there is one owner.
    pub(crate) fn into_inner(self) -> Result<H, Self> {
        Arc::try_unwrap(self.0).map_err(Self)
    }
}

impl<H> Clone for Counted<H> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> Deref for Counted<H> {
    type Target = H;

    #[inline]
    fn deref(&self) -> &H {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_may_write() {
        let mut a = Counted::new(1);
        *a.get_mut().expect("one owner") = 2;
        let b = a.clone();
        assert!(a.get_mut().is_none() && !b.is_unique());
        let a = a.into_inner().expect_err("two owners");
        drop(b);
        assert_eq!(a.into_inner().expect("one owner"), 2);
    }
}
