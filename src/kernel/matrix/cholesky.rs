//! Cholesky factors, for elements of any type.

use super::Matrix;
use crate::kernel::{Elem, dot};

/// How many columns are computed before the matrix product takes what they contribute to the others.
const PANEL: usize = 64;

/// Factors the symmetric `n × n` matrix `a` in place, `A = L Lᵀ`. Reads the lower triangle only, and writes 0 above the
/// diagonal.
///
/// # Errors
/// The column whose pivot is not positive: the matrix is not positive definite. A pivot that is NaN is no error.
pub(crate) fn cholesky<T: Elem>(n: usize, a: &mut [T]) -> Result<(), usize> {
    let mut product = Vec::new();
    for start in (0..n).step_by(PANEL) {
        let end = n.min(start + PANEL);
        if start > 0 {
            let below = (n - start, end - start);
            let before = Matrix {
                data: &a[start * n..],
                size: (below.0, start),
                step: (n, 1),
            };
            let beside = before.part(0, (below.1, start)).transposed();
            product.resize(below.0 * below.1, T::zero());
            T::matmul(before, beside, &mut product[..below.0 * below.1], false);
            for (i, product) in product.chunks_exact(below.1).enumerate().take(below.0) {
                let row = &mut a[(start + i) * n..][start..end];
                row.iter_mut().zip(product).for_each(|(a, &p)| *a -= p);
            }
        }
        for i in start..n {
            let (rows, row) = a.split_at_mut(i * n);
            let row = &mut row[..n];
            for j in start..end.min(i) {
                let other = &rows[j * n..][..=j];
                let left = row[j] - dot(&row[start..j], &other[start..j]);
                row[j] = left / other[j];
            }
            if i < end {
                let pivot = row[i] - dot(&row[start..i], &row[start..i]);
                if pivot <= T::zero() {
                    return Err(i);
                }
                row[i] = pivot.sqrt();
                row[i + 1..].fill(T::zero());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::cholesky;
    use crate::kernel::Matrix;
    use crate::kernel::matrix::plain;

    #[test]
    fn the_factors_of_any_number_of_panels_multiply_to_the_matrix() {
        for n in [0, 1, 5, 63, 64, 65, 128, 150] {
            let mut state = 7u64;
            let mut number = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 40) as f64 / f64::from(1 << 23) - 1.0
            };
            let b: Vec<f64> = (0..n * n).map(|_| number()).collect();
            let mut a = vec![0.0; n * n];
            let view = |b| Matrix::new(b, n, n);
            plain::matmul(view(&b), view(&b).transposed(), &mut a, false);
            for k in 0..n {
                a[k * n + k] += 1.0;
            }
            let mut l = a.clone();
            cholesky(n, &mut l).unwrap();
            let mut product = vec![0.0; n * n];
            plain::matmul(view(&l), view(&l).transposed(), &mut product, false);
            for (at, (a, p)) in a.iter().zip(&product).enumerate() {
                assert!(
                    (a - p).abs() <= 1e-12 * n as f64,
                    "{a} and {p} at {at} of {n}"
                );
                assert!(at % n.max(1) <= at / n.max(1) || l[at] == 0.0);
            }
            if n > 3 {
                a[3 * n + 3] = 0.0;
                assert_eq!(cholesky(n, &mut a), Err(3));
            }
        }
    }
}
