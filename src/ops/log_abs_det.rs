//! Logarithm of the size of determinants.

use super::forms::evaluate;
use super::forms::squares::{Squares, singular};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, System, lu};
use crate::ops::{Draw, Sample, Spec, s};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

const NAME: &str = "log_abs_det";

/// `y = ln |det a|`.
#[derive(Clone, Copy, Debug)]
pub struct LogAbsDet;

/// The factors of matrix `k` as a system with `n` right sides.
fn system<T>(squares: Squares, kept: &Residual<T>, k: usize, transposed: bool) -> System<'_, T> {
    let n = squares.n;
    System {
        n,
        factors: &kept.values[k * n * n..(k + 1) * n * n],
        order: &kept.indices[k * n..(k + 1) * n],
        width: n,
        transposed,
    }
}

impl<T: Elem> Rule<T> for LogAbsDet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        let (_, batch) = Squares::new(NAME, x[0])?;
        Ok(Shape::new(batch))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let squares = Squares::of(x[0]);
        let Squares { count, n } = squares;
        keep.values.extend_from_slice(x[0].data());
        keep.indices.resize(count * n, 0);
        for (matrix, a) in squares.each().enumerate() {
            let order = &mut keep.indices[matrix * n..(matrix + 1) * n];
            // The plain form for all types: that of dual numbers leaves no tangents on the diagonal.
            if let Err(pivot) = lu::factor(n, &mut keep.values[a], order) {
                return y.refuse(singular(NAME, x[0], matrix, pivot));
            }
        }
        for (y, a) in y.fill().iter_mut().zip(squares.each()) {
            let u = &keep.values[a];
            let logs = (0..n).map(|k| u[k * n + k].abs().ln());
            *y = match u.iter().all(|x| x.is_finite()) {
                true => logs.fold(T::zero(), |sum, log| sum + log),
                false => T::nan(),
            };
        }
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let squares = Squares::of(at.x[0]);
        let n = squares.n;
        let ga = gx[0].fill();
        ga.fill(T::zero());
        for (k, (a, &g)) in squares.each().zip(g.iter()).enumerate() {
            let ga = &mut ga[a];
            (0..n).for_each(|i| ga[i * n + i] = g);
            let system = system(squares, at.kept, k, true);
            match system.factors.iter().all(|x| x.is_finite()) {
                true => lu::solve(system, ga),
                false => ga.fill(T::nan()),
            }
        }
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let squares = Squares::of(at.x[0]);
        let n = squares.n;
        let ty = ty.fill();
        let Some(t) = t[0] else {
            ty.fill(T::zero());
            return Ok(());
        };
        for (k, (a, ty)) in squares.each().zip(ty).enumerate() {
            let mut t = t.data()[a].to_vec();
            lu::solve(system(squares, at.kept, k, false), &mut t);
            *ty = (0..n).fold(T::zero(), |trace, i| trace + t[i * n + i]);
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING.and_residual()
    }

    fn cost(&self, x: &[&Shape]) -> usize {
        x[0].last().copied().unwrap_or(1)
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// Logarithm of the size of the determinant of a square matrix, which does not overflow where the determinant does.
    ///
    /// ```text
    /// y = ln |det a|
    /// ```
    /// For a positive definite matrix, such as a covariance, twice the sum of the logarithms of the diagonal of
    /// [`cholesky`](Self::cholesky) is the same in half of the time.
    ///
    /// # Shapes
    /// `[.., n, n]` gives `[..]`: a number for each matrix, 0 for one without elements.
    ///
    /// # Domain
    /// Matrices that are not singular. One whose elimination meets a pivot of 0 is refused; NaN and infinities
    /// propagate. The sign of the determinant is not given.
    ///
    /// # Gradient
    /// `ga = g a⁻ᵀ`, from the factors kept. The JVP is `tr(a⁻¹ ta)`.
    ///
    /// # Keeps
    /// The LU factors and the order of the rows.
    ///
    /// # Accuracy
    /// Gaussian elimination with partial pivoting, then a sum of logarithms: the error is at most about n times the
    /// condition number times the rounding error.
    ///
    /// # Complexity
    /// `2 n³ / 3` steps, and `2 n³` for the gradient.
    ///
    /// # Panics
    /// If the tensor does not hold square matrices, or one is singular.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([[0.0, 2.0], [4.0, 1.0]])); // det a = -8
    /// let y = a.log_abs_det();
    /// approx::assert_relative_eq!(y.value().item(), 8.0f64.ln());
    /// assert_eq!(y.sum().backward().wrt(a), Tensor::from([[-0.125, 0.5], [0.25, 0.0]]));
    /// ```
    ///
    /// # Source
    /// Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
    /// differentiation", 2008, section 2.2.4.
    #[track_caller]
    pub fn log_abs_det(self) -> Self {
        self.try_log_abs_det().or_panic()
    }

    /// [`log_abs_det`](Self::log_abs_det), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`log_abs_det`](Self::log_abs_det) panics.
    #[track_caller]
    pub fn try_log_abs_det(self) -> Result<Self, Error> {
        self.record(LogAbsDet)
    }
}

impl<T: Elem> Tensor<T> {
    /// Logarithm of the size of the determinant of plain matrices; see
    /// [`Var::log_abs_det`](crate::Var::log_abs_det).
    ///
    /// # Panics
    /// If the tensor does not hold square matrices, or one is singular.
    #[must_use]
    #[track_caller]
    pub fn log_abs_det(&self) -> Self {
        self.try_log_abs_det().or_panic()
    }

    /// [`log_abs_det`](Self::log_abs_det), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`log_abs_det`](Self::log_abs_det) panics.
    pub fn try_log_abs_det(&self) -> Result<Self, Error> {
        evaluate(&LogAbsDet, [self])
    }
}

impl Spec for LogAbsDet {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "y = ln |det a|";
    const GRADIENT: &'static str = "ga = g a⁻ᵀ by the factors kept";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let n = draw.pick(&[1, 2, 3, 4, 0]);
        let mut shape: Vec<usize> = draw.pick(&[vec![], vec![], vec![2], vec![2, 1]]);
        shape.extend([n, n]);
        let mut a = draw.values(shape, -1.0, 1.0);
        // Far from singular, with pivots off the diagonal: the rows are rotated by one.
        for (at, a) in a.data_mut().iter_mut().enumerate() {
            if at % n == (at / n % n + 1) % n {
                *a = f64::from((*a + 4.0) as f32);
            }
        }
        Sample::new(vec![a], ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].log_abs_det()
    }

    /// Gaussian elimination, one step of tensor operations for each column.
    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        let n = x[0].shape()[x[0].rank() - 1];
        if x[0].rank() > 2 || n == 0 {
            return None;
        }
        // The pivots of the samples are one row above the diagonal, cyclically.
        let turned: Vec<usize> = (0..n).map(|k| (k + n - 1) % n).collect();
        let mut left = x[0].index_select(0, turned);
        let mut logs = Vec::new();
        for k in 0..n {
            let pivot = left.slice((s(..1), s(..1)));
            logs.push(pivot.abs().ln());
            if k + 1 < n {
                let below = left.slice((s(1..), s(..1)));
                let beside = left.slice((s(..1), s(1..)));
                left = left.slice((s(1..), s(1..))) - below.matmul(beside) / pivot;
            }
        }
        Some(Var::concat(&logs, 0).sum_axis(..))
    }
}
