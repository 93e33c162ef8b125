//! Slopes of scalar handles that would leave the range of the type: nodes keep their factors apart, since a cotangent
//! may come between them.
//!
//! The slope of a handle is 0 or moderate ([`Span::Moderate`]), in all its parts. If one such slope times a derivative
//! is moderate again, neither the product nor the derivative has left the range, so that one test guards both. Whatever
//! fails it comes here.
//!
//! Arguments and results travel in registers: a handle would be built in memory on the common path too.

use std::panic::Location;

use super::Var;
use crate::kernel::{Elem, Span};
use crate::tape::{Entry, Tape};

/// This condition, and that it seldom holds, so that what follows is laid out elsewhere.
#[inline(always)]
pub(super) fn rarely(condition: bool) -> bool {
    #[cold]
    #[inline]
    fn elsewhere() {}
    if condition {
        elsewhere();
    }
    condition
}

/// Whether a node may hold the product of two slopes without having lost digits that the slopes had.
fn is_exact<T: Elem>(slope: T, own: T, derivative: T) -> bool {
    own.abs().same(T::one()) || slope.is_product_within(own, derivative, Span::Normal)
}

/// The slope and the node of a handle `(x, index)` with slope `own` after a function with this derivative and value
/// `y`.
///
/// One node may hold any normal product, which a handle may not. If the op before left the range and this one brings
/// the slope back, the factor is taken from its node again. A derivative that is infinite or NaN stays in a node, so
/// that an adjoint of 0 stops there.
#[cold]
#[inline(never)]
pub(super) fn fold_apart<T: Elem>(
    tape: Option<&Tape<T>>,
    op: &'static str,
    (x, index): (T, u32),
    y: T,
    own: T,
    derivative: T,
    line: &'static Location<'static>,
) -> (T, u32) {
    let Some(tape) = tape else {
        return (own, index);
    };
    // Whether a handle may hold the product.
    let held = |own: T, by: T| (own * by).is_product_within(own, by, Span::Moderate);
    if held(own, derivative) {
        return (own * derivative, index);
    }
    let before = tape.scalars.entry(index);
    let before = before.and_then(|entry| entry.as_link());
    if let Some((factor, index)) = before.filter(|_| own.same(T::one()))
        && held(factor, derivative)
    {
        return (factor * derivative, index);
    }
    if is_exact(own * derivative, own, derivative) {
        let index = link(tape, op, own * derivative, (x, index), y, line);
        return (T::one(), index);
    }
    let index = link(tape, BEFORE, own, (x, index), x, line);
    match held(T::one(), derivative) {
        true => (derivative, index),
        false => (T::one(), link(tape, op, derivative, (x, index), y, line)),
    }
}

/// The same for two handles of one node, `(slope, index)` each. If their shares cancel exactly, the slope is 0.
#[cold]
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub(super) fn fold_both<T: Elem>(
    tape: &Tape<T>,
    op: &'static str,
    a: (T, u32),
    b: (T, u32),
    partial: (T, T),
    operands: (T, T),
    y: T,
    line: &'static Location<'static>,
) -> (T, u32) {
    let finite = |slope: T| (0..T::PARTS).all(|k| slope.part(k).is_finite());
    // One handle twice: its derivatives are added first, since products with its slope might overflow, not cancel.
    let twice = partial.0 + partial.1;
    if a.0.same(b.0) && finite(twice) {
        return fold_apart(Some(tape), op, (operands.0, a.1), y, a.0, twice, line);
    }
    let (first, second) = (a.0 * partial.0, b.0 * partial.1);
    let slope = first + second;
    if is_exact(first, a.0, partial.0) && is_exact(second, b.0, partial.1) {
        if slope.is_zero() {
            return (slope, a.1);
        }
        if finite(slope) {
            let operand = (operands.0, a.1);
            return (T::one(), link(tape, op, slope, operand, y, line));
        }
    }
    // A node's operands differ, so one of them gets a node of its own.
    let second = link(tape, BEFORE, b.0, (operands.1, b.1), operands.1, line);
    let b = (T::one(), second);
    let index = join_apart(tape, op, a, b, partial, operands, y, line);
    (T::one(), index)
}

/// The node of value `y` for a function of two handles, `(slope, index)` each, with these partial derivatives.
#[cold]
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub(super) fn join_apart<T: Elem>(
    tape: &Tape<T>,
    op: &'static str,
    a: (T, u32),
    b: (T, u32),
    partial: (T, T),
    operands: (T, T),
    y: T,
    line: &'static Location<'static>,
) -> u32 {
    let share = |(own, index): (T, u32), partial: T, x: T| {
        let slope = own * partial;
        match is_exact(slope, own, partial) {
            true => (slope, index),
            false => (partial, link(tape, BEFORE, own, (x, index), x, line)),
        }
    };
    let (p, i) = share(a, partial.0, operands.0);
    let (q, j) = share(b, partial.1, operands.1);
    let entry = Entry {
        partial: [p, q],
        operand: [i, j],
    };
    tape.scalars.push(entry, op, y, operands.into(), line).1
}

/// The name of a node for the slope that a handle had before an op.
const BEFORE: &str = "slope before";

/// A node of value `y` for a function that is constant near the value of a handle `(x, index)`.
///
/// Not a handle of slope 0: that is a product, which an infinite cotangent turns into NaN.
#[inline(never)]
fn still<T: Elem>(
    tape: &Tape<T>,
    op: &'static str,
    (x, index): (T, u32),
    y: T,
    line: &'static Location<'static>,
) -> u32 {
    let entry = Entry::still(index);
    tape.scalars.push(entry, op, y, [T::zero(), x], line).1
}

/// A node of value `y` for a function of the node of a handle `(x, index)`.
fn link<T: Elem>(
    tape: &Tape<T>,
    op: &'static str,
    slope: T,
    (x, index): (T, u32),
    y: T,
    line: &'static Location<'static>,
) -> u32 {
    let entry = Entry::link(slope, index);
    tape.scalars.push(entry, op, y, [x, T::zero()], line).1
}

impl<T: Elem> Var<'_, T> {
    /// This handle after a function that is constant near its value, such as a gate that is closed: nothing flows
    /// back, whatever arrives.
    #[inline]
    #[track_caller]
    pub(crate) fn still(self, op: &'static str, y: T) -> Self {
        let Some(tape) = self.tape else {
            return Self::number(y);
        };
        let operand = (self.repr.value, self.repr.index);
        let index = still(tape, op, operand, y, Location::caller());
        self.folded(y, (T::one(), index))
    }

    /// The slope and the node of this handle after a function whose own slope, `lost`, came out as 0, subnormal or not
    /// finite.
    ///
    /// `far` gives that slope times a number. If such a product is representable, the slope has factors that are, which
    /// fold one by one. How far out of range a slope may be is determined by the smallest and largest cotangents.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn apart(
        self,
        op: &'static str,
        y: T,
        lost: T,
        far: impl Fn(T) -> Option<T>,
    ) -> (T, u32) {
        let least = T::min_positive_value();
        let finite = |x: T| x.is_within(Span::Finite);
        let far = |unit| far(unit).filter(|&first| finite(first) && first != T::zero());
        let [unit, back] = match finite(lost) && lost.abs() < T::one() {
            true => [least.recip(), least],
            false => [least, least.recip()],
        };
        // First case: the slope itself is normal, and only an intermediate result was not.
        let factors = if let Some(slope) = far(T::one()).filter(|x| x.is_normal()) {
            [slope, T::one(), T::one()]
        } else if let Some(first) = far(unit) {
            [first, back, T::one()]
        } else if let Some(first) = far(least * T::epsilon()) {
            [first, T::epsilon().recip(), back]
        } else {
            [lost, T::one(), T::one()]
        };
        let mut apart = self;
        for factor in factors {
            if !factor.same(T::one()) {
                apart = apart.fold(op, y, factor);
            }
        }
        (apart.repr.slope, apart.repr.index)
    }
}
