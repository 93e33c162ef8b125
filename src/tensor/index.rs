//! Indexing by position: `x[[i, j]]`.

use std::ops::{Index, IndexMut};

use super::Tensor;
use crate::error::OrPanic;

impl<T, const N: usize> Index<[usize; N]> for Tensor<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, index: [usize; N]) -> &T {
        &self.data()[self.shape().place("index", &index).or_panic()]
    }
}

impl<T: Copy, const N: usize> IndexMut<[usize; N]> for Tensor<T> {
    #[track_caller]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        let place = self.shape().place("index", &index).or_panic();
        &mut self.data_mut()[place]
    }
}
