//! Rows and columns of a square of vectors, exchanged in registers.

use super::Lanes;

/// Swaps rows and columns of as many vectors as there are lanes: blocks of half the size first, then within them.
#[inline(always)]
pub(crate) fn transpose<V: Lanes>(block: &mut [V; 16]) {
    /// The upper lanes of `a` for the lower ones of `b`, in steps of `HALF`.
    #[inline(always)]
    fn swap<V: Lanes, const HALF: usize>(a: V, b: V) -> (V, V) {
        let set = V::upper::<HALF>();
        (
            V::select(set, b.swapped::<HALF>(), a),
            V::select(set, b, a.swapped::<HALF>()),
        )
    }
    // Written out, lest the compiler keep the vectors in memory.
    macro_rules! swaps {
        ($half:literal: $($i:literal)*) => {$(
            (block[$i], block[$i + $half]) = swap::<V, $half>(block[$i], block[$i + $half]);
        )*};
    }
    if V::COUNT == 16 {
        swaps! { 8: 0 1 2 3 4 5 6 7 }
        swaps! { 4: 8 9 10 11 }
        swaps! { 2: 8 9 12 13 }
        swaps! { 1: 8 10 12 14 }
    }
    swaps! { 4: 0 1 2 3 }
    swaps! { 2: 0 1 4 5 }
    swaps! { 1: 0 2 4 6 }
}
