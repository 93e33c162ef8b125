//! The scalar part of the tape: one entry for each leaf and each binary operation on two different nodes.
//!
//! An entry is 24 bytes in `f64`: two partial derivatives and two operands. Unary functions and constants
//! normally record nothing: they fold into the handle's slope, unless that would leave the type's range. Nor does a
//! gate that is open; one that is closed records a node where walks end. The elements of tensor nodes that are read as
//! scalars are numbered with these nodes, but have no entries ([`Gaps`]). Nor do many leaves that are entered together
//! before anything else: of these, only the values are kept.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::panic::Location;

#[cfg(not(feature = "cursor"))]
use super::checked::Checked as List;
#[cfg(feature = "cursor")]
use super::cursor::Cursor as List;
use super::gaps::Gaps;
use crate::kernel::Elem;

/// The entry that no handle refers to: the operand of leaves, and the second operand of nodes with one.
/// Whatever collects in its adjoint (a NaN from 0 * inf, say) is never read.
pub(crate) const NOBODY: u32 = 0;

/// One scalar node: `adjoint[operand[k]] += partial[k] * adjoint[this]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) partial: [T; 2],
    pub(crate) operand: [u32; 2],
}

impl<T: Elem> Entry<T> {
    /// A leaf. Its value is stored in place of the second partial, which goes to [`NOBODY`].
    pub(crate) fn source(value: T) -> Self {
        Self {
            partial: [T::zero(), value],
            operand: [NOBODY; 2],
        }
    }

    /// A node for a factor of a slope that no handle could hold. No handle is the node itself, so that a later op may
    /// take the factor back ([`as_link`](Self::as_link)). A second partial of -0 tells it from a node that somebody may
    /// ask about.
    pub(crate) fn link(factor: T, operand: u32) -> Self {
        Self {
            partial: [factor, -T::zero()],
            operand: [operand, NOBODY],
        }
    }

    /// Factor and operand of a [`link`](Self::link).
    pub(crate) fn as_link(&self) -> Option<(T, u32)> {
        let [operand, nobody] = self.operand;
        let marked = nobody == NOBODY && self.partial[1].is_sign_negative();
        (marked && !self.is_source()).then_some((self.partial[0], operand))
    }

    /// A node for an op that is constant near its operand. A walk ends there, so that 0 * inf cannot arise; the operand
    /// is known only to those who ask what depends on what.
    pub(crate) fn still(operand: u32) -> Self {
        Self {
            partial: [T::zero(); 2],
            operand: [NOBODY, operand],
        }
    }

    /// Whether a walk ends here: the node has no operands, or is constant near its own.
    #[inline]
    pub(crate) fn is_end(&self) -> bool {
        self.operand[0] == NOBODY
    }

    /// Whether the node is one for an op that is constant near its operand; see [`still`](Self::still).
    pub(crate) fn is_still(&self) -> bool {
        self.is_end() && !self.is_source()
    }

    /// Whether the node has no operands.
    #[inline]
    pub(crate) fn is_source(&self) -> bool {
        self.operand == [NOBODY; 2]
    }
}

/// Where a scalar node comes from; kept only by tapes [`with_lines`](super::Tape::with_lines).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<T> {
    pub(crate) op: &'static str,
    pub(crate) value: T,
    /// The values of the operands' handles; those of folded handles differ from the nodes'.
    pub(crate) operands: [T; 2],
    pub(crate) line: &'static Location<'static>,
}

/// The greatest length of a list of scalar nodes: an index has 32 bits.
pub(crate) const LIMIT: usize = u32::MAX as usize;

/// How many leaves entered together go without entries. Of fewer, writing entries takes less time than skipping them.
const MANY: usize = 32;

/// The growing list of scalar nodes.
#[derive(Debug)]
pub(crate) struct Scalars<T> {
    entries: List<Entry<T>>,
    gaps: RefCell<Gaps>,
    /// The values of the leaves without entries, which come right after [`NOBODY`].
    values: RefCell<Vec<T>>,
    /// How many nodes at the front have no operands: [`NOBODY`], and what was entered before anything was computed.
    sources: Cell<u32>,
    origins: RefCell<Vec<Origin<T>>>,
}

impl<T: Elem> Scalars<T> {
    /// A list with room for `capacity` nodes besides [`NOBODY`].
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let entries = List::with_capacity(capacity + 1);
        entries.push(Entry::source(T::zero()));
        Self {
            entries,
            gaps: RefCell::default(),
            values: RefCell::default(),
            sources: Cell::new(1),
            origins: RefCell::default(),
        }
    }

    /// Keeps the origin of every node from here on.
    pub(crate) fn keep_origins(&mut self) {
        self.entries.watch();
    }

    /// Appends a node and returns its value and index. The other arguments are its origin, kept if the user wants it.
    ///
    /// The rare slow push is one call that hands the value back. If anything had to live across the call, the
    /// compiler would keep it in memory on the common path too, and a load waits for the store before it.
    #[inline(always)]
    pub(crate) fn push(
        &self,
        entry: Entry<T>,
        op: &'static str,
        value: T,
        [a, b]: [T; 2],
        line: &'static Location<'static>,
    ) -> (T, u32) {
        // `sweep` carries one share for the node before, not two.
        debug_assert!(entry.is_source() || entry.operand[0] != entry.operand[1]);
        if self.entries.is_slow() {
            // As pairs, which travel in registers: arrays would be built in memory before the check.
            let ([p, q], [i, j]) = (entry.partial, entry.operand);
            return self.push_slowly((p, q), (i, j), op, value, (a, b), line);
        }
        (value, self.entries.push(entry))
    }

    /// Appends a leaf and returns its value and index.
    #[inline(always)]
    pub(crate) fn push_source(
        &self,
        op: &'static str,
        value: T,
        line: &'static Location<'static>,
    ) -> (T, u32) {
        let (value, index) = self.push(Entry::source(value), op, value, [T::zero(); 2], line);
        if index == self.sources.get() {
            self.sources.set(index + 1);
        }
        (value, index)
    }

    /// Appends a leaf for each value and returns the first index.
    pub(crate) fn push_sources(
        &self,
        op: &'static str,
        values: &[T],
        line: &'static Location<'static>,
    ) -> u32 {
        let first = self.len();
        if values.len() >= MANY && first == self.first() {
            self.skip(op, values, line);
            self.values.borrow_mut().extend_from_slice(values);
        } else if self.entries.is_watched() {
            for &value in values {
                self.push_source(op, value, line);
            }
        } else {
            self.entries.extend(values, Entry::source);
            if first == self.sources.get() {
                self.sources.set(self.len());
            }
        }
        first
    }

    /// Appends a node without an entry for each element of a tensor node, and returns the first index.
    pub(crate) fn push_elements(&self, values: &[T], line: &'static Location<'static>) -> u32 {
        self.skip("element", values, line)
    }

    /// Appends nodes without operands and without entries.
    fn skip(&self, op: &'static str, values: &[T], line: &'static Location<'static>) -> u32 {
        let first = self.entries.skip(values.len());
        let after = self.len();
        self.gaps.borrow_mut().add(first..after);
        if first == self.sources.get() {
            self.sources.set(after);
        }
        if self.entries.is_watched() {
            for (index, &value) in (first..).zip(values) {
                self.keep_origin(index, op, value, [T::zero(); 2], line);
            }
        }
        first
    }

    /// Appends a node to a list that is full, being read, or watched.
    #[cold]
    #[inline(never)]
    fn push_slowly(
        &self,
        partial: (T, T),
        operand: (u32, u32),
        op: &'static str,
        value: T,
        operands: (T, T),
        line: &'static Location<'static>,
    ) -> (T, u32) {
        if self.entries.is_watched() {
            self.keep_origin(self.len(), op, value, operands.into(), line);
        }
        let entry = Entry {
            partial: partial.into(),
            operand: operand.into(),
        };
        (value, self.entries.push(entry))
    }

    fn keep_origin(
        &self,
        index: u32,
        op: &'static str,
        value: T,
        operands: [T; 2],
        line: &'static Location<'static>,
    ) {
        let origin = Origin {
            op,
            value,
            operands,
            line,
        };
        let mut origins = self.origins.borrow_mut();
        // NOBODY comes first, as in the list of nodes.
        origins.resize(index as usize, Origin { op: "", ..origin });
        origins.push(origin);
    }

    /// Where a node comes from, if that is kept.
    pub(crate) fn origin(&self, index: u32) -> Option<Origin<T>> {
        self.origins.borrow().get(index as usize).copied()
    }

    /// The bytes of entries, of leaves without one and of origins, without [`NOBODY`].
    pub(crate) fn bytes(&self) -> usize {
        (self.place(self.len()) - 1) * size_of::<Entry<T>>()
            + size_of_val(&self.values.borrow()[..])
            + self.origins.borrow().len().saturating_sub(1) * size_of::<Origin<T>>()
    }

    /// How many nodes there are, including [`NOBODY`].
    pub(crate) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The first node that may have an entry, after [`NOBODY`] and the leaves that have none.
    #[inline]
    pub(crate) fn first(&self) -> u32 {
        1 + self.values.borrow().len() as u32
    }

    /// How many nodes at the front have no operands, so that a sweep may stop there.
    pub(crate) fn sources(&self) -> u32 {
        self.sources.get()
    }

    /// The entries, for reading; those of nodes between two tensor nodes lie side by side. As long as the returned
    /// value is alive, recording scalar nodes panics.
    pub(crate) fn entries(&self) -> impl Deref<Target = [Entry<T>]> {
        self.entries.read()
    }

    /// Where the entry of a node is among all entries; for a node without one, where those after it begin.
    #[inline]
    pub(crate) fn place(&self, index: u32) -> usize {
        self.gaps.borrow().place(index) as usize
    }

    /// The value of a leaf without an entry.
    fn value(&self, index: u32) -> Option<T> {
        let values = self.values.borrow();
        values.get((index as usize).wrapping_sub(1)).copied()
    }

    /// The entry of a node, or one made for a leaf that has none; `None` for an element of a tensor node.
    pub(crate) fn entry(&self, index: u32) -> Option<Entry<T>> {
        if let Some(value) = self.value(index) {
            return Some(Entry::source(value));
        }
        let element = self.gaps.borrow().contain(index);
        (!element).then(|| self.entries()[self.place(index)])
    }

    /// The nodes but those of elements, in order, [`NOBODY`] first, with their entries.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, Entry<T>)> {
        let (indices, entries) = (self.gaps.borrow().others(self.len()), self.entries());
        let places = indices.enumerate();
        let mut numbered = places.map(move |(place, index)| (index, entries[place]));
        let nobody = numbered.next();
        let leaves = self.values.borrow().clone();
        let leaves = (1..).zip(leaves.into_iter().map(Entry::source));
        nobody.into_iter().chain(leaves).chain(numbered)
    }

    /// Whether a node has no operands among scalar nodes: a leaf, or an element of a tensor node.
    pub(crate) fn is_source(&self, index: u32) -> bool {
        self.entry(index).is_none_or(|entry| entry.is_source())
    }

    /// Replaces the value of a leaf and returns the old one.
    pub(crate) fn set_value(&mut self, leaf: u32, value: T) -> T {
        if let Some(place) = self.values.get_mut().get_mut(leaf as usize - 1) {
            return std::mem::replace(place, value);
        }
        let place = self.place(leaf);
        let entry = &mut self.entries.items_mut()[place];
        std::mem::replace(entry, Entry::source(value)).partial[1]
    }

    /// The values of leaves, at their indices among those of all nodes; other nodes have none.
    pub(super) fn values(&self) -> Vec<T> {
        let mut values = vec![T::zero(); self.len() as usize];
        for (index, entry) in self.numbered() {
            values[index as usize] = entry.partial[1];
        }
        values
    }

    /// The same list on wider elements, if all nodes are leaves or elements of tensor nodes.
    pub(super) fn widened(&self) -> Scalars<T::Wide> {
        let wide = Scalars::with_capacity(self.place(self.len()));
        let (unknown, line) = (T::zero().widen(), Location::caller());
        for index in 1..self.len() {
            match self.entry(index) {
                Some(leaf) => _ = wide.push_source("leaf", leaf.partial[1].widen(), line),
                None => _ = wide.push_elements(&[unknown], line),
            }
        }
        wide
    }

    /// Forgets all nodes and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.truncate(1);
        self.gaps.get_mut().clear();
        self.values.get_mut().clear();
        self.sources.set(1);
        self.origins.get_mut().clear();
    }
}
