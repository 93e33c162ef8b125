//! Binary ops on scalar handles: with slopes within the range they fold or record one node; a slope that has left
//! the range is kept as separate factors.

use super::Binary;
use crate::kernel::Elem;
use crate::var::Var;

/// A binary op on two scalar handles.
///
/// Always inlined, like the operators: returning a handle through memory costs more than recording it.
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
    // The compiler removes this for ops without `far`.
    let far = |k| op.far([x, y, value], k, T::one()).is_some();
    let lost = |k: usize, x: Var<'t, T>| x.tape.is_some() && !slopes[k].is_normal() && far(k);
    if (lost(0, a) || lost(1, b))
        && let Some(tape) = a.tape.or(b.tape)
    {
        return Var::source(tape, beyond(op, [a, b], value, slopes), value);
    }
    a.chain2(b, B::NAME, value, slopes)
}

/// The node of such an op where a slope came out as 0, subnormal or not finite. Its index is returned in a register:
/// a handle would be built in memory on the common path too.
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
