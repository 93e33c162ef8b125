//! Matrix product: two matrices, batches of them that broadcast, and vectors on either side.

use super::plain::evaluate;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem, Matrix, Strided};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tensor::{Shape, Storage, Tensor};
use crate::var::{Operand, Var};

/// `y = a b` over the last two axes.
#[derive(Clone, Copy, Debug)]
pub struct Matmul;

impl<T: Elem> Rule<T> for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Batches::new(x[0], x[1]).map(|(_, shape)| shape)
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let batches = Batches::of(x);
        batches.left(x[0].data(), x[1].data(), y.fill(), false);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let batches = Batches::of(at.x);
        let (a, b, g) = (at.x[0].data(), at.x[1].data(), g.data());
        let [m, k, n] = batches.size;
        if gx[0].wanted() {
            let add = batches.repeated[0];
            let ga = gx[0].fill();
            if add {
                ga.fill(T::zero());
            }
            batches.walk.each(|[i, j, o]| {
                let (g, b) = (matrix(g, o, m, n), matrix(b, j, k, n));
                T::matmul(g, b.transposed(), &mut ga[i..i + m * k], add);
            });
        }
        if gx[1].wanted() {
            let add = batches.repeated[1];
            let gb = gx[1].fill();
            if add {
                gb.fill(T::zero());
            }
            batches.walk.each(|[i, j, o]| {
                let (a, g) = (matrix(a, i, m, k), matrix(g, o, m, n));
                T::matmul(a.transposed(), g, &mut gb[j..j + k * n], add);
            });
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let batches = Batches::of(at.x);
        let ty = ty.fill();
        match t[0] {
            Some(t) => batches.left(t.data(), at.x[1].data(), ty, false),
            None => ty.fill(T::zero()),
        }
        if let Some(t) = t[1] {
            batches.left(at.x[0].data(), t.data(), ty, true);
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

/// The products that one call consists of.
struct Batches {
    /// `[m, k, n]`: the left matrix has m rows, the right one n columns.
    size: [usize; 3],
    /// Where each product finds its left and right matrix and puts its result.
    walk: Strided<3>,
    /// Whether an operand serves several products, so that its cotangent is a sum.
    repeated: [bool; 2],
}

impl Batches {
    /// The products of operands whose shapes were accepted.
    fn of<T>(x: &[&Tensor<T>]) -> Self {
        let (batches, _) = Self::new(x[0].shape(), x[1].shape()).expect("the shapes were checked");
        batches
    }

    /// The products, and the shape of the result.
    fn new(a: &Shape, b: &Shape) -> Result<(Self, Shape), Error> {
        let op = "matmul";
        for shape in [a, b] {
            if shape.rank() == 0 {
                return Err(Error::new(ErrorKind::Rank {
                    op,
                    shape: shape.clone(),
                    expected: "operands with at least 1 axis",
                }));
            }
        }
        let both = |kind: fn(&'static str, Shape, Shape) -> ErrorKind| {
            Error::new(kind(op, a.clone(), b.clone()))
        };
        let (a_batch, m, k) = match &a[..] {
            [k] => (Shape::scalar(), 1, *k),
            [batch @ .., m, k] => (Shape::new(batch), *m, *k),
            [] => unreachable!("refused above"),
        };
        let (b_batch, inner, n) = match &b[..] {
            [k] => (Shape::scalar(), *k, 1),
            [batch @ .., k, n] => (Shape::new(batch), *k, *n),
            [] => unreachable!("refused above"),
        };
        if k != inner {
            return Err(both(|op, left, right| ErrorKind::Inner { op, left, right }));
        }
        let batch = a_batch
            .broadcast(op, &b_batch)
            .map_err(|_| both(|op, left, right| ErrorKind::Batch { op, left, right }))?;
        let shape = batch
            .iter()
            .copied()
            .chain((a.rank() > 1).then_some(m))
            .chain((b.rank() > 1).then_some(n))
            .collect();
        if b_batch.len() == 1 {
            // One right matrix for all: the rows of all left matrices are one tall matrix.
            let size = [a_batch.len() * m, k, n];
            let walk = Strided::new([0; 3], std::iter::empty());
            let repeated = [false; 2];
            return Ok((
                Self {
                    size,
                    walk,
                    repeated,
                },
                shape,
            ));
        }
        let strides = [&a_batch, &b_batch, &batch].map(|own| kernel::spread(&batch, own));
        let areas = [m * k, k * n, m * n];
        let axes = (0..batch.rank()).map(|axis| {
            let stride = |k: usize| strides[k][axis] * areas[k] as isize;
            (batch[axis], [stride(0), stride(1), stride(2)])
        });
        let batches = Self {
            size: [m, k, n],
            walk: Strided::new([0; 3], axes),
            repeated: [&a_batch, &b_batch].map(|own| own.len() != batch.len()),
        };
        Ok((batches, shape))
    }

    /// `y = a b` or `y += a b` for every product.
    fn left<T: Elem>(&self, a: &[T], b: &[T], y: &mut [T], add: bool) {
        let [m, k, n] = self.size;
        self.walk.each(|[i, j, o]| {
            let y = &mut y[o..o + m * n];
            if let ([y], false) = (&mut *y, add) {
                *y = kernel::dot(&a[i..i + k], &b[j..j + k]);
            } else {
                T::matmul(matrix(a, i, m, k), matrix(b, j, k, n), y, add);
            }
        });
    }
}

/// The row-major matrix that begins at `start`.
fn matrix<T>(data: &[T], start: usize, rows: usize, cols: usize) -> Matrix<'_, T> {
    Matrix::new(&data[start..start + rows * cols], rows, cols)
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Matrix product over the last two axes, by the rules of `numpy.matmul`.
    ///
    /// ```text
    /// y_ij = Σ_p a_ip b_pj
    /// ```
    /// # Shapes
    /// `[.., m, k]` and `[.., k, n]` give `[.., m, n]`; the axes before the last two are batches and
    /// broadcast. A vector on the left is one row, on the right one column, and its axis of size 1
    /// is taken away again: `[k]` and `[k, n]` give `[n]`, `[.., m, k]` and `[k]` give `[.., m]`.
    /// Sizes of 0 are legal; a sum of nothing is 0.
    ///
    /// # Gradient
    /// `ga = g bᵀ`, `gb = aᵀ g`, by strides and without transposed copies; an operand that serves
    /// several products of a batch gets their sum.
    ///
    /// # Panics
    /// If an operand has no axes, the inner sizes differ, the batches do not broadcast, or the other
    /// operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    /// let x = tape.var(Tensor::from([10.0, 1.0]));
    /// let y = a.matmul(x);
    /// assert_eq!(y.value(), Tensor::from([12.0, 34.0]));
    /// let grads = y.sum().backward();
    /// assert_eq!(grads.wrt(x), Tensor::from([4.0, 6.0]));
    /// assert_eq!(grads.wrt(a), Tensor::from([[10.0, 1.0], [10.0, 1.0]]));
    /// ```
    #[track_caller]
    pub fn matmul(self, other: impl Operand<'t, T>) -> Self {
        self.try_matmul(other).or_panic()
    }

    /// [`matmul`](Self::matmul), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`matmul`](Self::matmul) panics.
    #[track_caller]
    pub fn try_matmul(self, other: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(Matmul, other)
    }
}

impl<T: Storage> Tensor<T> {
    /// Matrix product of plain tensors; shapes as for handles.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        self.try_matmul(other).or_panic()
    }

    /// [`matmul`](Self::matmul), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn try_matmul(&self, other: &Self) -> Result<Self, Error> {
        evaluate(&Matmul, &[self, other])
    }
}

impl Spec for Matmul {
    const NAME: &'static str = "matmul";
    const FORMULA: &'static str = "y_ij = Σ_p a_ip b_pj";
    const GRADIENT: &'static str = "ga = g bᵀ, gb = aᵀ g, summed over the batches that share one";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let [m, k, n] = [0; 3].map(|_| draw.pick(&[1, 2, 3, 4, 5, 0]));
        let batch = Shape::new(&draw.shape(0)[..]);
        let batch: Shape = batch.iter().take(2).copied().collect();
        let with = |draw: &mut Draw, last: [usize; 2]| -> Shape {
            let own = draw.narrower(&batch);
            own.iter().copied().chain(last).collect()
        };
        let mut shapes = [with(draw, [m, k]), with(draw, [k, n])];
        match draw.below(4) {
            0 => shapes[0] = [k].into(),
            1 => shapes[1] = [k].into(),
            _ => {}
        }
        Sample::new(shapes.map(|shape| draw.values(shape, -2.0, 2.0)).into(), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].matmul(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        // [.., m, k, 1] * [.., 1, k, n], summed over k.
        let (a, b) = match (x[0].rank(), x[1].rank()) {
            (1, 1) => return Some((x[0] * x[1]).sum_axis(0)),
            (1, _) => return Some((x[0].unsqueeze(-1) * x[1]).sum_axis(-2)),
            (_, 1) => return Some((x[0] * x[1]).sum_axis(-1)),
            _ => (x[0].unsqueeze(-1), x[1].unsqueeze(-3)),
        };
        Some((a * b).sum_axis(-2))
    }
}
