//! Access to elements: by index, `x[[i, j]]`, and one after another.

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

impl<T> Tensor<T> {
    /// The element at `index`, one number per axis, or `None` if there is none, where `x[[i, j]]` panics.
    pub fn get(&self, index: &[usize]) -> Option<&T> {
        let place = self.shape().place("get", index).ok()?;
        Some(&self.data()[place])
    }
}

/// The elements in row-major order.
impl<'a, T> IntoIterator for &'a Tensor<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Clone> From<Tensor<T>> for Vec<T> {
    fn from(x: Tensor<T>) -> Self {
        x.into_vec()
    }
}
