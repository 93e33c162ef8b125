//! The plain forms, third part: the pushforwards of cross entropy. The statistics are those of `plain`.

use super::plain::{NONE, centred_mean, log_probability, sum};
use super::plain_loss::check_labels;
use crate::kernel::Rows;
use num_traits::Float;

/// Tangent of cross entropy against labels: `ty = (t_m - t_label) + Σ_j p_j (t_j - t_m)`.
///
/// At a label that is the maximum the first term is exactly 0, so a small tangent stays accurate.
pub fn cross_entropy_jvp<T: Float>(
    rows: Rows,
    x: &[T],
    labels: &[u32],
    top: &[u32],
    rest: &[T],
    t: &[T],
    ty: &mut [T],
) {
    rows.full("cross_entropy_jvp", "x", x.len());
    check_labels("cross_entropy_jvp", rows, labels);
    rows.full("cross_entropy_jvp", "t", t.len());
    rows.each("cross_entropy_jvp", "ty", ty.len());
    for row in 0..rows.count() {
        let (part, c, s) = centred_mean(rows, row, x, top[row], rest[row], t);
        let label = t[rows.at(row, labels[row] as usize)];
        ty[row] = ((c - label * part) + s) / part;
    }
}

/// Tangent of soft cross entropy along the logits: `ty = Σ_i τ_i ((t_m - t_i) + Σ_j p_j (t_j - t_m))`.
pub fn soft_cross_entropy_jvp<T: Float>(
    rows: Rows,
    x: &[T],
    targets: &[T],
    top: &[u32],
    rest: &[T],
    t: &[T],
    ty: &mut [T],
) {
    rows.full("soft_cross_entropy_jvp", "x", x.len());
    rows.full("soft_cross_entropy_jvp", "targets", targets.len());
    rows.full("soft_cross_entropy_jvp", "t", t.len());
    rows.each("soft_cross_entropy_jvp", "ty", ty.len());
    for row in 0..rows.count() {
        ty[row] = T::zero();
        if top[row] != NONE {
            let (part, c, s) = centred_mean(rows, row, x, top[row], rest[row], t);
            let term = |j: usize| {
                let at = rows.at(row, j);
                targets[at] * ((c - t[at] * part) + s)
            };
            ty[row] = sum(rows.n, &term) / part;
        }
    }
}

/// Tangent of soft cross entropy along the targets: `ty = -Σ_j z_j t_j`, `z` the log-softmax.
///
/// A tangent of 0 at a logit of -inf adds nothing.
pub fn soft_cross_entropy_jvp_targets<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    t: &[T],
    ty: &mut [T],
) {
    rows.full("soft_cross_entropy_jvp_targets", "x", x.len());
    rows.full("soft_cross_entropy_jvp_targets", "t", t.len());
    rows.each("soft_cross_entropy_jvp_targets", "ty", ty.len());
    for row in 0..rows.count() {
        let term = |j: usize| {
            let t = t[rows.at(row, j)];
            let z = log_probability(x, rows, row, top[row], rest[row], j);
            if t.is_zero() && z == T::neg_infinity() {
                t
            } else {
                -(t * z)
            }
        };
        ty[row] = sum(rows.n, &term);
    }
}
