//! LU factors with partial pivoting, and the solutions they give, for elements of any type.
//!
//! Double-doubles need a form of our own in any case, and for floats it is faster than a library's, which works on
//! column-major matrices (`docs/measurements.md`). Dual numbers use a separate form, by planes.

use std::ops::Range;

use super::Matrix;
use super::triangle::{Triangle, subtract};
use crate::kernel::Elem;

/// How many columns are eliminated before a matrix product takes what they contribute to the others.
pub(super) const PANEL: usize = 64;

/// Factors the `n × n` matrix `a` in place, `P A = L U`: below the diagonal L, whose own diagonal is 1, and U on
/// and above it. `pivots[k]` is the row that step `k` exchanged with row `k`.
///
/// # Errors
/// The step without a pivot: all that is left of its column is 0, and the matrix is singular.
pub(crate) fn factor<T: Elem>(n: usize, a: &mut [T], pivots: &mut [u32]) -> Result<(), usize> {
    let mut product = Vec::new();
    for start in (0..n).step_by(PANEL) {
        let end = n.min(start + PANEL);
        eliminate(n, a, pivots, start..end)?;
        if end == n {
            break;
        }
        // The rows of U beside the panel, by substitution, then what they and L contribute to the rest.
        for i in start + 1..end {
            let (above, row) = a.split_at_mut(i * n);
            for k in start..i {
                let factor = row[k];
                subtract(factor, &above[k * n..][end..n], &mut row[end..n]);
            }
        }
        let (left, panel) = (n - end, end - start);
        let view = |at: usize, size| Matrix {
            data: &a[at..],
            size,
            step: (n, 1),
        };
        let (l, u) = (
            view(end * n + start, (left, panel)),
            view(start * n + end, (panel, left)),
        );
        product.resize(left * left, T::zero());
        T::matmul(l, u, &mut product[..left * left], false);
        for (i, product) in product.chunks_exact(left).take(left).enumerate() {
            let row = &mut a[(end + i) * n..][end..n];
            row.iter_mut().zip(product).for_each(|(a, &p)| *a -= p);
        }
    }
    Ok(())
}

/// Eliminates some columns, in these columns alone.
fn eliminate<T: Elem>(
    n: usize,
    a: &mut [T],
    pivots: &mut [u32],
    columns: Range<usize>,
) -> Result<(), usize> {
    for k in columns.clone() {
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
            let right = k + 1..columns.end;
            subtract(factor, &row[right.clone()], &mut other[right]);
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

#[cfg(test)]
mod tests {
    use super::{System, factor, solve};
    use crate::kernel::Matrix;
    use crate::kernel::matrix::{numbers, plain};

    #[test]
    fn systems_of_any_number_of_panels_are_solved() {
        for n in [1, 63, 64, 65, 128, 150] {
            let a = numbers(n, n * n);
            let (mut lu, mut order) = (a.clone(), vec![0; n]);
            factor(n, &mut lu, &mut order).unwrap();
            for (width, transposed) in [(1, false), (1, true), (9, false), (9, true)] {
                let b = numbers(n + width, n * width);
                let mut x = b.clone();
                let system = System {
                    n,
                    factors: &lu,
                    order: &order,
                    width,
                    transposed,
                };
                solve(system, &mut x);
                let matrix = Matrix::new(&a, n, n);
                let matrix = if transposed {
                    matrix.transposed()
                } else {
                    matrix
                };
                let mut back = vec![0.0; n * width];
                plain::matmul(matrix, Matrix::new(&x, n, width), &mut back, false);
                let size = x.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
                for (b, back) in b.iter().zip(&back) {
                    let limit = 1e-13 * n as f64 * size;
                    assert!((b - back).abs() <= limit, "{b} and {back} of {n} × {width}");
                }
            }
        }
    }

    #[test]
    fn a_pivot_of_0_is_found_beyond_the_first_panel() {
        let n = 100;
        let mut a: Vec<f64> = (0..n * n)
            .map(|at| f64::from(u8::from(at / n == at % n)))
            .collect();
        a[90 * n + 90] = 0.0;
        assert_eq!(factor(n, &mut a, &mut vec![0; n]), Err(90));
    }
}
