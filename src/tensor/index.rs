//! Indexing by position: `x[[i, j]]`.

use std::ops::{Index, IndexMut};

use super::Tensor;
use crate::error::{Error, ErrorKind, OrPanic};

impl<T> Tensor<T> {
    /// The place in [`data`](Self::data) of the element at `index`, one number an axis.
    ///
    /// # Errors
    /// If there are not as many numbers as axes, or one lies outside its axis.
    pub(crate) fn place(&self, op: &'static str, index: &[usize]) -> Result<usize, Error> {
        let shape = self.shape();
        if index.len() != shape.rank() {
            return Err(Error::argument(
                op,
                format!(
                    "{} indices for shape {shape}; give one for each axis",
                    index.len()
                ),
            ));
        }
        let mut place = 0;
        for (axis, (&index, &size)) in index.iter().zip(shape.iter()).enumerate() {
            if index >= size {
                let shape = shape.clone();
                return Err(Error::new(ErrorKind::Index {
                    op,
                    index,
                    axis,
                    shape,
                }));
            }
            place = place * size + index;
        }
        Ok(place)
    }
}

impl<T, const N: usize> Index<[usize; N]> for Tensor<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, index: [usize; N]) -> &T {
        &self.data()[self.place("index", &index).or_panic()]
    }
}

impl<T: Clone, const N: usize> IndexMut<[usize; N]> for Tensor<T> {
    #[track_caller]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        let place = self.place("index", &index).or_panic();
        &mut self.data_mut()[place]
    }
}
