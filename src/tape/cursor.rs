//! `Cursor`: a list that grows through a shared reference, at the price of one comparison per push.
//!
//! Its safe twin is [`Checked`](super::checked::Checked), which takes its place without the feature
//! `cursor`. [`Cursor`] explains what makes it sound; `unsafe` is nowhere else in the tape.
#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::NonNull;

use super::scalars::LIMIT;
use super::sweep::FAR;
use crate::kernel::simd::fetch_all;

/// A growing list of plain data, whose items are numbered by ids. Ids may be skipped, and take no memory then.
///
/// `len`, `room` and `capacity` count ids, skipped ones included, and `base` is shifted back by as many places as ids
/// were skipped. So the place of the next id is `base + len`, as if nothing had been skipped, and a push knows nothing
/// of it. The shifted `base` may lie outside the memory, hence the wrapping arithmetic.
///
/// `room` is the length at which a push must take the slow path. It is 0 while the list is being read or
/// watched, so that growth, prefetching, readers and watchers cost the ordinary push nothing.
///
/// What holds between any two calls, whatever the caller does in between (panics and forgotten readers
/// included):
/// 1. `skipped <= len <= capacity <= LIMIT`, `memory` has at least `capacity - skipped` places, `base + skipped` is its
///    first one, and the first `len - skipped` are initialized;
/// 2. `room <= capacity`;
/// 3. while a [`Reading`] is alive, `readers > 0` and `room` is 0: nothing is pushed and nothing moves.
#[derive(Debug)]
pub(crate) struct Cursor<E> {
    base: Cell<*mut E>,
    skipped: Cell<usize>,
    len: Cell<usize>,
    room: Cell<usize>,
    capacity: Cell<usize>,
    readers: Cell<usize>,
    watched: bool,
    memory: UnsafeCell<Vec<MaybeUninit<E>>>,
}

// SAFETY: `base` is used to reach `memory` alone, which is sent along; nothing else is shared.
unsafe impl<E: Send> Send for Cursor<E> {}

impl<E: Copy> Cursor<E> {
    /// The length from which on a list does not stay in a core's own caches.
    const LONG: usize = FAR / size_of::<E>();

    /// An empty list with room for `capacity` items.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let list = Self {
            base: Cell::new(std::ptr::null_mut()),
            skipped: Cell::new(0),
            len: Cell::new(0),
            room: Cell::new(0),
            capacity: Cell::new(0),
            readers: Cell::new(0),
            watched: false,
            memory: UnsafeCell::default(),
        };
        list.grow(capacity);
        list
    }

    /// Makes every push from now on a slow one, so that it can be observed.
    pub(crate) fn watch(&mut self) {
        self.watched = true;
        self.room.set(0);
    }

    /// Whether pushes are observed.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Whether the next push is a slow one: the list is full, being read, or watched.
    ///
    /// The compiler merges a call of this with the same comparison in [`push`](Self::push).
    #[inline(always)]
    pub(crate) fn is_slow(&self) -> bool {
        self.len.get() >= self.room.get()
    }

    /// Appends an item and returns its id.
    ///
    /// # Panics
    /// If the list is being read, or if it is full.
    #[inline(always)]
    pub(crate) fn push(&self, item: E) -> u32 {
        if self.is_slow() {
            self.make_room();
        }
        let len = self.len.get();
        // SAFETY: needs a place that exists and that nobody reads. It is place `len - skipped` of the memory, and
        // `len < room <= capacity`, or `make_room` has just ensured `len < capacity`; if anybody read, `room` would be
        // 0 and `make_room` would have panicked.
        unsafe { self.base.get().wrapping_add(len).write(item) };
        self.len.set(len + 1);
        len as u32
    }

    /// Appends what `make` gives for each value; faster than pushes, each of which waits for the length that the one
    /// before it stored.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub(crate) fn extend<V: Copy>(&self, values: &[V], make: impl Fn(V) -> E) {
        let (len, more) = (self.len.get(), values.len());
        self.check(more);
        if self.capacity.get() - len < more {
            // Leaves come first, and more of what is computed from them.
            self.grow((2 * more).max(self.items().1).max(SECOND));
        }
        // Whatever `make` does, nothing is pushed or moved while this is alive.
        let reading = self.read();
        // SAFETY: needs places that exist and that nobody else refers to: `len + more <= capacity`, as ensured above,
        // and `reading` shows only the places before these, which may be uninitialized.
        let places = unsafe {
            let first = self.base.get().wrapping_add(len).cast::<MaybeUninit<E>>();
            std::slice::from_raw_parts_mut(first, more)
        };
        for (place, &value) in places.iter_mut().zip(values) {
            place.write(make(value));
        }
        drop(reading);
        self.len.set(len + more);
    }

    /// Passes over `more` ids, which have no items, and returns the first of them.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub(crate) fn skip(&self, more: usize) -> u32 {
        self.check(more);
        let len = self.len.get();
        self.base.set(self.base.get().wrapping_sub(more));
        self.skipped.set(self.skipped.get() + more);
        self.len.set(len + more);
        // Some places at the end stay unused if there are no ids for them.
        let capacity = self.capacity.get().saturating_add(more);
        self.capacity.set(capacity.min(LIMIT));
        self.open();
        len as u32
    }

    /// Refuses `more` ids if the list is being read or they are too many.
    fn check(&self, more: usize) {
        assert!(
            self.readers.get() == 0,
            "a scalar node was recorded while a walk or a reader uses the tape"
        );
        assert!(
            more <= LIMIT - self.len.get(),
            "a tape holds at most 2^32 - 2 scalar nodes; reset it"
        );
    }

    /// Ensures that one more item fits.
    ///
    /// A long list comes here every [`STRETCH`] pushes, to prefetch the places of the next but one stretch: machines do
    /// so by themselves only up to the end of a page.
    #[cold]
    #[inline(never)]
    fn make_room(&self) {
        self.check(1);
        let len = self.len.get();
        if len == self.capacity.get() {
            self.grow(self.items().1.max(SECOND));
        }
        self.open();
        if len >= Self::LONG {
            let next = self.base.get().wrapping_add(len + STRETCH);
            fetch_all(next.addr(), STRETCH * size_of::<E>());
        }
    }

    /// Adds at least `more` places, and at least [`FIRST`].
    fn grow(&self, more: usize) {
        debug_assert_eq!(self.readers.get(), 0, "a list that is read does not move");
        // SAFETY: needs to be the only reference to `memory`: no other method makes one that outlives it, a list is
        // not `Sync`, and the callers have ensured that nobody reads.
        let memory = unsafe { &mut *self.memory.get() };
        memory.reserve(more.max(FIRST));
        memory.resize_with(memory.capacity().min(LIMIT), MaybeUninit::uninit);
        let (first, skipped) = (memory.as_mut_ptr().cast::<E>(), self.skipped.get());
        self.base.set(first.wrapping_sub(skipped));
        let capacity = memory.len().saturating_add(skipped);
        self.capacity.set(capacity.min(LIMIT));
        self.open();
    }

    /// Lets pushes take the fast path again, unless the list is watched or being read.
    fn open(&self) {
        if !self.watched && self.readers.get() == 0 {
            let next = (self.len.get() + STRETCH).max(Self::LONG);
            self.room.set(next.min(self.capacity.get()));
        }
    }

    /// How many ids there are, skipped ones included.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// The first item's place, and how many items there are.
    #[inline]
    fn items(&self) -> (*mut E, usize) {
        let (base, skipped) = (self.base.get(), self.skipped.get());
        (base.wrapping_add(skipped), self.len.get() - skipped)
    }

    /// The items, for reading. As long as the returned value is alive, pushing panics.
    pub(crate) fn read(&self) -> Reading<'_, E> {
        let readers = self.readers.get();
        self.readers.set(
            readers
                .checked_add(1)
                .expect("so many readers do not fit into memory"),
        );
        self.room.set(0);
        let (first, count) = self.items();
        // SAFETY: needs initialized items that are neither written nor moved: the first `len - skipped` places are
        // initialized, and until this reader is dropped nothing is written there or moved, since `readers` is not 0.
        let items = unsafe { std::slice::from_raw_parts(first, count) };
        Reading {
            list: self,
            items: items.into(),
        }
    }

    /// The items, for changing.
    pub(crate) fn items_mut(&mut self) -> &mut [E] {
        let (first, count) = self.items();
        // SAFETY: needs initialized items that nobody reads: the first `len - skipped` places are initialized, and
        // `&mut self` proves that nobody reads.
        unsafe { std::slice::from_raw_parts_mut(first, count) }
    }

    /// Drops all but the first `len` items and keeps the memory; their ids are 0 to `len` then, as if none had been
    /// skipped.
    pub(crate) fn truncate(&mut self, len: usize) {
        let (first, count) = self.items();
        self.base.set(first);
        self.skipped.set(0);
        self.len.set(count.min(len));
        self.capacity.set(self.memory.get_mut().len());
        // `&mut self` proves that readers still counted were forgotten.
        self.readers.set(0);
        self.open();
    }
}

/// How many pushes onto a long list go without a look at what comes: a few kilobytes, as much as a page.
const STRETCH: usize = 128;

/// The fewest places of a list: in `f64` just under a kilobyte, up to which allocators are fastest.
const FIRST: usize = 42;

/// The fewest places added when a list is full, so that a large one is not moved too often.
const SECOND: usize = 1000;

/// Read access to the items of a list, which cannot grow meanwhile.
#[derive(Debug)]
pub(crate) struct Reading<'a, E: Copy> {
    list: &'a Cursor<E>,
    /// Not a reference: as an argument, it would have to be valid until the call ends, perhaps after the reader's drop.
    items: NonNull<[E]>,
}

impl<E: Copy> Deref for Reading<'_, E> {
    type Target = [E];

    #[inline]
    fn deref(&self) -> &[E] {
        // SAFETY: needs initialized items that are neither written nor moved: `read` has ensured it for as long as the
        // reader exists, and the reader is borrowed here.
        unsafe { self.items.as_ref() }
    }
}

impl<E: Copy> Drop for Reading<'_, E> {
    fn drop(&mut self) {
        self.list.readers.set(self.list.readers.get() - 1);
        self.list.open();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use proptest::prelude::*;

    use super::super::checked::Checked;
    use super::*;

    fn refuses(push: impl FnOnce() -> u32) -> bool {
        catch_unwind(AssertUnwindSafe(push)).is_err()
    }

    fn pair(n: u32) -> (f64, u32) {
        (f64::from(n), n)
    }

    proptest! {
        #[test]
        fn the_cursor_does_what_its_safe_twin_does(
            room in 0..200usize,
            steps in prop::collection::vec((0..10u8, 0..300usize), 1..100),
        ) {
            let mut fast = Cursor::with_capacity(room);
            let mut safe = Checked::with_capacity(room);
            for (step, n) in steps {
                match step {
                    0..4 => for k in 0..n {
                        let item = (k as f64, n as u32);
                        prop_assert_eq!(fast.push(item), safe.push(item));
                    },
                    4 => {
                        fast.truncate(n);
                        safe.truncate(n);
                    }
                    5 => {
                        let (one, other) = (fast.read(), safe.read());
                        let again = fast.read();
                        prop_assert!(refuses(|| fast.push((0.0, 0))));
                        prop_assert!(refuses(|| safe.push((0.0, 0))));
                        let many = |extend: &dyn Fn()| refuses(|| (extend(), 0).1);
                        prop_assert!(many(&|| fast.extend(&[0], pair)));
                        prop_assert!(many(&|| safe.extend(&[0], pair)));
                        prop_assert!(refuses(|| fast.skip(1)) && refuses(|| safe.skip(1)));
                        drop(again);
                        prop_assert!(refuses(|| fast.push((0.0, 0))));
                        prop_assert_eq!(&*one, &*other);
                    }
                    6 => if let (Some(a), Some(b)) =
                        (fast.items_mut().last_mut(), safe.items_mut().last_mut())
                    {
                        (a.1, b.1) = (7, 7);
                    },
                    7 => {
                        let values: Vec<u32> = (0..n as u32).collect();
                        fast.extend(&values, pair);
                        safe.extend(&values, pair);
                    }
                    8 => prop_assert_eq!(fast.skip(n), safe.skip(n)),
                    _ if n == 0 => {
                        fast.watch();
                        safe.watch();
                    }
                    _ => prop_assert_eq!(fast.is_watched(), safe.is_watched()),
                }
                prop_assert_eq!(fast.len(), safe.len());
                prop_assert_eq!(&*fast.read(), &*safe.read());
                prop_assert!(!safe.is_watched() || fast.is_slow() && safe.is_slow());
            }
            prop_assert_eq!(&*fast.read(), &*safe.read());
        }
    }

    #[test]
    fn a_forgotten_reader_stops_pushes_until_the_list_is_emptied() {
        let mut list = Cursor::with_capacity(1);
        list.push(1.0);
        std::mem::forget(list.read());
        assert!(refuses(|| list.push(2.0)));
        drop(list.read());
        assert!(refuses(|| list.push(2.0)));
        list.truncate(1);
        assert_eq!((list.push(3.0), &*list.read()), (1, &[1.0, 3.0][..]));
    }

    #[test]
    fn a_list_is_full_when_its_ids_are_used_up() {
        let (mut fast, mut safe) = (Cursor::with_capacity(3), Checked::with_capacity(3));
        for _ in 0..2 {
            assert_eq!((fast.push(0), safe.push(0)), (0, 0));
            assert_eq!((fast.skip(LIMIT - 2), safe.skip(LIMIT - 2)), (1, 1));
            assert_eq!((fast.push(1), safe.push(1)), (u32::MAX - 1, u32::MAX - 1));
            assert!(refuses(|| fast.push(2)) && refuses(|| safe.push(2)));
            assert!(refuses(|| fast.skip(1)) && refuses(|| safe.skip(1)));
            assert_eq!((&*fast.read(), &*safe.read()), (&[0, 1][..], &[0, 1][..]));
            fast.truncate(0);
            safe.truncate(0);
        }
    }

    #[test]
    fn a_list_grows_past_its_first_places_and_can_be_sent() {
        let list = Cursor::with_capacity(0);
        (0..10_000).for_each(|k| assert_eq!(list.push(k), k));
        let list = std::thread::spawn(move || list).join().unwrap();
        assert!(list.read().iter().copied().eq(0..10_000));
    }
}
