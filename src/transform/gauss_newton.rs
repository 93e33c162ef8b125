//! The Gauss-Newton product of a softmax cross entropy.

use super::arguments::{Arguments, Function, direction, leaves};
use super::first::enter;
use super::output::{check_tape, pull};
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::softmax::SoftmaxJacobian;
use crate::tape::Tape;
use crate::tensor::{Axis, Tensor};
use crate::var::Var;

/// `Jᵀ H J v` for the mean cross entropy of the logits that `f` returns: `J` is the Jacobian of the
/// logits, `H` the Hessian of the loss with respect to them.
///
/// ```text
/// H = (diag(p) - p pᵀ) / rows,   p = softmax(logits) along `axis`
/// ```
/// `H` does not depend on the labels. It is positive semidefinite, and so is `Jᵀ H J`, which the Hessian
/// of a deep network is not. This is the matrix for conjugate gradients and natural gradients (it is also
/// the Fisher matrix). For logits that are linear in `x` it is the Hessian itself.
///
/// # Panics
/// If `v` does not fit `x`, `axis` is not an axis of the logits, a rule involved has no JVP, or the
/// closure returns a handle of another tape.
///
/// # Complexity
/// One recording on plain numbers, one forward and one reverse walk: about 1.5 gradients.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::{gauss_newton_vp, hvp}};
///
/// let images: Tensor<f64> = Tensor::from([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]]);
/// let w = Tensor::from([[0.1, 0.2], [-0.3, 0.4]]);
/// let v = Tensor::from([[1.0, 0.0], [0.0, 2.0]]);
/// let product = gauss_newton_vp(|w| w.matmul(&images.transpose()), &w, &v, 0);
/// let exact = hvp(|w| w.matmul(&images.transpose()).cross_entropy(0, [0, 1, 1]), &w, &v);
/// assert!(product.iter().zip(exact.iter()).all(|(a, b)| (a - b).abs() < 1e-15));
/// ```
///
/// # Source
/// Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural
/// Computation 14 (2002), section 3.
#[track_caller]
pub fn gauss_newton_vp<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, Tensor<A::Elem>>>,
    x: A,
    v: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
    axis: impl Axis,
) -> A::Owned {
    try_gauss_newton_vp(f, x, v, axis.signed()).or_panic()
}

/// [`gauss_newton_vp`], with bad input as an [`Error`].
///
/// # Errors
/// If `v` does not fit `x`, `axis` is not an axis of the logits, a rule involved has no JVP, or the
/// closure returns a handle of another tape.
#[track_caller]
pub fn try_gauss_newton_vp<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, Tensor<A::Elem>>>,
    x: A,
    v: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
    axis: impl Axis,
) -> Result<A::Owned, Error> {
    let op = "gauss_newton_vp";
    let v = direction(op, &leaves(&x), &v)?;
    let tape = Tape::default();
    let handles = enter(&tape, &x);
    let y = f(x.handles(&mut handles.iter().copied()));
    check_tape(op, &tape, y)?;
    let logits = y.value();
    let rows = logits
        .shape()
        .without(logits.shape().axis(op, axis)?)
        .elements();
    let mut walk = tape.forward();
    for (&x, v) in handles.iter().zip(v) {
        walk = walk.toward(x, v.value)?;
    }
    let pushed = walk.try_walk()?.of(y);
    let curved = SoftmaxJacobian::try_new(&logits, axis)?.try_apply(&pushed)?;
    let pulled = pull(op, y, curved / A::Elem::of(rows as f64), &handles)?;
    Ok(x.owned(&mut pulled.into_iter()))
}
