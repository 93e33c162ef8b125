//! `Storage`: how a tensor's numbers are stored, and the element type that they are computed in.
//!
//! Here are the trait and its implementation for elements themselves; half precision is in `half`.

use std::borrow::Cow;
use std::fmt::{Debug, Display};

use super::{Entry, Tensor};
use crate::kernel::Elem;

/// A number that tensors store, with the element type ([`Elem`]) that arithmetic on it runs in.
///
/// Elements are stored as they are. With the feature `half`, `half::bf16` and `half::f16` can be stored
/// too and are computed in `f32`: a plain tensor's reductions, `matmul`, `matmul_t`, `softmax`, `log_softmax`,
/// `masked_softmax`, `layer_norm` and `cross_entropy` with its variants read them exactly, accumulate in `f32`
/// and round each result once. What else a tensor offers takes elements; [`widen`](Tensor::widen) gives them.
/// Implemented in this crate only.
///
/// # Example
/// ```
/// use wengert::{Storage, Tensor};
///
/// fn range<S: Storage>(x: &Tensor<S>) -> S::Work {
///     x.max().load() - x.min().load()
/// }
///
/// assert_eq!(range(&Tensor::from([1.0, 5.0, 3.0])), 4.0);
/// ```
pub trait Storage:
    Entry + Copy + Default + PartialEq + Debug + Display + Send + Sync + sealed::Sealed + 'static
{
    /// The element that arithmetic runs in.
    type Work: Elem;

    /// The number as an element, exactly.
    fn load(self) -> Self::Work;

    /// The nearest number that can be stored; ties go to the even one.
    fn store(x: Self::Work) -> Self;

    /// The tensor in the type that arithmetic runs in; without a copy if that is its own type.
    #[doc(hidden)]
    fn loaded(x: &Tensor<Self>) -> Cow<'_, Tensor<Self::Work>>;

    /// The tensor in the type that is stored; without a copy if that is its own type.
    #[doc(hidden)]
    fn stored(x: Tensor<Self::Work>) -> Tensor<Self>;
}

pub(super) mod sealed {
    /// Seals [`Storage`](super::Storage): another kind of number may need other conversions.
    pub trait Sealed {}
    impl<T: crate::kernel::Elem> Sealed for T {}
}

impl<T: Elem> Storage for T {
    type Work = T;

    fn load(self) -> T {
        self
    }

    fn store(x: T) -> T {
        x
    }

    fn loaded(x: &Tensor<T>) -> Cow<'_, Tensor<T>> {
        Cow::Borrowed(x)
    }

    fn stored(x: Tensor<T>) -> Tensor<T> {
        x
    }
}
