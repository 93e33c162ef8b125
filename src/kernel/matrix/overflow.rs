//! Elements of matrix products whose sums left the range, computed again.
//!
//! A sum of products may be a number although one of its products, or a sum on the way, is beyond the range. It comes
//! out as an infinity or NaN then, and is computed again on wider numbers, whose exponents do not end.
//!
//! This is for real numbers. On others the rule itself runs again (`tape::guard`), since what their parts lose shows
//! only in the rule's results.

use crate::kernel::{Elem, Matrix, Span, are_finite, threads};

/// The most products of two numbers that are computed again in one call: they take a second or two. Where more would be
/// needed all results stay as they are; a training run that diverges is to go on, not to stand still.
const MOST: usize = 1 << 25;

/// Elements that are worth a thread's look.
const FORK: usize = 1 << 17;

/// Computes elements of `c = Σ a b` again that are not finite, unless something was not finite that went into them.
///
/// Arguments are those of `matmuls`; places with the same result follow one another.
pub(crate) fn mend_products<T: Elem>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    places: &[[usize; 3]],
    c: &mut [T],
) {
    if T::PARTS > 1 || T::REFERENCE || all_finite(c) {
        return;
    }
    let ((m, k), n) = (a.size, b.size.1);
    let mut left = MOST;
    for places in places.chunk_by(|one, next| one[2] == next[2]) {
        let c = &mut c[places[0][2]..][..m * n];
        let operands = || {
            let pair = |&[i, j, _]: &[usize; 3]| (a.part(i, a.size), b.part(j, b.size));
            places.iter().map(pair)
        };
        let lost = lost(operands, c, (m, n));
        let Some(rest) = left.checked_sub(lost.len() * k * places.len()) else {
            return;
        };
        left = rest;
        for (i, j) in lost {
            let terms = operands()
                .flat_map(|(a, b)| (0..k).map(move |p| a.at(i, p).widen() * b.at(p, j).widen()));
            c[i * n + j] = T::narrow(terms.fold(T::widen(T::zero()), |sum, term| sum + term));
        }
    }
}

/// [`are_finite`] on several threads.
fn all_finite<T: Elem>(x: &[T]) -> bool {
    let parts = (x.len() / FORK).min(threads::count());
    if parts <= 1 {
        return are_finite(x);
    }
    let parts = x.chunks(x.len().div_ceil(parts)).collect();
    threads::map(parts, are_finite)
        .into_iter()
        .all(|finite| finite)
}

/// The elements of a result that are not finite although all of their row and of their column is.
#[cold]
fn lost<'a, T: Elem, I>(
    operands: impl Fn() -> I,
    c: &[T],
    (m, n): (usize, usize),
) -> Vec<(usize, usize)>
where
    I: Iterator<Item = (Matrix<'a, T>, Matrix<'a, T>)>,
{
    let finite = |x: T| x.is_within(Span::Finite);
    let all = |x: Matrix<'a, T>, row: usize| (0..x.size.1).all(|p| finite(x.at(row, p)));
    let row = |i: usize| operands().all(|(a, _)| all(a, i));
    let column = |j: usize| operands().all(|(_, b)| all(b.transposed(), j));
    let columns: Vec<bool> = (0..n).map(column).collect();
    let rows = (0..m).filter(|&i| !are_finite(&c[i * n..(i + 1) * n]) && row(i));
    rows.flat_map(|i| (0..n).map(move |j| (i, j)))
        .filter(|&(i, j)| columns[j] && !finite(c[i * n + j]))
        .collect()
}
