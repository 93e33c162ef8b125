//! `Soon`: what will be read and written after the next kernel, so that a kernel that computes more than it reads can
//! prefetch it. Only addresses are kept here: nothing is read.

use std::cell::Cell;

use crate::kernel::simd::fetch_all;

/// Buffers to be used after this thread's next kernels: addresses, 0 for none. Prefetching one is always allowed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Soon {
    /// The size of each buffer.
    bytes: usize,
    places: [usize; COUNT],
}

/// The maximum number of buffers to prefetch.
const COUNT: usize = 3;

thread_local! {
    static SOON: Cell<Soon> = const { Cell::new(Soon { bytes: 0, places: [0; COUNT] }) };
}

impl Soon {
    /// The longest of a few buffers, and others as long.
    pub(crate) fn new<T>(buffers: &[&[T]]) -> Self {
        let bytes = buffers.iter().map(|x| size_of_val(*x)).max();
        let bytes = bytes.unwrap_or_default();
        let long = buffers.iter().filter(|x| size_of_val(**x) == bytes);
        let mut places = [0; COUNT];
        for (place, x) in places.iter_mut().zip(long) {
            *place = x.as_ptr().addr();
        }
        Self { bytes, places }
    }

    /// Runs `f`, whose kernels on this thread may prefetch the buffers.
    pub(crate) fn during<R>(self, f: impl FnOnce() -> R) -> R {
        struct Restore(Soon);
        impl Drop for Restore {
            fn drop(&mut self) {
                SOON.set(self.0);
            }
        }
        let _restore = Restore(SOON.replace(self));
        f()
    }

    /// Where the buffers begin, for a kernel over as many numbers as they hold; 0 for none.
    pub(crate) fn places<T>(len: usize) -> [usize; COUNT] {
        let soon = SOON.get();
        if soon.bytes == len * size_of::<T>() {
            soon.places
        } else {
            [0; COUNT]
        }
    }

    /// Prefetches `len` numbers of each buffer, from number `start` on.
    #[inline(always)]
    pub(crate) fn ask<T>(places: [usize; COUNT], start: usize, len: usize) {
        for place in places.into_iter().filter(|&place| place != 0) {
            fetch_all(place + start * size_of::<T>(), len * size_of::<T>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_over_as_many_numbers_finds_them_until_the_work_is_done() {
        let (g, short) = ([0.0; 8], [0.0; 4]);
        let both = Soon::new(&[&g[..], &short[..]]);
        let places = both.during(|| [Soon::places::<f64>(8), Soon::places::<f64>(4)]);
        assert_eq!(places, [[g.as_ptr().addr(), 0, 0], [0; COUNT]]);
        assert_eq!(Soon::places::<f64>(8), [0; COUNT]);
        assert_eq!(Soon::places::<f64>(0), [0; COUNT]);
    }
}
