//! Halves of a work side by side. What is done must not depend on how often it is halved.

/// Runs both, on two threads if there are any to spare.
#[cfg(feature = "rayon")]
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    if count() == 1 {
        a();
        return b();
    }
    rayon::join(a, b);
}

/// Runs both, one after the other.
#[cfg(not(feature = "rayon"))]
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    a();
    b();
}

/// How many threads there are to share work among.
pub(crate) fn count() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}
