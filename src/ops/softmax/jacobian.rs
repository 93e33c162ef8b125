//! The Jacobian of softmax, as a matrix for inspection and as an operator for computation.

use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{Elem, Rows};
use crate::tensor::{Axis, Tensor};

/// The Jacobian of softmax at one point, as an operator: `J v` in one pass over the row, without
/// building the matrix.
///
/// `J = diag(y) - y yᵀ` is symmetric, so the vector-Jacobian product `vᵀ J` and the
/// Jacobian-vector product `J v` are the same numbers.
///
/// # Example
/// ```
/// use wengert::{SoftmaxJacobian, Tensor};
///
/// let j = SoftmaxJacobian::new(&Tensor::from([0.0, 0.0]), 0);
/// assert_eq!(j.apply(&Tensor::from([1.0, 0.0])), Tensor::from([0.25, -0.25]));
/// assert_eq!(j.matrix(), Tensor::from([[0.25, -0.25], [-0.25, 0.25]]));
/// ```
#[derive(Clone, Debug)]
pub struct SoftmaxJacobian<T> {
    axis: usize,
    y: Tensor<T>,
    top: Vec<u32>,
}

impl<T: Elem> SoftmaxJacobian<T> {
    /// The Jacobian of softmax along `axis`, at `x`.
    ///
    /// # Panics
    /// If `axis` is not an axis of x.
    #[must_use]
    #[track_caller]
    pub fn new(x: &Tensor<T>, axis: impl Axis) -> Self {
        Self::try_new(x, axis.signed()).or_panic()
    }

    /// [`new`](Self::new), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of x.
    pub fn try_new(x: &Tensor<T>, axis: impl Axis) -> Result<Self, Error> {
        Ok(Self::at(x, x.shape().axis("softmax_jacobian", axis)?))
    }

    fn at(x: &Tensor<T>, axis: usize) -> Self {
        let rows = x.shape().rows(axis);
        let mut y = Tensor::zeros(x.shape());
        let mut top = vec![0; rows.count()];
        T::softmax(rows, x.data(), y.data_mut(), &mut top);
        Self { axis, y, top }
    }

    /// The value of softmax at the point.
    pub fn softmax(&self) -> &Tensor<T> {
        &self.y
    }

    /// `J v`, row by row.
    ///
    /// # Panics
    /// If `v` does not have the shape of the point.
    ///
    /// # Complexity
    /// As many steps as `v` has elements; with the matrix there would be `n` times as many.
    #[must_use]
    #[track_caller]
    pub fn apply(&self, v: &Tensor<T>) -> Tensor<T> {
        self.try_apply(v).or_panic()
    }

    /// [`apply`](Self::apply), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `v` does not have the shape of the point.
    pub fn try_apply(&self, v: &Tensor<T>) -> Result<Tensor<T>, Error> {
        if v.shape() != self.y.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op: "softmax_jacobian",
                what: "the vector",
                found: v.shape().clone(),
                expected: self.y.shape().clone(),
            }));
        }
        let mut product = Tensor::zeros(v.shape());
        let out = product.data_mut();
        T::softmax_vjp(self.rows(), self.y.data(), &self.top, v.data(), out);
        Ok(product)
    }

    /// `Jᵀ v`, which is `J v`: the matrix is symmetric.
    ///
    /// # Panics
    /// If `v` does not have the shape of the point.
    #[must_use]
    #[track_caller]
    pub fn apply_transposed(&self, v: &Tensor<T>) -> Tensor<T> {
        self.try_apply_transposed(v).or_panic()
    }

    /// [`apply_transposed`](Self::apply_transposed), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `v` does not have the shape of the point.
    pub fn try_apply_transposed(&self, v: &Tensor<T>) -> Result<Tensor<T>, Error> {
        self.try_apply(v)
    }

    /// The matrix of each row, `J_ij = ∂y_i/∂x_j`, in the shape without the axis followed by
    /// `[n, n]`.
    ///
    /// `J_ij = -y_i y_j` off the diagonal; on it `y_i (1 - y_i)`, and at the row's maximum, where
    /// `y` may round to 1, `y_i` times the sum of the others.
    #[must_use]
    pub fn matrix(&self) -> Tensor<T> {
        let rows = self.rows();
        let (n, rank) = (rows.n, self.y.rank() - 1);
        let shape = self.y.shape().without(self.axis);
        let mut matrix = Tensor::zeros(shape.inserted(rank, n).inserted(rank + 1, n));
        let blocks = matrix.data_mut().chunks_exact_mut((n * n).max(1));
        let y = self.y.data();
        for ((block, start), &top) in blocks.zip(rows.starts()).zip(&self.top) {
            for (i, at) in rows.row(start).enumerate() {
                for (j, other) in rows.row(start).enumerate() {
                    block[i * n + j] = -(y[at] * y[other]);
                }
                block[i * n + i] = y[at] * self.remainder(rows, start, i, top as usize);
            }
        }
        matrix
    }

    /// `1 - y_i`.
    fn remainder(&self, rows: Rows, start: usize, i: usize, top: usize) -> T {
        let y = self.y.data();
        if i != top {
            return T::one() - y[start + i * rows.inner];
        }
        let others = rows.row(start).enumerate().filter(|(j, _)| *j != top);
        others.fold(T::zero(), |sum, (_, at)| sum + y[at])
    }

    fn rows(&self) -> Rows {
        self.y.shape().rows(self.axis)
    }
}

impl<T: Elem> Tensor<T> {
    /// The full Jacobian of softmax along `axis`: the matrix `∂y_i/∂x_j` of each row, in the shape
    /// without the axis followed by `[n, n]`.
    ///
    /// ```text
    /// J = diag(y) - y yᵀ
    /// ```
    /// This is for inspection: training needs the VJP of [`softmax`](crate::Var::softmax), and
    /// [`SoftmaxJacobian`] applies J without building it.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let j = Tensor::from([[0.0, 0.0], [40.0, 0.0]]).softmax_jacobian(1);
    /// assert_eq!(j.shape(), [2, 2, 2]);
    /// assert_eq!(j[[0, 0, 0]], 0.25);
    /// assert_eq!(j[[1, 0, 0]], 4.248354255291589e-18); // y (1 - y) would be 0
    /// ```
    #[must_use]
    #[track_caller]
    pub fn softmax_jacobian(&self, axis: impl Axis) -> Self {
        self.try_softmax_jacobian(axis.signed()).or_panic()
    }

    /// [`softmax_jacobian`](Self::softmax_jacobian), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    pub fn try_softmax_jacobian(&self, axis: impl Axis) -> Result<Self, Error> {
        Ok(SoftmaxJacobian::try_new(self, axis.signed())?.matrix())
    }
}
