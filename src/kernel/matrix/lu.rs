//! LU factors with partial pivoting, and the solutions they give, for elements of any type.
//!
//! Double-doubles need a form of our own in any case, and for floats it is faster than a library's, which works on
//! column-major matrices (`docs/measurements.md`). Dual numbers use a separate form, by planes.

use super::triangle::Triangle;
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
    let upper = Triangle::new(lu, n, false);
    let lower = Triangle {
        unit: true,
        ..Triangle::new(lu, n, true)
    };
    if transposed {
        upper.transposed().solve(width, b);
        lower.transposed().solve(width, b);
        exchanges().rev().for_each(|(k, p)| swap(width, b, k, p));
    } else {
        exchanges().for_each(|(k, p)| swap(width, b, k, p));
        lower.solve(width, b);
        upper.solve(width, b);
    }
}

/// Exchanges two rows.
fn swap<T>(width: usize, b: &mut [T], i: usize, k: usize) {
    if i != k {
        let (upper, lower) = b.split_at_mut(i.max(k) * width);
        upper[i.min(k) * width..][..width].swap_with_slice(&mut lower[..width]);
    }
}
