//! Sparse Jacobians and Hessians: the pattern is found on the tape, columns of one colour share a
//! product, and the result is a [`Csr`].
//!
//! The Hessian of a chain of 100,000 variables takes three Hessian-vector products and one that
//! verifies them. Each product costs what a gradient on dual numbers costs.
//!
//! # How the pattern is found
//! A recording shows what every number was computed from, which is the pattern of a Jacobian. For a
//! Hessian the function is recorded on dual numbers whose tangents are all NaN. A tangent of exactly 0
//! stays 0, and everything else that meets a NaN becomes one. So the partial derivatives marked by a NaN
//! are those that depend on the variables, at any point, even where a second derivative happens to be 0.
//! An operand is *bent* if its partial derivative is marked. The variables under the bent operands of
//! one operation may meet in a second derivative, so they form a clique. Up to four more recordings, with
//! marks on some variables only, show which operands are merely added.
//!
//! The pattern is never too small. It is too large where those recordings leave a sum of two bent terms
//! undecided, and for tensor operations whose rule says no more ([`Reach`](crate::rule::Reach)): matrix
//! products, reductions along an axis, softmax and fixed points count as dense in all their elements,
//! though not as bent where they are linear. Elementwise operations, slices, reshapes, lookups and joins are exact, and
//! so are scalar handles.
//!
//! # How it is verified
//! Each matrix is compared with one uncompressed product with a random vector. So a function that draws
//! random numbers, say, is refused rather than giving wrong numbers.

mod colour;
mod csr;
mod graph;
mod hessian;
mod jacobian;
mod meetings;
mod pattern;
mod points;
mod probe;
mod support;

pub use csr::Csr;
pub use hessian::Hessian;
pub use jacobian::Jacobian;
pub use pattern::Pattern;
pub use points::Points;

use crate::dual::Dual;
use crate::error::{Error, OrPanic};
use crate::tape::Tape;
use crate::transform::arguments::Function;
use crate::transform::output::Output;
use crate::var::Var;

/// The Hessian of a scalar function at `x`, as a symmetric sparse matrix.
///
/// ```text
/// h_ij = ∂²f / ∂x_i ∂x_j
/// ```
/// `x` is a slice of numbers or of tensors, for which the closure gets a slice of handles on dual numbers,
/// or a structure such as a tuple of tensors and numbers ([`Points`] lists them all). All elements count as
/// variables, one after another. Code that is generic over
/// [`num_traits::Float`] works unchanged. For many points, keep a plan: [`Hessian`].
///
/// # Panics
/// If the function returns a handle of another tape or does not compute the same each time, if the
/// pattern is too dense to store, or if the product that verifies shows an entry that it lacks (because a
/// rule's [`reach`](crate::rule::Rule::reach) is too narrow, say).
///
/// # Complexity
/// For banded problems, recording, detection and colouring are linear in the recording and the pattern.
/// Then comes one Hessian-vector product for each colour, and one to verify.
///
/// # Example
/// ```
/// use wengert::transform::sparse;
///
/// // The energy of a chain of springs.
/// let x: Vec<f64> = (0..1000).map(|k| k as f64 * 1.5).collect();
/// let h = sparse::hessian(
///     |x| x.windows(2).map(|w| { let s = w[1] - w[0]; s * s * s }).sum(),
///     &x,
/// );
/// assert_eq!(h.get(500, 500), 18.0);
/// assert_eq!(h.get(500, 501), -9.0);
/// assert_eq!(h.triplets().count(), 1000 + 2 * 999);
/// ```
#[track_caller]
pub fn hessian<A: Points>(
    f: impl for<'t> Function<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
) -> Csr<A::Elem> {
    try_hessian(f, x).or_panic()
}

/// [`hessian`], with bad input as an [`Error`].
///
/// # Errors
/// If the function returns a handle of another tape or does not compute the same each time, if the
/// pattern is too dense to store, or if the product that verifies shows an entry that it lacks (because a
/// rule's [`reach`](crate::rule::Rule::reach) is too narrow, say).
pub fn try_hessian<A: Points>(
    f: impl for<'t> Function<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
) -> Result<Csr<A::Elem>, Error> {
    let (f, x) = hessian::erased(f, x);
    let plan = hessian::Detected::new(&f, &x)?.plan(&f, &x)?;
    plan.matrix(&f, &x)
}

/// The Jacobian of a function at `x`, as a sparse matrix: a row for each output.
///
/// ```text
/// j_ik = ∂y_i / ∂x_k
/// ```
/// `x` is a slice of numbers or of tensors, or a structure of them; the closure returns a `Vec` of numbers
/// or of tensors. All elements count, one after another. For many points, keep a plan: [`Jacobian`].
///
/// # Panics
/// If the function returns a handle of another tape, if the pattern is too dense to store, or if the walk
/// that verifies shows an entry that it lacks (because a rule's [`reach`](crate::rule::Rule::reach) is too
/// narrow, say).
///
/// # Complexity
/// One recording, and a forward walk for each colour of columns or a reverse walk for each colour of
/// rows.
///
/// # Example
/// ```
/// use wengert::transform::sparse;
///
/// let j = sparse::jacobian(|x| vec![x[0] * x[1], x[2].exp()], &[2.0, 3.0, 0.0]);
/// let triplets: Vec<_> = j.triplets().collect();
/// assert_eq!(triplets, [(0, 0, 3.0), (0, 1, 2.0), (1, 2, 1.0)]);
///
/// let x = wengert::Tensor::from([2.0, 3.0]);
/// let j = sparse::jacobian(|(x, b)| vec![x * x + b], (&x, 1.0));
/// assert_eq!(j.row(1), [6.0, 1.0]); // only what is stored
/// ```
#[track_caller]
pub fn jacobian<A: Points, Y: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>>,
    x: A,
) -> Csr<A::Elem> {
    try_jacobian(f, x).or_panic()
}

/// [`jacobian`], with bad input as an [`Error`].
///
/// # Errors
/// If the function returns a handle of another tape, if the pattern is too dense to store, or if the walk
/// that verifies shows an entry that it lacks (because a rule's [`reach`](crate::rule::Rule::reach) is too
/// narrow, say).
pub fn try_jacobian<A: Points, Y: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>>,
    x: A,
) -> Result<Csr<A::Elem>, Error> {
    let tape = Tape::default();
    let (f, x) = jacobian::erased(f, x);
    let recording = jacobian::Recording::new(&f, &tape, &x)?;
    recording.matrix(&mut recording.plan()?)
}
