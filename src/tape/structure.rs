//! The structure of a recording: what was computed from what, without the numbers (except that a slope which has left
//! the range of the type makes nodes).

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Kind, Tape};
use crate::kernel::Elem;

impl<T: Elem> Tape<T> {
    /// A hash that is the same for two recordings if ops of the same names were recorded on the same operands,
    /// with results of the same shapes. Attributes, such as a permutation or a bound, do not enter.
    pub(crate) fn structure(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.scalars.len().hash(&mut hasher);
        for (_, entry) in self.scalars.numbered() {
            entry.operand.hash(&mut hasher);
        }
        for index in self.members.borrow().indices() {
            index.hash(&mut hasher);
        }
        for node in self.nodes.borrow().iter() {
            node.shape()[..].hash(&mut hasher);
            node.elements().hash(&mut hasher);
            if let Kind::Op { rule, inputs } = &node.kind {
                rule.name().hash(&mut hasher);
                for id in inputs.iter() {
                    id.index().hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }
}
