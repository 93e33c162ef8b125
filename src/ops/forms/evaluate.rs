//! `evaluate`: an op's value on plain tensors, with no tape.
//!
//! The methods of plain tensors run the same forward as those of handles, so the two cannot differ.

use crate::error::Error;
use crate::kernel::Elem;
use crate::rule::{Residual, Rule, Slot};
use crate::tape::{Pool, guard};
use crate::tensor::{Shape, Storage, Tensor};

/// The output of a rule on plain tensors; nothing is recorded and nothing kept.
///
/// Numbers stored in a narrower type than they are computed in are read exactly, and the output is
/// rounded once.
///
/// # Errors
/// Those of [`Rule::shape`].
pub(crate) fn evaluate<S: Storage, const N: usize>(
    rule: &impl Rule<S::Work>,
    x: [&Tensor<S>; N],
) -> Result<Tensor<S>, Error> {
    let shape = shape(rule, &x.map(Tensor::shape))?;
    let x = x.map(S::loaded);
    run(rule, &shape, &x.each_ref().map(|x| &**x))
}

/// [`evaluate`] for any number of operands.
///
/// # Errors
/// Those of [`Rule::shape`].
pub(crate) fn evaluate_all<S: Storage>(
    rule: &impl Rule<S::Work>,
    x: &[&Tensor<S>],
) -> Result<Tensor<S>, Error> {
    let shapes: Vec<_> = x.iter().map(|x| x.shape()).collect();
    let shape = shape(rule, &shapes)?;
    let x: Vec<_> = x.iter().map(|x| S::loaded(x)).collect();
    let x: Vec<_> = x.iter().map(|x| &**x).collect();
    run(rule, &shape, &x)
}

/// The shape of the output.
fn shape<T: Elem>(rule: &impl Rule<T>, x: &[&Shape]) -> Result<Shape, Error> {
    let shape = rule.shape(x)?;
    shape.check_size::<T>(rule.name())?;
    Ok(shape)
}

fn run<S: Storage>(
    rule: &impl Rule<S::Work>,
    shape: &Shape,
    x: &[&Tensor<S::Work>],
) -> Result<Tensor<S>, Error> {
    // An empty pool costs nothing; the slot takes at most one fresh buffer from it.
    let pool = Pool::default();
    let mut y = Slot::new(&pool, shape, true);
    guard::forward(rule, x, &mut y, &mut Residual::unread(), false);
    y.dense()
        .map(S::stored)
        .map_err(|fault| fault.error(rule.name(), "the output", None))
}
