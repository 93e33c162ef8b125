//! What can go wrong, and the words for it.
//!
//! Operators panic with an error's text at the user's line, `try_` methods return it. IEEE values are not errors: they flow.

mod kind;
mod text;

use std::panic::Location;

pub use kind::ErrorKind;

/// Why an operation was refused: the op, the sizes on both sides, and what to do.
///
/// Opaque and small; [`Error::kind`] gives the facts to a program, `Display` to a person.
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

impl std::error::Error for Error {}

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
