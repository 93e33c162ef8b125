//! Tensor handles (a tape and the index of a node on it), and how values enter a tape and come out.

use std::marker::PhantomData;
use std::panic::Location;

use smallvec::SmallVec;

use super::Var;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::rule::Rule;
use crate::tape::{Id, Kind, NOBODY, NodeId, Tape};
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
    /// once, entering them one by one takes a fifth of the time of a gradient.
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

    /// The handle of a node that was named by [`Var::id`].
    ///
    /// # Panics
    /// If the id was taken before the last reset, or on another tape.
    #[track_caller]
    pub fn handle<V: super::Value<Elem = T>>(&self, id: Id<V>) -> Var<'_, V> {
        self.check_id("handle", id).or_panic();
        V::handle(self, id.index)
    }

    /// Runs the recorded tensor operations again on new leaf values, in the same buffers.
    ///
    /// Takes `&mut self`, so no handle with an old value survives: name nodes with [`Var::id`] before
    /// and find them with [`handle`](Self::handle) afterwards. Constants keep their values, and so does
    /// what a closure made of a [`value`](Var::value), such as the mask of a `where_`.
    ///
    /// # Errors
    /// If scalar arithmetic was recorded between nodes (scalar nodes keep only slopes), if a value that
    /// depends on a leaf was detached (it would stay as it was), if an id is stale or does not name a
    /// leaf, if the shape of a value differs from that of its leaf, or if an operation refuses what the
    /// new values lead to, as recording it would: a singular matrix, or a
    /// [`fixed_point`](crate::transform::fixed_point) that is not reached. In each case the tape is as it was
    /// before. After a refusal by an operation, all of them are run again on the old values; one that then
    /// refuses those as well, because it does not compute the same each time, leaves NaN as its result and as
    /// that of every operation after it.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = (x * x).sum();
    /// let (x, y) = (x.id()?, y.id()?);
    /// tape.replay([(x, Tensor::from([3.0, 4.0]))])?;
    /// assert_eq!(tape.handle(y).value(), 25.0);
    /// assert_eq!(tape.handle(y).backward().wrt(tape.handle(x)), Tensor::from([6.0, 8.0]));
    /// # Ok::<(), wengert::Error>(())
    /// ```
    pub fn replay<V: super::Value<Elem = T>>(
        &mut self,
        leaves: impl IntoIterator<Item = (Id<V>, V)>,
    ) -> Result<(), Error> {
        self.check_replayable()?;
        self.check_attached()?;
        let leaves: Vec<(Id<V>, V)> = leaves.into_iter().collect();
        // All ids are checked before any value is set, so that an error leaves the tape as it was.
        for (id, value) in &leaves {
            self.check_id("replay", *id)?;
            V::check_leaf(self, id.index, value)?;
        }
        let mut set = |(id, value): (Id<V>, V)| (id, V::set(self, id.index, value));
        let before: Vec<(Id<V>, V)> = leaves.into_iter().map(&mut set).collect();
        let done = self.rerun();
        if done.is_err() {
            // Backwards, since a leaf that is named twice has its old value in the first place.
            for (id, value) in before.into_iter().rev() {
                V::set(self, id.index, value);
            }
            let _ = self.rerun();
        }
        done
    }

    fn check_id<V>(&self, op: &'static str, id: Id<V>) -> Result<(), Error> {
        if id.stamp == self.stamp {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::StaleId { op }))
        }
    }

    /// Refuses a new value for a node that is not a leaf or whose shape differs.
    pub(crate) fn check_leaf_tensor(
        &self,
        op: &'static str,
        id: NodeId,
        value: &Tensor<T>,
    ) -> Result<(), Error> {
        let node = self.node(id);
        if !matches!(node.kind, Kind::Leaf) {
            return Err(Error::argument(
                op,
                format!(
                    "the node recorded at {} is not a leaf; name leaves only",
                    node.line
                ),
            ));
        }
        if node.shape() != value.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op,
                what: "the value for a leaf",
                found: value.shape().clone(),
                expected: node.shape().clone(),
            }));
        }
        Ok(())
    }

    /// Refuses a new value for a scalar node that an operation computes.
    pub(crate) fn check_leaf_scalar(&self, op: &'static str, index: u32) -> Result<(), Error> {
        let nodes = self.nodes.borrow();
        let after = nodes.partition_point(|node| node.mark <= index);
        let covers = |node: &crate::tape::Node<T>| {
            node.spread && (index - node.mark) < node.shape().elements() as u32
        };
        match nodes[..after].iter().rev().find(|node| node.spread) {
            Some(node) if covers(node) => Err(Error::argument(
                op,
                format!(
                    "the node recorded at {} is not a leaf; name leaves only",
                    node.line
                ),
            )),
            _ => Ok(()),
        }
    }
}
