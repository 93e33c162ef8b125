//! `Products`: the matrix products that make up one call of a product op, and their derivatives.
//!
//! The ops themselves, with their documentation, are in `matmul` and `matmul_t`.

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind};
use crate::kernel::{self, Elem, Matrix, Strided};
use crate::ops::{Draw, Sample};
use crate::rule::Slot;
use crate::tensor::{Shape, Tensor};

/// The products of `[.., m, k]` and `[.., k, n]` (`[.., n, k]` if the right matrices are stored transposed).
pub(crate) struct Products {
    /// `[m, k, n]`: the left matrix has m rows, the right one n columns once it is transposed.
    size: [usize; 3],
    /// Where the left matrix, right matrix and result of each product begin.
    walk: Strided<3>,
    /// Whether the right matrices are stored transposed.
    transposed: bool,
}

impl Products {
    /// The products of operands whose shapes have been checked.
    pub(crate) fn of<T>(x: &[&Tensor<T>], transposed: bool) -> Self {
        let products = Self::new("matmul", x[0].shape(), x[1].shape(), transposed);
        products.expect("the shapes were checked").0
    }

    /// The products, and the shape of the result.
    ///
    /// # Errors
    /// If an operand has too few axes, the inner sizes differ, or the batches do not broadcast.
    pub(crate) fn new(
        op: &'static str,
        a: &Shape,
        b: &Shape,
        transposed: bool,
    ) -> Result<(Self, Shape), Error> {
        let axes = |shape: &Shape, least: usize, expected: &'static str| {
            let shape = shape.clone();
            let too_few = shape.rank() < least;
            let kind = ErrorKind::Rank {
                op,
                shape,
                expected,
            };
            if too_few {
                return Err(Error::new(kind));
            }
            Ok(())
        };
        axes(a, 1, "operands with at least 1 axis")?;
        match transposed {
            true => axes(b, 2, "a right operand with at least 2 axes")?,
            false => axes(b, 1, "operands with at least 1 axis")?,
        }
        let (a_batch, m, k) = match &a[..] {
            [batch @ .., m, k] => (Shape::new(batch), *m, *k),
            _ => (Shape::scalar(), 1, a[0]),
        };
        let (b_batch, inner, n) = match (&b[..], transposed) {
            ([batch @ .., n, k], true) => (Shape::new(batch), *k, *n),
            ([batch @ .., k, n], false) => (Shape::new(batch), *k, *n),
            _ => (Shape::scalar(), b[0], 1),
        };
        let (left, right) = (a.clone(), b.clone());
        if k != inner {
            return Err(match transposed {
                true => Error::argument(
                    op,
                    format!(
                        "inner sizes {k} and {inner} differ ({left} and {right}); rows of both operands need the same length"
                    ),
                ),
                false => Error::new(ErrorKind::Inner { op, left, right }),
            });
        }
        let batch = a_batch.broadcast(op, &b_batch);
        let batch = batch.map_err(|_| Error::new(ErrorKind::Batch { op, left, right }))?;
        let shape = batch
            .iter()
            .copied()
            .chain((a.rank() > 1).then_some(m))
            .chain((b.rank() > 1).then_some(n))
            .collect();
        let (size, walk) = if b_batch.elements() == 1 {
            // One right matrix for all: the rows of all left matrices form one tall matrix.
            let size = [a_batch.elements() * m, k, n];
            (size, Strided::new([0; 3], std::iter::empty()))
        } else {
            let strides = [&a_batch, &b_batch, &batch].map(|own| kernel::spread(&batch, own));
            let areas = [m * k, k * n, m * n];
            let axes = (0..batch.rank()).map(|axis| {
                let stride = |k: usize| strides[k][axis] * areas[k] as isize;
                (batch[axis], [stride(0), stride(1), stride(2)])
            });
            ([m, k, n], Strided::new([0; 3], axes))
        };
        let products = Self {
            size,
            walk,
            transposed,
        };
        Ok((products, shape))
    }

    /// Operands for the checks: matrices, batches of matrices, and vectors where they are allowed.
    pub(crate) fn sample(draw: &mut Draw, transposed: bool) -> Sample<()> {
        let [m, k, n] = [0; 3].map(|_| draw.pick(&[1, 2, 3, 4, 5, 0]));
        let batch = Shape::new(&draw.shape(0)[..]);
        let batch: Shape = batch.iter().take(2).copied().collect();
        let with = |draw: &mut Draw, last: [usize; 2]| -> Shape {
            let own = draw.narrower(&batch);
            own.iter().copied().chain(last).collect()
        };
        let right = if transposed { [n, k] } else { [k, n] };
        let mut shapes = [with(draw, [m, k]), with(draw, right)];
        match draw.below(4) {
            0 => shapes[0] = [k].into(),
            1 if !transposed => shapes[1] = [k].into(),
            _ => {}
        }
        Sample::new(shapes.map(|shape| draw.values(shape, -2.0, 2.0)).into(), ())
    }

    /// `y = a b` for every product.
    pub(crate) fn forward<T: Elem>(&self, a: &Tensor<T>, b: &Tensor<T>, y: &mut [T]) {
        self.multiply(a, b, y, false);
        self.mend(&[(a, b)], y);
    }

    /// `y = a b`, or `y += a b` where `add` is set, whatever leaves the range on the way.
    fn multiply<T: Elem>(&self, a: &Tensor<T>, b: &Tensor<T>, y: &mut [T], add: bool) {
        let [m, k, n] = self.size;
        let (a, b) = (matrix(a, m, k), self.right(b));
        if m * n == 1 && !add {
            self.walk
                .each(|[i, j, o]| y[o] = kernel::dot(&a.data[i..i + k], &b.data[j..j + k]));
            return;
        }
        kernel::matmuls(a, b, &mut self.places([0, 1, 2]), y, add);
    }

    /// Computes again what left the range on the way to `y`, the sum of the products of these operands.
    fn mend<T: Elem>(&self, pairs: &[(&Tensor<T>, &Tensor<T>)], y: &mut [T]) {
        let [m, k, _] = self.size;
        let pairs = pairs.iter().map(|(a, b)| (matrix(a, m, k), self.right(b)));
        let pairs: SmallVec<[_; 2]> = pairs.collect();
        kernel::mend_products(&pairs, || self.places([0, 1, 2]), y);
    }

    /// The pullback: `ga = g bᵀ` and `gb = aᵀ g`, or `gᵀ a` where the right matrix is transposed.
    pub(crate) fn pull<T: Elem>(&self, x: &[&Tensor<T>], g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let [m, k, n] = self.size;
        let (a, b, g) = (matrix(x[0], m, k), self.right(x[1]), matrix(g, m, n));
        if gx[0].wanted() {
            let (b, order, gx) = (b.transposed(), [2, 1, 0], gx[0].fill());
            kernel::matmuls(g, b, &mut self.places(order), gx, false);
            kernel::mend_products(&[(g, b)], || self.places(order), gx);
        }
        if gx[1].wanted() {
            let (left, right, order) = match self.transposed {
                true => (g.transposed(), a, [2, 0, 1]),
                false => (a.transposed(), g, [0, 2, 1]),
            };
            let gx = gx[1].fill();
            kernel::matmuls(left, right, &mut self.places(order), gx, false);
            kernel::mend_products(&[(left, right)], || self.places(order), gx);
        }
    }

    /// The pushforward: `ty = ta b + a tb`.
    pub(crate) fn push<T: Elem>(&self, x: &[&Tensor<T>], t: &[Option<&Tensor<T>>], ty: &mut [T]) {
        let mut pairs = SmallVec::<[_; 2]>::new();
        pairs.extend(t[0].map(|t| (t, x[1])));
        pairs.extend(t[1].map(|t| (x[0], t)));
        if pairs.is_empty() {
            ty.fill(T::zero());
        }
        for (k, (a, b)) in pairs.iter().enumerate() {
            self.multiply(a, b, ty, k > 0);
        }
        self.mend(&pairs, ty);
    }

    /// The first right matrix as `[k, n]`, however it is stored.
    fn right<'a, T>(&self, b: &'a Tensor<T>) -> Matrix<'a, T> {
        let [_, k, n] = self.size;
        match self.transposed {
            true => matrix(b, n, k).transposed(),
            false => matrix(b, k, n),
        }
    }

    /// Where the matrices of all products begin, with the buffers (left, right, result) in another order.
    fn places(&self, order: [usize; 3]) -> Vec<[usize; 3]> {
        let mut places = Vec::new();
        self.walk.each(|at| places.push(order.map(|k| at[k])));
        places
    }
}

/// A row-major matrix at the start of a tensor's buffer.
fn matrix<T>(x: &Tensor<T>, rows: usize, columns: usize) -> Matrix<'_, T> {
    Matrix {
        data: x.data(),
        size: (rows, columns),
        step: (columns, 1),
    }
}
