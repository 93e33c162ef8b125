//! What a sweep goes over, and what is used after it: memory answers sooner if it is asked while there is something to
//! compute. This saves a twentieth to a seventh of the time of rows that are not in the second-level cache.

use crate::kernel::simd::Lanes;

/// The buffers that a sweep goes over, and what will be used next.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a, T> {
    pub now: [&'a [T]; 2],
    /// Prefetched vector by vector, while the machine has something to compute; may be shorter, or empty.
    pub next: [&'a [T]; 2],
    /// What the next kernels read and write at the same places: distances in elements from the first buffer, around the
    /// end of the address space if need be; 0 for nothing.
    pub soon: [usize; 2],
}

impl<'a, T> Inputs<'a, T> {
    /// Prefetches what is used next at the places of `N` vectors, from `i` on: in both buffers, or the first.
    #[inline(always)]
    pub fn fetch<V: Lanes<Item = T>, const TWO: bool, const N: usize>(
        self,
        level: V::Level,
        i: usize,
    ) {
        let [a, b] = self.next;
        if !a.is_empty() {
            for i in i..i + N {
                V::fetch::<false>(level, a, i * V::COUNT);
                if TWO {
                    V::fetch::<false>(level, b, i * V::COUNT);
                }
            }
        }
        for away in self.soon {
            if away != 0 {
                for i in i..i + N {
                    V::fetch::<false>(level, self.now[0], away.wrapping_add(i * V::COUNT));
                }
            }
        }
    }
}
