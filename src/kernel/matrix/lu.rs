//! LU factors with partial pivoting, and the solutions they give, for elements of any type.
//!
//! Double-doubles need a form of our own in any case, and for floats it is faster than a library's, which works on
//! column-major matrices (`docs/measurements.md`). Dual numbers use a separate form, by planes.

use crate::kernel::Elem;

/// Factors the `n × n` matrix `a` in place, `P A = L U`: below the diagonal L, whose own diagonal is 1, and U on
/// and above it. `pivots[k]` is the row that step `k` exchanged with row `k`.
///
/// # Errors
/// The column without a pivot: all that is left of it is 0, and the matrix is singular.
pub(crate) fn factor<T: Elem>(n: usize, a: &mut [T], pivots: &mut [u32]) -> Result<(), usize> {
    for k in 0..n {
        let larger = |p: usize, i: usize| {
            if a[i * n + k].abs() > a[p * n + k].abs() {
                i
            } else {
                p
            }
        };
        let p = (k + 1..n).fold(k, larger);
        pivots[k] = p as u32;
        swap(n, a, k, p);
        // Dual numbers compare by their primals: a tangent cannot be a pivot.
        if a[k * n + k] == T::zero() {
            return Err(k);
        }
        let (above, below) = a.split_at_mut((k + 1) * n);
        let row = &above[k * n..];
        for other in below.chunks_exact_mut(n) {
            let factor = other[k] / row[k];
            other[k] = factor;
            for (o, &r) in other[k + 1..].iter_mut().zip(&row[k + 1..]) {
                *o -= factor * r;
            }
        }
    }
    Ok(())
}

/// A system of linear equations whose matrix is factored: `A x = b`, or `Aᵀ x = b`.
#[derive(Clone, Copy, Debug)]
pub struct System<'a, T> {
    /// The number of rows and of columns of the matrix.
    pub n: usize,
    /// What [`Elem::factor`] made of it.
    pub factors: &'a [T],
    /// How it exchanged rows.
    pub order: &'a [u32],
    /// The number of right-hand sides: columns of the row-major `b`.
    pub width: usize,
    /// Whether to solve with the transposed matrix.
    pub transposed: bool,
}

/// Solves a system in place.
pub(crate) fn solve<T: Elem>(system: System<'_, T>, b: &mut [T]) {
    let System {
        n,
        factors: lu,
        order: pivots,
        width,
        transposed,
    } = system;
    let exchanges = || pivots.iter().enumerate().map(|(k, &p)| (k, p as usize));
    if transposed {
        for i in 0..n {
            for k in 0..i {
                subtract(width, b, i, k, lu[k * n + i]);
            }
            divide(width, b, i, lu[i * n + i]);
        }
        for i in (0..n).rev() {
            for k in i + 1..n {
                subtract(width, b, i, k, lu[k * n + i]);
            }
        }
        exchanges().rev().for_each(|(k, p)| swap(width, b, k, p));
    } else {
        exchanges().for_each(|(k, p)| swap(width, b, k, p));
        for i in 0..n {
            for k in 0..i {
                subtract(width, b, i, k, lu[i * n + k]);
            }
        }
        for i in (0..n).rev() {
            for k in i + 1..n {
                subtract(width, b, i, k, lu[i * n + k]);
            }
            divide(width, b, i, lu[i * n + i]);
        }
    }
}

/// Exchanges two rows.
fn swap<T>(width: usize, b: &mut [T], i: usize, k: usize) {
    if i != k {
        let (upper, lower) = b.split_at_mut(i.max(k) * width);
        upper[i.min(k) * width..][..width].swap_with_slice(&mut lower[..width]);
    }
}

/// Subtracts `factor` times row `k` from row `i`.
fn subtract<T: Elem>(width: usize, b: &mut [T], i: usize, k: usize, factor: T) {
    for j in 0..width {
        let other = b[k * width + j];
        b[i * width + j] -= factor * other;
    }
}

/// Divides row `i` by a pivot.
fn divide<T: Elem>(width: usize, b: &mut [T], i: usize, pivot: T) {
    for b in &mut b[i * width..(i + 1) * width] {
        *b /= pivot;
    }
}
