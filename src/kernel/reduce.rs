//! Sums: in short blocks, then pairwise, so that the error grows with the logarithm of the length.
//!
//! Also folds, for reductions where the order does not matter to the error.

use super::{Elem, Rows, add_to};

/// Longest stretch that is summed in row order, with eight partial sums side by side.
const BLOCK: usize = 128;

/// Longest stack of rows that is summed in order.
const STACK: usize = 16;

/// Sum of all elements: eight interleaved partial sums within a block of 128, blocks pairwise.
pub(crate) fn sum<T: Elem>(x: &[T]) -> T {
    sum_of(x, &|x| x)
}

/// Sum of `f` of all elements, in the order of [`sum`].
fn sum_of<A: Copy, T: Elem>(x: &[A], f: &impl Fn(A) -> T) -> T {
    if x.len() > BLOCK {
        // Halves are cut at multiples of the block, so that the tree depends on the length alone.
        let half = (x.len() / 2).next_multiple_of(BLOCK);
        return sum_of(&x[..half], f) + sum_of(&x[half..], f);
    }
    let mut partial = [T::zero(); 8];
    let chunks = x.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (p, &x) in partial.iter_mut().zip(chunk) {
            *p += f(x);
        }
    }
    for (p, &x) in partial.iter_mut().zip(rest) {
        *p += f(x);
    }
    let [a, b, c, d, e, f, g, h] = partial;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// `Σ a_i b_i`, summed as [`sum_of`] does.
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

/// Sums `f` of `n` rows of `y.len()` elements each into `y`: sixteen in order, then pairwise.
fn sum_rows_of<A: Copy, B: Copy, T: Elem>(
    x: &[A],
    n: usize,
    of_row: &[B],
    y: &mut [T],
    f: &impl Fn(A, B) -> T,
) {
    let width = y.len();
    if n > STACK {
        let half = (n / 2).next_multiple_of(STACK);
        let mut second = vec![T::zero(); width];
        sum_rows_of(&x[..half * width], half, of_row, y, f);
        sum_rows_of(&x[half * width..], n - half, of_row, &mut second, f);
        add_to(&second, y);
        return;
    }
    y.fill(T::zero());
    for row in x.chunks_exact(width.max(1)) {
        for (y, (&x, &b)) in y.iter_mut().zip(row.iter().zip(of_row)) {
            *y += f(x, b);
        }
    }
}

/// Sums every row; one result a row, in the order of the rows.
pub(crate) fn sum_axis<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    sum_axis_of(rows, x, &vec![(); rows.count()], y, &|x, ()| x);
}

/// Sums `f(element, of_row)` over every row, where `of_row` holds something for each row.
pub(crate) fn sum_axis_of<A: Copy, B: Copy, T: Elem>(
    rows: Rows,
    x: &[A],
    of_row: &[B],
    y: &mut [T],
    f: &impl Fn(A, B) -> T,
) {
    if rows.elements() == 0 {
        y.fill(T::zero());
    } else if rows.inner == 1 {
        for (row, (y, &b)) in x.chunks_exact(rows.n).zip(y.iter_mut().zip(of_row)) {
            *y = sum_of(row, &|x| f(x, b));
        }
    } else {
        let blocks = x.chunks_exact(rows.n * rows.inner);
        let per_block = y
            .chunks_exact_mut(rows.inner)
            .zip(of_row.chunks_exact(rows.inner));
        for (block, (y, b)) in blocks.zip(per_block) {
            sum_rows_of(block, rows.n, b, y, f);
        }
    }
}

/// Folds every row with an associative `f` whose neutral element is `start`; one result a row.
///
/// Contiguous rows are folded in eight interleaved parts.
pub(crate) fn fold_axis<T: Copy>(
    rows: Rows,
    x: &[T],
    y: &mut [T],
    start: T,
    f: impl Fn(T, T) -> T,
) {
    y.fill(start);
    if rows.elements() == 0 {
        return;
    }
    if rows.inner > 1 {
        let blocks = x.chunks_exact(rows.n * rows.inner);
        for (block, y) in blocks.zip(y.chunks_exact_mut(rows.inner)) {
            for row in block.chunks_exact(rows.inner) {
                for (y, &x) in y.iter_mut().zip(row) {
                    *y = f(*y, x);
                }
            }
        }
        return;
    }
    for (row, y) in x.chunks_exact(rows.n).zip(y) {
        let mut part = [start; 8];
        let chunks = row.chunks_exact(8);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (p, &x) in part.iter_mut().zip(chunk) {
                *p = f(*p, x);
            }
        }
        *y = part.iter().chain(rest).copied().fold(start, &f);
    }
}
