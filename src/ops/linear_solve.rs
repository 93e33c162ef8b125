//! Solution of a linear system; its gradient solves the transposed system with the same factors.

use super::forms::right::{Right, everywhere};
use super::forms::squares::{Squares, Systems, singular};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, System};
use crate::ops::{Draw, Sample, Spec, s};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::{Operand, Var};

const NAME: &str = "linear_solve";

/// `x = a⁻¹ b`.
#[derive(Clone, Copy, Debug)]
pub struct LinearSolve;

/// Solves all systems, or all transposed ones, in place. Where factors have left the range, so have the solutions,
/// which are NaN then, to be computed again on wider numbers.
fn solve<T: Elem>(systems: Systems, kept: &Residual<T>, b: &mut [T], transposed: bool) {
    let (n, width) = (systems.squares.n, systems.width);
    for (k, [a, place]) in systems.each().enumerate() {
        let system = System {
            n,
            factors: &kept.values[a],
            order: &kept.indices[k * n..(k + 1) * n],
            width,
            transposed,
        };
        match system.factors.iter().all(|x| x.is_finite()) {
            true => T::solve(system, &mut b[place]),
            false => b[place].fill(T::nan()),
        }
    }
}

impl<T: Elem> Rule<T> for LinearSolve {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Systems::new(NAME, x[0], x[1])?;
        Ok(x[1].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let systems = Systems::of(x);
        let Squares { count, n } = systems.squares;
        keep.values.extend_from_slice(x[0].data());
        keep.indices.resize(count * n, 0);
        for (matrix, a) in systems.squares.each().enumerate() {
            let order = &mut keep.indices[matrix * n..(matrix + 1) * n];
            if let Err(pivot) = T::factor(n, &mut keep.values[a], order) {
                return y.refuse(singular(NAME, x[0], matrix, pivot));
            }
        }
        let solution = y.fill();
        solution.copy_from_slice(x[1].data());
        solve(systems, keep, solution, false);
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let systems = Systems::of(at.x);
        let solve = |b: &mut [T], transposed| solve(systems, at.kept, b, transposed);
        systems.vjp(at, g, gx, solve, |_| true);
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let systems = Systems::of(at.x);
        let solve = |b: &mut [T], transposed| solve(systems, at.kept, b, transposed);
        systems.jvp(at, t, ty.fill(), solve, |_| true);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT.and_residual()
    }

    fn cost(&self, x: &[&Shape]) -> usize {
        x[0].last().copied().unwrap_or(1)
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The solution x of `a x = b`, where this handle is the matrix `a`.
    ///
    /// ```text
    /// x = a⁻¹ b
    /// ```
    /// # Shapes
    /// a: `[n, n]` with b: `[n]` or `[n, k]`, or batches `[.., n, n]` with `[.., n, k]` of the same
    /// leading sizes. x has the shape of b. To solve with a constant matrix, make a handle of it with
    /// [`Tape::constant`](crate::Tape::constant).
    ///
    /// # Domain
    /// Matrices that are not singular. One whose elimination meets a pivot of 0 is refused; a nearly
    /// singular one gives whatever rounding leaves. NaN and infinities propagate.
    ///
    /// # Gradient
    /// By the implicit function theorem, not through the elimination: `gb = a⁻ᵀ g` from the same factors,
    /// `ga = -gb xᵀ`. The JVP is `a⁻¹ (tb - ta x)`.
    ///
    /// # Keeps
    /// x, the LU factors and the order of the rows.
    ///
    /// # Accuracy
    /// Gaussian elimination with partial pivoting: the residual is small, the error at most the condition
    /// number times the rounding error. For dual numbers only the primals are factored, once.
    ///
    /// # Complexity
    /// `2 n³ / 3` steps for the factors, `2 n² k` for the solution and as many again for its gradient.
    ///
    /// # Panics
    /// If the shapes do not fit, the matrix is singular, or b lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([[2.0, 1.0], [0.0, 4.0]]));
    /// let b = tape.var(Tensor::from([4.0, 8.0]));
    /// let x = a.linear_solve(b);
    /// assert_eq!(x.value(), Tensor::from([1.0, 2.0]));
    /// let grads = x.at([0]).backward(); // x_0 = (b_0 - a_01 b_1 / a_11) / a_00
    /// assert_eq!(grads.wrt(b), Tensor::from([0.5, -0.125]));
    /// assert_eq!(grads.wrt(a), Tensor::from([[-0.5, -1.0], [0.125, 0.25]]));
    /// ```
    ///
    /// # Source
    /// Giles, "An extended collection of matrix derivative results for forward and reverse mode
    /// algorithmic differentiation", 2008, section 2.3.1.
    #[track_caller]
    pub fn linear_solve(self, b: impl Operand<'t, T>) -> Self {
        self.try_linear_solve(b).or_panic()
    }

    /// [`linear_solve`](Self::linear_solve), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not fit, the matrix is singular, or b lives on another tape.
    #[track_caller]
    pub fn try_linear_solve(self, b: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(LinearSolve, b)
    }
}

everywhere!(LinearSolve);

impl<T: Elem> Tensor<T> {
    /// The solution x of `a x = b`, where this plain tensor is the matrix and b a plain tensor or a handle
    /// ([`Right`](crate::ops::Right)). Shapes and domain are documented on
    /// [`Var::linear_solve`](crate::Var::linear_solve).
    ///
    /// # Panics
    /// If the shapes do not fit or the matrix is singular.
    #[must_use]
    #[track_caller]
    pub fn linear_solve<R: Right<T>>(&self, b: R) -> R::Output {
        self.try_linear_solve(b).or_panic()
    }

    /// [`linear_solve`](Self::linear_solve), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not fit or the matrix is singular.
    #[track_caller]
    pub fn try_linear_solve<R: Right<T>>(&self, b: R) -> Result<R::Output, Error> {
        b.product(self, LinearSolve)
    }
}

impl Spec for LinearSolve {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "y = a⁻¹ b";
    const GRADIENT: &'static str = "gb = a⁻ᵀ g by the factors kept, ga = -gb yᵀ";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let (n, k) = (draw.pick(&[1, 2, 3, 4, 0]), draw.pick(&[1, 2, 3, 0]));
        let batch: Vec<usize> = draw.pick(&[vec![], vec![], vec![2], vec![2, 1]]);
        let with = |last: &[usize]| -> Shape { batch.iter().chain(last).copied().collect() };
        let mut a = draw.values(with(&[n, n]), -1.0, 1.0);
        // Far from singular, with pivots off the diagonal: the rows are rotated by one.
        for (at, a) in a.data_mut().iter_mut().enumerate() {
            let (row, column) = (at / n % n, at % n);
            if column == (row + 1) % n {
                *a = f64::from((*a + 4.0) as f32);
            }
        }
        let b = match batch.is_empty() && draw.below(2) == 0 {
            true => with(&[n]),
            false => with(&[n, k]),
        };
        let b = draw.values(b, -2.0, 2.0);
        Sample::new(vec![a, b], ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].linear_solve(x[1])
    }

    /// Gauss-Jordan elimination, one step of tensor operations for each column.
    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        let (a, b) = (x[0], x[1]);
        let n = a.shape()[a.rank() - 1];
        if a.rank() > 2 || n == 0 {
            return None;
        }
        let width = b.shape().elements() / n;
        // The pivots of the samples are one row above the diagonal, cyclically.
        let turned: Vec<usize> = (0..n).map(|k| (k + n - 1) % n).collect();
        let system = [a, b.reshape([n, width])];
        let mut m = Var::concat(&system, 1).index_select(0, turned);
        for k in 0..n {
            let row = m.slice((s(k..k + 1), ..));
            let row = row / row.slice((.., s(k..k + 1)));
            let mut unit = Tensor::<T>::zeros([n, 1]);
            unit.data_mut()[k] = T::one();
            m = m - (m.slice((.., s(k..k + 1))) - unit) * row;
        }
        Some(m.slice((.., s(n..n + width))).reshape(b.shape()))
    }
}
