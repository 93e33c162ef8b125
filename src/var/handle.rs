//! `Handle`: a handle of either kind, for lists that mix numbers and tensors.

use super::Var;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// A handle of a number or of a tensor.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Handle<'t, T: Elem> {
    /// A handle of a number.
    Scalar(Var<'t, T>),
    /// A handle of a tensor.
    Tensor(Var<'t, Tensor<T>>),
}
