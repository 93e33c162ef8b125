//! First order: gradients, and products with the Jacobian from either side.

use num_traits::One;

use super::arguments::{Arguments, Function, direction, leaves};
use super::output::{Output, check_tape, pull};
use crate::error::{Error, OrPanic};
use crate::tape::Tape;
use crate::var::{Handle, Var};

/// The gradient of `f` at `x`, in the structure of `x`.
///
/// The closure gets handles in place of values and returns a scalar one; a closure that returns a
/// tensor does not compile. Arguments that are not to be differentiated are simply captured. An
/// argument that the output does not depend on gets zeros.
///
/// # Panics
/// If the closure returns a handle of another tape.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::grad};
///
/// let x = Tensor::from([1.0, 2.0, 3.0]);
/// assert_eq!(grad(|x| (x * x).sum(), &x), Tensor::from([2.0, 4.0, 6.0]));
/// assert_eq!(grad(|(x, y)| x * y + x, (2.0, 5.0)), (6.0, 2.0));
/// ```
/// A tensor must be reduced to one number first:
/// ```compile_fail,E0271
/// use wengert::{Tensor, transform::grad};
///
/// let x = Tensor::from([1.0, 2.0, 3.0]);
/// grad(|x| x.softmax(0), &x); // write x.softmax(0).at([1]), or use `vjp` or `jacobian`
/// ```
#[track_caller]
pub fn grad<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, A::Elem>>,
    x: A,
) -> A::Owned {
    try_grad(f, x).or_panic()
}

/// [`grad`], with bad input as an [`Error`].
///
/// # Errors
/// If the closure returns a handle of another tape.
#[track_caller]
pub fn try_grad<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, A::Elem>>,
    x: A,
) -> Result<A::Owned, Error> {
    Ok(pulled("grad", f, x, A::Elem::one())?.1)
}

/// The value of `f` at `x` and its gradient, at the cost of the gradient.
///
/// # Panics
/// As [`grad`].
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::value_and_grad};
///
/// let x = Tensor::from([[0.0, 0.0], [40.0, 0.0]]);
/// let (loss, gx) = value_and_grad(|x| x.cross_entropy(1, [0, 0]), &x);
/// assert!((loss - 2f64.ln() / 2.0).abs() < 1e-16);
/// assert_eq!(gx[[0, 0]], -0.25);
/// ```
#[track_caller]
pub fn value_and_grad<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, A::Elem>>,
    x: A,
) -> (A::Elem, A::Owned) {
    try_value_and_grad(f, x).or_panic()
}

/// [`value_and_grad`], with bad input as an [`Error`].
///
/// # Errors
/// If the closure returns a handle of another tape.
#[track_caller]
pub fn try_value_and_grad<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, A::Elem>>,
    x: A,
) -> Result<(A::Elem, A::Owned), Error> {
    pulled("value_and_grad", f, x, A::Elem::one())
}

/// The value of `f` at `x` and the pullback of `g`: the gradient of `Σ g * f(x)`, or `Jᵀ g`.
///
/// # Panics
/// If the shape of `g` differs from that of the output, or the closure returns a handle of another tape.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::vjp};
///
/// let x = Tensor::from([40.0, 0.0]);
/// let (y, gx) = vjp(|x| x.softmax(0), &x, Tensor::from([1.0, 0.0]));
/// assert_eq!(y[[0]], 1.0);
/// assert_eq!(gx[[0]], 4.248354255291589e-18); // e^-40, not 0
/// ```
#[track_caller]
pub fn vjp<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
    g: V,
) -> (V, A::Owned) {
    try_vjp(f, x, g).or_panic()
}

/// [`vjp`], with bad input as an [`Error`].
///
/// # Errors
/// If the shape of `g` differs from that of the output, or the closure returns a handle of another tape.
#[track_caller]
pub fn try_vjp<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
    g: V,
) -> Result<(V, A::Owned), Error> {
    pulled("vjp", f, x, g)
}

/// Records `f` at `x` and walks backward from `g`.
#[track_caller]
fn pulled<A: Arguments, V: Output<Elem = A::Elem>>(
    op: &'static str,
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
    g: V,
) -> Result<(V, A::Owned), Error> {
    let tape = Tape::default();
    let handles = enter(&tape, &x);
    let y = f(x.handles(&mut handles.iter().copied()));
    check_tape(op, &tape, y)?;
    let gradients = pull(op, y, g, &handles)?;
    Ok((y.value(), x.owned(&mut gradients.into_iter())))
}

/// Enters arguments as leaves.
#[track_caller]
pub(super) fn enter<'t, A: Arguments>(tape: &'t Tape<A::Elem>, x: &A) -> Vec<Handle<'t, A::Elem>> {
    // A loop, not a closure, so that leaves are attributed to the user's line.
    let mut handles = Vec::new();
    for leaf in leaves(x) {
        handles.push(leaf.enter(tape));
    }
    handles
}

/// The value of `f` at `x` and the pushforward of `t`: its derivative along `t`, or `J t`.
///
/// `t` has the structure of `x`. The rules' JVPs do the work, on a tape of plain numbers;
/// [`pushforward`](super::pushforward) does the same for functions that record nothing.
///
/// # Panics
/// If `t` does not fit `x`, a rule involved has no JVP, or the closure returns a handle of another
/// tape.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::jvp};
///
/// let x = Tensor::from([1.0, 2.0]);
/// let (y, ty) = jvp(|(x, b)| x * x * b, (&x, 3.0), (Tensor::from([1.0, 0.0]), 1.0));
/// assert_eq!(y, Tensor::from([3.0, 12.0]));
/// assert_eq!(ty, Tensor::from([7.0, 4.0]));
/// ```
#[track_caller]
pub fn jvp<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
    t: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> (V, V) {
    try_jvp(f, x, t).or_panic()
}

/// [`jvp`], with bad input as an [`Error`].
///
/// # Errors
/// If `t` does not fit `x`, a rule involved has no JVP, or the closure returns a handle of another
/// tape.
#[track_caller]
pub fn try_jvp<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
    t: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> Result<(V, V), Error> {
    let t = direction("jvp", &leaves(&x), &t)?;
    let tape = Tape::default();
    let handles = enter(&tape, &x);
    let y = f(x.handles(&mut handles.iter().copied()));
    check_tape("jvp", &tape, y)?;
    let mut walk = tape.forward();
    for (x, t) in handles.into_iter().zip(t) {
        walk = walk.toward(x, t.value)?;
    }
    Ok((y.value(), walk.try_walk()?.of(y)))
}
