//! `Twin`: what an op would have recorded if it had been composed of other ops.

use super::Tape;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// The same function composed of other ops, recorded on a tape of its own, for the ledger to count.
///
/// Made by [`Twin::record`] in [`Rule::twin`](super::rule::Rule::twin).
#[derive(Debug)]
pub struct Twin<T: Elem> {
    pub(crate) tape: Tape<T>,
    pub(crate) output: Tensor<T>,
}

impl<T: Elem> Twin<T> {
    /// The composed output.
    pub fn value(&self) -> &Tensor<T> {
        &self.output
    }

    /// How many nodes the composed form records: tensor operations and scalar nodes.
    pub fn nodes(&self) -> usize {
        self.tape.tensor_nodes() + self.tape.scalar_nodes()
    }

    /// How many bytes it keeps, not counting its operands.
    pub fn bytes(&self) -> usize {
        let nodes = self.tape.nodes.borrow();
        let leaf = |node: &&super::Node<T>| matches!(node.kind, super::Kind::Leaf);
        let leaves = nodes.iter().filter(leaf);
        self.tape.bytes() - leaves.map(super::Node::bytes).sum::<usize>()
    }
}
