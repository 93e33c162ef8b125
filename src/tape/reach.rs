//! `Reach`: which elements of its operands an element of a rule's output depends on.

/// How far the elements of a rule's output reach into its operands: what detected sparsity
/// ([`transform::sparse`](crate::transform::sparse)) knows of a tensor operation.
///
/// A statement about shapes and attributes alone, never about values. Too wide costs zeros that are
/// computed and stored; too narrow would lose entries, so a rule that says nothing is
/// [`Dense`](Self::Dense).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Every element of the output may depend on every element of every operand.
    #[default]
    Dense,
    /// An element of the output depends on the elements at its own place of operands that
    /// broadcast to the output.
    Elementwise,
    /// An element of the output is a copy of one element of the operands, or a constant: a slice, a
    /// permutation, a lookup.
    Copies,
}
