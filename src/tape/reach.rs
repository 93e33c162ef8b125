//! `Reach`: which elements of its operands an element of a rule's output depends on.

/// How far the elements of a rule's output reach into its operands: what sparsity detection
/// ([`transform::sparse`](crate::transform::sparse)) knows of a tensor operation.
///
/// A statement about shapes and attributes alone, never about values. If it is too wide, zeros are
/// computed and stored; if it is too narrow, entries are lost. So a rule that says nothing is
/// [`Dense`](Self::Dense).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Every element of the output may depend on every element of every operand.
    #[default]
    Dense,
    /// An element of the output depends only on the elements at the same position of the operands,
    /// which broadcast to the output.
    Elementwise,
    /// An element of the output is a copy of one element of the operands, or a constant: a slice, a
    /// permutation, a lookup.
    Copies,
}
