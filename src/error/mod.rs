//! `Error`: what can go wrong, with facts for programs and a message for people.
//!
//! Operators panic at the user's line with the error's text; `try_` methods return the error. NaN and infinities are
//! not errors: they propagate.

mod kind;
mod text;

use std::panic::Location;

pub use kind::{Divergence, ErrorKind};

/// Why an operation was refused: the op, the sizes on both sides, and what to do.
///
/// Opaque and small: [`Error::kind`] gives the facts to a program, `Display` gives the message to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(Box<ErrorKind>);

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }

    /// The facts, for a program to act on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The same error with the user's line that recorded the op, if its text shows one.
    pub(crate) fn recorded_at(mut self, place: &'static Location<'static>) -> Self {
        if let ErrorKind::Missing { line, .. } = &mut *self.0 {
            *line = Some(place);
        }
        self
    }

    /// The error for an argument that `op` does not take; `text` says what is wrong and what to do.
    ///
    /// This is how a rule of your own usually refuses its input.
    pub fn argument(op: &'static str, text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument {
            op,
            text: text.into(),
        })
    }
}

impl std::error::Error for Error {}

/// Turns the result of a `try_` method into that of its panicking twin.
pub(crate) trait OrPanic<T> {
    /// Returns the value, or panics at the caller's line with the error's text.
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
