//! Sums: in short blocks, then pairwise, so that the error grows with the logarithm of the length.

use crate::kernel::each::{Loop, UNITS};
use crate::kernel::{Elem, Rows, add_to};

/// Longest stretch that is summed in row order, in partial sums side by side.
pub(crate) const BLOCK: usize = 128;

/// How many of these: an addition waits for the one before, and this is at least two vectors on every level.
const WIDTH: usize = 32;

/// Longest stack of rows that is summed in order.
const STACK: usize = 16;

/// Sum of all elements: 32 interleaved partial sums within a block of 128, then eight for the rest, blocks pairwise.
pub(crate) fn sum<T: Elem>(x: &[T]) -> T {
    let mut y = [T::zero()];
    sum_axis(Rows::last(1, x.len()), x, &mut y);
    y[0]
}

/// The terms of [`sum`], one for each [`BLOCK`] of elements; what is summed in parts must be cut between blocks.
pub(crate) fn terms<T: Elem>(x: &[T], terms: &mut Vec<T>) {
    T::at_level(x.len(), Terms { x, terms });
}

struct Terms<'a, T> {
    x: &'a [T],
    terms: &'a mut Vec<T>,
}

impl<T: Elem> Loop for Terms<'_, T> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let terms = self.terms;
        terms.extend(self.x.chunks(BLOCK).map(|x| block(x, |x| x)));
    }
}

/// The sum whose [`terms`] these are.
pub(crate) fn total<T: Elem>(terms: impl IntoIterator<Item = T>) -> T {
    let mut tree = Tree::new();
    terms.into_iter().for_each(|term| tree.add(term));
    tree.total()
}

/// `Σ a_i b_i`, summed as [`sum`] does.
pub(crate) fn dot<T: Elem>(a: &[T], b: &[T]) -> T {
    debug_assert_eq!(
        a.len(),
        b.len(),
        "a dot product takes vectors of one length"
    );
    let mut y = T::zero();
    let sum = Dot { a, b, y: &mut y };
    T::at_level(a.len(), sum);
    y
}

struct Dot<'a, T> {
    a: &'a [T],
    b: &'a [T],
    y: &'a mut T,
}

impl<T: Elem> Loop for Dot<'_, T> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let mut tree = Tree::new();
        for (a, b) in self.a.chunks(BLOCK).zip(self.b.chunks(BLOCK)) {
            tree.add(block_of(a, b, |a, b| a * b));
        }
        *self.y = tree.total();
    }
}

/// Sum of `f` over a block.
#[inline(always)]
fn block<A: Copy, T: Elem>(x: &[A], f: impl Fn(A) -> T) -> T {
    block_of(x, &UNITS[..x.len()], |x, ()| f(x))
}

/// Sum of `f` over two blocks of equal length: columns of 32, then what is left.
///
/// Only the sums are joined: if arrays were, the compiler would make pieces of two and four instead of vectors.
#[inline(always)]
fn block_of<A: Copy, B: Copy, T: Elem>(a: &[A], b: &[B], f: impl Fn(A, B) -> T) -> T {
    if T::REFERENCE {
        return few(a, b, &f);
    }
    let columns = match a.len() / WIDTH {
        0 => return few(a, b, &f),
        1 => columns::<1, _, _, _>(a, b, &f),
        2 => columns::<2, _, _, _>(a, b, &f),
        3 => columns::<3, _, _, _>(a, b, &f),
        _ => columns::<4, _, _, _>(a, b, &f),
    };
    let rest = a.len() / WIDTH * WIDTH;
    if rest == a.len() {
        return columns;
    }
    columns + few(&a[rest..], &b[rest..], &f)
}

/// Sum of `f` over less than 32 elements.
#[inline(always)]
fn few<A: Copy, B: Copy, T: Elem>(a: &[A], b: &[B], f: &impl Fn(A, B) -> T) -> T {
    let mut partial = [T::zero(); 8];
    let ((whole_a, a), (whole_b, b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in whole_a.iter().zip(whole_b) {
        for k in 0..8 {
            partial[k] += f(a[k], b[k]);
        }
    }
    // By length, so that the partial sums stay in registers: a vector read that covers single writes has to wait for
    // them.
    macro_rules! rest {
        ($($len:literal)*) => {
            match (a.len(), b.len()) {
                $(($len, $len) => for k in 0..$len {
                    partial[k] += f(a[k], b[k]);
                })*
                _ => {}
            }
        };
    }
    rest!(1 2 3 4 5 6 7);
    pairwise(partial)
}

/// Sum of `f` over the first `N` times 32 elements.
///
/// A loop over 32 has a known length and becomes vectors as wide as the level has them.
#[inline(always)]
fn columns<const N: usize, A: Copy, B: Copy, T: Elem>(
    a: &[A],
    b: &[B],
    f: &impl Fn(A, B) -> T,
) -> T {
    let (a, b) = (&a[..N * WIDTH], &b[..N * WIDTH]);
    // Loops over arrays: from `array::from_fn` the compiler makes shuffles that take seven times as long.
    let mut wide = [T::zero(); WIDTH];
    for (k, wide) in wide.iter_mut().enumerate() {
        let term = |column| f(a[k + column * WIDTH], b[k + column * WIDTH]);
        *wide = match N {
            1 => term(0),
            2 => term(0) + term(1),
            3 => (term(0) + term(1)) + term(2),
            _ => (term(0) + term(1)) + (term(2) + term(3)),
        };
    }
    let mut partial = [T::zero(); 8];
    for k in 0..8 {
        partial[k] = (wide[k] + wide[k + 8]) + (wide[k + 16] + wide[k + 24]);
    }
    pairwise(partial)
}

#[inline(always)]
fn pairwise<T: Elem>(partial: [T; 8]) -> T {
    let (mut quarters, mut halves) = ([T::zero(); 4], [T::zero(); 2]);
    for k in 0..4 {
        quarters[k] = partial[k] + partial[k + 4];
    }
    for k in 0..2 {
        halves[k] = quarters[k] + quarters[k + 2];
    }
    halves[0] + halves[1]
}

/// Pairwise sum of terms that come one by one: two of the same rank make one of the next.
struct Tree<T> {
    /// Sums of `2^k` terms, where bit `k` of `count` is set.
    sums: [T; usize::BITS as usize],
    count: usize,
}

impl<T: Elem> Tree<T> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            sums: [T::zero(); usize::BITS as usize],
            count: 0,
        }
    }

    /// Forgets all terms.
    #[inline(always)]
    fn clear(&mut self) {
        self.count = 0;
    }

    #[inline(always)]
    fn add(&mut self, mut term: T) {
        let ones = self.count.trailing_ones() as usize;
        for &sum in &self.sums[..ones] {
            term = sum + term;
        }
        self.sums[ones] = term;
        self.count += 1;
    }

    #[inline(always)]
    fn total(&self) -> T {
        let mut left = self.count;
        let mut total = T::zero();
        // The first one as it is: adding -0 to 0 would lose its sign.
        let mut first = true;
        while left != 0 {
            let sum = self.sums[left.trailing_zeros() as usize];
            total = if first { sum } else { sum + total };
            first = false;
            left &= left - 1;
        }
        total
    }
}

/// Sums every row; one result per row, in the order of the rows.
pub(crate) fn sum_axis<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    sum_axis_of(rows, x, &UNITS[..rows.count()], y, &|x, ()| x);
}

/// Sums `f(element, of_row)` over every row, where `of_row` has one entry per row.
pub(crate) fn sum_axis_of<A: Copy, B: Copy, T: Elem>(
    rows: Rows,
    x: &[A],
    of_row: &[B],
    y: &mut [T],
    f: &impl Fn(A, B) -> T,
) {
    let units = &UNITS[..x.len()];
    sum_axis_of_both(rows, x, units, of_row, y, &|x, (), b| f(x, b));
}

/// Sums `f(a, b, of_row)` over every row of two operands.
pub(crate) fn sum_axis_of_both<A: Copy, B: Copy, C: Copy, T: Elem>(
    rows: Rows,
    a: &[A],
    b: &[B],
    of_row: &[C],
    y: &mut [T],
    f: &impl Fn(A, B, C) -> T,
) {
    if rows.elements() == 0 {
        y.fill(T::zero());
    } else if rows.inner == 1 {
        let (n, len) = (rows.n, a.len());
        T::at_level(
            len,
            Lines {
                n,
                a,
                b,
                of_row,
                y,
                f,
            },
        );
    } else {
        let block = rows.n * rows.inner;
        let blocks = a.chunks_exact(block).zip(b.chunks_exact(block));
        let per_block = y
            .chunks_exact_mut(rows.inner)
            .zip(of_row.chunks_exact(rows.inner));
        for ((a, b), (y, c)) in blocks.zip(per_block) {
            sum_rows_of(a, b, rows.n, c, y, f);
        }
    }
}

/// Sums of contiguous rows of `n` elements.
struct Lines<'a, A, B, C, T, F> {
    n: usize,
    a: &'a [A],
    b: &'a [B],
    of_row: &'a [C],
    y: &'a mut [T],
    f: F,
}

impl<A: Copy, B: Copy, C: Copy, T: Elem, F: Fn(A, B, C) -> T> Loop for Lines<'_, A, B, C, T, F> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let rows = self.a.chunks_exact(self.n).zip(self.b.chunks_exact(self.n));
        let rows = rows.zip(self.y.iter_mut().zip(self.of_row));
        if self.n < WIDTH {
            // A loop of its own, with few branches per row.
            for ((a, b), (y, &c)) in rows {
                *y = few(a, b, &|a, b| (self.f)(a, b, c));
            }
            return;
        }
        let mut tree = Tree::new();
        for ((a, b), (y, &c)) in rows {
            tree.clear();
            for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
                tree.add(block_of(a, b, |a, b| (self.f)(a, b, c)));
            }
            *y = tree.total();
        }
    }
}

/// Sums `f` of `n` rows of `y.len()` elements each into `y`: up to sixteen in order, more pairwise.
fn sum_rows_of<A: Copy, B: Copy, C: Copy, T: Elem>(
    a: &[A],
    b: &[B],
    n: usize,
    of_row: &[C],
    y: &mut [T],
    f: &impl Fn(A, B, C) -> T,
) {
    let width = y.len();
    if n > STACK {
        let half = (n / 2).next_multiple_of(STACK);
        let mut second = vec![T::zero(); width];
        let (a, more_a) = a.split_at(half * width);
        let (b, more_b) = b.split_at(half * width);
        sum_rows_of(a, b, half, of_row, y, f);
        sum_rows_of(more_a, more_b, n - half, of_row, &mut second, f);
        add_to(&second, y);
        return;
    }
    T::at_level(a.len(), Stack { a, b, of_row, y, f });
}

/// Sums of a few rows, element by element, in their order.
struct Stack<'a, A, B, C, T, F> {
    a: &'a [A],
    b: &'a [B],
    of_row: &'a [C],
    y: &'a mut [T],
    f: F,
}

impl<A: Copy, B: Copy, C: Copy, T: Elem, F: Fn(A, B, C) -> T> Loop for Stack<'_, A, B, C, T, F> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let n = self.y.len();
        let (y, of_row) = (self.y, &self.of_row[..n]);
        y.fill(T::zero());
        let width = n.max(1);
        for (a, b) in self.a.chunks_exact(width).zip(self.b.chunks_exact(width)) {
            for i in 0..n {
                y[i] += (self.f)(a[i], b[i], of_row[i]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_in_parts_is_the_sum() {
        for n in [0, 1, 8, 31, 32, 33, 511, 512, 513, 1000, 1024, 2000, 5000] {
            let x: Vec<f32> = (0..n).map(|k| (k as f32 * 0.7).sin()).collect();
            let mut parts = Vec::new();
            x.chunks(3 * BLOCK).for_each(|x| terms(x, &mut parts));
            assert_eq!(total(parts).to_bits(), sum(&x).to_bits(), "{n}");
            let ones = vec![1.0; n];
            assert_eq!(dot(&x, &ones).to_bits(), sum(&x).to_bits(), "{n}");
            let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
            assert!(
                (f64::from(sum(&x)) - exact).abs() <= 1e-6 * (n as f64).sqrt(),
                "{n}"
            );
        }
    }
}
