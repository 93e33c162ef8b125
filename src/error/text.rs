//! The messages of errors; the facts are in `kind`.

use std::fmt;
use std::panic::Location;

use super::{Divergence, Error, ErrorKind};
use crate::tensor::Shape;

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
                    "{op}: axis {axis} is not an axis of {shape}, which has no axes"
                ),
                rank => write!(
                    f,
                    "{op}: axis {axis} is not an axis of {shape}; use {} to {}",
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
                shape.elements()
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
                    "{op}: inner sizes {} and {} differ ({left} and {right}); {}",
                    inner(left, 1),
                    inner(right, 2),
                    match *op {
                        "dot" => "both vectors need the same length",
                        _ => "the left operand needs as many columns as the right one has rows",
                    }
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
                "{op}: label {label} of row {row} is not a class; there are {classes} classes, counted from 0"
            ),
            ErrorKind::Singular {
                op,
                shape,
                matrix,
                pivot,
            } => {
                let which = which(shape, *matrix);
                write!(
                    f,
                    "{op}: {which} is singular: pivot {pivot} of its elimination is 0"
                )
            }
            ErrorKind::NotPositiveDefinite {
                op,
                shape,
                matrix,
                pivot,
            } => {
                let which = which(shape, *matrix);
                write!(
                    f,
                    "{op}: {which} is not positive definite: pivot {pivot} of its elimination is not positive; a small multiple of the identity added to it may help"
                )
            }
            ErrorKind::NoConvergence { op, steps, end } => match end {
                Divergence::NotFinite => write!(
                    f,
                    "{op}: the iteration left the finite numbers after {steps} steps; the step does not contract: start nearer to the solution or damp it"
                ),
                Divergence::Stalled { change, since } => write!(
                    f,
                    "{op}: the step does not contract: after {steps} steps it still changes the state by {change:.1e}, no less than it did {since} steps earlier; start nearer to the solution, damp the step, or allow a larger tolerance"
                ),
                Divergence::OutOfSteps { change } => write!(
                    f,
                    "{op}: after {steps} steps the iteration still changes the state by {change:.1e}; allow more steps or a larger tolerance"
                ),
            },
            ErrorKind::Argument { op, text } => write!(f, "{op}: {text}"),
            ErrorKind::OtherTape {
                op: op @ ("wrt" | "along" | "of"),
            } => write!(
                f,
                "{op}: the handle belongs to another tape; pass one of the tape that the walk went over"
            ),
            ErrorKind::OtherTape { op } => write!(
                f,
                "{op}: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
            ),
            ErrorKind::Folded { op } => write!(
                f,
                "{op}: this scalar handle was folded into its operand and is not a node of its own; call watch() on it before you use it, and ask for what watch returns"
            ),
            ErrorKind::Constant { op } => write!(
                f,
                "{op}: this handle is a constant (a plain number, constant(), detach(), or an expression of these), through which no derivative flows; enter it with var()"
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
            ErrorKind::StaleId { op } => write!(
                f,
                "{op}: the id was taken before the tape was reset, or on another tape; take it anew"
            ),
        }
    }
}

/// The line that recorded an op, as shown in an error's text.
struct At(Option<&'static Location<'static>>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, " (recorded at {}:{})", line.file(), line.line()),
            None => Ok(()),
        }
    }
}

/// A matrix of a batch, or the only one.
fn which(shape: &Shape, matrix: usize) -> String {
    match shape.rank() {
        2 => format!("the matrix of shape {shape}"),
        _ => format!("matrix {matrix} of shape {shape}"),
    }
}
