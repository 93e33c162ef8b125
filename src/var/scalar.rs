//! Scalar handles: a value, and its slope with respect to one scalar node.
//!
//! The handle means d(handle) = slope * d(node). A unary function, a constant operand and a binary operation of one
//! node with itself change value and slope and normally record nothing. (Where a slope would leave the range of the
//! type, nodes keep its factors apart, and a gate that is closed is a node where walks end; see `range`.) A binary
//! operation on two different nodes records a new one.

use std::marker::PhantomData;
use std::panic::Location;

use super::{Operand, Var, range};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{Constant, Elem, Span};
use crate::tape::{Entry, Id, NOBODY, Packed, Tape};
use crate::tensor::Tensor;

/// What a scalar handle holds.
///
/// In this order, because adjacent values and slopes would be loaded as one vector, and if they were stored
/// one by one, that load would wait until both have reached the cache.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Scalar<T> {
    pub(crate) value: T,
    pub(crate) index: u32,
    /// Whether the handle was folded, so that the node's cotangent is not the handle's.
    pub(crate) folded: bool,
    pub(crate) slope: T,
}

impl<'t, T: Elem> Var<'t, T> {
    /// A handle of a scalar node itself, not folded.
    #[inline]
    pub(crate) fn source(tape: &'t Tape<T>, index: u32, value: T) -> Self {
        Self {
            tape: Some(tape),
            repr: Scalar {
                value,
                slope: T::one(),
                index,
                folded: false,
            },
        }
    }

    /// A plain number as a handle: without a tape, so it records nothing.
    #[inline]
    pub fn number(value: T) -> Self {
        Self {
            tape: None,
            repr: Scalar {
                value,
                slope: T::zero(),
                index: NOBODY,
                folded: false,
            },
        }
    }

    /// The tape this handle lives on.
    ///
    /// # Panics
    /// If the handle is a plain number ([`Var::from`]), which lives on none.
    #[track_caller]
    pub fn tape(self) -> &'t Tape<T> {
        self.tape_for("tape")
    }

    #[track_caller]
    fn tape_for(self, op: &'static str) -> &'t Tape<T> {
        match self.tape {
            Some(tape) => tape,
            None => {
                let text = "a plain number lives on no tape; enter it with var() or constant()";
                panic!("{}", Error::argument(op, text))
            }
        }
    }

    /// A plain tensor as a constant on the tape of this handle.
    #[track_caller]
    pub(crate) fn beside(
        self,
        op: &'static str,
        tensor: impl Operand<'t, T>,
    ) -> Var<'t, Tensor<T>> {
        let tape = self.tape_for(op);
        let entered = tensor.enter(tape, op).or_panic();
        Var::of_node(tape, entered)
    }

    /// The handle of a leaf, whose value is stored in its entry, or of an element of a tensor node.
    pub(crate) fn of_index(tape: &'t Tape<T>, index: u32) -> Self {
        Self::source(tape, index, tape.value_of_source(index))
    }

    /// A function of this handle alone, given its value and derivative: folds and normally records nothing.
    ///
    /// This is how to add an elementary function of your own on scalars. Where the product of the handle's slope and
    /// the derivative would leave the range of the type, or come near its ends, one or two nodes keep the factors
    /// apart. A derivative that is infinite or NaN stays in a node, too, so that a cotangent of 0 stops there. A
    /// derivative of 0 is a factor like others, of which an infinite cotangent makes NaN; a function that is constant
    /// near this value says so by [`Unary::GATE`](crate::ops::Unary::GATE).
    #[inline(always)]
    #[track_caller]
    pub fn chain(self, value: T, derivative: T) -> Self {
        self.fold("chain", value, derivative)
    }

    /// The same for the op of this name.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn fold(self, op: &'static str, value: T, derivative: T) -> Self {
        let Scalar {
            index, slope: own, ..
        } = self.repr;
        let slope = own * derivative;
        if !slope.is_product_within(own, derivative, Span::Moderate) {
            let operand = (self.repr.value, index);
            let line = Location::caller();
            let apart = range::fold_apart(self.tape, op, operand, value, own, derivative, line);
            return self.folded(value, apart);
        }
        self.folded(value, (slope, index))
    }

    /// This handle after a function that leaves it with this value, slope and node.
    #[inline(always)]
    pub(crate) fn folded(self, value: T, (slope, index): (T, u32)) -> Self {
        Self {
            tape: self.tape,
            repr: Scalar {
                value,
                index,
                folded: true,
                slope,
            },
        }
    }

    /// A function of two handles, given its value and both partial derivatives.
    ///
    /// Handles of two different nodes make a new node, at which a cotangent of 0 stops. If one handle is a plain
    /// number, or both stem from one node, the result folds, with the exceptions of [`chain`](Self::chain).
    ///
    /// # Panics
    /// If the handles belong to different tapes.
    #[inline(always)]
    #[track_caller]
    pub fn chain2(self, other: Self, op: &'static str, value: T, partial: [T; 2]) -> Self {
        self.join(other, op, value, partial, [false; 2])
    }

    /// The same; `units` says which partial derivatives are always 1 or -1, so that a slope stays as far from the ends
    /// of the range as it was.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn join(
        self,
        other: Self,
        op: &'static str,
        value: T,
        partial: [T; 2],
        units: [bool; 2],
    ) -> Self {
        let tape = match (self.tape, other.tape) {
            (Some(tape), Some(t)) => {
                if !tape.is(t) {
                    other_tape(op);
                }
                tape
            }
            (None, None) => return Self::number(value),
            (tape, _) => {
                let (handle, k) = if tape.is_some() {
                    (self, 0)
                } else {
                    (other, 1)
                };
                let Scalar { slope, index, .. } = handle.repr;
                return match units[k] {
                    true => handle.folded(value, (slope * partial[k], index)),
                    false => handle.fold(op, value, partial[k]),
                };
            }
        };
        let (a, b) = (self.repr, other.repr);
        let slopes = [partial[0] * a.slope, partial[1] * b.slope];
        let (operands, line) = ([a.value, b.value], Location::caller());
        // Pairs travel in registers, arrays would not.
        let (one, two) = ((a.slope, a.index), (b.slope, b.index));
        let pairs = (partial.into(), operands.into());
        // Of numbers with tangents, every part has to be looked at.
        let near = |slope: T| T::PARTS == 1 && slope.is_within(Span::Moderate);
        let within = |k: usize, span| {
            let own = if k == 0 { a.slope } else { b.slope };
            slopes[k].is_product_within(own, partial[k], span)
        };
        if a.index == b.index {
            let slope = slopes[0] + slopes[1];
            if near(slope) || T::PARTS > 1 && within(0, Span::Moderate) && within(1, Span::Moderate)
            {
                return self.folded(value, (slope, a.index));
            }
            let apart = range::fold_both(tape, op, one, two, pairs.0, pairs.1, value, line);
            return self.folded(value, apart);
        }
        let all_near = (units[0] || near(slopes[0])) && (units[1] || near(slopes[1]));
        // A node may hold more than a handle.
        let held = |k: usize| units[k] || within(k, Span::Normal);
        if range::rarely(!all_near) && !(held(0) && held(1)) {
            let index = range::join_apart(tape, op, one, two, pairs.0, pairs.1, value, line);
            return Self::source(tape, index, value);
        }
        let entry = Entry {
            partial: slopes,
            operand: [a.index, b.index],
        };
        let (value, index) = tape.scalars.push(entry, op, value, operands, line);
        Self::source(tape, index, value)
    }

    /// A node of its own for a handle that was folded.
    #[track_caller]
    pub(crate) fn watched(self) -> Self {
        self.node("watch")
    }

    /// The same; `op` is recorded as the node's op.
    #[track_caller]
    pub(crate) fn node(self, op: &'static str) -> Self {
        match self.tape {
            Some(tape) if self.repr.folded => {
                let entry = Entry {
                    partial: [self.repr.slope, T::zero()],
                    operand: [self.repr.index, NOBODY],
                };
                let (value, line) = (self.repr.value, Location::caller());
                let operands = [value, T::zero()];
                let (value, index) = tape.scalars.push(entry, op, value, operands, line);
                Self::source(tape, index, value)
            }
            _ => self,
        }
    }

    /// The name of the handle's node.
    pub(crate) fn scalar_id(self, op: &'static str) -> Result<Id<T>, Error> {
        let Some(tape) = self.tape else {
            return Err(Error::new(ErrorKind::Constant { op }));
        };
        if self.repr.folded {
            return Err(Error::new(ErrorKind::Folded { op }));
        }
        let index = self.repr.index;
        if !tape.scalars.is_source(index) {
            let text = format!(
                "scalar node {index} was computed from scalars: it is not a leaf and cannot be run again; write that stretch with tensor operations"
            );
            return Err(Error::argument(op, text));
        }
        Ok(Id {
            stamp: tape.stamp,
            index,
            of: PhantomData,
        })
    }

    /// What a pack needs of this handle.
    #[inline]
    pub(crate) fn packed(self) -> Packed<'t, T> {
        let Scalar { index, slope, .. } = self.repr;
        Packed {
            index,
            slope,
            value: self.repr.value,
            folded: self.repr.folded,
            tape: self.tape,
        }
    }
}

impl<T: Elem, C: Elem + Constant<T>> From<C> for Var<'_, T> {
    /// A plain number: records nothing and gets no gradient.
    #[inline]
    fn from(value: C) -> Self {
        Self::number(value.embed())
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn other_tape(op: &'static str) -> ! {
    panic!("{}", Error::new(ErrorKind::OtherTape { op }))
}
