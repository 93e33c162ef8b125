//! `push`: the pushforward of an op that is linear in its only operand; it is the op itself.

use crate::error::Error;
use crate::kernel::Elem;
use crate::rule::{Residual, Rule, Slot};
use crate::tensor::Tensor;

/// The tangent of the output of a linear rule: its forward on the tangent of the operand.
pub(crate) fn push<T: Elem>(
    rule: &impl Rule<T>,
    t: &[Option<&Tensor<T>>],
    ty: &mut Slot<'_, T>,
) -> Result<(), Error> {
    match t[0] {
        Some(t) => rule.forward(&[t], ty, &mut Residual::default()),
        None => ty.zero(),
    }
    Ok(())
}
