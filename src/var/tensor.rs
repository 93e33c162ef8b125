//! Tensor handles (a tape and the index of a node on it), and how values enter a tape and come out.

use std::marker::PhantomData;
use std::panic::Location;

use smallvec::SmallVec;

use super::Var;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::rule::Rule;
use crate::tape::{Id, NOBODY, NodeId, Tape};
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Operand;

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    pub(crate) fn of_node(tape: &'t Tape<T>, id: NodeId) -> Self {
        Self {
            tape: Some(tape),
            repr: id,
        }
    }

    /// The tape this handle lives on.
    pub fn tape(self) -> &'t Tape<T> {
        self.tape.expect("a tensor handle is made by a tape")
    }

    /// Calls `f` with the value, without sharing its buffer.
    pub(crate) fn with_value<R>(self, f: impl FnOnce(&Tensor<T>) -> R) -> R {
        f(&self.tape().value_of(self.repr))
    }

    /// The sizes of the axes.
    pub fn shape(self) -> Shape {
        self.tape().node(self.repr).shape().clone()
    }

    /// How many axes there are.
    pub fn rank(self) -> usize {
        self.tape().node(self.repr).shape().rank()
    }

    /// The position of `axis`; a negative one counts from the end.
    ///
    /// # Errors
    /// If it is not an axis of this tensor; the text names `op`.
    pub(crate) fn axis(self, op: &'static str, axis: impl Axis) -> Result<usize, Error> {
        self.tape().node(self.repr).shape().axis(op, axis)
    }

    pub(crate) fn tensor_id(self) -> Id<Tensor<T>> {
        Id {
            stamp: self.tape().stamp,
            index: self.repr.0,
            of: PhantomData,
        }
    }

    /// Records a rule with this handle as its only operand.
    ///
    /// # Errors
    /// If the rule does not take an operand of this shape.
    #[track_caller]
    pub(crate) fn record(self, rule: impl Rule<T>) -> Result<Self, Error> {
        Ok(Self::of_node(
            self.tape(),
            self.tape().record(rule, &[self.repr])?,
        ))
    }

    /// Records a rule with this handle and a second operand.
    ///
    /// # Errors
    /// If the rule does not take operands of these shapes, or the other operand lives on another tape.
    #[track_caller]
    pub(crate) fn record2(
        self,
        rule: impl Rule<T>,
        other: impl Operand<'t, T>,
    ) -> Result<Self, Error> {
        let tape = self.tape();
        let other = other.enter(tape, rule.name())?;
        Ok(Self::of_node(tape, tape.record(rule, &[self.repr, other])?))
    }

    /// Records a rule with another operand first and this handle second.
    ///
    /// # Errors
    /// If the rule does not take operands of these shapes, or the other operand lives on another tape.
    #[track_caller]
    pub(crate) fn record2_left(
        self,
        rule: impl Rule<T>,
        other: impl Operand<'t, T>,
    ) -> Result<Self, Error> {
        let tape = self.tape();
        let other = other.enter(tape, rule.name())?;
        Ok(Self::of_node(tape, tape.record(rule, &[other, self.repr])?))
    }

    /// Records a rule whose output is one number, and reads it as a scalar.
    ///
    /// # Errors
    /// If the rule does not take an operand of this shape.
    #[track_caller]
    pub(crate) fn record_scalar(self, rule: impl Rule<T>) -> Result<Var<'t, T>, Error> {
        Var::spread_one(self.tape(), rule, &[self.repr])
    }
}

impl<'t, T: Elem> Var<'t, T> {
    /// Records a rule whose output is one number, and reads it as a scalar.
    #[track_caller]
    pub(crate) fn spread_one(
        tape: &'t Tape<T>,
        rule: impl Rule<T>,
        inputs: &[NodeId],
    ) -> Result<Self, Error> {
        let (value, first) = tape.record_spread(rule, inputs)?;
        Ok(Self::spread(tape, value.item(), first, 0))
    }

    /// Records a rule on scalars as one wide node; each element of its output becomes a scalar.
    #[track_caller]
    pub(crate) fn wide(scalars: &[Self], rule: impl Rule<T>) -> Result<Vec<Self>, Error> {
        let Some(tape) = scalars.iter().find_map(|s| s.tape) else {
            // Plain numbers: computed on a temporary tape.
            let tape = Tape::default();
            let pack = tape.fixed(scalars.iter().map(|s| s.repr.value).collect());
            let (value, _) = tape.record_spread(rule, &[pack])?;
            return Ok(value.iter().map(|&v| Self::number(v)).collect());
        };
        let packed = scalars.iter().map(|s| s.packed());
        let pack = tape.pack(rule.name(), [scalars.len()].into(), packed)?;
        Self::spread_all(tape, rule, &[pack])
    }

    /// Records a rule and reads every element of its output as a scalar.
    #[track_caller]
    pub(crate) fn spread_all(
        tape: &'t Tape<T>,
        rule: impl Rule<T>,
        inputs: &[NodeId],
    ) -> Result<Vec<Self>, Error> {
        let (value, first) = tape.record_spread(rule, inputs)?;
        let elements = value.iter().enumerate();
        Ok(elements
            .map(|(k, &v)| Self::spread(tape, v, first, k))
            .collect())
    }

    /// This scalar as a tensor without axes.
    ///
    /// # Panics
    /// If this is a plain number that was never on a tape.
    #[track_caller]
    pub fn tensor(self) -> Var<'t, Tensor<T>> {
        self.try_tensor().or_panic()
    }

    /// [`tensor`](Self::tensor), with a plain number as an [`Error`].
    ///
    /// # Errors
    /// If this is a plain number that was never on a tape.
    #[track_caller]
    pub fn try_tensor(self) -> Result<Var<'t, Tensor<T>>, Error> {
        let tape = self.tape.ok_or_else(|| {
            Error::argument("tensor", "a plain number has no tape; use tape.constant")
        })?;
        Ok(Var::of_node(tape, self.enter(tape, "tensor")?))
    }

    fn spread(tape: &'t Tape<T>, value: T, first: u32, k: usize) -> Self {
        match first {
            NOBODY => Self::number(value),
            first => Self::source(tape, first + k as u32, value),
        }
    }
}

impl<T: Elem> Tape<T> {
    /// Enters an input, a number or a tensor, whose gradient is wanted.
    ///
    /// To keep a tensor, enter a clone, which shares the buffer: `tape.var(w.clone())`.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let w = tape.var(Tensor::from([1.0, 2.0]));
    /// let b = tape.var(0.5);
    /// let grads = (w * b).sum().backward();
    /// assert_eq!(grads.wrt(w), Tensor::from([0.5, 0.5]));
    /// assert_eq!(grads.wrt(b), 3.0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn var<V: super::Value<Elem = T>>(&self, value: V) -> Var<'_, V> {
        V::leaf(self, value)
    }

    /// Enters several numbers whose gradients are wanted, one scalar handle for each.
    ///
    /// The same as [`var`](Self::var) for each of them, but faster: for an expression that uses each of many inputs
    /// once, entering them one by one takes a fifth of the time of a gradient. Of 32 or more, if nothing but others like
    /// these was entered or computed before, the tape keeps only the values (8 bytes instead of 24).
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.vars(&[2.0, 3.0]);
    /// assert_eq!((x[0] * x[1]).backward().wrt(x[0]), 3.0);
    /// ```
    #[track_caller]
    pub fn vars(&self, values: &[T]) -> Vec<Var<'_, T>> {
        let line = Location::caller();
        let indices = self.scalars.push_sources("leaf", values, line)..;
        let handles = indices.zip(values);
        handles
            .map(|(index, &value)| Var::source(self, index, value))
            .collect()
    }

    /// Enters a tensor that no gradient flows into.
    ///
    /// Needed only to start an expression; as an operand, a plain tensor will do. The buffer of a tensor given by
    /// reference is shared, not copied. A number becomes a tensor without axes; a scalar handle that is a constant
    /// is made by [`Var::number`].
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (x, data) = (tape.var(2.0), Tensor::from([1.0, 3.0]));
    /// assert_eq!((tape.constant(&data) * x).sum().backward().wrt(x), 4.0);
    /// assert_eq!(tape.constant(2.0).rank(), 0);
    /// ```
    #[track_caller]
    pub fn constant(&self, value: impl Into<Tensor<T>>) -> Var<'_, Tensor<T>> {
        Var::of_node(self, self.fixed(value.into()))
    }

    /// Runs a rule on tensor handles of this tape, an array or a list of any length, and records it.
    ///
    /// # Panics
    /// If the rule does not take operands of these shapes, or an operand lives on another tape.
    #[track_caller]
    pub fn apply<'t>(
        &'t self,
        rule: impl Rule<T>,
        operands: impl AsRef<[Var<'t, Tensor<T>>]>,
    ) -> Var<'t, Tensor<T>> {
        self.try_apply(rule, operands).or_panic()
    }

    /// [`apply`](Self::apply), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the rule does not take operands of these shapes, or an operand lives on another tape.
    #[track_caller]
    pub fn try_apply<'t>(
        &'t self,
        rule: impl Rule<T>,
        operands: impl AsRef<[Var<'t, Tensor<T>>]>,
    ) -> Result<Var<'t, Tensor<T>>, Error> {
        let operands = operands.as_ref();
        if operands.iter().any(|x| !x.tape().is(self)) {
            return Err(Error::new(ErrorKind::OtherTape { op: rule.name() }));
        }
        let inputs: SmallVec<[_; 4]> = operands.iter().map(|x| x.repr).collect();
        Ok(Var::of_node(self, self.record(rule, &inputs)?))
    }
}
