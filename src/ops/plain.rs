//! `evaluate`: an op's value on plain tensors, with no tape.
//!
//! The methods of plain tensors run the same forward as those of handles, so the two cannot differ.

use smallvec::SmallVec;

use crate::error::Error;
use crate::kernel::Elem;
use crate::rule::{Residual, Rule, Slot};
use crate::tape::Pool;
use crate::tensor::{Shape, Tensor};

/// The output of a rule on plain tensors; nothing is recorded and nothing kept.
///
/// # Errors
/// Those of [`Rule::shape`].
pub(crate) fn evaluate<T: Elem>(rule: &impl Rule<T>, x: &[&Tensor<T>]) -> Result<Tensor<T>, Error> {
    let shapes: SmallVec<[&Shape; 2]> = x.iter().map(|x| x.shape()).collect();
    let shape = rule.shape(&shapes)?;
    // An empty pool costs nothing; the slot asks it for one fresh buffer at most.
    let pool = Pool::default();
    let mut y = Slot::new(&pool, &shape, true);
    rule.forward(x, &mut y, &mut Residual::default());
    y.dense()
        .map_err(|fault| fault.error(rule.name(), "the output", None))
}
