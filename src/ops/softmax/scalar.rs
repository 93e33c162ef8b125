//! The softmax family on slices of scalar handles: each call is one wide node of the tape.
//!
//! The numbers are those of the tensor forms, bit for bit; formulas, domains and gradients are
//! documented there. Composed from scalar arithmetic, the same functions record several nodes per
//! entry. Here the tape keeps, for numbers of 8 bytes, 12 bytes per input (20 if one of the handles is folded) and 8
//! per output.

use super::cross_entropy::CrossEntropy;
use super::log_softmax::LogSoftmax;
use super::logsumexp::LogSumExp;
use super::softmax::Softmax;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::forms::reduction::Reduce;
use crate::ops::loss::LossOptions;
use crate::var::Var;

/// Softmax of a slice of scalars.
///
/// # Panics
/// If the handles belong to different tapes.
///
/// # Example
/// ```
/// use wengert::{Tape, scalar};
///
/// let tape = Tape::new();
/// let x = [tape.var(40.0), tape.var(0.0)];
/// let y = scalar::softmax(&x);
/// assert_eq!(y[0].backward().wrt(x[0]), 4.248354255291589e-18); // e^-40
/// ```
#[track_caller]
pub fn softmax<'t, T: Elem>(x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    try_softmax(x).or_panic()
}

/// [`softmax`], with bad input as an [`Error`].
///
/// # Errors
/// If the handles belong to different tapes.
#[track_caller]
pub fn try_softmax<'t, T: Elem>(x: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>, Error> {
    Var::wide(x, Softmax { axis: 0 })
}

/// Log-softmax of a slice of scalars.
///
/// # Panics
/// If the handles belong to different tapes.
///
/// # Example
/// ```
/// use wengert::{Tape, scalar};
///
/// let tape = Tape::new();
/// let z = scalar::log_softmax(&[tape.var(800.0), tape.var(0.0)]);
/// assert_eq!(z[1].value(), -800.0); // where ln(softmax) is -inf
/// ```
#[track_caller]
pub fn log_softmax<'t, T: Elem>(x: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    try_log_softmax(x).or_panic()
}

/// [`log_softmax`], with bad input as an [`Error`].
///
/// # Errors
/// If the handles belong to different tapes.
#[track_caller]
pub fn try_log_softmax<'t, T: Elem>(x: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>, Error> {
    Var::wide(x, LogSoftmax { axis: 0 })
}

/// Log of the sum of exponentials of a slice of scalars; -inf for an empty one.
///
/// # Panics
/// If the handles belong to different tapes.
///
/// # Example
/// ```
/// use wengert::{Tape, scalar};
///
/// let tape = Tape::new();
/// let x = [tape.var(1000.0), tape.var(1000.0)];
/// let y = scalar::logsumexp(&x);
/// assert_eq!(y.value(), 1000.0 + 2f64.ln());
/// assert_eq!(y.backward().wrt(x[0]), 0.5);
/// ```
#[track_caller]
pub fn logsumexp<'t, T: Elem>(x: &[Var<'t, T>]) -> Var<'t, T> {
    try_logsumexp(x).or_panic()
}

/// [`logsumexp`], with bad input as an [`Error`].
///
/// # Errors
/// If the handles belong to different tapes.
#[track_caller]
pub fn try_logsumexp<'t, T: Elem>(x: &[Var<'t, T>]) -> Result<Var<'t, T>, Error> {
    Ok(Var::wide(x, Reduce::all(LogSumExp, 1))?.remove(0))
}

/// Cross entropy of a slice of scalar logits against a label.
///
/// # Panics
/// If `label` is not a position in the slice, or the handles belong to different tapes.
///
/// # Example
/// ```
/// use wengert::{Tape, scalar};
///
/// let tape = Tape::new();
/// let x = [tape.var(40.0), tape.var(0.0)];
/// let loss = scalar::cross_entropy(&x, 0);
/// assert_eq!(loss.value(), 4.248354255291589e-18); // ln(1 + e^-40)
/// assert_eq!(loss.backward().wrt(x[0]), -4.248354255291589e-18);
/// ```
#[track_caller]
pub fn cross_entropy<'t, T: Elem>(x: &[Var<'t, T>], label: usize) -> Var<'t, T> {
    try_cross_entropy(x, label).or_panic()
}

/// [`cross_entropy`], with bad input as an [`Error`].
///
/// # Errors
/// If `label` is not a position in the slice, or the handles belong to different tapes.
#[track_caller]
pub fn try_cross_entropy<'t, T: Elem>(x: &[Var<'t, T>], label: usize) -> Result<Var<'t, T>, Error> {
    let rule = CrossEntropy::new(&[x.len()].into(), 0, label, &LossOptions::new(), None)?;
    Ok(Var::wide(x, rule)?.remove(0))
}
