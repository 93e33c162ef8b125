//! Binary ops on scalar handles: they fold or record one node, unless a slope of the op has left the range and the op
//! knows factors of it.

use super::Binary;
use super::own::leaves;
use crate::kernel::{Elem, Span};
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
    if B::GATE {
        let part = |k: usize, x: Var<'t, T>| match slopes[k].is_zero() {
            true => (x.still(B::NAME, x.repr.value), T::one()),
            false => (x, slopes[k]),
        };
        let ((a, p), (b, q)) = (part(0, a), part(1, b));
        return a.join(b, B::NAME, value, [p, q], [false; 2]);
    }
    // The compiler removes this for ops without `far`.
    let far = |k| op.far([x, y, value], k, T::one()).is_some();
    let lost = |k: usize, x: Var<'t, T>| {
        // If the product is moderate, the op's slope has not left the range either, and `join` asks for the same.
        let moderate = (x.repr.slope * slopes[k]).is_within(Span::Moderate);
        !moderate
            && x.tape.is_some()
            && (leaves([a.repr.value, b.repr.value], slopes[k]) || !slopes[k].is_normal() && far(k))
    };
    if (lost(0, a) || lost(1, b))
        && let Some(tape) = a.tape.or(b.tape)
    {
        return Var::source(tape, beyond(op, [a, b], value, slopes), value);
    }
    let unit = |k: usize| B::PASSES[k] || B::NEGATES[k];
    a.join(b, B::NAME, value, slopes, [unit(0), unit(1)])
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
        let leaves = leaves([x, y], slopes[k]);
        if operand.tape.is_some() && (leaves || !slopes[k].is_normal()) {
            let far = |unit: T| match leaves {
                true => {
                    let (op, a, b) = (op.wide(), x.widen(), y.widen());
                    Some(T::narrow(op.slopes(a, b, op.value(a, b))[k] * unit.widen()))
                }
                false => op.far([x, y, value], k, unit),
            };
            let apart = operand.apart(B::NAME, operand.repr.value, slopes[k], far);
            operands[k] = operand.folded(operand.repr.value, apart);
            slopes[k] = T::one();
        }
    }
    let [a, b] = operands;
    let value = a.chain2(b, B::NAME, value, slopes);
    value.node(B::NAME).repr.index
}
