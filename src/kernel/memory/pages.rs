//! Where large blocks of memory lie: on huge pages, if the system has them.
#![allow(unsafe_code)]

use std::alloc::Layout;
use std::ptr::NonNull;

/// A line of the cache, and the widest vector.
const LINE: usize = 64;

/// From here on a block lies on pages of this size.
///
/// A walk over 64 MB of ordinary pages misses the address cache 16,384 times, and its first touch enters the kernel as
/// often.
const HUGE: usize = 2 << 20;

/// The layout of a block of at least so many bytes; `None` if there is none.
pub(in crate::kernel) fn layout(bytes: usize, align: usize) -> Option<Layout> {
    let unit = if bytes >= HUGE { HUGE } else { LINE };
    let bytes = bytes.max(1).checked_next_multiple_of(unit)?;
    Layout::from_size_align(bytes, align.max(unit)).ok()
}

/// Asks for huge pages under a block that was allocated with this layout.
pub(in crate::kernel) fn advise(start: NonNull<u8>, layout: Layout) {
    #[cfg(target_os = "linux")]
    if layout.align() >= HUGE {
        // SAFETY: needs whole pages that belong to the caller: the block begins and ends at multiples of 2 MB. The advice
        // changes no content; a system that does not know it refuses, which changes nothing either.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
    let _ = (start, layout);
}
