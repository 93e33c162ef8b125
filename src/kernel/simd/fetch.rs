//! `fetch`: asking memory for what will be used. It takes no level.
#![allow(unsafe_code)]

/// Asks for the line of memory that an address lies on, into the second cache. Nothing is read, so that any address will do.
#[inline(always)]
pub(crate) fn fetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: needs SSE, which the target has; a prefetch reads nothing, so that any place will do.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::without_provenance(address)) }
    }
    let _ = address;
}
