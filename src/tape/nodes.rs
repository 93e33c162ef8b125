//! `Nodes`: read access to the recorded tensor nodes, for tools that inspect a tape.
//!
//! The ledger, the search for a NaN and the lint are written with it, and tools of yours can be.

use std::cell::Ref;
use std::ops::Range;
use std::panic::Location;

use super::Tape;
use super::node::{Kind, Node, NodeId};
use super::rule::{Keeps, Rule};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

impl<T: Elem> Tape<T> {
    /// The tensor nodes, for reading, in the order they were recorded.
    ///
    /// # Panics
    /// Never itself, but recording or watching tensor nodes panics as long as the returned value is alive.
    /// Scalar nodes are not among what it reads and may be recorded.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = (x * 2.0).exp();
    /// let ops: Vec<_> = tape.nodes().iter().map(|node| node.op()).collect();
    /// assert_eq!(ops, ["leaf", "constant", "mul", "exp"]);
    /// # let _ = y;
    /// ```
    pub fn nodes(&self) -> Nodes<'_, T> {
        Nodes {
            tape: self,
            nodes: self.nodes.borrow(),
        }
    }
}

/// The tensor nodes of a tape; see [`Tape::nodes`].
#[derive(Debug)]
pub struct Nodes<'t, T: Elem> {
    tape: &'t Tape<T>,
    nodes: Ref<'t, Vec<Node<T>>>,
}

impl<T: Elem> Nodes<'_, T> {
    /// How many there are, leaves and constants included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = NodeView<'_, T>> + ExactSizeIterator {
        (0..self.len()).map(|index| self.view(index))
    }

    /// The node at a position; `None` if there is none.
    pub fn get(&self, index: usize) -> Option<NodeView<'_, T>> {
        (index < self.len()).then(|| self.view(index))
    }

    /// The node at a position that is known to have one.
    pub(crate) fn view(&self, index: usize) -> NodeView<'_, T> {
        NodeView {
            tape: self.tape,
            nodes: &self.nodes,
            index,
        }
    }
}

/// Where the value of a node comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// An input whose gradient is wanted.
    Leaf,
    /// A value that no gradient flows into.
    Constant,
    /// Scalar handles gathered into a tensor.
    Pack,
    /// A recorded operation.
    Op,
}

/// Read access to one tensor node.
#[derive(Debug)]
pub struct NodeView<'a, T: Elem> {
    tape: &'a Tape<T>,
    nodes: &'a [Node<T>],
    index: usize,
}

impl<T: Elem> Clone for NodeView<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Elem> Copy for NodeView<'_, T> {}

impl<'a, T: Elem> NodeView<'a, T> {
    pub(crate) fn node(self) -> &'a Node<T> {
        &self.nodes[self.index]
    }

    /// Its position on the tape.
    pub fn index(self) -> usize {
        self.index
    }

    /// Where its value comes from.
    pub fn kind(self) -> NodeKind {
        match self.node().kind {
            Kind::Leaf => NodeKind::Leaf,
            Kind::Constant => NodeKind::Constant,
            Kind::Pack(_) => NodeKind::Pack,
            Kind::Op { .. } => NodeKind::Op,
        }
    }

    /// The op's name; "leaf", "constant" or "pack" if the node is not an operation.
    pub fn op(self) -> &'static str {
        match &self.node().kind {
            Kind::Leaf => "leaf",
            Kind::Constant => "constant",
            Kind::Pack(_) => "pack",
            Kind::Op { rule, .. } => rule.name(),
        }
    }

    /// The rule of an operation; `None` for other nodes.
    pub fn rule(self) -> Option<&'a dyn Rule<T>> {
        match &self.node().kind {
            Kind::Op { rule, .. } => Some(&**rule),
            _ => None,
        }
    }

    /// The operands of an operation; other nodes have none.
    pub fn inputs(self) -> impl ExactSizeIterator<Item = NodeView<'a, T>> {
        self.node().inputs().iter().map(move |id| NodeView {
            index: id.index(),
            ..self
        })
    }

    /// Its value; one that was put off is computed now, and kept.
    pub fn value(self) -> &'a Tensor<T> {
        self.tape.evaluate(self.nodes, NodeId(self.index as u32))
    }

    /// The shape of its value.
    pub fn shape(self) -> &'a Shape {
        self.node().shape()
    }

    /// What the pullback reads; `None` if the node is not an operation.
    pub fn keeps(self) -> Option<Keeps> {
        self.rule().map(Rule::keeps)
    }

    /// Why it reads that; `None` if the node is not an operation.
    pub fn why(self) -> Option<&'static str> {
        self.rule().map(Rule::why)
    }

    /// The bytes of its value, as if no other node shared the buffer; 0 while the value is put off.
    pub fn value_bytes(self) -> usize {
        let known = self.node().known();
        known.map_or(0, |value| size_of_val(value.data()))
    }

    /// The bytes that are kept beyond operands and output.
    pub fn residual_bytes(self) -> usize {
        let kept = self.node().residual.get();
        kept.map_or(0, |kept| kept.bytes()) + self.tape.foresight.bytes(self.index)
    }

    /// The line that recorded it.
    pub fn line(self) -> &'static Location<'static> {
        self.node().line
    }

    /// The scalar nodes that its elements are, if they can be read as scalars; numbered from 0, as
    /// counted by [`Tape::scalar_nodes`].
    pub fn scalars(self) -> Option<Range<usize>> {
        let (node, elements) = (self.node(), self.node().elements());
        node.spread
            .then(|| elements.start as usize - 1..elements.end as usize - 1)
    }
}
