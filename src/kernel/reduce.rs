//! Sums: in short blocks, then pairwise, so that the error grows with the logarithm of the length.

use super::{Elem, Rows, add_to};

/// Longest stretch that is summed in row order, with eight partial sums side by side.
const BLOCK: usize = 128;

/// Longest stack of rows that is summed in order.
const STACK: usize = 16;

/// Sum of all elements: eight interleaved partial sums within a block of 128, blocks pairwise.
pub(crate) fn sum<T: Elem>(x: &[T]) -> T {
    if x.len() > BLOCK {
        // Halves are cut at multiples of the block, so that the tree depends on the length alone.
        let half = (x.len() / 2).next_multiple_of(BLOCK);
        return sum(&x[..half]) + sum(&x[half..]);
    }
    let mut partial = [T::zero(); 8];
    let chunks = x.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (p, &x) in partial.iter_mut().zip(chunk) {
            *p += x;
        }
    }
    for (p, &x) in partial.iter_mut().zip(rest) {
        *p += x;
    }
    let [a, b, c, d, e, f, g, h] = partial;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// `Σ a_i b_i`, summed as [`sum`] does.
pub(crate) fn dot<T: Elem>(a: &[T], b: &[T]) -> T {
    debug_assert_eq!(
        a.len(),
        b.len(),
        "a dot product takes vectors of one length"
    );
    if a.len() > BLOCK {
        let half = (a.len() / 2).next_multiple_of(BLOCK);
        return dot(&a[..half], &b[..half]) + dot(&a[half..], &b[half..]);
    }
    let mut partial = [T::zero(); 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for (p, (&a, &b)) in partial.iter_mut().zip(a.iter().zip(b)) {
            *p += a * b;
        }
    }
    let [a, b, c, d, e, f, g, h] = partial;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// Sums `n` rows of `y.len()` elements each into `y`: sixteen in order, then pairwise.
pub(crate) fn sum_rows<T: Elem>(x: &[T], n: usize, y: &mut [T]) {
    let width = y.len();
    if n > STACK {
        let half = (n / 2).next_multiple_of(STACK);
        let mut second = vec![T::zero(); width];
        sum_rows(&x[..half * width], half, y);
        sum_rows(&x[half * width..], n - half, &mut second);
        add_to(&second, y);
        return;
    }
    y.fill(T::zero());
    for row in x.chunks_exact(width.max(1)) {
        add_to(row, y);
    }
}

/// Sums every row; one result a row, in the order of the rows.
pub(crate) fn sum_axis<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    if rows.elements() == 0 {
        y.fill(T::zero());
    } else if rows.inner == 1 {
        for (row, y) in x.chunks_exact(rows.n).zip(y) {
            *y = sum(row);
        }
    } else {
        let blocks = x.chunks_exact(rows.n * rows.inner);
        for (block, y) in blocks.zip(y.chunks_exact_mut(rows.inner)) {
            sum_rows(block, rows.n, y);
        }
    }
}
