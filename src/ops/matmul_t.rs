//! Matrix product whose right operand is stored transposed.

use super::forms::products::Products;
use super::forms::right::Right;
use super::matmul::Matmul;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::{Storage, Tensor};
use crate::var::{Operand, Var};

/// `y = a bᵀ` over the last two axes.
pub type MatmulT = Matmul<true>;

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Matrix product with the transpose of the other operand, over the last two axes.
    ///
    /// ```text
    /// y_ij = Σ_p a_ip b_jp
    /// ```
    /// Gives the same numbers as `a.matmul(b.swap_axes(-2, -1))`, without a transposed copy of b or of its cotangent
    /// on the tape. It multiplies rows with rows, as needed for attention scores (queries with keys) and for layers
    /// whose weights are stored output by input.
    ///
    /// # Shapes
    /// `[.., m, k]` and `[.., n, k]` give `[.., m, n]`; the axes before the last two are batches and broadcast. A
    /// vector on the left counts as one row, and the added axis of size 1 is removed again: `[k]` and `[n, k]` give
    /// `[n]`. Sizes of 0 are legal; an empty sum is 0.
    ///
    /// # Gradient
    /// `ga = g b`, `gb = gᵀ a`; for an operand that several products of a batch share, these are summed.
    ///
    /// # Complexity
    /// As [`matmul`](Self::matmul).
    ///
    /// # Panics
    /// If the left operand has no axes or the right one fewer than two, the inner sizes differ, the batches do not
    /// broadcast, or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let queries = tape.var(Tensor::from([[1.0, 0.0], [1.0, 2.0]]));
    /// let keys = tape.var(Tensor::from([[3.0, 4.0], [5.0, 6.0]]));
    /// let scores = queries.matmul_t(keys);
    /// assert_eq!(scores.value(), Tensor::from([[3.0, 5.0], [11.0, 17.0]]));
    /// let grads = scores.sum().backward();
    /// assert_eq!(grads.wrt(queries), Tensor::from([[8.0, 10.0], [8.0, 10.0]]));
    /// assert_eq!(grads.wrt(keys), Tensor::from([[2.0, 2.0], [2.0, 2.0]]));
    /// ```
    #[track_caller]
    pub fn matmul_t(self, other: impl Operand<'t, T>) -> Self {
        self.try_matmul_t(other).or_panic()
    }

    /// [`matmul_t`](Self::matmul_t), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`matmul_t`](Self::matmul_t) panics.
    #[track_caller]
    pub fn try_matmul_t(self, other: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(Matmul::<true>, other)
    }
}

impl<T: Storage> Tensor<T> {
    /// Matrix product with a plain tensor or a handle on the right ([`Right`](crate::ops::Right)), transposed; shapes
    /// as for [`Var::matmul_t`](crate::Var::matmul_t).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn matmul_t<R: Right<T>>(&self, other: R) -> R::Output {
        self.try_matmul_t(other).or_panic()
    }

    /// [`matmul_t`](Self::matmul_t), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not fit.
    #[track_caller]
    pub fn try_matmul_t<R: Right<T>>(&self, other: R) -> Result<R::Output, Error> {
        other.product(self, Matmul::<true>)
    }
}

impl Spec for MatmulT {
    const NAME: &'static str = "matmul_t";
    const FORMULA: &'static str = "y_ij = Σ_p a_ip b_jp";
    const GRADIENT: &'static str = "ga = g b, gb = gᵀ a, summed over the batches that share one";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Products::sample(draw, true)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].matmul_t(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        // [.., m, 1, k] * [.., 1, n, k], summed over k.
        let (a, b) = match x[0].rank() {
            1 => (x[0], x[1]),
            _ => (x[0].unsqueeze(-2), x[1].unsqueeze(-3)),
        };
        Some((a * b).sum_axis(-1))
    }
}
