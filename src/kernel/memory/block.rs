//! `Block`: a stretch of memory on whole cache lines and, if it is large and the system has them, on huge pages.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// The size of a cache line, and of the widest vector.
const LINE: usize = 64;

/// From this size on a block lies on huge pages, which have this size.
///
/// A walk over 64 MB of ordinary pages misses the address cache 16,384 times, and the first touch enters the operating
/// system's kernel as often.
const HUGE: usize = 2 << 20;

/// The alignment that allocators give for free. Asking for more takes 55 to 80 ns in glibc, where 10 would do; so a
/// small block is allocated with some bytes to spare, and begins where the first line does.
const FREE: usize = 16;

/// Memory that is freed on drop.
pub(super) struct Block {
    /// What the allocator gave, and for which layout.
    given: NonNull<u8>,
    layout: Layout,
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: needs that the memory may be accessed and freed on any thread: it is owned, and `Block` itself reads none of
// it.
unsafe impl Send for Block {}
// SAFETY: needs that no shared reference leads to a write: `Block` offers the address, and whoever uses it answers.
unsafe impl Sync for Block {}

impl Block {
    /// Allocates at least `bytes`, aligned to at least `align`; `None` if that is more than an allocation can hold.
    pub fn new(bytes: usize, align: usize) -> Option<Self> {
        let unit = if bytes >= HUGE { HUGE } else { LINE };
        let size = bytes.max(1).checked_next_multiple_of(unit)?;
        let layout = match unit {
            LINE if align <= LINE => Layout::from_size_align(size + LINE - FREE, FREE),
            unit => Layout::from_size_align(size, align.max(unit)),
        };
        let layout = layout.ok()?;
        // SAFETY: needs a layout of nonzero size: it has at least one line.
        let Some(given) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let ahead = given.addr().get().wrapping_neg() % LINE;
        let block = Self {
            // SAFETY: needs a place within the allocation: an address aligned to `FREE` lies at most `LINE - FREE`
            // before a line, and that much was added; one aligned to `LINE` or more begins a line.
            start: unsafe { given.add(ahead) },
            given,
            layout,
            size,
        };
        block.advise();
        Some(block)
    }

    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// The size of the block in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Asks the system for huge pages, if the block covers whole ones.
    fn advise(&self) {
        #[cfg(all(target_os = "linux", not(miri)))]
        if self.size >= HUGE {
            // SAFETY: needs whole pages that belong to the caller: the block begins and ends at multiples of 2 MB. The
            // advice changes no content; a system that does not know it returns an error, which changes nothing either.
            unsafe { libc::madvise(self.start.as_ptr().cast(), self.size, libc::MADV_HUGEPAGE) };
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: needs the pointer and the layout of one allocation, for the last time: `new` made both.
        unsafe { dealloc(self.given.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_begins_a_line_and_has_room() {
        for bytes in [0, 1, 63, 64, 65, 1000, HUGE - 1, HUGE, HUGE + 1] {
            for align in [1, 8, 64, 256, 4096] {
                let block = Block::new(bytes, align).expect("there is so much");
                let line = if bytes >= HUGE { HUGE } else { LINE };
                assert_eq!(block.start().addr().get() % align.max(line), 0);
                assert!(block.size() >= bytes && block.size().is_multiple_of(line));
                // SAFETY: needs places within the block: its first byte and its last.
                unsafe {
                    block.start().write(1);
                    block.start().add(block.size() - 1).write(1);
                }
            }
        }
    }

    #[test]
    fn what_no_allocation_holds_is_refused() {
        assert!(Block::new(usize::MAX, 8).is_none());
        assert!(Block::new(isize::MAX as usize, 8).is_none());
        assert!(Block::new(8, 1 << (usize::BITS - 1)).is_none());
    }
}
