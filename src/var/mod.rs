//! Handles: what users write expressions with.
//!
//! There is one type, [`Var`], for scalars and tensors. Here is what a handle is and how it enters the
//! tape; the operations on handles are in `ops`.

mod compare;
mod handle;
mod operand;
mod range;
mod replay;
mod scalar;
pub(crate) mod sealed;
mod tensor;
mod twin;
mod value;

use std::fmt;

use crate::tape::Tape;

pub use handle::Handle;
pub use operand::Operand;
pub(crate) use scalar::Scalar;
pub use value::Value;

/// A value on a tape: a number (`Var<f64>`) or a tensor (`Var<Tensor<f64>>`).
///
/// A handle is `Copy`, borrows its tape, and is used like the number it stands for:
/// `a * a + b` needs no clone, no reference and no `?`. Operations between handles of different
/// tapes panic at the user's line, as do operations on shapes that do not match; each op on tensor handles that
/// can fail has a `try_` twin.
///
/// A scalar handle carries its value and its slope with respect to one scalar node: unary functions and constants
/// change these two and normally record nothing. Where a slope, or the product of several, would leave the range of the
/// type or come near its ends (from about 1e±154, in `f32` 1e±19), nodes keep the factors apart, so that a gradient has
/// the digits of a walk op by op. On dual numbers the same holds for tangents. A gate that is closed (relu below 0,
/// floor) records a node at which walks end, whatever arrives. A tensor handle names a node.
#[must_use = "an operation whose result is not used is recorded for nothing"]
pub struct Var<'t, V: Value> {
    /// `None` for a plain number that has the type of a handle, such as generic code makes with `T::one()`.
    pub(crate) tape: Option<&'t Tape<V::Elem>>,
    pub(crate) repr: V::Repr,
}

impl<V: Value> Clone for Var<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Value> Copy for Var<'_, V> {}

impl<V: Value> fmt::Debug for Var<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var({:?})", V::value(*self))
    }
}

impl<V: Value + fmt::Display> fmt::Display for Var<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&V::value(*self), f)
    }
}
