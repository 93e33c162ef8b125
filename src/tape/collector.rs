//! `Collector`: where the cotangent of an operand is collected that is part of a larger tensor.

use crate::kernel::{self, Elem};
use crate::tensor::Tensor;

/// Where the cotangent of an operand is collected, if it is part of a larger tensor.
#[derive(Debug)]
pub(crate) struct Collector<'a, T> {
    pub(crate) elements: &'a mut [T],
    /// Whether anything is there.
    pub(crate) filled: &'a mut bool,
}

impl<T: Elem> Collector<'_, T> {
    /// Adds a share.
    pub(crate) fn add(&mut self, share: &Tensor<T>) {
        match std::mem::replace(self.filled, true) {
            true => kernel::add_to(share.data(), self.elements),
            false => self.elements.copy_from_slice(share.data()),
        }
    }
}
