//! Linear systems of dual numbers: one factorization of the primals, and a right-hand side for each plane.
//!
//! ```text
//! x = A⁻¹ b,   ẋ = A⁻¹ (ḃ - Ȧ x)
//! ```

use super::scratch::Scratch;
use super::{Dual, Duals};
use crate::kernel::{Elem, Matrix, System};

/// A number that consists of a primal and some tangents.
pub(super) trait Planes: Elem {
    /// The type of the primal and of each tangent.
    type Inner: Elem;

    /// How many tangents there are.
    const TANGENTS: usize;

    /// The primal.
    fn head(&mut self) -> &mut Self::Inner;

    /// Tangent `k`.
    fn tail(&mut self, k: usize) -> &mut Self::Inner;
}

impl<T: Elem> Planes for Dual<T> {
    type Inner = T;
    const TANGENTS: usize = 1;

    fn head(&mut self) -> &mut T {
        &mut self.primal
    }

    fn tail(&mut self, _: usize) -> &mut T {
        &mut self.tangent
    }
}

impl<T: Elem, const N: usize> Planes for Duals<T, N> {
    type Inner = T;
    const TANGENTS: usize = N;

    fn head(&mut self) -> &mut T {
        &mut self.primal
    }

    fn tail(&mut self, k: usize) -> &mut T {
        &mut self.tangents[k]
    }
}

/// Factors the primals in place; the tangents stay those of the matrix.
pub(super) fn factor<D: Planes>(n: usize, a: &mut [D], order: &mut [u32]) -> Result<(), usize> {
    let mut primal = plane(a, D::head);
    D::Inner::factor(n, &mut primal, order)?;
    put(&primal, a, D::head);
    Ok(())
}

/// Solves in place, with what [`factor`] left.
pub(super) fn solve<D: Planes>(system: System<'_, D>, b: &mut [D]) {
    let System {
        n,
        factors,
        order,
        width,
        transposed,
    } = system;
    let primal = plane(factors, D::head);
    let inner = System {
        n,
        factors: &primal[..],
        order,
        width,
        transposed,
    };
    let mut x = plane(b, D::head);
    D::Inner::solve(inner, &mut x);
    for k in 0..D::TANGENTS {
        let mut right = plane(b, |b| D::tail(b, k));
        let matrix = plane(factors, |a| D::tail(a, k));
        if !is_zero(&matrix) {
            let negative: Vec<_> = matrix.iter().map(|&a| -a).collect();
            let mut matrix = Matrix::new(&negative, n, n);
            if transposed {
                matrix = matrix.transposed();
            }
            D::Inner::matmul(matrix, Matrix::new(&x, n, width), &mut right, true);
        } else if is_zero(&right) {
            continue;
        }
        D::Inner::solve(inner, &mut right);
        put(&right, b, |b| D::tail(b, k));
    }
    put(&x, b, D::head);
}

/// One plane: the same part of each element.
fn plane<D: Planes>(x: &[D], part: impl Fn(&mut D) -> &mut D::Inner) -> Scratch<D::Inner> {
    Scratch::collect(x.iter().map(|&x| *part(&mut { x })))
}

/// Writes a plane into the elements.
fn put<D: Planes>(plane: &[D::Inner], x: &mut [D], part: impl Fn(&mut D) -> &mut D::Inner) {
    x.iter_mut().zip(plane).for_each(|(x, &p)| *part(x) = p);
}

/// Whether a plane is all 0, as that of constants is.
fn is_zero<T: Elem>(plane: &[T]) -> bool {
    plane.iter().all(|t| t.is_zero())
}

#[cfg(test)]
mod tests {
    use crate::dual::{Dual, Duals};
    use crate::kernel::matrix::lu;
    use crate::kernel::{Elem, System};

    /// Compares the solutions by planes with those of the plain form, for both directions.
    fn check<T: Elem>(n: usize, width: usize, number: &mut dyn FnMut() -> T) {
        // Far from singular, with pivots off the diagonal.
        let turned = |k: usize| if k % n == (k / n + 1) % n { n } else { 0 };
        let a = (0..n * n).map(|k| number() + T::of(turned(k) as f64));
        let a: Vec<T> = a.collect();
        let b: Vec<T> = (0..n * width).map(|_| number()).collect();
        let (mut ours, mut pivots) = (a.clone(), vec![0; n]);
        lu::factor(n, &mut ours, &mut pivots).unwrap();
        let (mut theirs, mut order) = (a, vec![0; n]);
        T::factor(n, &mut theirs, &mut order).unwrap();
        for transposed in [false, true] {
            let (mut x, mut y) = (b.clone(), b.clone());
            let system = |factors, order| System {
                n,
                factors,
                order,
                width,
                transposed,
            };
            lu::solve(system(&ours, &pivots), &mut x);
            T::solve(system(&theirs, &order), &mut y);
            let parts = |x: &[T]| -> Vec<f64> {
                let all = x.iter().flat_map(|x| (0..T::PARTS).map(|k| x.part(k)));
                all.collect()
            };
            let (x, y) = (parts(&x), parts(&y));
            let size = x.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
            let limit = 16.0 * n as f64 * T::epsilon().primal() * size;
            for (x, y) in x.iter().zip(&y) {
                assert!(
                    (x - y).abs() <= limit,
                    "{x} and {y} of {n} × {width}, {transposed}"
                );
            }
        }
    }

    #[test]
    fn solutions_by_planes_are_those_of_the_plain_form() {
        let mut state = 7u64;
        let mut number = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        };
        for n in [0, 1, 2, 3, 7, 16, 33] {
            for width in [1, 3] {
                check(n, width, &mut || Dual::new(number(), number()));
                check(n, width, &mut || {
                    Duals::new(number(), [0; 2].map(|_| number()))
                });
                check(n, width, &mut || {
                    Dual::new(Dual::new(number(), number()), Dual::new(number(), number()))
                });
            }
        }
    }

    #[test]
    fn planes_name_the_column_that_the_plain_form_names() {
        let a = [1.0, 2.0, 3.0, 2.0, 4.0, 1.0, 3.0, 6.0, 5.0];
        let order = &mut [0; 3];
        assert_eq!(lu::factor(3, &mut a.clone(), order), Err(1));
        assert_eq!(
            Dual::factor(3, &mut a.map(|a| Dual::new(a, 1.0)), order),
            Err(1)
        );
    }
}
