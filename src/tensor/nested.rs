//! Tensors from numbers, nested arrays, slices and vectors, so that small ones can be written the way they look.

use super::{Shape, Tensor};
use crate::kernel::Elem;

/// What nested arrays are made of: numbers, labels, masks.
///
/// Arrays are not entries, so that a nested array can be read in one way only.
pub trait Entry: Clone {}

impl<T: Elem> Entry for T {}
impl Entry for bool {}

macro_rules! whole {
    ($($t:ty)*) => {$(
        impl Entry for $t {}
    )*};
}

whole!(usize u64 u32 u16 u8 i64 i32 i16 i8);

impl<T> From<&Tensor<T>> for Tensor<T> {
    /// A tensor that shares the buffer, as a clone does.
    fn from(x: &Tensor<T>) -> Self {
        x.clone()
    }
}

impl<T: Elem> From<T> for Tensor<T> {
    /// A tensor without axes.
    fn from(number: T) -> Self {
        Self::scalar(number)
    }
}

impl<T> From<Vec<T>> for Tensor<T> {
    /// A tensor with one axis that takes over the vector without a copy.
    fn from(data: Vec<T>) -> Self {
        Self::of_buffer([data.len()].into(), data)
    }
}

impl<T: Clone> From<&[T]> for Tensor<T> {
    fn from(data: &[T]) -> Self {
        data.to_vec().into()
    }
}

impl<T: Entry, const N: usize> From<[T; N]> for Tensor<T> {
    fn from(data: [T; N]) -> Self {
        Vec::from(data).into()
    }
}

impl<T: Entry, const M: usize, const N: usize> From<[[T; N]; M]> for Tensor<T> {
    fn from(data: [[T; N]; M]) -> Self {
        flat([M, N], data.into_iter().flatten())
    }
}

impl<T: Entry, const L: usize, const M: usize, const N: usize> From<[[[T; N]; M]; L]>
    for Tensor<T>
{
    fn from(data: [[[T; N]; M]; L]) -> Self {
        flat([L, M, N], data.into_iter().flatten().flatten())
    }
}

impl<T: Entry, const K: usize, const L: usize, const M: usize, const N: usize>
    From<[[[[T; N]; M]; L]; K]> for Tensor<T>
{
    fn from(data: [[[[T; N]; M]; L]; K]) -> Self {
        flat([K, L, M, N], data.into_iter().flatten().flatten().flatten())
    }
}

/// A tensor of elements whose number is known to match the shape.
fn flat<T>(shape: impl Into<Shape>, data: impl Iterator<Item = T>) -> Tensor<T> {
    Tensor::of_buffer(shape.into(), data.collect::<Vec<_>>())
}

impl<T> FromIterator<T> for Tensor<T> {
    /// A tensor with one axis.
    fn from_iter<I: IntoIterator<Item = T>>(data: I) -> Self {
        data.into_iter().collect::<Vec<_>>().into()
    }
}
