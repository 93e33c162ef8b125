//! The scalar part of the tape: one entry for each binary operation on two different nodes.
//!
//! An entry is 24 bytes in `f64`: two partial derivatives and two operands. Unary functions and
//! constants never get here; they fold into the handle's slope.

use std::cell::{Ref, RefCell};

use crate::kernel::Elem;

/// The entry that no handle refers to. Leaves name it as their operand, so that the sweep needs no
/// branch for them; whatever collects in its adjoint (a NaN from 0 * inf, say) is never read.
pub(crate) const NOBODY: u32 = 0;

/// One scalar node: `adjoint[operand[k]] += partial[k] * adjoint[this]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) partial: [T; 2],
    pub(crate) operand: [u32; 2],
}

impl<T: Elem> Entry<T> {
    /// A node without operands: a leaf, or a tensor's element read as a scalar. Its value stands
    /// where a second partial would, since its contribution goes to nobody.
    pub(crate) fn source(value: T) -> Self {
        Self {
            partial: [T::zero(), value],
            operand: [NOBODY; 2],
        }
    }

    /// Whether the node has no operands.
    pub(crate) fn is_source(&self) -> bool {
        self.operand == [NOBODY; 2]
    }
}

/// The growing list of scalar nodes.
#[derive(Debug)]
pub(crate) struct Scalars<T>(RefCell<Vec<Entry<T>>>);

impl<T: Elem> Scalars<T> {
    /// A list with room for `capacity` nodes and the one that belongs to nobody.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut entries = Vec::with_capacity(capacity + 1);
        entries.push(Entry::source(T::zero()));
        Self(RefCell::new(entries))
    }

    /// Appends a node and returns its index.
    #[inline]
    pub(crate) fn push(&self, entry: Entry<T>) -> u32 {
        let mut entries = self.0.borrow_mut();
        let index = entries.len();
        assert!(
            index < u32::MAX as usize,
            "a tape holds at most 2^32 - 2 scalar nodes; reset it"
        );
        entries.push(entry);
        index as u32
    }

    /// How many entries there are, nobody's included.
    pub(crate) fn len(&self) -> u32 {
        self.0.borrow().len() as u32
    }

    /// The entries, to read.
    pub(crate) fn entries(&self) -> Ref<'_, [Entry<T>]> {
        Ref::map(self.0.borrow(), Vec::as_slice)
    }

    /// The entries, to overwrite the values of sources on a replay.
    pub(crate) fn entries_mut(&mut self) -> &mut [Entry<T>] {
        self.0.get_mut()
    }

    /// Forgets all nodes and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.get_mut().truncate(1);
    }
}

/// Sweeps the nodes `from..to` backward, adding each adjoint's share to its operands'.
///
/// An adjoint of exactly 0 contributes nothing, so that an infinite partial in a branch that the
/// output does not depend on cannot turn into NaN.
pub(crate) fn sweep<T: Elem>(entries: &[Entry<T>], adjoint: &mut [T], from: u32, to: u32) {
    for k in (from as usize..to as usize).rev() {
        let a = adjoint[k];
        if a.is_zero() {
            continue;
        }
        let Entry {
            partial: [p, q],
            operand: [i, j],
        } = entries[k];
        adjoint[i as usize] += p * a;
        adjoint[j as usize] += q * a;
    }
}

/// Sweeps the nodes `from..to` forward, pushing tangents from operands to results.
pub(crate) fn push_forward<T: Elem>(entries: &[Entry<T>], tangent: &mut [T], from: u32, to: u32) {
    let share = |p: T, t: T| if t.is_zero() { t } else { p * t };
    for k in from as usize..to as usize {
        let entry = &entries[k];
        if !entry.is_source() {
            let [i, j] = entry.operand;
            tangent[k] = share(entry.partial[0], tangent[i as usize])
                + share(entry.partial[1], tangent[j as usize]);
        }
    }
}
