//! Products of rows that leave the range of exponents only where the result does.
//!
//! The plain product comes first; only a row in which some partial product could leave the range is multiplied again
//! on wider numbers, whose exponents do not end.

use num_traits::{One, Zero};

use super::fold::fold_axis;
use super::sum::sum_axis;
use crate::kernel::{Elem, Rows};

/// Product of every row; 1 for rows without elements.
pub(crate) fn product_axis<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    fold_axis(rows, x, y, T::one(), |a, b| a * b);
    for (y, start) in y.iter_mut().zip(rows.starts()) {
        if far(rows, x, start) {
            let factors = rows.row(start).map(|at| x[at].widen());
            *y = T::narrow(factors.fold(T::Wide::one(), |a, b| a * b));
        }
    }
}

/// `gx_i = g Π x_k` over k ≠ i, from the products of what comes before and after each element.
pub(crate) fn product_of_others<T: Elem>(rows: Rows, x: &[T], g: &[T], gx: &mut [T]) {
    for (start, &g) in rows.starts().zip(g) {
        if g.is_zero() {
            rows.row(start).for_each(|at| gx[at] = g);
        } else if far(rows, x, start) {
            others_again(rows, x, start, g, gx);
        } else {
            let mut before = T::one();
            for at in rows.row(start) {
                gx[at] = before;
                before *= x[at];
            }
            let mut after = T::one();
            for at in rows.row(start).rev() {
                gx[at] = gx[at] * after * g;
                after *= x[at];
            }
        }
    }
}

/// One row of [`product_of_others`] on wider numbers.
#[cold]
fn others_again<T: Elem>(rows: Rows, x: &[T], start: usize, g: T, gx: &mut [T]) {
    let mut after = g.widen();
    for (at, before) in before(rows, x, start).rev() {
        gx[at] = T::narrow(before * after);
        after *= x[at].widen();
    }
}

/// `ty = Σ_i t_i Π x_k` over k ≠ i, for every row.
pub(crate) fn product_tangent<T: Elem>(rows: Rows, x: &[T], t: &[T], ty: &mut [T]) {
    let mut terms = vec![T::zero(); t.len()];
    product_of_others(rows, x, &vec![T::one(); ty.len()], &mut terms);
    for (term, &t) in terms.iter_mut().zip(t) {
        *term = if t.is_zero() { t } else { *term * t };
    }
    sum_axis(rows, &terms, ty);
    for (ty, start) in ty.iter_mut().zip(rows.starts()) {
        if far(rows, x, start) {
            *ty = tangent_again(rows, x, start, t);
        }
    }
}

/// One row of [`product_tangent`] on wider numbers.
#[cold]
fn tangent_again<T: Elem>(rows: Rows, x: &[T], start: usize, t: &[T]) -> T {
    let (mut sum, mut after) = (T::Wide::zero(), T::Wide::one());
    for (at, before) in before(rows, x, start).rev() {
        if !t[at].is_zero() {
            sum += before * t[at].widen() * after;
        }
        after *= x[at].widen();
    }
    T::narrow(sum)
}

/// The positions of a row's elements, each with the product of those before it.
pub(super) fn before<T: Elem>(
    rows: Rows,
    x: &[T],
    start: usize,
) -> impl DoubleEndedIterator<Item = (usize, T::Wide)> {
    let mut product = T::Wide::one();
    let next = |at: usize| {
        let before = product;
        product *= x[at].widen();
        (at, before)
    };
    let products: Vec<_> = rows.row(start).map(next).collect();
    products.into_iter()
}

/// Whether some product of elements of the row could leave the range, whatever the order.
///
/// No product exceeds that of the sizes above 1, and none but 0 is below that of the sizes below 1; zeros and elements
/// that are not finite do not count.
pub(in crate::kernel) fn far<T: Elem>(rows: Rows, x: &[T], start: usize) -> bool {
    // Side by side, since each product waits for the one before.
    let mut sizes = [[1.0f64; 8]; 2];
    for (k, at) in rows.row(start).enumerate() {
        let size = x[at].primal().abs();
        let size = if size == 0.0 || !size.is_finite() {
            1.0
        } else {
            size
        };
        sizes[0][k % 8] *= size.max(1.0);
        sizes[1][k % 8] *= size.min(1.0);
    }
    let [above, below] = sizes.map(|parts| parts.iter().product::<f64>());
    // A margin for what rounding adds to products of many.
    const ROOM: f64 = 256.0;
    above > T::max_value().primal() / ROOM || below < T::min_positive_value().primal() * ROOM
}
