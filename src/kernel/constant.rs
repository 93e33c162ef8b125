//! `Constant`: plain numbers beside those that carry tangents, so that one expression serves every
//! order.

use super::Elem;

/// A number that can stand for a constant among numbers of type `T`: `T` itself or, if `T` is a
/// [`Dual`](crate::Dual) number, the plain numbers it is made of, up to three levels down.
///
/// This is why `|x| (x * 2.0).sum()` can be passed to both [`grad`](crate::transform::grad) and
/// [`hvp`](crate::transform::hvp), although its handles hold dual numbers in the latter.
///
/// # Example
/// ```
/// use wengert::{Constant, Dual};
///
/// let one: Dual<f64> = 1.0.embed();
/// assert_eq!(one.tangent, 0.0);
/// assert_eq!((Dual::new(3.0, 1.0) * 2.0).tangent, 2.0);
/// ```
pub trait Constant<T: Elem>: Elem {
    /// This number as a `T` whose tangents are 0.
    fn embed(self) -> T;
}

impl<T: Elem + Embeds<C>, C: Elem> Constant<T> for C {
    #[inline]
    fn embed(self) -> T {
        T::embed(self)
    }
}

/// The reverse of [`Constant`]: a number among which numbers of type `C` stand for constants.
///
/// A separate trait, since the compiler infers a type parameter where it does not infer `Self`:
/// with it, `x + Tensor::zeros([3])` needs no type. Implemented only in this crate.
#[diagnostic::on_unimplemented(
    message = "a number of type `{C}` is no constant among numbers of type `{Self}`",
    note = "plain numbers beside handles are of the elements' type or, where elements are dual numbers, of the type that these are made of"
)]
pub trait Embeds<C: Elem>: Elem {
    /// The number as a constant.
    #[doc(hidden)]
    fn embed(constant: C) -> Self;
}

impl<T: Elem> Embeds<T> for T {
    #[inline]
    fn embed(constant: T) -> Self {
        constant
    }
}
