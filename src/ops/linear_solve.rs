//! Solution of a linear system; its gradient solves the transposed system with the same factors.

use super::forms::evaluate;
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Matrix, System};
use crate::ops::{Draw, Sample, Spec, s};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::{Operand, Var};

const NAME: &str = "linear_solve";

/// `x = a⁻¹ b`.
#[derive(Clone, Copy, Debug)]
pub struct LinearSolve;

/// How many systems there are, their size, and how many right sides each has.
#[derive(Clone, Copy)]
struct Sizes {
    systems: usize,
    n: usize,
    width: usize,
}

impl Sizes {
    fn new(a: &Shape, b: &Shape) -> Result<Self, Error> {
        let [batch @ .., rows, n] = &a[..] else {
            let text = format!("the matrix has shape {a}; it must have two axes at least");
            return Err(Error::argument(NAME, text));
        };
        if rows != n {
            let text = format!("the matrix has shape {a}; it must be square");
            return Err(Error::argument(NAME, text));
        }
        let width = match &b[..] {
            [height] if batch.is_empty() && height == n => 1,
            [others @ .., height, width] if others == batch && height == n => *width,
            _ => {
                let of = |last: &str| {
                    let batch = batch.iter().map(|size| format!("{size}, "));
                    format!("[{}{n}{last}]", batch.collect::<String>())
                };
                let vector = if batch.is_empty() {
                    of("") + " or "
                } else {
                    String::new()
                };
                let text = format!(
                    "a matrix of shape {a} takes a right side of shape {vector}{}, got {b}",
                    of(", k")
                );
                return Err(Error::argument(NAME, text));
            }
        };
        Ok(Self {
            systems: batch.iter().product(),
            n: *n,
            width,
        })
    }

    fn of<T>(x: &[&Tensor<T>]) -> Self {
        Self::new(x[0].shape(), x[1].shape()).expect("the shapes were checked")
    }

    /// Where each system's matrix, pivots and right sides lie.
    fn each(self) -> impl Iterator<Item = [std::ops::Range<usize>; 3]> {
        (0..self.systems).map(move |k| {
            let place = |size: usize| k * size..(k + 1) * size;
            [
                place(self.n * self.n),
                place(self.n),
                place(self.n * self.width),
            ]
        })
    }

    /// Solves all systems, or all transposed ones, in place.
    fn solve<T: Elem>(self, kept: &Residual<T>, b: &mut [T], transposed: bool) {
        let Self { n, width, .. } = self;
        for [a, p, b_place] in self.each() {
            let system = System {
                n,
                factors: &kept.values[a],
                order: &kept.indices[p],
                width,
                transposed,
            };
            T::solve(system, &mut b[b_place]);
        }
    }
}

impl<T: Elem> Rule<T> for LinearSolve {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Sizes::new(x[0], x[1])?;
        Ok(x[1].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let sizes = Sizes::of(x);
        keep.values.extend_from_slice(x[0].data());
        keep.indices.resize(sizes.systems * sizes.n, 0);
        for (matrix, [a, p, _]) in sizes.each().enumerate() {
            let factored = T::factor(sizes.n, &mut keep.values[a], &mut keep.indices[p]);
            if let Err(column) = factored {
                return y.refuse(singular(x[0].shape(), matrix, column));
            }
        }
        let y = y.fill();
        y.copy_from_slice(x[1].data());
        sizes.solve(keep, y, false);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let sizes = Sizes::of(at.x);
        let Sizes { n, width, .. } = sizes;
        let mut gb = g.data().to_vec();
        sizes.solve(at.kept, &mut gb, true);
        if gx[0].wanted() {
            let ga = gx[0].fill();
            for [a, _, b] in sizes.each() {
                let negative: Vec<T> = gb[b.clone()].iter().map(|&g| -g).collect();
                let g = Matrix::new(&negative, n, width);
                let y = Matrix::new(&at.y.data()[b], n, width);
                T::matmul(g, y.transposed(), &mut ga[a], false);
            }
        }
        if gx[1].wanted() {
            gx[1].fill().copy_from_slice(&gb);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let sizes = Sizes::of(at.x);
        let Sizes { n, width, .. } = sizes;
        let ty = ty.fill();
        match t[1] {
            Some(t) => ty.copy_from_slice(t.data()),
            None => ty.fill(T::zero()),
        }
        if let Some(t) = t[0] {
            for [a, _, b] in sizes.each() {
                let negative: Vec<T> = t.data()[a].iter().map(|&t| -t).collect();
                let y = Matrix::new(&at.y.data()[b.clone()], n, width);
                T::matmul(Matrix::new(&negative, n, n), y, &mut ty[b], true);
            }
        }
        sizes.solve(at.kept, ty, false);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::OUTPUT.and_residual()
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

/// The error for a singular matrix, whose elimination met a column of zeros.
fn singular(a: &Shape, matrix: usize, column: usize) -> Error {
    let which = match a.rank() {
        2 => String::from("the matrix"),
        _ => format!("matrix {matrix}"),
    };
    let text =
        format!("{which} of shape {a} is singular: its column {column} depends on those before it");
    Error::argument(NAME, text)
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
    /// Matrices that are not singular. One whose elimination meets a column of zeros is refused; a nearly
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

impl<T: Elem> Tensor<T> {
    /// The solution x of `a x = b` for plain tensors, where this one is the matrix. Shapes and
    /// domain are documented on [`Var::linear_solve`](crate::Var::linear_solve).
    ///
    /// # Panics
    /// If the shapes do not fit or the matrix is singular.
    #[must_use]
    #[track_caller]
    pub fn linear_solve(&self, b: &Self) -> Self {
        self.try_linear_solve(b).or_panic()
    }

    /// [`linear_solve`](Self::linear_solve), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not fit or the matrix is singular.
    pub fn try_linear_solve(&self, b: &Self) -> Result<Self, Error> {
        evaluate(&LinearSolve, [self, b])
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
