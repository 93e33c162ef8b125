//! `Watch`: an observer that sees cotangents as a reverse walk passes them.
//!
//! The ordinary walk has no observer and pays nothing; the observers are in `inspect`.

use crate::kernel::Elem;
use crate::tape::Entry;
use crate::tensor::Tensor;

/// An observer of a reverse walk.
pub(crate) trait Watch<T: Elem> {
    /// Whether anything is observed at all.
    const LOOKS: bool = true;

    /// Called when the cotangent of tensor node `k` is complete.
    fn whole(&mut self, k: usize, g: &Tensor<T>);

    /// Called when the pullback of tensor node `k` has given `gx` to its operand; earlier shares may be in it.
    fn share(&mut self, k: usize, operand: usize, g: &Tensor<T>, gx: &Tensor<T>);

    /// Called when the pack `k` has given `gx` to the scalar at position `i`.
    fn scatter(&mut self, k: usize, i: usize, slope: T, g: T, gx: T);

    /// Called when scalar node `k` with the cotangent `g` has given its shares to its operands.
    fn scalar(&mut self, k: u32, entry: &Entry<T>, g: T);
}

/// No observer.
pub(crate) struct Blind;

impl<T: Elem> Watch<T> for Blind {
    const LOOKS: bool = false;

    fn whole(&mut self, _: usize, _: &Tensor<T>) {}
    fn share(&mut self, _: usize, _: usize, _: &Tensor<T>, _: &Tensor<T>) {}
    fn scatter(&mut self, _: usize, _: usize, _: T, _: T, _: T) {}
    fn scalar(&mut self, _: u32, _: &Entry<T>, _: T) {}
}
