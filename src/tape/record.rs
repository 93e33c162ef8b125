//! Recording: how leaves, constants, packs of scalars and operations enter the tape.

use std::cell::OnceCell;
use std::panic::Location;

use smallvec::SmallVec;

use super::node::{Kind, Member, Node, NodeId, Packed, operands};
use super::rule::{Residual, Rule, Slot};
use super::run::Place;
use super::{NOBODY, Tape};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

impl<T: Elem> Tape<T> {
    /// Enters an input whose gradient is wanted.
    #[track_caller]
    pub(crate) fn leaf(&self, value: Tensor<T>) -> NodeId {
        self.push(Kind::Leaf, value, None, false)
    }

    /// Enters a value that no gradient flows into.
    #[track_caller]
    pub(crate) fn fixed(&self, value: Tensor<T>) -> NodeId {
        self.push(Kind::Constant, value, None, false)
    }

    /// Gathers scalars into a tensor for `op`; a constant if none of them is on a tape.
    ///
    /// # Errors
    /// If one of them lives on another tape.
    #[track_caller]
    pub(crate) fn pack<'a>(
        &self,
        op: &'static str,
        shape: Shape,
        scalars: impl Iterator<Item = Packed<'a, T>> + Clone,
    ) -> Result<NodeId, Error> {
        let mut value = self.pool.take(shape);
        let mut members = self.members.borrow_mut();
        let start = members.len();
        let elements = value
            .unique_mut()
            .expect("a buffer from the pool has one owner");
        let (mut own, mut folded) = (!elements.is_empty(), false);
        let empty = Member {
            index: NOBODY,
            slope: T::zero(),
        };
        members.resize(start + elements.len(), empty);
        // One pass, since handles are many bytes, and little asked in it. A plain loop: as a closure of `extend` it
        // would keep what it finds out in memory.
        let places = elements.iter_mut().zip(&mut members[start..]);
        for (scalar, (element, member)) in scalars.clone().zip(places) {
            (*element, *member) = (scalar.value, scalar.member);
            own &= scalar.tape.is_some_and(|tape| self.is(tape));
            folded |= scalar.folded;
        }
        if !own {
            let mut taped = scalars.filter(|scalar| scalar.tape.is_some());
            let foreign = |scalar: Packed<T>| scalar.tape.is_some_and(|tape| !self.is(tape));
            if taped.clone().any(foreign) {
                members.truncate(start);
                self.pool.put(value);
                return Err(Error::new(ErrorKind::OtherTape { op }));
            }
            if taped.clone().next().is_none() {
                members.truncate(start);
                drop(members);
                return Ok(self.fixed(value));
            }
            folded = taped.any(|scalar| scalar.folded);
        }
        drop(members);
        let start = start as u32;
        Ok(self.push(Kind::Pack { start, folded }, value, None, false))
    }

    /// Runs a rule and records it; what depends on constants alone is kept as a constant.
    ///
    /// # Errors
    /// Those of [`Rule::shape`], and if the rule gives an output of another shape.
    #[track_caller]
    pub(crate) fn record(&self, rule: impl Rule<T>, inputs: &[NodeId]) -> Result<NodeId, Error> {
        self.run(Box::new(rule), inputs, false)
    }

    /// Runs a rule, records it, and makes a scalar node of every element of its output.
    ///
    /// The first index is [`NOBODY`] if the output is constant.
    ///
    /// # Errors
    /// Those of [`Rule::shape`], and if the rule gives an output of another shape.
    #[track_caller]
    pub(crate) fn record_spread(
        &self,
        rule: impl Rule<T>,
        inputs: &[NodeId],
    ) -> Result<(Tensor<T>, u32), Error> {
        let id = self.run(Box::new(rule), inputs, true)?;
        let node = self.node(id);
        let first = if node.active() { node.mark } else { NOBODY };
        Ok((node.value().clone(), first))
    }

    #[track_caller]
    fn run(
        &self,
        rule: Box<dyn Rule<T>>,
        inputs: &[NodeId],
        spread: bool,
    ) -> Result<NodeId, Error> {
        let nodes = self.nodes.borrow();
        let shape = operands(&nodes, inputs, Node::shape, |x| rule.shape(x))?;
        let active = inputs.iter().any(|id| nodes[id.index()].active());
        let joins = || self.join(&nodes, &*rule, inputs, &shape);
        if let Some(place) = (active && !spread).then(joins).flatten() {
            drop(nodes);
            let inputs = SmallVec::from_slice(inputs);
            let (content, residual) = Default::default();
            return Ok(self.append(
                Kind::Op { rule, inputs },
                content,
                residual,
                Some(place),
                false,
            ));
        }
        if active {
            self.tail.set(None);
        }
        let mut residual = Residual::default();
        let value = if let Some(total) = self.total(&nodes, &*rule, inputs, &shape) {
            total
        } else {
            for id in inputs {
                self.evaluate(&nodes, *id);
            }
            let mut y = Slot::new(&self.pool, &shape, true);
            operands(&nodes, inputs, Node::value, |x| {
                rule.forward(x, &mut y, &mut residual)
            });
            let line = Some(Location::caller());
            y.dense()
                .map_err(|fault| fault.error(rule.name(), "the output", line))?
        };
        drop(nodes);
        if !active {
            return Ok(self.fixed(value));
        }
        let residual = (!residual.is_empty()).then(|| Box::new(residual));
        let inputs = SmallVec::from_slice(inputs);
        Ok(self.push(Kind::Op { rule, inputs }, value, residual, spread))
    }

    #[track_caller]
    fn push(
        &self,
        kind: Kind<T>,
        value: Tensor<T>,
        residual: Option<Box<Residual<T>>>,
        spread: bool,
    ) -> NodeId {
        let residual = residual.map_or_else(OnceCell::new, OnceCell::from);
        self.append(kind, OnceCell::from(value), residual, None, spread)
    }

    #[track_caller]
    fn append(
        &self,
        kind: Kind<T>,
        content: OnceCell<Tensor<T>>,
        residual: OnceCell<Box<Residual<T>>>,
        place: Option<Box<Place>>,
        spread: bool,
    ) -> NodeId {
        let (mark, line) = (self.scalars.len(), Location::caller());
        if let (true, Some(value)) = (spread, content.get()) {
            self.scalars.push_sources("element", value.data(), line);
        }
        let mut nodes = self.nodes.borrow_mut();
        let id =
            u32::try_from(nodes.len()).expect("a tape holds at most 2^32 tensor nodes; reset it");
        nodes.push(Node {
            kept: matches!(kind, Kind::Leaf),
            kind,
            content,
            residual,
            place,
            mark,
            spread,
            line,
        });
        NodeId(id)
    }
}
