//! What will be read and written after the next kernel, so that a kernel that reckons more than it reads can ask memory for
//! it. Only addresses stand here: nothing is read.

use std::cell::Cell;

/// Buffers that somebody will use after this thread's next kernels: addresses, 0 for none. To ask for one is always allowed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Soon {
    /// Of each buffer.
    bytes: usize,
    places: [usize; 2],
}

thread_local! {
    static SOON: Cell<Soon> = const { Cell::new(Soon { bytes: 0, places: [0; 2] }) };
}

impl Soon {
    /// Two buffers of one length, or as much of them as is known.
    pub(crate) fn new<T>(buffers: [Option<&[T]>; 2]) -> Self {
        let place = |x: &[T]| x.as_ptr().addr();
        let bytes = buffers.iter().flatten().map(|x| size_of_val(*x)).max();
        let bytes = bytes.unwrap_or_default();
        let same = |x: Option<&[T]>| x.filter(|x| size_of_val(*x) == bytes).map_or(0, place);
        let [a, b] = buffers;
        Self {
            bytes,
            places: [same(a), same(b)],
        }
    }

    /// Runs `f`, whose kernels on this thread may ask for the buffers.
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

    /// Where the buffers begin, for a kernel that goes over as many numbers; 0 for none.
    pub(crate) fn places<T>(len: usize) -> [usize; 2] {
        let soon = SOON.get();
        if soon.bytes == len * size_of::<T>() {
            soon.places
        } else {
            [0; 2]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_over_as_many_numbers_finds_them_until_the_work_is_done() {
        let (g, short) = ([0.0; 8], [0.0; 4]);
        let both = Soon::new([Some(&g[..]), Some(&short[..])]);
        let places = both.during(|| [Soon::places::<f64>(8), Soon::places::<f64>(4)]);
        assert_eq!(places, [[g.as_ptr().addr(), 0], [0; 2]]);
        assert_eq!(Soon::places::<f64>(8), [0; 2]);
        assert_eq!(Soon::places::<f64>(0), [0; 2]);
    }
}
