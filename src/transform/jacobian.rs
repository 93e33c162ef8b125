//! Whole Jacobians, row by row or column by column.

use num_traits::{One, Zero};

use super::arguments::{Arguments, Function};
use super::first::enter;
use super::output::{Output, check_tape, pull};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::{Handle, Var};

/// The Jacobian of `f` at `x`: for each argument a tensor `∂y_i/∂x_j` whose shape is that of the
/// output followed by that of the argument.
///
/// It is computed column by column, by forward walks, if the arguments have fewer numbers than the
/// output, and otherwise row by row, by reverse walks. [`jacobian_forward`] and [`jacobian_reverse`]
/// let you choose.
///
/// # Panics
/// If the closure returns a handle of another tape.
///
/// # Complexity
/// One recording, and as many walks as the smaller side has numbers.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::jacobian};
///
/// let x = Tensor::from([0.0, 0.0]);
/// let j = jacobian(|x| x.softmax(0), &x);
/// assert_eq!(j, Tensor::from([[0.25, -0.25], [-0.25, 0.25]])); // diag(y) - y yᵀ
///
/// let (jx, jb) = jacobian(|(x, b)| x * b, (&x, 2.0));
/// assert_eq!(jx, Tensor::from([[2.0, 0.0], [0.0, 2.0]]));
/// assert_eq!(jb, Tensor::from([0.0, 0.0]));
/// ```
#[track_caller]
pub fn jacobian<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
) -> A::Each<Tensor<A::Elem>> {
    try_jacobian(f, x).or_panic()
}

/// [`jacobian`], with bad input as an [`Error`].
///
/// # Errors
/// If the closure returns a handle of another tape.
#[track_caller]
pub fn try_jacobian<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
) -> Result<A::Each<Tensor<A::Elem>>, Error> {
    whole("jacobian", f, x, None)
}

/// The [`jacobian`] by forward walks, one for each number of the arguments: for small arguments and a
/// large output.
///
/// # Panics
/// If a rule involved has no JVP, or the closure returns a handle of another tape.
///
/// # Example
/// ```
/// use wengert::transform::jacobian_forward;
///
/// let j = jacobian_forward(|x| x * x * x, 2.0);
/// assert_eq!(j.item(), 12.0);
/// ```
#[track_caller]
pub fn jacobian_forward<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
) -> A::Each<Tensor<A::Elem>> {
    try_jacobian_forward(f, x).or_panic()
}

/// [`jacobian_forward`], with bad input as an [`Error`].
///
/// # Errors
/// If a rule involved has no JVP, or the closure returns a handle of another tape.
#[track_caller]
pub fn try_jacobian_forward<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
) -> Result<A::Each<Tensor<A::Elem>>, Error> {
    whole("jacobian_forward", f, x, Some(true))
}

/// The [`jacobian`] by reverse walks, one for each number of the output: for large arguments and a
/// small output.
///
/// # Panics
/// If the closure returns a handle of another tape.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::jacobian_reverse};
///
/// let j = jacobian_reverse(|x| x.sum_axis(0), &Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
/// assert_eq!(j.shape(), [2, 2, 2]);
/// assert_eq!(j[[1, 0, 1]], 1.0);
/// ```
#[track_caller]
pub fn jacobian_reverse<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
) -> A::Each<Tensor<A::Elem>> {
    try_jacobian_reverse(f, x).or_panic()
}

/// [`jacobian_reverse`], with bad input as an [`Error`].
///
/// # Errors
/// If the closure returns a handle of another tape.
#[track_caller]
pub fn try_jacobian_reverse<A: Arguments, V: Output<Elem = A::Elem>>(
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
) -> Result<A::Each<Tensor<A::Elem>>, Error> {
    whole("jacobian_reverse", f, x, Some(false))
}

/// The Jacobian in the given mode, or else in the cheaper one.
#[track_caller]
fn whole<A: Arguments, V: Output<Elem = A::Elem>>(
    op: &'static str,
    f: impl for<'t> Function<A::Handles<'t, A::Elem>, Var<'t, V>>,
    x: A,
    forward: Option<bool>,
) -> Result<A::Each<Tensor<A::Elem>>, Error> {
    let tape = Tape::default();
    let handles = enter(&tape, &x);
    let y = f(x.handles(&mut handles.iter().copied()));
    check_tape(op, &tape, y)?;
    let numbers: usize = handles.iter().map(|x| x.shape().elements()).sum();
    let few = numbers < V::shape_of(y).elements();
    let blocks = match forward {
        Some(true) => columns(&tape, y, &handles)?,
        None if few => match columns(&tape, y, &handles) {
            // A user's rule may lack a JVP; every rule has a VJP.
            Err(error) if matches!(error.kind(), ErrorKind::Missing { .. }) => {
                rows(op, y, &handles)?
            }
            columns => columns?,
        },
        _ => rows(op, y, &handles)?,
    };
    Ok(x.each(&mut blocks.into_iter()))
}

/// One reverse walk for each number of the output.
fn rows<'t, V: Output>(
    op: &'static str,
    y: Var<'t, V>,
    x: &[Handle<'t, V::Elem>],
) -> Result<Vec<Tensor<V::Elem>>, Error> {
    let shape = V::shape_of(y);
    let mut blocks: Vec<Vec<V::Elem>> = vec![Vec::new(); x.len()];
    for row in 0..shape.elements() {
        let mut g = Tensor::zeros(shape.clone());
        g.data_mut()[row] = V::Elem::one();
        for (block, gx) in blocks.iter_mut().zip(pull(op, y, V::of_tensor(g), x)?) {
            block.extend_from_slice(gx.data());
        }
    }
    Ok(blocks
        .into_iter()
        .zip(x)
        .map(|(block, x)| jacobian_of(y, x, block))
        .collect())
}

/// One forward walk for each number of the arguments.
fn columns<'t, V: Output>(
    tape: &'t Tape<V::Elem>,
    y: Var<'t, V>,
    x: &[Handle<'t, V::Elem>],
) -> Result<Vec<Tensor<V::Elem>>, Error> {
    let height = V::shape_of(y).elements();
    let block = |x: &Handle<'t, V::Elem>| {
        let width = x.shape().elements();
        let mut block = vec![V::Elem::zero(); height * width];
        for column in 0..width {
            let mut t = Tensor::zeros(x.shape());
            t.data_mut()[column] = V::Elem::one();
            let walk = tape.forward().toward(*x, t)?;
            let ty = walk.try_walk()?.of(y).into_tensor();
            for (row, &ty) in ty.iter().enumerate() {
                block[row * width + column] = ty;
            }
        }
        Ok(jacobian_of(y, x, block))
    };
    x.iter().map(block).collect()
}

/// These elements, in the shape of the output followed by that of an argument.
fn jacobian_of<'t, V: Output>(
    y: Var<'t, V>,
    x: &Handle<'t, V::Elem>,
    elements: Vec<V::Elem>,
) -> Tensor<V::Elem> {
    let shape = V::shape_of(y)
        .iter()
        .chain(x.shape().iter())
        .copied()
        .collect();
    Tensor::of_buffer(shape, elements)
}
