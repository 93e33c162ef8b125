//! The softmax family from elementary ops, written as the formulas are.
//!
//! These are the twins that the fused rules are judged against, and the slower and less accurate
//! way to the same numbers. Entries must be finite; only the fused ops have conventions for
//! infinities and for rows with nothing in them.

pub mod scalar;

use crate::error::OrPanic;
use crate::kernel::Elem;
use crate::ops::loss::labels::classes;
use crate::tensor::{Axes, Axis, Tensor};
use crate::var::{Operand, Var};

/// `e / Σ e` with `e = e^(x - max x)`.
///
/// # Panics
/// If `axis` is not an axis of x.
///
/// # Example
/// ```
/// use wengert::{Tape, Tensor, ops::softmax::composed};
///
/// let tape = Tape::new();
/// let x = tape.var(Tensor::from([0.0, 0.0]));
/// let y = composed::softmax(x, 0);
/// assert_eq!(y.value(), Tensor::from([0.5, 0.5]));
/// assert_eq!(tape.tensor_nodes(), 5); // max, sub, exp, sum, div; `x.softmax(0)` is one
/// ```
#[track_caller]
pub fn softmax<'t, T: Elem>(x: Var<'t, Tensor<T>>, axis: impl Axis) -> Var<'t, Tensor<T>> {
    let axis = axis.signed();
    let e = exponentials(x, axis);
    e / e.sum_keep(axis)
}

/// `(x - m) - ln Σ e^(x - m)` with `m = max x`.
///
/// # Panics
/// If `axis` is not an axis of x.
#[track_caller]
pub fn log_softmax<'t, T: Elem>(x: Var<'t, Tensor<T>>, axis: impl Axis) -> Var<'t, Tensor<T>> {
    let axis = axis.signed();
    if is_empty(x) {
        return x.sum_keep(axis) + x; // checks the axis
    }
    let d = x - x.max_keep(axis);
    d - d.exp().sum_keep(axis).ln()
}

/// `m + ln Σ e^(x - m)` with `m = max x`; the axes disappear.
///
/// # Panics
/// If one is not an axis of x or is named twice, or if there are no elements along them.
#[track_caller]
pub fn logsumexp_axis<'t, T: Elem>(x: Var<'t, Tensor<T>>, axes: impl Axes) -> Var<'t, Tensor<T>> {
    (x - x.max_keep(&axes)).exp().sum_axis(&axes).ln() + x.max_axis(&axes)
}

/// [`logsumexp_axis`] with the axes kept as size 1.
///
/// # Panics
/// If one is not an axis of x or is named twice, or if there are no elements along them.
#[track_caller]
pub fn logsumexp_keep<'t, T: Elem>(x: Var<'t, Tensor<T>>, axes: impl Axes) -> Var<'t, Tensor<T>> {
    let m = x.max_keep(&axes);
    (x - m).exp().sum_keep(&axes).ln() + m
}

/// `e / Σ e` with `e = e^(x - max x)` where the mask keeps, else 0; zeros where it keeps nothing.
///
/// The mask is a factor, so what it hides must be finite.
///
/// # Panics
/// If `axis` is not an axis of x, or the mask does not broadcast against x.
#[track_caller]
pub fn masked_softmax<'t, T: Elem>(
    x: Var<'t, Tensor<T>>,
    axis: impl Axis,
    mask: &Tensor<bool>,
) -> Var<'t, Tensor<T>> {
    let axis = axis.signed();
    let kept = mask.map(|kept| if kept { T::one() } else { T::zero() });
    let kept = &Tensor::zeros(x.shape()) + &kept;
    let none = kept.sum_keep(axis).map(|sum| match sum.is_zero() {
        true => T::one(),
        false => T::zero(),
    });
    let e = exponentials(x, axis) * kept;
    e / (e.sum_keep(axis) + none)
}

/// `-Σ_j t_j log_softmax(x)_j` of each row; the class axis disappears.
///
/// # Panics
/// If `axis` is not an axis of x, or the targets do not broadcast against x.
#[track_caller]
pub fn cross_entropy_soft<'t, T: Elem>(
    x: Var<'t, Tensor<T>>,
    axis: impl Axis,
    targets: impl Operand<'t, T>,
) -> Var<'t, Tensor<T>> {
    let axis = axis.signed();
    -(log_softmax(x, axis) * targets).sum_axis(axis)
}

/// The mean over the rows of `-log_softmax(x)` at the label, as a tensor without axes.
///
/// # Panics
/// If `axis` is not an axis of x, if there is not one label for each row, or if one is not a class.
#[track_caller]
pub fn cross_entropy<'t, T: Elem>(
    x: Var<'t, Tensor<T>>,
    axis: impl Axis,
    labels: &[usize],
) -> Var<'t, Tensor<T>> {
    let shape = x.shape();
    let axis = shape.axis("cross_entropy", axis).or_panic();
    let labels = classes("cross_entropy", &shape, axis, labels, None).or_panic();
    let rows = shape.rows(axis);
    let mut one_hot = Tensor::zeros(&shape);
    for (row, label) in labels.iter().flatten().enumerate() {
        one_hot.data_mut()[rows.at(row, *label as usize)] = T::one();
    }
    cross_entropy_soft(x, axis, one_hot).mean_axis(..)
}

/// `e^(x - m)` with `m = max x`.
#[track_caller]
fn exponentials<'t, T: Elem>(x: Var<'t, Tensor<T>>, axis: isize) -> Var<'t, Tensor<T>> {
    if is_empty(x) {
        // A row without entries has no maximum and needs none.
        return x.exp();
    }
    (x - x.max_keep(axis)).exp()
}

fn is_empty<T: Elem>(x: Var<'_, Tensor<T>>) -> bool {
    x.shape().elements() == 0
}
