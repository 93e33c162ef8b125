//! `fetch`: prefetching, for which no level is needed.
#![allow(unsafe_code)]

/// Prefetches the cache line at an address into the second-level cache. Nothing is read, so any address will do.
#[inline(always)]
pub(crate) fn fetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: needs SSE, which the target has; a prefetch reads nothing, so any address will do.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::without_provenance(address)) }
    }
    let _ = address;
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// Prefetches the cache lines of so many bytes from an address on.
#[inline(always)]
pub(crate) fn fetch_all(address: usize, bytes: usize) {
    for at in (0..bytes).step_by(LINE) {
        fetch(address.wrapping_add(at));
    }
}
