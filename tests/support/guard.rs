//! Buffers that end right before a page that may not be touched.

use std::ops::{Deref, DerefMut};

/// A copy of some numbers, right before a forbidden page.
pub struct Guarded<T> {
    start: *mut T,
    len: usize,
    pages: *mut libc::c_void,
    bytes: usize,
}

const PAGE: usize = 1 << 16; // a multiple of every machine's

/// Copies `x` to the end of its own pages.
pub fn copy<T: Copy>(x: &[T]) -> Guarded<T> {
    let size = size_of_val(x);
    let bytes = size.next_multiple_of(PAGE) + PAGE;
    // SAFETY: needs nothing; asks for fresh memory at no given place.
    let pages = unsafe {
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON,
        );
        libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0)
    };
    assert_ne!(pages, libc::MAP_FAILED, "there is memory");
    // SAFETY: needs places within the mapping: its last page, and `size` bytes that end where that page begins; their
    // start is aligned, since the page and the size are.
    let start = unsafe {
        let fence = pages.byte_add(bytes - PAGE);
        assert_eq!(
            libc::mprotect(fence, PAGE, libc::PROT_NONE),
            0,
            "the page can be closed"
        );
        let start = fence.byte_sub(size).cast::<T>();
        start.copy_from_nonoverlapping(x.as_ptr(), x.len());
        start
    };
    Guarded {
        start,
        len: x.len(),
        pages,
        bytes,
    }
}

impl<T> Deref for Guarded<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: needs `len` numbers at `start`, which `copy` put there.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: needs `len` numbers at `start` that nobody else reaches: they belong to this value.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: needs the mapping that `copy` made and nobody has given back.
        unsafe { libc::munmap(self.pages, self.bytes) };
    }
}
