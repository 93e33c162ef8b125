//! Scalar handles: a value, and its slope with respect to one scalar node.
//!
//! The handle means d(handle) = slope * d(node). A unary function, a constant operand and a binary
//! operation of one node with itself change value and slope and normally record nothing (where the slope of
//! the operation leaves the range of the type, one to three nodes keep its factors apart); a binary operation on two
//! different nodes records a new one.

use std::marker::PhantomData;
use std::panic::Location;

use super::{Operand, Var};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{Constant, Elem};
use crate::tape::{Entry, Id, Member, NOBODY, Packed, Tape};
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

    /// The handle of a node without operands, whose value is stored in its entry.
    pub(crate) fn of_entry(tape: &'t Tape<T>, index: u32) -> Self {
        let value = tape.scalars.entries()[index as usize].partial[1];
        Self::source(tape, index, value)
    }

    /// A function of this handle alone, given its value and derivative: folds and records nothing.
    ///
    /// This is how to add an elementary function of your own on scalars, as long as its derivative is finite. The
    /// derivative is multiplied into the handle's slope whatever it is, and one that is infinite or NaN makes the
    /// gradient NaN where it meets a factor of 0, such as a later multiplication by 0. [`unary`](Self::unary) keeps
    /// such a derivative in a node, at which a cotangent of 0 stops.
    #[inline(always)]
    pub fn chain(self, value: T, derivative: T) -> Self {
        let Scalar { slope, index, .. } = self.repr;
        Self {
            tape: self.tape,
            repr: Scalar {
                value,
                slope: slope * derivative,
                index,
                folded: true,
            },
        }
    }

    /// A function of two handles, given its value and both partial derivatives.
    ///
    /// Handles of two different nodes make a new node, at which a cotangent of 0 stops. If one handle is a plain number,
    /// or both stem from one node, the result folds, and an infinite or NaN derivative does the same harm as in
    /// [`chain`](Self::chain). So it does in [`binary`](Self::binary), except that an op may keep the factors of a
    /// derivative that has left the range apart ([`far`](crate::ops::Binary::far)).
    ///
    /// # Panics
    /// If the handles belong to different tapes.
    #[inline(always)]
    #[track_caller]
    pub fn chain2(self, other: Self, op: &'static str, value: T, partial: [T; 2]) -> Self {
        match (self.tape, other.tape) {
            (Some(tape), Some(t)) => {
                if !tape.is(t) {
                    other_tape(op);
                }
                let (a, b) = (self.repr, other.repr);
                let slopes = [partial[0] * a.slope, partial[1] * b.slope];
                if a.index == b.index {
                    Self {
                        tape: self.tape,
                        repr: Scalar {
                            value,
                            slope: slopes[0] + slopes[1],
                            index: a.index,
                            folded: true,
                        },
                    }
                } else {
                    let entry = Entry {
                        partial: slopes,
                        operand: [a.index, b.index],
                    };
                    let (operands, line) = ([a.value, b.value], Location::caller());
                    let (value, index) = tape.scalars.push(entry, op, value, operands, line);
                    Self::source(tape, index, value)
                }
            }
            (Some(_), None) => self.chain(value, partial[0]),
            (None, Some(_)) => other.chain(value, partial[1]),
            (None, None) => Self::number(value),
        }
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

    /// The slope and the node of this handle after a function whose own slope, `lost`, came out as 0, subnormal or not
    /// finite.
    ///
    /// `far` gives that slope times a number. If such a product is representable, nodes keep the factors of the slope
    /// apart, since a cotangent may come between them. How far out of range a slope may be is determined by the
    /// smallest and largest cotangents.
    ///
    /// Both results travel in registers: a handle would be built in memory on the common path too.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn apart(self, op: &'static str, lost: T, far: impl Fn(T) -> Option<T>) -> (T, u32) {
        let (least, value) = (T::min_positive_value(), self.repr.value);
        let far = |unit| far(unit).filter(|first| first.is_finite() && *first != T::zero());
        let [unit, back] = match lost.abs() < T::one() {
            true => [least.recip(), least],
            false => [least, least.recip()],
        };
        // First case: the slope itself is normal, and only an intermediate result was not.
        let Scalar { slope, index, .. } =
            if let Some(slope) = far(T::one()).filter(|x| x.is_normal()) {
                self.chain(value, slope).repr
            } else if let Some(first) = far(unit) {
                self.chain(value, first).node(op).chain(value, back).repr
            } else if let Some(first) = far(least * T::epsilon()) {
                let near = self.chain(value, first).node(op);
                let near = near.chain(value, T::epsilon().recip()).node(op);
                near.chain(value, back).repr
            } else {
                self.chain(value, lost).repr
            };
        (slope, index)
    }

    /// This handle, with its slope now with respect to another node.
    #[inline(always)]
    pub(crate) fn through(mut self, (slope, index): (T, u32)) -> Self {
        (self.repr.slope, self.repr.index, self.repr.folded) = (slope, index, true);
        self
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
        if !tape.scalars.entries()[index as usize].is_source() {
            let text = format!(
                "scalar node {index} combines two scalars: it is not a leaf and cannot be run again; write that stretch with tensor operations"
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
            member: Member { index, slope },
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
