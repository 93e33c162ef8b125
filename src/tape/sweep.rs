//! Sweeps over stretches of scalar nodes: backward with their adjoints, forward with their tangents.

use std::cell::Cell;
use std::ops::Range;

use super::scalars::Entry;
use crate::kernel::Elem;
use crate::kernel::simd::fetch;

/// Bytes of nodes that do not stay in a core's own caches.
pub(super) const FAR: usize = 1 << 21;

/// How many nodes ahead a long sweep prefetches: together they take longer than the first access to a page.
const AHEAD: usize = 128;

/// Sweeps the nodes `from..to`, whose entries are the last of these, backward, adding each adjoint's share to its
/// operands'.
///
/// An adjoint of exactly 0 contributes nothing, so that an infinite partial in a branch that the
/// output does not depend on cannot turn into NaN.
pub(crate) fn sweep<T: Elem>(entries: &[Entry<T>], adjoint: &mut [T], from: u32, to: u32) {
    let nodes = from as usize..to as usize;
    match nodes.len() * size_of::<Entry<T>>() > FAR {
        true => sweep_far(entries, adjoint, nodes),
        false => sweep_nodes::<T, false>(entries, adjoint, nodes),
    }
}

#[inline(never)]
fn sweep_far<T: Elem>(entries: &[Entry<T>], adjoint: &mut [T], nodes: Range<usize>) {
    sweep_nodes::<T, true>(entries, adjoint, nodes);
}

/// The loop. Most nodes use the one just before them. The share for that one is carried in a register, since the
/// detour through memory takes longer than the arithmetic; the order of all additions is the same.
///
/// The list is cut here rather than by the callers: given the stretch alone, the compiler addresses entries by offsets,
/// which costs K2 of `benches/scalar` a tenth.
///
/// With `FETCH`, what comes is prefetched: machines do so by themselves only up to the end of a page. Where an adjoint
/// is 0, entries are not read, and as those before it are often 0, too, not prefetched.
#[inline(always)]
fn sweep_nodes<T: Elem, const FETCH: bool>(
    entries: &[Entry<T>],
    adjoint: &mut [T],
    nodes: Range<usize>,
) {
    let (from, to) = (nodes.start, nodes.end);
    let first = entries.len() - (to - from);
    let mut carried = T::zero();
    // As cells, so that the loop can iterate over them and add to others: one bounds check less.
    let adjoint = Cell::from_mut(adjoint).as_slice_of_cells();
    let stretch = entries[first..].iter().zip(&adjoint[from..to]);
    let mut k = to;
    for (entry, here) in stretch.rev() {
        k -= 1;
        if FETCH {
            fetch_before(here);
        }
        let a = here.get() + carried;
        here.set(a);
        carried = T::zero();
        if a.is_zero() {
            continue;
        }
        if FETCH {
            fetch_before(entry);
        }
        // The shares of sources would all be added to one adjoint, that of NOBODY, one after the other.
        if entry.is_end() {
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

/// Sweeps the nodes from `from` on, whose entries these are, forward, pushing tangents from operands to results.
pub(crate) fn push_forward<T: Elem>(entries: &[Entry<T>], tangent: &mut [T], from: u32) {
    let share = |p: T, t: T| if t.is_zero() { t } else { p * t };
    for (k, entry) in (from as usize..).zip(entries) {
        if !entry.is_end() {
            let [i, j] = entry.operand;
            tangent[k] = share(entry.partial[0], tangent[i as usize])
                + share(entry.partial[1], tangent[j as usize]);
        }
    }
}
