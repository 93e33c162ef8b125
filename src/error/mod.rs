//! What can go wrong, and the words for it.
//!
//! Every text a user can meet is written here and nowhere else; operators panic with it at
//! the user's line, `try_` methods return it. IEEE values are no errors: they flow.

use std::fmt;
use std::panic::Location;

use crate::tensor::Shape;

/// Why an operation was refused: the op, the sizes on both sides, and what to do.
///
/// Opaque and small; [`Error::kind`] gives the facts to a program, `Display` to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(Box<ErrorKind>);

/// The facts of an [`Error`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two shapes do not broadcast against each other.
    Broadcast {
        /// The op that was asked for.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// A shape does not broadcast to another.
    Expand {
        /// The op that was asked for.
        op: &'static str,
        /// The shape given.
        from: Shape,
        /// The shape it should get.
        to: Shape,
    },
    /// An axis is not an axis of the shape.
    Axis {
        /// The op that was asked for.
        op: &'static str,
        /// The axis as given; negative counts from the end.
        axis: isize,
        /// The shape it should be an axis of.
        shape: Shape,
    },
    /// An axis is named twice.
    RepeatedAxis {
        /// The op that was asked for.
        op: &'static str,
        /// The axis as given.
        axis: isize,
        /// The shape it belongs to.
        shape: Shape,
    },
    /// The number of elements does not fit the shape.
    Length {
        /// The op that was asked for.
        op: &'static str,
        /// How many elements there are.
        found: usize,
        /// The shape they should fill.
        shape: Shape,
    },
    /// A shape is not the one that is needed.
    Shape {
        /// The op that was asked for.
        op: &'static str,
        /// What has the wrong shape, for instance "the cotangent".
        what: &'static str,
        /// The shape given.
        found: Shape,
        /// The shape needed.
        expected: Shape,
    },
    /// A number of axes that the op does not take.
    Rank {
        /// The op that was asked for.
        op: &'static str,
        /// The shape given.
        shape: Shape,
        /// What the op takes, for instance "at least 1 axis".
        expected: &'static str,
    },
    /// The inner sizes of a matrix product differ.
    Inner {
        /// The op that was asked for.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// The batch axes of a matrix product, those before the last two, do not broadcast.
    Batch {
        /// The op that was asked for.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// An index lies outside the axis it points into.
    Index {
        /// The op that was asked for.
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
        /// The op that was asked for.
        op: &'static str,
        /// The label as given (a float may stand in a label's place).
        label: String,
        /// The row it belongs to.
        row: usize,
        /// The number of classes.
        classes: usize,
    },
    /// An argument has a value that the op does not take.
    Argument {
        /// The op that was asked for.
        op: &'static str,
        /// What is wrong and what to do, with the numbers.
        text: String,
    },
    /// A handle belongs to another tape.
    OtherTape {
        /// The op that was asked for.
        op: &'static str,
    },
    /// The gradient of a handle was asked for that has none of its own.
    Folded,
    /// The gradient of an intermediate was asked for that was not kept.
    NotKept {
        /// The op that made the intermediate.
        op: &'static str,
    },
    /// A tensor was read as one number.
    NotOneElement {
        /// The op that was asked for.
        op: &'static str,
        /// The shape found.
        shape: Shape,
    },
    /// A rule lacks what a walk needs of it.
    Missing {
        /// The op whose rule it is.
        op: &'static str,
        /// What it lacks: "JVP" or "wider form".
        what: &'static str,
        /// The user's line that recorded the op, where it is known.
        line: Option<&'static Location<'static>>,
    },
    /// A rule left a result unset.
    Unset {
        /// The op whose rule it is.
        op: &'static str,
        /// Which result, for instance "the cotangent of operand 0".
        what: String,
        /// The user's line that recorded the op, where it is known.
        line: Option<&'static Location<'static>>,
    },
    /// A rule gave a result of the wrong shape.
    Result {
        /// The op whose rule it is.
        op: &'static str,
        /// Which result, for instance "the cotangent of operand 0".
        what: String,
        /// The shape given.
        found: Shape,
        /// The shape needed.
        expected: Shape,
        /// The user's line that recorded the op, where it is known.
        line: Option<&'static Location<'static>>,
    },
    /// Recorded nodes cannot be run again.
    Replay {
        /// Why not and what to do.
        text: String,
    },
    /// An id names no node of this tape as it is now.
    StaleId,
    /// A check found that a rule is wrong.
    Check {
        /// What the check found.
        text: String,
    },
}

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }

    /// The facts, for a program to act on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The same error with the user's line that recorded the op, where its text shows one.
    pub(crate) fn recorded_at(mut self, place: &'static Location<'static>) -> Self {
        if let ErrorKind::Missing { line, .. } = &mut *self.0 {
            *line = Some(place);
        }
        self
    }

    /// An argument that `op` does not take; `text` says what is wrong and what to do.
    ///
    /// The usual way for a rule of your own to refuse its input.
    pub fn argument(op: &'static str, text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument {
            op,
            text: text.into(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Broadcast { op, left, right } => {
                write!(
                    f,
                    "{op}: shapes {left} and {right} do not broadcast; trailing sizes must be equal or 1"
                )
            }
            ErrorKind::Expand { op, from, to } => write!(
                f,
                "{op}: shape {from} does not broadcast to {to}; from the last axis on, its sizes must be equal or 1"
            ),
            ErrorKind::Axis { op, axis, shape } => match shape.rank() {
                0 => write!(
                    f,
                    "{op}: axis {axis} is no axis of {shape}, which has no axes"
                ),
                rank => write!(
                    f,
                    "{op}: axis {axis} is no axis of {shape}; use {} to {}",
                    -(rank as isize),
                    rank - 1
                ),
            },
            ErrorKind::RepeatedAxis { op, axis, shape } => {
                write!(f, "{op}: axis {axis} of {shape} is named twice")
            }
            ErrorKind::Length { op, found, shape } => write!(
                f,
                "{op}: {found} elements do not fill shape {shape}, which holds {}",
                shape.len()
            ),
            ErrorKind::Shape {
                op,
                what,
                found,
                expected,
            } => write!(f, "{op}: {what} has shape {found} but {expected} is needed"),
            ErrorKind::Rank {
                op,
                shape,
                expected,
            } => write!(f, "{op}: takes {expected}, got shape {shape}"),
            ErrorKind::Inner { op, left, right } => {
                let inner = |s: &Shape, back: usize| match s.rank() {
                    0 => 1,
                    1 => s[0],
                    r => s[r - back],
                };
                write!(
                    f,
                    "{op}: inner sizes {} and {} differ ({left} and {right})",
                    inner(left, 1),
                    inner(right, 2)
                )
            }
            ErrorKind::Batch { op, left, right } => {
                let batch = |s: &Shape| Shape::new(&s[..s.rank().saturating_sub(2)]);
                write!(
                    f,
                    "{op}: batch axes {} and {} do not broadcast ({left} and {right}); sizes before the last two must be equal or 1",
                    batch(left),
                    batch(right)
                )
            }
            ErrorKind::Index {
                op,
                index,
                axis,
                shape,
            } => write!(
                f,
                "{op}: index {index} is outside axis {axis} of {shape}, which has {} entries",
                shape.get(*axis).copied().unwrap_or(0)
            ),
            ErrorKind::Label {
                op,
                label,
                row,
                classes,
            } => write!(
                f,
                "{op}: label {label} of row {row} is no class; there are {classes} classes, counted from 0"
            ),
            ErrorKind::Argument { op, text } => write!(f, "{op}: {text}"),
            ErrorKind::OtherTape { op } => write!(
                f,
                "{op}: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
            ),
            ErrorKind::Folded => write!(
                f,
                "wrt: this scalar handle was folded into its operand and has no cotangent of its own; call watch() on it before you use it, and ask for what watch returns"
            ),
            ErrorKind::NotKept { op } => write!(
                f,
                "wrt: the cotangent of this intermediate ({op}) was not kept; call watch() on it before the backward walk"
            ),
            ErrorKind::NotOneElement { op, shape } => write!(
                f,
                "{op}: needs exactly one element, got shape {shape}; reduce with sum() or pick one with at([..])"
            ),
            ErrorKind::Missing { op, what, line } => {
                let cure = match *what {
                    "JVP" => "implement Rule::jvp, or pass one to custom_jvp",
                    _ => "implement Rule::widen; a closure runs on one element type only",
                };
                write!(f, "{op}: the rule has no {what}{}; {cure}", At(*line))
            }
            ErrorKind::Unset { op, what, line } => write!(
                f,
                "{op}: the rule left {what} unset{}; fill, share, give or zero it",
                At(*line)
            ),
            ErrorKind::Result {
                op,
                what,
                found,
                expected,
                line,
            } => write!(
                f,
                "{op}: {what} has shape {found} but {expected} is needed{}",
                At(*line)
            ),
            ErrorKind::Replay { text } => write!(f, "replay: {text}"),
            ErrorKind::StaleId => write!(
                f,
                "handle: the id was taken before the tape was reset, or on another tape; take it anew"
            ),
            ErrorKind::Check { text } => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// Where an op was recorded, as an error's text shows it.
struct At(Option<&'static Location<'static>>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, " (recorded at {}:{})", line.file(), line.line()),
            None => Ok(()),
        }
    }
}

/// The bridge from `try_` methods to bare ones: panics with the error's text at the user's line.
pub(crate) trait OrPanic<T> {
    /// The value, or a panic at the caller's line with the error's text.
    fn or_panic(self) -> T;
}

impl<T> OrPanic<T> for Result<T, Error> {
    #[track_caller]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}
