//! Cholesky factors, for elements of any type.

use super::Matrix;
use super::lu::PANEL;
use super::triangle::subtract;
use crate::kernel::Elem;

/// Factors the symmetric `n × n` matrix `a` in place, `A = L Lᵀ`. Reads the upper triangle only, and writes 0 above the
/// diagonal.
///
/// The rows of `Lᵀ` are computed, since they are contiguous: by panels, each of which subtracts what the rows before it
/// contribute as one matrix product.
///
/// # Errors
/// The step whose pivot is not positive: the matrix is not positive definite. A pivot that is NaN is no error.
pub(crate) fn cholesky<T: Elem>(n: usize, a: &mut [T]) -> Result<(), usize> {
    let mut product = Vec::new();
    for start in (0..n).step_by(PANEL) {
        let end = n.min(start + PANEL);
        if start > 0 {
            let (panel, left) = (end - start, n - start);
            let before = Matrix {
                data: &a[start..],
                size: (start, left),
                step: (n, 1),
            };
            let own = before.part(0, (start, panel)).transposed();
            product.resize(panel * left, T::zero());
            T::matmul(own, before, &mut product[..panel * left], false);
            for (i, product) in product.chunks_exact(left).take(panel).enumerate() {
                let row = &mut a[(start + i) * n + start..][..left];
                row.iter_mut().zip(product).for_each(|(a, &p)| *a -= p);
            }
        }
        for k in start..end {
            let (above, below) = a.split_at_mut((k + 1) * n);
            let row = &mut above[k * n..];
            if row[k] <= T::zero() {
                return Err(k);
            }
            let root = row[k].sqrt();
            row[k] = root;
            row[k + 1..].iter_mut().for_each(|x| *x /= root);
            for (i, other) in (k + 1..end).zip(below.chunks_exact_mut(n)) {
                subtract(row[i], &row[i..], &mut other[i..]);
            }
        }
    }
    for i in 0..n {
        for j in 0..i {
            a[i * n + j] = a[j * n + i];
            a[j * n + i] = T::zero();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::cholesky;
    use crate::kernel::Matrix;
    use crate::kernel::matrix::{numbers, plain};

    #[test]
    fn the_factors_of_any_number_of_panels_multiply_to_the_matrix() {
        for n in [0, 1, 5, 63, 64, 65, 128, 150] {
            let b = numbers(n, n * n);
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
