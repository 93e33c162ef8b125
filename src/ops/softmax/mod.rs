//! The softmax family: softmax, its logarithm, its normaliser, its losses.
//!
//! Rules are written on rows and keep the rows' statistics: the index `m` of the maximum and the
//! sum `R` of the *other* exponentials, from which every value and derivative of the family follows
//! without cancellation. The same functions from elementary ops are in [`composed`].

#![allow(clippy::module_inception)] // a file is named after the op it defines

pub mod composed;
mod jacobian;
pub mod scalar;

use crate::kernel::Rows;
use crate::rule::Residual;

pub use jacobian::SoftmaxJacobian;
pub use masked::EmptyRow;

registry! {
    softmax::Softmax
    log_softmax::LogSoftmax
    logsumexp::LogSumExp
    masked::MaskedSoftmax
    scaled::SoftmaxScaled
    cross_entropy::CrossEntropy<f64>
    soft::SoftCrossEntropy<f64>
}

/// Room for the place of each row's maximum; none where no pullback will read it.
fn tops<T>(keep: &mut Residual<T>, rows: Rows) -> &mut [u32] {
    let count = if keep.is_read() { rows.count() } else { 0 };
    keep.indices.resize(count, 0);
    &mut keep.indices
}

/// Room for the statistics of the rows: the indices of the maxima, and the sums of the others.
fn statistics<T: Clone + num_traits::Zero>(
    keep: &mut Residual<T>,
    rows: Rows,
) -> (&mut [u32], &mut [T]) {
    keep.indices.resize(rows.count(), 0);
    keep.values.resize(rows.count(), T::zero());
    (&mut keep.indices, &mut keep.values)
}
