//! The softmax family from scalar arithmetic, over any float: numbers, scalar handles, duals.
//!
//! On scalar handles every binary step records a node; [`crate::ops::softmax::scalar`] records one
//! wide node instead.

use num_traits::Float;

/// `e / Σ e` with `e = e^(x - max x)`.
///
/// # Example
/// ```
/// use wengert::{Tape, ops::softmax::composed};
///
/// let tape = Tape::new();
/// let x = [tape.var(0.0), tape.var(0.0)];
/// let y = composed::scalar::softmax(&x);
/// assert_eq!(y[0].value(), 0.5);
/// assert_eq!(y[0].backward().wrt(x[1]), -0.25); // -y_0 y_1
/// ```
pub fn softmax<F: Float>(x: &[F]) -> Vec<F> {
    let m = max(x);
    let e: Vec<F> = x.iter().map(|&x| (x - m).exp()).collect();
    let s = sum(&e);
    e.into_iter().map(|e| e / s).collect()
}

/// `(x - m) - ln Σ e^(x - m)` with `m = max x`.
pub fn log_softmax<F: Float>(x: &[F]) -> Vec<F> {
    let m = max(x);
    let d: Vec<F> = x.iter().map(|&x| x - m).collect();
    let e: Vec<F> = d.iter().map(|d| d.exp()).collect();
    let log = sum(&e).ln();
    d.into_iter().map(|d| d - log).collect()
}

/// `m + ln Σ e^(x - m)` with `m = max x`; -inf for an empty slice.
pub fn logsumexp<F: Float>(x: &[F]) -> F {
    if x.is_empty() {
        return F::neg_infinity();
    }
    let m = max(x);
    let e: Vec<F> = x.iter().map(|&x| (x - m).exp()).collect();
    m + sum(&e).ln()
}

/// `(m - x_label) + ln Σ e^(x - m)` with `m = max x`.
///
/// # Panics
/// If `label` is not a position in `x`.
pub fn cross_entropy<F: Float>(x: &[F], label: usize) -> F {
    let m = max(x);
    let e: Vec<F> = x.iter().map(|&x| (x - m).exp()).collect();
    (m - x[label]) + sum(&e).ln()
}

fn max<F: Float>(x: &[F]) -> F {
    x.iter().copied().reduce(F::max).unwrap_or_else(F::zero)
}

fn sum<F: Float>(x: &[F]) -> F {
    x.iter()
        .copied()
        .reduce(|a, b| a + b)
        .unwrap_or_else(F::zero)
}
