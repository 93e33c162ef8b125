//! Linear systems by the `nalgebra` crate: factors with partial pivoting, and triangular solutions.
//!
//! The factors are kept as that crate has them, in the order of columns; only this file reads them.

use nalgebra::linalg::LU;
use nalgebra::{DMatrix, DMatrixView, DVector, RealField};

use crate::kernel::{Elem, System};

/// Factors the row-major `n × n` matrix `a` in place; `order[k]` is the row that came to place `k`.
///
/// # Errors
/// The column that depends on those before it.
pub(in crate::kernel) fn factor<T: Elem + RealField>(
    n: usize,
    a: &mut [T],
    order: &mut [u32],
) -> Result<(), usize> {
    let (exchanges, lower, upper) = LU::new(DMatrix::from_row_slice(n, n, a)).unpack();
    if let Some(k) = (0..n).find(|&k| num_traits::Zero::is_zero(&upper[(k, k)])) {
        return Err(k);
    }
    for (k, a) in a.iter_mut().enumerate() {
        let (row, column) = (k % n, k / n);
        let factor = if row > column { &lower } else { &upper };
        *a = factor[(row, column)];
    }
    let mut rows = DVector::from_fn(n, |k, _| k as u32);
    exchanges.permute_rows(&mut rows);
    order.copy_from_slice(rows.as_slice());
    Ok(())
}

/// Solves in place.
pub(in crate::kernel) fn solve<T: Elem + RealField>(system: System<'_, T>, b: &mut [T]) {
    let System {
        n,
        factors,
        order,
        width,
        transposed,
    } = system;
    if b.is_empty() {
        return; // which the crate's loops do not expect
    }
    let one = <T as num_traits::One>::one();
    let factors = DMatrixView::from_slice(factors, n, n);
    let from = |row: usize| order[row] as usize * width;
    let solved;
    if transposed {
        let mut x = DMatrix::from_row_slice(n, width, b);
        // The diagonal of the lower factor is 1, and that of the upper one stands in its place.
        let mut lower = factors.into_owned();
        lower.fill_diagonal(one);
        solved = factors.tr_solve_upper_triangular_mut(&mut x)
            && lower.tr_solve_lower_triangular_mut(&mut x);
        for (row, x) in x.row_iter().enumerate() {
            let b = b[from(row)..].iter_mut();
            b.zip(x.iter()).for_each(|(b, &x)| *b = x);
        }
    } else {
        let mut x = DMatrix::from_fn(n, width, |row, column| b[from(row) + column]);
        solved = factors.solve_lower_triangular_with_diag_mut(&mut x, one)
            && factors.solve_upper_triangular_mut(&mut x);
        for (b, x) in b.chunks_exact_mut(width.max(1)).zip(x.row_iter()) {
            b.iter_mut().zip(x.iter()).for_each(|(b, &x)| *b = x);
        }
    }
    debug_assert!(solved, "a matrix that has factors is not singular");
}
