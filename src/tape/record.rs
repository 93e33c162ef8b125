//! Recording: how leaves, constants, packs of scalars and operations enter the tape.

use std::cell::OnceCell;
use std::panic::Location;

use super::node::{Kind, Member, Node, NodeId, operands};
use super::rule::{Residual, Rule, Slot};
use super::run::Place;
use super::{Entry, NOBODY, Tape};
use crate::error::Error;
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

    /// Gathers scalars into a tensor, given their values and whether they were folded; a constant if
    /// none of them is on the tape.
    #[track_caller]
    pub(crate) fn pack(
        &self,
        shape: Shape,
        scalars: impl Iterator<Item = (Member<T>, T, bool)>,
    ) -> NodeId {
        let mut value = self.pool.take(&shape);
        let mut members = self.members.borrow_mut();
        let start = members.len();
        let elements = value
            .unique_mut()
            .expect("a buffer from the pool has one owner");
        let (mut constant, mut folded) = (true, false);
        let gathered = scalars
            .zip(elements)
            .map(|((member, value, fold), element)| {
                *element = value;
                constant &= member.index == NOBODY;
                folded |= fold && member.index != NOBODY;
                member
            });
        members.extend(gathered);
        if constant {
            members.truncate(start);
            drop(members);
            return self.fixed(value);
        }
        drop(members);
        self.push(
            Kind::Pack {
                start: start as u32,
                folded,
            },
            value,
            None,
            false,
        )
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
        // It stays where the rule has put it: a move would wait for what was just written.
        let found = operands(&nodes, inputs, Node::shape, |x| rule.shape(x));
        let shape = match found {
            Ok(ref shape) => shape,
            Err(error) => return Err(error),
        };
        let operands_of = || inputs.iter().map(|id| &nodes[id.index()]);
        let active = operands_of().any(Node::active);
        // What is small and has its operands is computed at once, as most of a recording is: no question but this.
        let small = |node: &Node<T>| node.known().is_some_and(|x| self.is_small(x.len()));
        let at_once = self.is_small(shape.len()) && operands_of().all(small);
        if !at_once
            && active
            && !spread
            && let Some(place) = self.join(&nodes, &*rule, inputs, shape)
        {
            drop(nodes);
            let inputs = inputs.into();
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
        let (mut residual, mut total) = (Residual::default(), None);
        if !at_once {
            total = self.total(&nodes, &*rule, inputs, shape);
            if total.is_none() {
                for id in inputs {
                    self.evaluate(&nodes, *id);
                }
            }
        }
        let value = if let Some(total) = total {
            total
        } else {
            let mut y = Slot::new(&self.pool, shape, true);
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
        let inputs = inputs.into();
        Ok(self.push(Kind::Op { rule, inputs }, value, residual, spread))
    }

    #[inline(always)]
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

    /// Always inlined, so that a node is written where it stays.
    #[inline(always)]
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
            for &element in value.iter() {
                let entry = Entry::source(element);
                self.scalars
                    .push(entry, "element", element, [T::zero(); 2], line);
            }
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
