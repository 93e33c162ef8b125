//! Recording: how leaves, constants, packs of scalars and operations enter the tape.

use std::cell::OnceCell;
use std::panic::Location;

use super::node::{Kind, Member, Node, NodeId, Packed, operands};
use super::rule::{Residual, Rule, Slot};
use super::{NOBODY, Tape};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

impl<T: Elem> Tape<T> {
    /// Enters an input whose gradient is wanted.
    #[track_caller]
    pub(crate) fn leaf(&self, value: Tensor<T>) -> NodeId {
        let (mark, line) = (self.scalars.len(), Location::caller());
        self.append(Node::new(Kind::Leaf, value, mark, line))
    }

    /// Enters a value that no gradient flows into.
    #[track_caller]
    pub(crate) fn fixed(&self, value: Tensor<T>) -> NodeId {
        let (mark, line) = (self.scalars.len(), Location::caller());
        self.append(Node::new(Kind::Constant, value, mark, line))
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
        let mut value = self.pool.take(&shape);
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
        let (mark, line) = (self.scalars.len(), Location::caller());
        Ok(self.append(Node::new(Kind::Pack { start, folded }, value, mark, line)))
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
        // What is small and has its operands is computed at once, as most of a recording is: no question but this.
        let (mut active, mut at_once) = (false, self.is_small(shape.len()));
        for id in inputs {
            let node = &nodes[id.index()];
            active |= node.active();
            at_once &= node.known().is_some_and(|x| self.is_small(x.len()));
        }
        if !at_once
            && active
            && !spread
            && let Some(place) = self.join(&nodes, &*rule, inputs, shape)
        {
            drop(nodes);
            let (mark, line) = (self.scalars.len(), Location::caller());
            let inputs = inputs.into();
            return Ok(self.append(Node {
                kind: Kind::Op { rule, inputs },
                content: OnceCell::new(),
                residual: OnceCell::new(),
                place: Some(place),
                mark,
                spread: false,
                kept: false,
                line,
            }));
        }
        if active {
            self.tail.set(None);
        }
        let (mut residual, mut total) = (Residual::default(), None);
        if !active {
            residual = Residual::unread();
        }
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
            // Scalars that were gathered are promised to cost few bytes.
            let pack = |id: &NodeId| matches!(nodes[id.index()].kind, Kind::Pack { .. });
            let loss = active && shape.len() == 1 && !inputs.iter().any(pack);
            operands(&nodes, inputs, Node::value, |x| {
                if loss && x.iter().any(|x| x.len() > 1) {
                    rule.forward_to_pull(x, &mut y, &mut residual);
                } else {
                    rule.forward(x, &mut y, &mut residual);
                }
            });
            let line = Some(Location::caller());
            let value = y
                .dense()
                .map_err(|fault| fault.error(rule.name(), "the output", line))?;
            // Nothing is left in it; to be dropped takes a call.
            std::mem::forget(y);
            value
        };
        drop(nodes);
        if !active {
            return Ok(self.fixed(value));
        }
        let (mark, line) = (self.scalars.len(), Location::caller());
        if spread {
            self.scalars.push_sources("element", value.data(), line);
        }
        let mut nodes = self.nodes.borrow_mut();
        let id = room(&mut nodes);
        let inputs = inputs.into();
        let residual = match residual.is_empty() {
            true => OnceCell::new(),
            false => Box::new(residual).into(),
        };
        // Seen by the compiler, which so stores the node where it stays. One that would have to be dropped for want of room is
        // put together elsewhere and moved sixteen bytes at a time, each of which waits for what was just written.
        assert!(nodes.len() < nodes.capacity(), "room was made above");
        nodes.push(Node {
            kind: Kind::Op { rule, inputs },
            content: value.into(),
            residual,
            place: None,
            mark,
            spread,
            kept: false,
            line,
        });
        Ok(id)
    }

    fn append(&self, node: Node<T>) -> NodeId {
        let mut nodes = self.nodes.borrow_mut();
        let id = room(&mut nodes);
        nodes.push(node);
        id
    }
}

/// The id of the next node, for which there is room then.
#[inline]
fn room<T>(nodes: &mut Vec<Node<T>>) -> NodeId {
    let id = u32::try_from(nodes.len()).expect("a tape holds at most 2^32 tensor nodes; reset it");
    nodes.reserve(1);
    NodeId(id)
}
