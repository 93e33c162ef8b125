//! Matrix product: two matrices, batches of them that broadcast, and vectors on either side.

use super::forms::products::Products;
use super::forms::right::{Right, everywhere};
use super::matmul_t::MatmulT;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tensor::{Shape, Storage, Tensor};
use crate::var::{Operand, Var};

/// `y = a b` over the last two axes, or `y = a bᵀ`.
#[derive(Clone, Copy, Debug)]
pub struct Matmul<const TRANSPOSED: bool = false>;

impl<const TRANSPOSED: bool> Matmul<TRANSPOSED> {
    const OP: &'static str = match TRANSPOSED {
        false => <Matmul as Spec>::NAME,
        true => <MatmulT as Spec>::NAME,
    };
}

impl<T: Elem, const TRANSPOSED: bool> Rule<T> for Matmul<TRANSPOSED> {
    fn name(&self) -> &'static str {
        Self::OP
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Products::new(Self::OP, x[0], x[1], TRANSPOSED).map(|(_, shape)| shape)
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        Products::of(x, TRANSPOSED).forward(x[0], x[1], y.fill());
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        Products::of(at.x, TRANSPOSED).pull(at.x, g, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        Products::of(at.x, TRANSPOSED).push(at.x, t, ty.fill());
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS
    }

    fn rowwise(&self, x: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        // Products that share an operand are added in an order that depends on their number, which blocks change.
        let [a, b] = [x[0], x[1]].map(|x| x.split_last_chunk::<2>());
        let same = a?.0 == b?.0 && a?.0.len() >= axes;
        same.then_some(self)
    }

    fn cost(&self, x: &[&Shape]) -> usize {
        x[0].last().copied().unwrap_or(1)
    }

    fn why(&self) -> &'static str {
        match TRANSPOSED {
            false => <Matmul as Spec>::GRADIENT,
            true => <MatmulT as Spec>::GRADIENT,
        }
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Matrix product over the last two axes, by the rules of `numpy.matmul`.
    ///
    /// ```text
    /// y_ij = Σ_p a_ip b_pj
    /// ```
    /// # Shapes
    /// `[.., m, k]` and `[.., k, n]` give `[.., m, n]`; the axes before the last two are batches and broadcast. A
    /// vector on the left counts as one row, on the right as one column, and the added axis of size 1 is removed
    /// again: `[k]` and `[k, n]` give `[n]`, `[.., m, k]` and `[k]` give `[.., m]`. Sizes of 0 are legal; an empty
    /// sum is 0.
    ///
    /// # Domain
    /// All reals. Infinities and NaN go through the products and the sums: a product with 0 is not left out, so 0
    /// times an infinity is NaN.
    /// An element whose row and column are finite overflows only where the exact sum does: one that is lost on the way
    /// is summed again on wider numbers, unless a call would take more than 2^22 products for it.
    ///
    /// # Gradient
    /// `ga = g bᵀ`, `gb = aᵀ g`; for an operand that several products of a batch share, these are summed.
    ///
    /// # Complexity
    /// `m k n` multiplications for each product. Threads share the products of a batch and the rows of large ones;
    /// the number of threads changes no bit.
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
        self.record2(Matmul::<false>, other)
    }
}

everywhere!(Matmul<false>, Matmul<true>);

impl<T: Storage> Tensor<T> {
    /// Matrix product with a plain tensor or a handle on the right ([`Right`](crate::ops::Right)); shapes as for
    /// [`Var::matmul`](crate::Var::matmul).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn matmul<R: Right<T>>(&self, other: R) -> R::Output {
        self.try_matmul(other).or_panic()
    }

    /// [`matmul`](Self::matmul), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not fit.
    #[track_caller]
    pub fn try_matmul<R: Right<T>>(&self, other: R) -> Result<R::Output, Error> {
        other.product(self, Matmul::<false>)
    }
}

impl Spec for Matmul {
    const NAME: &'static str = "matmul";
    const FORMULA: &'static str = "y_ij = Σ_p a_ip b_pj";
    const GRADIENT: &'static str = "ga = g bᵀ, gb = aᵀ g, summed over the batches that share one";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Products::sample(draw, false)
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
