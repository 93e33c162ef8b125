//! `Watch`: somebody who looks at cotangents as a walk passes them.
//!
//! The ordinary walk is watched by nobody, at no cost; `inspect` watches to find where a NaN is born.

use crate::kernel::Elem;
use crate::tape::Entry;
use crate::tensor::Tensor;

/// Somebody who looks at a reverse walk.
pub(crate) trait Watch<T: Elem> {
    /// Whether anybody looks.
    const LOOKS: bool = true;

    /// The cotangent of tensor node `k` is whole.
    fn whole(&mut self, k: usize, g: &Tensor<T>);

    /// The pullback of tensor node `k` gave `gx` to its operand; `earlier` shares may be in it.
    fn share(&mut self, k: usize, operand: usize, g: &Tensor<T>, gx: &Tensor<T>);

    /// The pack `k` gave `gx` to the scalar in place `i`.
    fn scatter(&mut self, k: usize, i: usize, slope: T, g: T, gx: T);

    /// Scalar node `k` with the cotangent `g` gave its shares to its operands.
    fn scalar(&mut self, k: u32, entry: &Entry<T>, g: T);
}

/// Nobody.
pub(crate) struct Blind;

impl<T: Elem> Watch<T> for Blind {
    const LOOKS: bool = false;

    fn whole(&mut self, _: usize, _: &Tensor<T>) {}
    fn share(&mut self, _: usize, _: usize, _: &Tensor<T>, _: &Tensor<T>) {}
    fn scatter(&mut self, _: usize, _: usize, _: T, _: T, _: T) {}
    fn scalar(&mut self, _: u32, _: &Entry<T>, _: T) {}
}
