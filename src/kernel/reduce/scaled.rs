//! Means and Euclidean norms that overflow or underflow only where the result does.
//!
//! The plain sum comes first; a row whose sum left the safe range is summed again in a different
//! unit, a power of two, which rounds nothing.

use super::sum::{sum, sum_axis_of};
use crate::kernel::{Elem, Rows};

/// Mean of `f(element, of_row)` over every row; NaN for rows without elements.
pub(crate) fn mean_axis<A: Copy, B: Copy, T: Elem>(
    rows: Rows,
    x: &[A],
    of_row: &[B],
    y: &mut [T],
    f: &impl Fn(A, B) -> T,
) {
    let n = T::of(rows.n as f64);
    sum_axis_of(rows, x, of_row, y, f);
    for (row, (y, &b)) in y.iter_mut().zip(of_row).enumerate() {
        if y.is_finite() {
            *y /= n;
        } else {
            let unit = T::of(rows.n.next_power_of_two() as f64);
            *y = sum_row(rows, x, row, |x| f(x, b) / unit) * (unit / n);
        }
    }
}

/// `√Σ f(element, of_row)² / per` over every row; 0 for rows without elements.
///
/// On dual numbers the norm of a zero row has tangent 0, by convention.
pub(crate) fn norm_axis<A: Copy, B: Copy, T: Elem>(
    rows: Rows,
    x: &[A],
    of_row: &[B],
    y: &mut [T],
    per: T,
    f: &impl Fn(A, B) -> T,
) {
    sum_axis_of(rows, x, of_row, y, &|x, b| {
        let d = f(x, b);
        d * d
    });
    // At and above this, squares that underflowed are too small to matter.
    let low = T::min_positive_value() / T::epsilon();
    for (row, (y, &b)) in y.iter_mut().zip(of_row).enumerate() {
        *y = if *y >= low && y.is_finite() {
            y.sqrt() / per
        } else {
            norm_again(rows, x, row, per, |x| f(x, b))
        };
    }
}

/// The norm of one row in a unit near its largest element.
#[cold]
fn norm_again<A: Copy, T: Elem>(rows: Rows, x: &[A], row: usize, per: T, f: impl Fn(A) -> T) -> T {
    // Only the unit comes from this, so dual numbers need not carry a tangent through it.
    let sizes = rows.row(rows.at(row, 0)).map(|at| f(x[at]).abs().primal());
    let top = sizes.fold(0.0, |a: f64, b| if a >= b || a.is_nan() { a } else { b });
    if top == 0.0 || !top.is_finite() {
        return T::of(top) / per;
    }
    let top = top.max(T::min_positive_value().primal());
    let unit = f64::from_bits(top.to_bits() & f64::INFINITY.to_bits());
    let (unit, per_unit) = (T::of(unit), T::of(unit.recip()));
    let squares = sum_row(rows, x, row, |x| {
        let d = f(x) * per_unit;
        d * d
    });
    squares.sqrt() / per * unit
}

/// Sum of `f` over one row, wherever its elements lie.
fn sum_row<A: Copy, T: Elem>(rows: Rows, x: &[A], row: usize, f: impl Fn(A) -> T) -> T {
    let terms: Vec<T> = rows.row(rows.at(row, 0)).map(|at| f(x[at])).collect();
    sum(&terms)
}
