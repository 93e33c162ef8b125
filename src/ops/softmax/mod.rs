//! The softmax family: softmax, its logarithm, its normaliser, its losses.
//!
//! Rules work on rows and keep, for each row, the index `m` of the maximum with either the output
//! or the sum `R` of the *other* exponentials, from which every value and derivative of the family
//! follows without cancellation. The same functions composed from elementary ops are in
//! [`composed`].

#![allow(clippy::module_inception)] // a file is named after the op it defines

pub mod composed;
mod jacobian;
pub mod scalar;

use crate::kernel::Rows;
use crate::rule::Residual;

pub(in crate::ops) use cross_entropy::CrossEntropy;
pub use jacobian::SoftmaxJacobian;
pub use masked::EmptyRow;
pub(in crate::ops) use soft::SoftCrossEntropy;

registry! {
    softmax::Softmax
    log_softmax::LogSoftmax
    logsumexp::LogSumExp
    masked::MaskedSoftmax
    scaled::SoftmaxScaled
    cross_entropy::CrossEntropy<f64>
    soft::SoftCrossEntropy<f64>
}

/// Makes space for the index of each row's maximum; none if no pullback will read it.
fn tops<T>(keep: &mut Residual<T>, rows: Rows) -> &mut [u32] {
    let count = if keep.is_read() { rows.count() } else { 0 };
    keep.indices.resize(count, 0);
    &mut keep.indices
}

/// Makes space for the statistics of the rows: indices of the maxima, and sums of the others.
fn statistics<T: Clone + num_traits::Zero>(
    keep: &mut Residual<T>,
    rows: Rows,
) -> (&mut [u32], &mut [T]) {
    keep.indices.resize(rows.count(), 0);
    keep.values.resize(rows.count(), T::zero());
    (&mut keep.indices, &mut keep.values)
}
