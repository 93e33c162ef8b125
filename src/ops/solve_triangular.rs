//! Substitution: systems of equations with triangular matrices.

use super::forms::right::{Right, everywhere};
use super::forms::squares::{Systems, singular};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Triangle};
use crate::ops::{Draw, Sample, Spec, s};
use crate::rule::{Point, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::{Operand, Var};

/// `x = a⁻¹ b`, where `a` is the lower or the upper triangle of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct SolveTriangular {
    lower: bool,
}

impl SolveTriangular {
    fn op(self) -> &'static str {
        if self.lower {
            "solve_lower"
        } else {
            "solve_upper"
        }
    }

    /// Solves all systems, or all transposed ones, in place.
    fn solve<T: Elem>(self, systems: Systems, a: &Tensor<T>, b: &mut [T], transposed: bool) {
        for [place, right] in systems.each() {
            let mut triangle = Triangle::new(&a.data()[place], systems.squares.n, self.lower);
            if transposed {
                triangle = triangle.transposed();
            }
            triangle.solve(systems.width, &mut b[right]);
        }
    }

    /// Whether an element of an `n × n` matrix lies in the triangle.
    fn reads(self, n: usize, at: usize) -> bool {
        let (row, column) = (at / n, at % n);
        if self.lower {
            column <= row
        } else {
            column >= row
        }
    }
}

impl<T: Elem> Rule<T> for SolveTriangular {
    fn name(&self) -> &'static str {
        self.op()
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Systems::new(self.op(), x[0], x[1])?;
        Ok(x[1].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let systems = Systems::of(x);
        let n = systems.squares.n;
        for (matrix, a) in systems.squares.each().enumerate() {
            let a = &x[0].data()[a];
            // As equality, which of dual numbers looks at the primals.
            if let Some(pivot) = (0..n).find(|k| a[k * n + k] == T::zero()) {
                return y.refuse(singular(self.op(), x[0], matrix, pivot));
            }
        }
        let solution = y.fill();
        solution.copy_from_slice(x[1].data());
        self.solve(systems, x[0], solution, false);
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let systems = Systems::of(at.x);
        let solve = |b: &mut [T], transposed| self.solve(systems, at.x[0], b, transposed);
        let read = |at| self.reads(systems.squares.n, at);
        systems.vjp(at, g, gx, solve, read);
        guard::cotangents(self, at, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let systems = Systems::of(at.x);
        let solve = |b: &mut [T], transposed| self.solve(systems, at.x[0], b, transposed);
        let read = |at| self.reads(systems.squares.n, at);
        systems.jvp(at, t, ty.fill(), solve, read);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn cost(&self, x: &[&Shape]) -> usize {
        x[0].last().copied().unwrap_or(1)
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The solution x of `a x = b`, where `a` is the lower triangle of this handle with its diagonal; the rest is not
    /// read.
    ///
    /// ```text
    /// x = a⁻¹ b
    /// ```
    /// [`solve_upper`](Self::solve_upper) takes the upper triangle. With `l` the [`cholesky`](Self::cholesky) factor
    /// of a matrix, `l.transpose().solve_upper(l.solve_lower(b))` solves the system of that matrix.
    ///
    /// # Shapes
    /// a: `[n, n]` with b: `[n]` or `[n, k]`, or batches `[.., n, n]` with `[.., n, k]` of the same leading sizes. x
    /// has the shape of b.
    ///
    /// # Domain
    /// A diagonal without 0, which is refused. NaN and infinities propagate.
    ///
    /// # Gradient
    /// `gb = a⁻ᵀ g`, and `ga = -gb xᵀ` in the triangle, 0 outside. The JVP is `a⁻¹ (tb - ta x)`.
    ///
    /// # Keeps
    /// a and x.
    ///
    /// # Complexity
    /// `n² k` steps; as many again for the gradient of b, and twice as many for that of a.
    ///
    /// # Panics
    /// If the shapes do not fit, there is a 0 on the diagonal, or b lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([[2.0, f64::NAN], [1.0, 4.0]]));
    /// let b = tape.var(Tensor::from([4.0, 10.0]));
    /// let x = a.solve_lower(b); // 4 / 2, then (10 - 2) / 4
    /// assert_eq!(x.value(), Tensor::from([2.0, 2.0]));
    /// let grads = x.at([1]).backward();
    /// assert_eq!(grads.wrt(b), Tensor::from([-0.125, 0.25]));
    /// assert_eq!(grads.wrt(a), Tensor::from([[0.25, 0.0], [-0.5, -0.5]]));
    /// ```
    ///
    /// # Source
    /// Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
    /// differentiation", 2008, section 2.3.1, restricted to a triangle.
    #[track_caller]
    pub fn solve_lower(self, b: impl Operand<'t, T>) -> Self {
        self.try_solve_lower(b).or_panic()
    }

    /// [`solve_lower`](Self::solve_lower), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`solve_lower`](Self::solve_lower) panics.
    #[track_caller]
    pub fn try_solve_lower(self, b: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(SolveTriangular { lower: true }, b)
    }

    /// [`solve_lower`](Self::solve_lower) with the upper triangle instead.
    ///
    /// # Panics
    /// As [`solve_lower`](Self::solve_lower) does.
    #[track_caller]
    pub fn solve_upper(self, b: impl Operand<'t, T>) -> Self {
        self.try_solve_upper(b).or_panic()
    }

    /// [`solve_upper`](Self::solve_upper), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`solve_lower`](Self::solve_lower) panics.
    #[track_caller]
    pub fn try_solve_upper(self, b: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(SolveTriangular { lower: false }, b)
    }
}

everywhere!(SolveTriangular);

impl<T: Elem> Tensor<T> {
    /// The solution of a system with the lower triangle of this plain tensor, for a plain right side or a handle
    /// ([`Right`](crate::ops::Right)); see [`Var::solve_lower`](crate::Var::solve_lower).
    ///
    /// # Panics
    /// If the shapes do not fit, or there is a 0 on the diagonal.
    #[must_use]
    #[track_caller]
    pub fn solve_lower<R: Right<T>>(&self, b: R) -> R::Output {
        self.try_solve_lower(b).or_panic()
    }

    /// [`solve_lower`](Self::solve_lower), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`solve_lower`](Self::solve_lower) panics.
    #[track_caller]
    pub fn try_solve_lower<R: Right<T>>(&self, b: R) -> Result<R::Output, Error> {
        b.product(self, SolveTriangular { lower: true })
    }

    /// [`solve_lower`](Self::solve_lower) with the upper triangle instead.
    ///
    /// # Panics
    /// As [`solve_lower`](Self::solve_lower) does.
    #[must_use]
    #[track_caller]
    pub fn solve_upper<R: Right<T>>(&self, b: R) -> R::Output {
        self.try_solve_upper(b).or_panic()
    }

    /// [`solve_upper`](Self::solve_upper), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`solve_lower`](Self::solve_lower) panics.
    #[track_caller]
    pub fn try_solve_upper<R: Right<T>>(&self, b: R) -> Result<R::Output, Error> {
        b.product(self, SolveTriangular { lower: false })
    }
}

impl Spec for SolveTriangular {
    const NAME: &'static str = "solve_triangular";
    const FORMULA: &'static str =
        "y = a⁻¹ b, of a the lower (`solve_lower`) or the upper triangle (`solve_upper`)";
    const GRADIENT: &'static str = "gb = a⁻ᵀ g, ga = -gb yᵀ in the triangle";
    type Attributes = Self;

    fn sample(draw: &mut Draw) -> Sample<Self> {
        let (n, k) = (draw.pick(&[1, 2, 3, 4, 0]), draw.pick(&[1, 2, 3, 0]));
        let batch: Vec<usize> = draw.pick(&[vec![], vec![], vec![2], vec![2, 1]]);
        let with = |last: &[usize]| -> Shape { batch.iter().chain(last).copied().collect() };
        let mut a = draw.values(with(&[n, n]), -1.0, 1.0);
        for (at, a) in a.data_mut().iter_mut().enumerate() {
            if at / n % n == at % n {
                *a = f64::from((*a + 3.0) as f32);
            }
        }
        let b = match batch.is_empty() && draw.below(2) == 0 {
            true => with(&[n]),
            false => with(&[n, k]),
        };
        let b = draw.values(b, -2.0, 2.0);
        let lower = draw.below(2) == 0;
        Sample::new(vec![a, b], Self { lower })
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self) -> Var<'t, Tensor<T>> {
        match with.lower {
            true => x[0].solve_lower(x[1]),
            false => x[0].solve_upper(x[1]),
        }
    }

    /// Substitution, one row after the other.
    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self) -> Option<Var<'t, Tensor<T>>> {
        let (a, b) = (x[0], x[1]);
        let n = a.shape()[a.rank() - 1];
        if a.rank() > 2 || n == 0 {
            return None;
        }
        let right = b.reshape([n, b.shape().elements() / n]);
        let mut rows: Vec<Var<'t, Tensor<T>>> = Vec::new();
        for turn in 0..n {
            let i = if with.lower { turn } else { n - 1 - turn };
            let known = if with.lower { 0..i } else { i + 1..n };
            let mut row = right.slice(s(i..i + 1));
            if !known.is_empty() {
                let x = Var::concat(&rows, 0);
                row -= a.slice((s(i..i + 1), s(known))).matmul(x);
            }
            row /= a.slice((s(i..i + 1), s(i..i + 1)));
            let at = if with.lower { rows.len() } else { 0 };
            rows.insert(at, row);
        }
        Some(Var::concat(&rows, 0).reshape(b.shape()))
    }
}
