//! `evaluate`: an op's value on plain tensors, with no tape.
//!
//! The methods of plain tensors run the same forward as those of handles, so the two cannot differ.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::error::Error;
use crate::rule::{Residual, Rule, Slot};
use crate::tape::Pool;
use crate::tensor::{Shape, Storage, Tensor};

/// The output of a rule on plain tensors; nothing is recorded and nothing kept.
///
/// Numbers that are stored narrower than they are computed with are read exactly, and the output is
/// rounded once.
///
/// # Errors
/// Those of [`Rule::shape`].
pub(crate) fn evaluate<S: Storage>(
    rule: &impl Rule<S::Work>,
    x: &[&Tensor<S>],
) -> Result<Tensor<S>, Error> {
    let shapes: SmallVec<[&Shape; 2]> = x.iter().map(|x| x.shape()).collect();
    let shape = rule.shape(&shapes)?;
    shape.check_size::<S::Work>(rule.name())?;
    // An empty pool costs nothing; the slot asks it for one fresh buffer at most.
    let pool = Pool::default();
    let mut y = Slot::new(&pool, &shape, true);
    let x: SmallVec<[Cow<'_, Tensor<S::Work>>; 2]> = x.iter().map(|x| S::loaded(x)).collect();
    let x: SmallVec<[&Tensor<S::Work>; 2]> = x.iter().map(|x| &**x).collect();
    rule.forward(&x, &mut y, &mut Residual::unread());
    y.dense()
        .map(S::stored)
        .map_err(|fault| fault.error(rule.name(), "the output", None))
}
