//! `Checked`: the list of scalar nodes without `unsafe`, in which every push checks for readers.

use std::cell::{Cell, Ref, RefCell, RefMut};

use super::scalars::LIMIT;

/// A growing list of plain data, whose items are numbered by ids. Ids may be skipped, and take no memory then.
#[derive(Debug)]
pub(crate) struct Checked<E> {
    items: RefCell<Vec<E>>,
    skipped: Cell<usize>,
    /// The length from which on a push is slow: 0 if the list is watched.
    limit: usize,
}

impl<E: Copy> Checked<E> {
    /// An empty list with room for `capacity` items.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            items: RefCell::new(Vec::with_capacity(capacity)),
            skipped: Cell::new(0),
            limit: LIMIT,
        }
    }

    /// Makes every push from now on a slow one, so that it can be observed.
    pub(crate) fn watch(&mut self) {
        self.limit = 0;
    }

    /// Whether pushes are observed.
    pub(crate) fn is_watched(&self) -> bool {
        self.limit == 0
    }

    /// Whether the next push is a slow one, because the list is full or watched.
    #[inline]
    pub(crate) fn is_slow(&self) -> bool {
        self.len() >= self.limit
    }

    /// Appends an item and returns its id.
    ///
    /// # Panics
    /// If the list is being read, or if it is full.
    #[inline]
    pub(crate) fn push(&self, item: E) -> u32 {
        let (mut items, id) = self.growing(1);
        items.push(item);
        id as u32
    }

    /// Passes over `more` ids, which have no items, and returns the first of them.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub(crate) fn skip(&self, more: usize) -> u32 {
        let (_, id) = self.growing(more);
        self.skipped.set(self.skipped.get() + more);
        id as u32
    }

    /// The items, to append to, and the next id.
    #[inline]
    fn growing(&self, more: usize) -> (RefMut<'_, Vec<E>>, usize) {
        let Ok(items) = self.items.try_borrow_mut() else {
            panic!("a scalar node was recorded while a walk or a reader uses the tape");
        };
        let id = items.len() + self.skipped.get();
        assert!(
            more <= LIMIT - id,
            "a tape holds at most 2^32 - 2 scalar nodes; reset it"
        );
        (items, id)
    }

    /// Appends what `make` gives for each value.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub(crate) fn extend<V: Copy>(&self, values: &[V], make: impl Fn(V) -> E) {
        for &value in values {
            self.push(make(value));
        }
    }

    /// How many ids there are, skipped ones included.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.items.borrow().len() + self.skipped.get()
    }

    /// The items, for reading. As long as the returned value is alive, pushing panics.
    pub(crate) fn read(&self) -> Ref<'_, [E]> {
        Ref::map(self.items.borrow(), Vec::as_slice)
    }

    /// The items, for changing.
    pub(crate) fn items_mut(&mut self) -> &mut [E] {
        self.items.get_mut()
    }

    /// Drops all but the first `len` items and keeps the memory; their ids are 0 to `len` then, as if none had been
    /// skipped.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.skipped.set(0);
        self.items.get_mut().truncate(len);
    }
}
