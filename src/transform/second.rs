//! Second order: Hessian-vector products by a reverse walk on dual numbers, and whole Hessians.

use num_traits::{One, Zero};

use super::arguments::{Arguments, Function, Leaf, direction, leaves};
use super::output::{check_tape, pull};
use crate::dual::Dual;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tape::Tape;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// The Hessian of `f` at `x` times `v`, without forming the Hessian: the derivative of the gradient
/// along `v`.
///
/// The closure is recorded on dual numbers whose tangents are `v`, and walked backward once. Every
/// rule is generic over the element, so this goes through fused ops too. Plain numbers and tensors
/// stay plain in the closure: write `x * 2.0` and `x.matmul(&w)`. A function of your own must
/// be generic: `fn loss<T: Elem>(x: Var<'_, Tensor<T>>) -> Var<'_, T>`.
///
/// # Panics
/// If `v` does not fit `x`, or the closure returns a handle of another tape.
///
/// # Complexity
/// As many nodes as one gradient, each on numbers of twice the size: 3 to 6 gradients (`docs/orders.md`).
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::hvp};
///
/// let (x, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.0]));
/// let hv = hvp(|x| (x * x * x).sum() + x.prod() * 2.0, &x, &v);
/// assert_eq!(hv, Tensor::from([6.0, 2.0])); // [6 x_0 v_0 + 2 v_1, 6 x_1 v_1 + 2 v_0]
/// ```
#[track_caller]
pub fn hvp<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
    v: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> A::Owned {
    try_hvp(f, x, v).or_panic()
}

/// [`hvp`], with bad input as an [`Error`].
///
/// # Errors
/// If `v` does not fit `x`, or the closure returns a handle of another tape.
#[track_caller]
pub fn try_hvp<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
    v: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> Result<A::Owned, Error> {
    let pulled = second("hvp", &f, &x, &v)?;
    Ok(x.owned(&mut pulled.iter().map(|g| g.map(|g| g.tangent))))
}

/// The gradient of `f` at `x` and the Hessian times `v`, at the cost of [`hvp`].
///
/// # Panics
/// As [`hvp`].
///
/// # Example
/// ```
/// use wengert::transform::grad_and_hvp;
///
/// let (g, hv) = grad_and_hvp(|x| x * x * x, 2.0, 1.0);
/// assert_eq!((g, hv), (12.0, 12.0));
/// ```
#[track_caller]
pub fn grad_and_hvp<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
    v: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> (A::Owned, A::Owned) {
    try_grad_and_hvp(f, x, v).or_panic()
}

/// [`grad_and_hvp`], with bad input as an [`Error`].
///
/// # Errors
/// If `v` does not fit `x`, or the closure returns a handle of another tape.
#[track_caller]
pub fn try_grad_and_hvp<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
    v: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> Result<(A::Owned, A::Owned), Error> {
    let pulled = second("grad_and_hvp", &f, &x, &v)?;
    let gradient = x.owned(&mut pulled.iter().map(|g| g.map(|g| g.primal)));
    let product = x.owned(&mut pulled.iter().map(|g| g.map(|g| g.tangent)));
    Ok((gradient, product))
}

/// The gradient on dual numbers along `v`.
#[track_caller]
fn second<A: Arguments>(
    op: &'static str,
    f: &impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: &A,
    v: &impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> Result<Vec<Tensor<Dual<A::Elem>>>, Error> {
    let values = leaves(x);
    let v = direction(op, &values, v)?;
    along(op, &mut Tape::default(), f, x, &values, &v)
}

/// [`second`], on a tape that is reused.
#[track_caller]
fn along<A: Arguments>(
    op: &'static str,
    tape: &mut Tape<Dual<A::Elem>>,
    f: &impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: &A,
    values: &[Leaf<A::Elem>],
    v: &[Leaf<A::Elem>],
) -> Result<Vec<Tensor<Dual<A::Elem>>>, Error> {
    tape.reset();
    let tape = &*tape;
    let mut handles = Vec::new();
    for (x, v) in values.iter().zip(v) {
        handles.push(x.lift(v).enter(tape));
    }
    let y = f(x.handles(&mut handles.iter().copied()));
    check_tape(op, tape, y)?;
    pull(op, y, Dual::one(), &handles)
}

/// What [`hessian`] returns: a tensor for each pair of arguments.
pub type Hessian<A> =
    <A as Arguments>::Each<<A as Arguments>::Each<Tensor<<A as Arguments>::Elem>>>;

/// The Hessian of `f` at `x`: for each pair of arguments the tensor `∂²f/∂x_i ∂x_j`, whose shape is
/// that of the first followed by that of the second.
///
/// For one argument that is one tensor; for a pair `(a, b)` it is `((aa, ab), (ba, bb))`. If only
/// products with it are needed, [`hvp`] is cheaper; for a sparse Hessian see [`sparse`](super::sparse).
///
/// # Panics
/// If the closure returns a handle of another tape.
///
/// # Complexity
/// One [`hvp`] for each number of the arguments, on one tape whose memory is reused.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::hessian};
///
/// let x: Tensor<f64> = Tensor::from([1.0, 2.0]);
/// let h = hessian(|x| x.logsumexp(), &x);
/// let p = x.softmax(0)[[0]];
/// assert!((h[[0, 0]] - p * (1.0 - p)).abs() < 1e-15);
///
/// let ((xx, xy), (yx, yy)) = hessian(|(x, y)| x * x * y, (3.0, 5.0));
/// assert_eq!([xx.item(), xy.item(), yx.item(), yy.item()], [10.0, 6.0, 6.0, 0.0]);
/// ```
#[track_caller]
pub fn hessian<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
) -> Hessian<A> {
    try_hessian(f, x).or_panic()
}

/// [`hessian`], with bad input as an [`Error`].
///
/// # Errors
/// If the closure returns a handle of another tape.
#[track_caller]
pub fn try_hessian<A: Arguments>(
    f: impl for<'t> Function<A::Handles<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
    x: A,
) -> Result<Hessian<A>, Error> {
    let values = leaves(&x);
    let mut tape = Tape::default();
    // Block (a, b) is filled column by column, one direction in b after the other.
    let sizes: Vec<usize> = values.iter().map(|x| x.value.len()).collect();
    let mut blocks: Vec<Vec<Vec<A::Elem>>> = sizes
        .iter()
        .map(|rows| {
            sizes
                .iter()
                .map(|columns| vec![A::Elem::zero(); rows * columns])
                .collect()
        })
        .collect();
    for (b, &width) in sizes.iter().enumerate() {
        for column in 0..width {
            let mut v = zeros(&values);
            v[b].value.data_mut()[column] = A::Elem::one();
            let pulled = along("hessian", &mut tape, &f, &x, &values, &v)?;
            for (blocks, g) in blocks.iter_mut().zip(pulled) {
                for (row, g) in g.iter().enumerate() {
                    blocks[b][row * width + column] = g.tangent;
                }
            }
        }
    }
    let shape = |k: usize| values[k].value.shape();
    let mut rows = blocks.into_iter().enumerate().map(|(a, blocks)| {
        let block = |(b, block): (usize, Vec<A::Elem>)| {
            let shape: Shape = shape(a).iter().chain(shape(b).iter()).copied().collect();
            Tensor::of_buffer(shape, block)
        };
        x.each(&mut blocks.into_iter().enumerate().map(block))
    });
    Ok(x.each(&mut rows))
}

/// A direction of zeros.
fn zeros<T: Elem>(x: &[Leaf<T>]) -> Vec<Leaf<T>> {
    let zero = |x: &Leaf<T>| Leaf {
        value: Tensor::zeros(x.value.shape()),
        scalar: x.scalar,
    };
    x.iter().map(zero).collect()
}
