//! `ErrorKind`: the facts of an error, for programs; the messages are in `text`.

use std::panic::Location;

use crate::tensor::Shape;

/// The facts of an [`Error`](crate::Error).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two shapes do not broadcast against each other.
    Broadcast {
        /// The op that was called.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// A shape does not broadcast to another.
    Expand {
        /// The op that was called.
        op: &'static str,
        /// The shape given.
        from: Shape,
        /// The shape to broadcast to.
        to: Shape,
    },
    /// An axis is not an axis of the shape.
    Axis {
        /// The op that was called.
        op: &'static str,
        /// The axis as given; negative counts from the end.
        axis: isize,
        /// The shape it should be an axis of.
        shape: Shape,
    },
    /// An axis is named twice.
    RepeatedAxis {
        /// The op that was called.
        op: &'static str,
        /// The axis as given.
        axis: isize,
        /// The shape it belongs to.
        shape: Shape,
    },
    /// The number of elements does not match the shape.
    Length {
        /// The op that was called.
        op: &'static str,
        /// How many elements there are.
        found: usize,
        /// The shape they should fill.
        shape: Shape,
    },
    /// A shape is not the one that is needed.
    Shape {
        /// The op that was called.
        op: &'static str,
        /// What has the wrong shape, for instance "the cotangent".
        what: &'static str,
        /// The shape given.
        found: Shape,
        /// The shape needed.
        expected: Shape,
    },
    /// An operand has a number of axes that the op does not take.
    Rank {
        /// The op that was called.
        op: &'static str,
        /// The shape given.
        shape: Shape,
        /// What the op takes, for instance "at least 1 axis".
        expected: &'static str,
    },
    /// The inner sizes of a matrix product differ.
    Inner {
        /// The op that was called.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// The batch axes of a matrix product, those before the last two, do not broadcast.
    Batch {
        /// The op that was called.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// An index lies outside the axis it points into.
    Index {
        /// The op that was called.
        op: &'static str,
        /// The index given.
        index: usize,
        /// The axis it points into.
        axis: usize,
        /// The shape that has this axis.
        shape: Shape,
    },
    /// A label is not a class.
    Label {
        /// The op that was called.
        op: &'static str,
        /// The label as given (labels may be given as floats).
        label: String,
        /// The row it belongs to.
        row: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A matrix is singular.
    Singular {
        /// The op that was called.
        op: &'static str,
        /// The shape of the matrix, or of the batch that it is in.
        shape: Shape,
        /// Which matrix of the batch, counted from 0.
        matrix: usize,
        /// Which pivot of its elimination is 0, counted from 0; of a triangular matrix, which element of the diagonal.
        pivot: usize,
    },
    /// A matrix is not positive definite.
    NotPositiveDefinite {
        /// The op that was called.
        op: &'static str,
        /// The shape of the matrix, or of the batch that it is in.
        shape: Shape,
        /// Which matrix of the batch, counted from 0.
        matrix: usize,
        /// Which pivot of its elimination is not positive, counted from 0.
        pivot: usize,
    },
    /// An iteration did not converge.
    NoConvergence {
        /// The op that was called.
        op: &'static str,
        /// How many steps were made.
        steps: usize,
        /// How it ended instead.
        end: Divergence,
    },
    /// An argument has a value that the op does not take.
    Argument {
        /// The op that was called.
        op: &'static str,
        /// What is wrong and what to do, with the numbers.
        text: String,
    },
    /// A handle belongs to another tape.
    OtherTape {
        /// The op that was called.
        op: &'static str,
    },
    /// A scalar handle that was folded into its operand was asked for something that only a node has.
    Folded {
        /// The method that was called.
        op: &'static str,
    },
    /// A gradient, a tangent or a name was asked of a constant.
    Constant {
        /// The method that was called.
        op: &'static str,
    },
    /// The requested gradient of an intermediate was not kept.
    NotKept {
        /// The op that made the intermediate.
        op: &'static str,
    },
    /// A tensor was read as one number.
    NotOneElement {
        /// The op that was called.
        op: &'static str,
        /// The shape found.
        shape: Shape,
    },
    /// A rule lacks something that a walk needs.
    Missing {
        /// The op whose rule it is.
        op: &'static str,
        /// What it lacks: "JVP" or "wider form".
        what: &'static str,
        /// The user's line that recorded the op, if known.
        line: Option<&'static Location<'static>>,
    },
    /// A rule left a result unset.
    Unset {
        /// The op whose rule it is.
        op: &'static str,
        /// Which result, for instance "the cotangent of operand 0".
        what: String,
        /// The user's line that recorded the op, if known.
        line: Option<&'static Location<'static>>,
    },
    /// A rule gave a result the wrong shape.
    Result {
        /// The op whose rule it is.
        op: &'static str,
        /// Which result, for instance "the cotangent of operand 0".
        what: String,
        /// The shape given.
        found: Shape,
        /// The shape needed.
        expected: Shape,
        /// The user's line that recorded the op, if known.
        line: Option<&'static Location<'static>>,
    },
    /// Recorded nodes cannot be run again.
    Replay {
        /// Why not, and what to do.
        text: String,
    },
    /// An id names no node in the tape's current recording.
    StaleId {
        /// The method that was called.
        op: &'static str,
    },
}

/// How an iteration ended that did not converge.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Divergence {
    /// A number of the state became NaN or infinite.
    NotFinite,
    /// The change of a step stopped shrinking.
    Stalled {
        /// The change of the last step.
        change: f64,
        /// For how many steps no change was smaller than all before.
        since: usize,
    },
    /// The largest number of steps was made, and the change was still too large.
    OutOfSteps {
        /// The smallest change of a step.
        change: f64,
    },
}
