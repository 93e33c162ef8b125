//! Conversions between tensors and arrays of the `ndarray` crate.

use ::ndarray::{Array, ArrayBase, ArrayD, ArrayViewD, Data, Dimension, RawData};

use super::{Shape, Tensor};
use crate::error::OrPanic;

impl<T, D: Dimension> From<Array<T, D>> for Tensor<T> {
    /// The same elements in row-major order, whatever the array's memory layout.
    ///
    /// If the array's vector holds just these elements in that order, it is taken over without a copy.
    ///
    /// # Panics
    /// If the array has no elements because one size is 0, and the other sizes do not fit into any memory.
    #[track_caller]
    fn from(array: Array<T, D>) -> Self {
        let shape = Shape::from(array.shape());
        if !array.is_standard_layout() {
            return Self::new(shape, array.into_iter().collect()).or_panic();
        }
        let count = array.len();
        let (mut data, start) = array.into_raw_vec_and_offset();
        data.truncate(start.unwrap_or(0) + count);
        data.drain(..start.unwrap_or(0));
        Self::new(shape, data).or_panic()
    }
}

impl<T, S, D> From<&ArrayBase<S, D>> for Tensor<T>
where
    T: Clone,
    S: RawData<Elem = T> + Data,
    D: Dimension,
{
    /// A copy of the array's or view's elements in row-major order.
    ///
    /// # Panics
    /// As for an owned array.
    #[track_caller]
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self::new(array.shape(), array.iter().cloned().collect()).or_panic()
    }
}

impl<T: Clone> From<Tensor<T>> for ArrayD<T> {
    /// The same elements in row-major order; without a copy if they came as a vector and no other tensor shares them.
    fn from(tensor: Tensor<T>) -> Self {
        let shape = tensor.shape().to_vec();
        Self::from_shape_vec(shape, tensor.into_vec()).expect("as many elements as the shape holds")
    }
}

impl<T> Tensor<T> {
    /// The elements as a view of the `ndarray` crate, without a copy, for what it offers and tensors do not.
    ///
    /// `Tensor::from` converts back: an array in row-major order without a copy, a view with one.
    ///
    /// # Example
    /// ```
    /// use ndarray::{Array2, ArrayD, array};
    /// use wengert::{Tape, Tensor};
    ///
    /// let weights: Array2<f64> = array![[1.0, 2.0], [3.0, 4.0]];
    /// let tape = Tape::new();
    /// let w = tape.var(Tensor::from(&weights.t())); // a view in any order
    /// let gradient = (w * w).sum().backward().wrt(w);
    /// assert_eq!(gradient.ndarray(), (2.0 * &weights.t()).into_dyn());
    /// let gradient: ArrayD<f64> = gradient.into();
    /// ```
    pub fn ndarray(&self) -> ArrayViewD<'_, T> {
        let shape: &[usize] = self.shape();
        ArrayViewD::from_shape(shape, self.data()).expect("as many elements as the shape holds")
    }
}
