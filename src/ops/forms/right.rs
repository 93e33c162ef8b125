//! `Right`: what may stand on the right of a plain tensor in a product.

use super::evaluate::evaluate;
use crate::error::Error;
use crate::kernel::{Elem, Embeds};
use crate::rule::Rule;
use crate::tensor::{Storage, Tensor};
use crate::var::sealed::Sealed;
use crate::var::{Operand, Var};

/// The right operand of a product with a plain tensor: a plain tensor, by reference, or a tensor handle.
///
/// With a plain tensor the result is plain. With a handle it is recorded on the handle's tape, where the left tensor
/// is a constant; so in a regression `x.matmul(w)` reads as it is written on paper. Implemented in this crate only.
///
/// # Example
/// ```
/// use wengert::transform::{grad, hvp};
/// use wengert::Tensor;
///
/// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
/// let w = Tensor::from([1.0, -1.0]);
/// assert_eq!(x.matmul(&w), Tensor::from([-1.0, -1.0]));
/// assert_eq!(grad(|w| x.matmul(w).square().sum(), &w), Tensor::from([-8.0, -12.0]));
/// assert_eq!(hvp(|w| x.matmul(w).square().sum(), &w, &w), Tensor::from([-8.0, -12.0]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand on the right of a plain tensor of `{S}`",
    label = "neither a reference to a tensor nor a tensor handle",
    note = "the right operand is `&Tensor<{S}>` or a tensor handle of such elements, or of dual numbers over them"
)]
pub trait Right<S: Storage>: Sized + Sealed {
    /// The product: a plain tensor, or a handle.
    type Output;

    /// A product that is one number: a plain one, or a scalar handle.
    type Number;

    /// Applies an op to `left` and this.
    #[doc(hidden)]
    #[track_caller]
    fn product(self, left: &Tensor<S>, op: impl Everywhere) -> Result<Self::Output, Error>;

    /// The same for an op whose output is one number.
    #[doc(hidden)]
    #[track_caller]
    fn number(self, left: &Tensor<S>, op: impl Everywhere) -> Result<Self::Number, Error>;
}

/// An op whose rule is the same for elements of every type.
pub trait Everywhere: Copy {
    /// The op as a rule on elements of type `T`.
    fn rule<T: Elem>(self) -> impl Rule<T>;
}

/// Writes that ops are their own rules on elements of every type.
macro_rules! everywhere {
    ($($op:ty),*) => {$(
        impl crate::ops::forms::right::Everywhere for $op {
            fn rule<T: crate::kernel::Elem>(self) -> impl crate::rule::Rule<T> {
                self
            }
        }
    )*};
}

pub(crate) use everywhere;

impl<S: Storage> Right<S> for &Tensor<S> {
    type Output = Tensor<S>;
    type Number = S;

    #[track_caller]
    fn product(self, left: &Tensor<S>, op: impl Everywhere) -> Result<Tensor<S>, Error> {
        evaluate(&op.rule::<S::Work>(), [left, self])
    }

    #[track_caller]
    fn number(self, left: &Tensor<S>, op: impl Everywhere) -> Result<S, Error> {
        self.product(left, op).map(|y| y.item())
    }
}

impl<'t, T: Elem + Embeds<C>, C: Elem> Right<C> for Var<'t, Tensor<T>> {
    type Output = Self;
    type Number = Var<'t, T>;

    #[track_caller]
    fn product(self, left: &Tensor<C>, op: impl Everywhere) -> Result<Self, Error> {
        self.record2_left(op.rule::<T>(), left)
    }

    #[track_caller]
    fn number(self, left: &Tensor<C>, op: impl Everywhere) -> Result<Var<'t, T>, Error> {
        let (tape, rule) = (self.tape(), op.rule::<T>());
        let left = left.enter(tape, rule.name())?;
        Var::spread_one(tape, rule, &[left, self.repr])
    }
}

impl<'t, T: Elem + Embeds<C>, C: Elem> Right<C> for &Var<'t, Tensor<T>> {
    type Output = Var<'t, Tensor<T>>;
    type Number = Var<'t, T>;

    #[track_caller]
    fn product(self, left: &Tensor<C>, op: impl Everywhere) -> Result<Self::Output, Error> {
        (*self).product(left, op)
    }

    #[track_caller]
    fn number(self, left: &Tensor<C>, op: impl Everywhere) -> Result<Var<'t, T>, Error> {
        (*self).number(left, op)
    }
}
