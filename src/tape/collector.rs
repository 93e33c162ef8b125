//! `Collector`: where an operand's cotangent is collected if it is part of a larger tensor.

use crate::kernel::{self, Elem};
use crate::tensor::Tensor;

/// The part of a larger tensor where an operand's cotangent is collected.
#[derive(Debug)]
pub(crate) struct Collector<'a, T> {
    pub(crate) elements: &'a mut [T],
    /// Whether the elements hold anything yet.
    pub(crate) filled: &'a mut bool,
}

impl<T: Elem> Collector<'_, T> {
    /// Adds a share; the first one is stored as it is.
    pub(crate) fn add(&mut self, share: &Tensor<T>) {
        match std::mem::replace(self.filled, true) {
            true => kernel::add_to(share.data(), self.elements),
            false => self.elements.copy_from_slice(share.data()),
        }
    }
}
