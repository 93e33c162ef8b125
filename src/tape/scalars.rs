//! The scalar part of the tape: one entry for each binary operation on two different nodes.
//!
//! An entry is 24 bytes in `f64`: two partial derivatives and two operands. Unary functions and constants
//! normally record nothing: they fold into the handle's slope, unless that would leave the type's range. Nor does a
//! gate that is open; one that is closed records a node where walks end.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, Range};
use std::panic::Location;

#[cfg(not(feature = "cursor"))]
use super::checked::Checked as List;
#[cfg(feature = "cursor")]
use super::cursor::Cursor as List;
use crate::kernel::Elem;
use crate::kernel::simd::fetch;

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
    /// A node without operands: a leaf, or a tensor's element read as a scalar. Its value is stored in
    /// place of the second partial, which goes to [`NOBODY`].
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

/// The growing list of scalar nodes.
#[derive(Debug)]
pub(crate) struct Scalars<T> {
    entries: List<Entry<T>>,
    /// How many entries at the front are sources: [`NOBODY`], and what was entered before anything was computed.
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

    /// Appends a node without operands and returns its value and index.
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

    /// Appends a node without operands for each value and returns the first index.
    pub(crate) fn push_sources(
        &self,
        op: &'static str,
        values: &[T],
        line: &'static Location<'static>,
    ) -> u32 {
        let first = self.len();
        if self.entries.is_watched() {
            for &value in values {
                self.push_source(op, value, line);
            }
            return first;
        }
        self.entries.extend(values, Entry::source);
        if first == self.sources.get() {
            self.sources.set(self.len());
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
            let origin = Origin {
                op,
                value,
                operands: operands.into(),
                line,
            };
            let mut origins = self.origins.borrow_mut();
            // NOBODY comes first, as in the list of nodes.
            origins.resize(self.entries.len(), Origin { op: "", ..origin });
            origins.push(origin);
        }
        let entry = Entry {
            partial: partial.into(),
            operand: operand.into(),
        };
        (value, self.entries.push(entry))
    }

    /// Where a node comes from, if that is kept.
    pub(crate) fn origin(&self, index: u32) -> Option<Origin<T>> {
        self.origins.borrow().get(index as usize).copied()
    }

    /// The bytes of nodes and of their origins, without [`NOBODY`].
    pub(crate) fn bytes(&self) -> usize {
        (self.len() as usize - 1) * size_of::<Entry<T>>()
            + self.origins.borrow().len().saturating_sub(1) * size_of::<Origin<T>>()
    }

    /// How many entries there are, including [`NOBODY`].
    pub(crate) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// How many entries at the front have no operands, so that a sweep may stop there.
    pub(crate) fn sources(&self) -> u32 {
        self.sources.get()
    }

    /// The entries, for reading. As long as the returned value is alive, recording scalar nodes panics.
    pub(crate) fn entries(&self) -> impl Deref<Target = [Entry<T>]> {
        self.entries.read()
    }

    /// The entries, to overwrite the values of sources on a replay.
    pub(crate) fn entries_mut(&mut self) -> &mut [Entry<T>] {
        self.entries.items_mut()
    }

    /// Forgets all nodes and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.truncate(1);
        self.sources.set(1);
        self.origins.get_mut().clear();
    }
}

/// Bytes of nodes that do not stay in a core's own caches.
pub(super) const FAR: usize = 1 << 21;

/// How many nodes ahead a long sweep prefetches: as many as take longer than a page that begins.
const AHEAD: usize = 128;

/// Sweeps the nodes `from..to` backward, adding each adjoint's share to its operands'.
///
/// An adjoint of exactly 0 contributes nothing, so that an infinite partial in a branch that the
/// output does not depend on cannot turn into NaN.
pub(crate) fn sweep<T: Elem>(entries: &[Entry<T>], adjoint: &mut [T], from: u32, to: u32) {
    let stretch = from as usize..to as usize;
    match size_of_val(&entries[stretch.clone()]) > FAR {
        true => sweep_far(entries, adjoint, stretch),
        false => sweep_stretch::<T, false>(entries, adjoint, stretch),
    }
}

#[inline(never)]
fn sweep_far<T: Elem>(entries: &[Entry<T>], adjoint: &mut [T], stretch: Range<usize>) {
    sweep_stretch::<T, true>(entries, adjoint, stretch);
}

/// Most nodes use the one just before them. The share for that one is carried in a register, since the
/// detour through memory takes longer than the arithmetic; the order of all additions is the same.
///
/// With `FETCH`, what comes is prefetched: machines do so by themselves only up to the end of a page.
#[inline(always)]
fn sweep_stretch<T: Elem, const FETCH: bool>(
    entries: &[Entry<T>],
    adjoint: &mut [T],
    stretch: Range<usize>,
) {
    let Range {
        start: from,
        end: to,
    } = stretch;
    let mut carried = T::zero();
    // As cells, so that the loop can iterate over them and add to others: one bounds check less.
    let adjoint = Cell::from_mut(adjoint).as_slice_of_cells();
    let stretch = entries[from..to].iter().zip(&adjoint[from..to]);
    let mut k = to;
    for (entry, here) in stretch.rev() {
        k -= 1;
        if FETCH {
            fetch_before(entry);
            fetch_before(here);
        }
        let a = here.get() + carried;
        here.set(a);
        carried = T::zero();
        // The shares of sources would all be added to one adjoint, that of NOBODY, one after the other.
        if a.is_zero() || entry.is_end() {
            continue;
        }
        for (p, i) in entry.partial.into_iter().zip(entry.operand) {
            let share = p * a;
            if i as usize + 1 == k {
                carried = share;
            } else {
                let other = &adjoint[i as usize];
                other.set(other.get() + share);
            }
        }
    }
    if !carried.is_zero() {
        let below = &adjoint[from - 1];
        below.set(below.get() + carried);
    }
}

/// Prefetches what lies [`AHEAD`] places before this one.
#[inline(always)]
fn fetch_before<X>(place: &X) {
    fetch(std::ptr::from_ref(place).wrapping_sub(AHEAD).addr());
}

/// Sweeps the nodes `from..to` forward, pushing tangents from operands to results.
pub(crate) fn push_forward<T: Elem>(entries: &[Entry<T>], tangent: &mut [T], from: u32, to: u32) {
    let share = |p: T, t: T| if t.is_zero() { t } else { p * t };
    for k in from as usize..to as usize {
        let entry = &entries[k];
        if !entry.is_end() {
            let [i, j] = entry.operand;
            tangent[k] = share(entry.partial[0], tangent[i as usize])
                + share(entry.partial[1], tangent[j as usize]);
        }
    }
}
