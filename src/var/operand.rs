//! `Operand`: what may stand beside a tensor handle in an expression.

use std::any::Any;

use super::sealed::Sealed;
use super::{Value, Var};
use crate::dual::Dual;
use crate::error::{Error, ErrorKind};
use crate::kernel::{Constant, Elem, Embeds};
use crate::tape::{NodeId, Tape};
use crate::tensor::{Shape, Tensor};

/// A second operand: a tensor handle, a scalar handle or a plain tensor (each by value or by reference), or a plain
/// number.
///
/// Scalars broadcast; plain values are constants and get no gradient. Beside a handle of dual
/// numbers, as in second derivatives, plain numbers are written as usual ([`Constant`]). Implemented
/// in this crate only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand beside a tensor handle whose elements are of type `{T}`",
    label = "not an operand",
    note = "operands are tensor handles, scalar handles, plain tensors, references to these, and plain numbers: elements of type `{T}` or, where those are dual numbers, the numbers they are made of (`2.0`, not `2`)"
)]
#[allow(private_interfaces)]
pub trait Operand<'t, T: Elem>: Sized + Sealed {
    /// Enters the operand into the tape as a tensor node; an error names `op`.
    #[doc(hidden)]
    #[track_caller]
    fn enter(self, tape: &'t Tape<T>, op: &'static str) -> Result<NodeId, Error>;
}

#[allow(private_interfaces)]
impl<'t, T: Elem> Operand<'t, T> for Var<'t, Tensor<T>> {
    fn enter(self, tape: &'t Tape<T>, op: &'static str) -> Result<NodeId, Error> {
        if self.tape().is(tape) {
            Ok(self.repr)
        } else {
            Err(Error::new(ErrorKind::OtherTape { op }))
        }
    }
}

#[allow(private_interfaces)]
impl<'t, T: Elem> Operand<'t, T> for Var<'t, T> {
    #[track_caller]
    fn enter(self, tape: &'t Tape<T>, op: &'static str) -> Result<NodeId, Error> {
        tape.pack(op, Shape::scalar(), std::iter::once(self.packed()))
    }
}

#[allow(private_interfaces)]
impl<'t, T: Elem, V: Value> Operand<'t, T> for &Var<'t, V>
where
    Var<'t, V>: Operand<'t, T>,
{
    #[track_caller]
    fn enter(self, tape: &'t Tape<T>, op: &'static str) -> Result<NodeId, Error> {
        (*self).enter(tape, op)
    }
}

#[allow(private_interfaces)]
impl<'t, T: Elem + Embeds<C>, C: Elem> Operand<'t, T> for Tensor<C> {
    #[track_caller]
    fn enter(self, tape: &'t Tape<T>, op: &'static str) -> Result<NodeId, Error> {
        (&self).enter(tape, op)
    }
}

#[allow(private_interfaces)]
impl<'t, T: Elem + Embeds<C>, C: Elem> Operand<'t, T> for &Tensor<C> {
    #[track_caller]
    fn enter(self, tape: &'t Tape<T>, _: &'static str) -> Result<NodeId, Error> {
        // A tensor of T itself is shared, not copied.
        let same = (self as &dyn Any).downcast_ref::<Tensor<T>>();
        let value = same.cloned().unwrap_or_else(|| self.map(T::embed));
        Ok(tape.fixed(value))
    }
}

#[diagnostic::do_not_recommend]
#[allow(private_interfaces)]
impl<'t, T: Elem, C: Elem + Constant<T>> Operand<'t, T> for C {
    #[track_caller]
    fn enter(self, tape: &'t Tape<T>, _: &'static str) -> Result<NodeId, Error> {
        Ok(tape.fixed(Tensor::scalar(self.embed())))
    }
}

impl<T: Elem> From<Tensor<T>> for Tensor<Dual<T>> {
    /// The same numbers as dual constants, with tangents of 0.
    fn from(x: Tensor<T>) -> Self {
        Self::from(&x)
    }
}

impl<T: Elem> From<&Tensor<T>> for Tensor<Dual<T>> {
    /// The same numbers as dual constants, with tangents of 0.
    fn from(x: &Tensor<T>) -> Self {
        x.map(Dual::constant)
    }
}
