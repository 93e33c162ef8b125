//! Ops of two operands on scalar handles: what is within the range folds or records one node, and the factors of slopes that
//! have left it are kept apart.

use super::Binary;
use crate::kernel::Elem;
use crate::var::Var;

/// A binary op on two scalar handles.
///
/// Always inlined, as are the operators: a handle that is returned through memory costs more than
/// recording it.
#[inline(always)]
#[track_caller]
pub(crate) fn scalars<'t, T: Elem, B: Binary<T>>(
    op: B,
    a: Var<'t, T>,
    b: Var<'t, T>,
) -> Var<'t, T> {
    let (x, y) = (a.repr.value, b.repr.value);
    let value = op.value(x, y);
    let slopes = op.slopes(x, y, value);
    // Without `far` the compiler leaves this out.
    let far = |k| op.far([x, y, value], k, T::one()).is_some();
    let lost = |k: usize, x: Var<'t, T>| x.tape.is_some() && !slopes[k].is_normal() && far(k);
    if (lost(0, a) || lost(1, b))
        && let Some(tape) = a.tape.or(b.tape)
    {
        return Var::source(tape, beyond(op, [a, b], value, slopes), value);
    }
    a.chain2(b, B::NAME, value, slopes)
}

/// The node of the same where a slope came out as 0, subnormal or not finite. Its number travels in a register: a handle
/// would be built in memory on the ordinary way too.
#[cold]
#[inline(never)]
#[track_caller]
fn beyond<'t, T: Elem, B: Binary<T>>(
    op: B,
    mut operands: [Var<'t, T>; 2],
    value: T,
    mut slopes: [T; 2],
) -> u32 {
    let [x, y] = operands.map(|x| x.repr.value);
    for k in 0..2 {
        let operand = operands[k];
        if operand.tape.is_some() && !slopes[k].is_normal() {
            let far = |unit| op.far([x, y, value], k, unit);
            operands[k] = operand.through(operand.apart(B::NAME, slopes[k], far));
            slopes[k] = T::one();
        }
    }
    let [a, b] = operands;
    let value = a.chain2(b, B::NAME, value, slopes);
    value.node(B::NAME).repr.index
}
