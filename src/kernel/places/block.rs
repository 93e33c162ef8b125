//! Blocks within rows: putting several buffers side by side, and taking them apart again.

/// Copies the consecutive blocks of `x` to place `at` of the consecutive rows of `y`.
pub(crate) fn paste<T: Copy>(x: &[T], block: usize, y: &mut [T], row: usize, at: usize) {
    if block == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(row)) {
        y[at..at + block].copy_from_slice(x);
    }
}

/// Copies place `at` of the consecutive rows of `y` to the consecutive blocks of `x`.
pub(crate) fn cut<T: Copy>(y: &[T], row: usize, at: usize, x: &mut [T], block: usize) {
    if block == 0 {
        return;
    }
    for (x, y) in x.chunks_exact_mut(block).zip(y.chunks_exact(row)) {
        x.copy_from_slice(&y[at..at + block]);
    }
}
