//! Cholesky factor of symmetric positive definite matrices.

use super::forms::evaluate;
use super::forms::squares::Squares;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem, Matrix, Triangle};
use crate::ops::{Draw, Sample, Spec, s};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

const NAME: &str = "cholesky";

/// The lower triangular `L` with `a = L Lᵀ`.
#[derive(Clone, Copy, Debug)]
pub struct Cholesky;

/// Writes the symmetric part, `(a + aᵀ) / 2`, which of a symmetric matrix is the matrix bit for bit.
fn symmetric<T: Elem>(n: usize, a: &[T], y: &mut [T]) {
    let half = T::of(0.5);
    for i in 0..n {
        for j in 0..=i {
            let (below, above) = (a[i * n + j], a[j * n + i]);
            let mean = below + (above - below) * half;
            (y[i * n + j], y[j * n + i]) = (mean, mean);
        }
    }
}

/// Replaces the upper triangle by 0 and halves the diagonal.
fn halved<T: Elem>(n: usize, a: &mut [T]) {
    for i in 0..n {
        a[i * n + i] *= T::of(0.5);
        a[i * n + i + 1..(i + 1) * n].fill(T::zero());
    }
}

/// Transposes in place.
fn transpose<T: Copy>(n: usize, a: &mut [T]) {
    for i in 0..n {
        for j in 0..i {
            a.swap(i * n + j, j * n + i);
        }
    }
}

impl<T: Elem> Rule<T> for Cholesky {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Squares::new(NAME, x[0])?;
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let squares = Squares::of(x[0]);
        let factors = y.fill();
        for (matrix, a) in squares.each().enumerate() {
            symmetric(squares.n, &x[0].data()[a.clone()], &mut factors[a.clone()]);
            if let Err(pivot) = kernel::cholesky(squares.n, &mut factors[a]) {
                return y.refuse(Error::new(ErrorKind::NotPositiveDefinite {
                    op: NAME,
                    shape: x[0].shape().clone(),
                    matrix,
                    pivot,
                }));
            }
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let squares = Squares::of(at.y);
        let n = squares.n;
        let ga = gx[0].fill();
        let mut lower = vec![T::zero(); n * n];
        let mut inside = vec![T::zero(); n * n];
        for a in squares.each() {
            let l = &at.y.data()[a.clone()];
            lower.copy_from_slice(&g.data()[a.clone()]);
            (0..n).for_each(|i| lower[i * n + i + 1..(i + 1) * n].fill(T::zero()));
            let factor = Matrix::new(l, n, n).transposed();
            T::matmul(factor, Matrix::new(&lower, n, n), &mut inside, false);
            halved(n, &mut inside);
            // From both sides by the inverse of L, as two systems with Lᵀ.
            let upper = Triangle::new(l, n, true).transposed();
            upper.solve(n, &mut inside);
            transpose(n, &mut inside);
            upper.solve(n, &mut inside);
            symmetric(n, &inside, &mut ga[a]);
        }
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let squares = Squares::of(at.y);
        let n = squares.n;
        let ty = ty.fill();
        let Some(t) = t[0] else {
            ty.fill(T::zero());
            return Ok(());
        };
        let mut inside = vec![T::zero(); n * n];
        for a in squares.each() {
            let l = &at.y.data()[a.clone()];
            symmetric(n, &t.data()[a.clone()], &mut inside);
            let lower = Triangle::new(l, n, true);
            lower.solve(n, &mut inside);
            transpose(n, &mut inside);
            lower.solve(n, &mut inside);
            halved(n, &mut inside);
            let (l, inside) = (Matrix::new(l, n, n), Matrix::new(&inside, n, n));
            T::matmul(l, inside, &mut ty[a], false);
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT
    }

    fn cost(&self, x: &[&Shape]) -> usize {
        x[0].last().copied().unwrap_or(1)
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// Cholesky factor of a symmetric positive definite matrix: the lower triangular `L` with a positive diagonal whose
    /// product with its transpose is the matrix.
    ///
    /// ```text
    /// a = L Lᵀ
    /// ```
    /// With it, `L z` turns independent normal numbers z into some with covariance a, two substitutions
    /// ([`solve_lower`](Self::solve_lower)) solve `a x = b`, and `log det a` is twice the sum of the logarithms of
    /// [`L.diagonal()`](Self::diagonal).
    ///
    /// # Shapes
    /// `[.., n, n]` gives the same shape: one factor for each matrix, with 0 above the diagonal.
    ///
    /// # Domain
    /// Positive definite matrices. The factor is that of the symmetric part, `(a + aᵀ) / 2`, so that rounding errors on
    /// one side do no harm. A pivot that is 0 or negative is refused; NaN and infinities propagate.
    ///
    /// # Gradient
    /// With P the lower triangle of `Lᵀ g` with its diagonal halved, and `S = L⁻ᵀ P L⁻¹`,
    ///
    /// ```text
    /// ga = (S + Sᵀ) / 2
    /// ```
    /// which is symmetric. What g holds above the diagonal does not count, since L is constant there. The JVP is `L`
    /// times the halved lower triangle of `L⁻¹ ta L⁻ᵀ`.
    ///
    /// # Keeps
    /// L.
    ///
    /// # Accuracy
    /// `L Lᵀ` is the matrix to a few roundings; the error of L itself is at most the condition number times the
    /// rounding error.
    ///
    /// # Complexity
    /// `n³ / 3` steps for the factor, by matrix products from n = 64 on, and some `4 n³` for its gradient.
    ///
    /// # Panics
    /// If the tensor does not hold square matrices, or one is not positive definite.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([[4.0, 2.0], [2.0, 10.0]]));
    /// let l = a.cholesky();
    /// assert_eq!(l.value(), Tensor::from([[2.0, 0.0], [1.0, 3.0]]));
    /// // log det a, whose gradient is the inverse of the matrix.
    /// let log_det = 2.0 * l.diagonal().ln().sum();
    /// let inverse = Tensor::from([[10.0, -2.0], [-2.0, 4.0]]) / 36.0;
    /// approx::assert_relative_eq!(log_det.backward().wrt(a), inverse, epsilon = 1e-15);
    /// ```
    ///
    /// # Source
    /// Murray, "Differentiation of the Cholesky decomposition", 2016, equations 8 and 10.
    #[track_caller]
    pub fn cholesky(self) -> Self {
        self.try_cholesky().or_panic()
    }

    /// [`cholesky`](Self::cholesky), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cholesky`](Self::cholesky) panics.
    #[track_caller]
    pub fn try_cholesky(self) -> Result<Self, Error> {
        self.record(Cholesky)
    }
}

impl<T: Elem> Tensor<T> {
    /// Cholesky factor of plain matrices; see [`Var::cholesky`](crate::Var::cholesky).
    ///
    /// # Panics
    /// If the tensor does not hold square matrices, or one is not positive definite.
    #[must_use]
    #[track_caller]
    pub fn cholesky(&self) -> Self {
        self.try_cholesky().or_panic()
    }

    /// [`cholesky`](Self::cholesky), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`cholesky`](Self::cholesky) panics.
    pub fn try_cholesky(&self) -> Result<Self, Error> {
        evaluate(&Cholesky, [self])
    }
}

impl Spec for Cholesky {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "a = y yᵀ, y lower triangular";
    const GRADIENT: &'static str = "P = yᵀ g, lower half, and S = y⁻ᵀ P y⁻¹; ga = (S + Sᵀ) / 2";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let n = draw.pick(&[1, 2, 3, 4, 0]);
        let mut shape: Vec<usize> = draw.pick(&[vec![], vec![], vec![2], vec![2, 1]]);
        shape.extend([n, n]);
        let mut a = draw.values(shape, -1.0, 1.0);
        // Larger than the rest of its row, so that the matrix is positive definite.
        for (at, a) in a.data_mut().iter_mut().enumerate() {
            if at / n % n == at % n {
                *a = f64::from((*a + 5.0) as f32);
            }
        }
        Sample::new(vec![a], ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].cholesky()
    }

    /// Elimination, one step of tensor operations for each column.
    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        let n = x[0].shape()[x[0].rank() - 1];
        if x[0].rank() > 2 || n == 0 {
            return None;
        }
        let mut left = (x[0] + x[0].transpose()) / T::of(2.0);
        let mut columns = Vec::new();
        for k in 0..n {
            let below = Tensor::from_fn([n, 1], |i| T::of(f64::from(u8::from(i >= k))));
            let column = left.slice((.., s(k..k + 1))) * below;
            let column = column / left.slice((s(k..k + 1), s(k..k + 1))).sqrt();
            left -= column.matmul(column.transpose());
            columns.push(column);
        }
        Some(Var::concat(&columns, 1))
    }
}
