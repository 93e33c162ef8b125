//! `Content`: what a rule has put into a slot, and what is said of one that holds no result.

use std::panic::Location;

use crate::error::{Error, ErrorKind};
use crate::tensor::{Shape, Tensor};

/// What a rule has put into a slot.
#[derive(Debug)]
pub(crate) enum Content<T> {
    Unset,
    Zero,
    Filled(Tensor<T>),
    /// The cotangent that was pulled back, as it is.
    Same,
    /// What was there before, with this rule's share added to it.
    Added(Tensor<T>),
    /// It was written where the cotangent is collected; with what was there before, if there was anything.
    InPlace,
    /// A result whose shape is not the slot's.
    Misshapen(Tensor<T>),
    /// Why there is no result.
    Refused(Error),
}

/// Why a slot holds no result.
#[derive(Debug)]
pub(crate) enum Fault {
    Unset,
    /// Which shape was found, and which expected.
    Shape(Box<[Shape; 2]>),
    Refused(Error),
}

impl Fault {
    /// The error that says so of `what`, a result of the rule of `op`.
    pub(crate) fn error(
        self,
        op: &'static str,
        what: impl Into<String>,
        line: Option<&'static Location<'static>>,
    ) -> Error {
        let what = what.into();
        Error::new(match self {
            Self::Refused(error) => return error,
            Self::Unset => ErrorKind::Unset { op, what, line },
            Self::Shape(shapes) => {
                let [found, expected] = *shapes;
                ErrorKind::Result {
                    op,
                    what,
                    found,
                    expected,
                    line,
                }
            }
        })
    }
}

impl<T> Content<T> {
    /// Takes it out.
    #[inline]
    pub(crate) fn replace(&mut self) -> Self {
        std::mem::replace(self, Self::Unset)
    }

    /// Puts something there; where there was nothing, as mostly, nothing is dropped, which takes a call.
    #[inline]
    pub(crate) fn set(&mut self, content: Self) {
        match std::mem::replace(self, content) {
            nothing @ Self::Unset => std::mem::forget(nothing),
            other => drop(other),
        }
    }

    /// Puts a tensor there, to be written, where there was nothing.
    #[inline]
    pub(crate) fn hold(&mut self, tensor: Tensor<T>) -> &mut Tensor<T> {
        debug_assert!(matches!(self, Self::Unset), "asked before");
        // There is nothing to be dropped, and so nothing to be asked again.
        std::mem::forget(std::mem::replace(self, Self::Filled(tensor)));
        match self {
            Self::Filled(tensor) => tensor,
            _ => unreachable!("it was put there a line above"),
        }
    }

    /// Takes the tensor out.
    ///
    /// # Panics
    /// If it holds no result of its own.
    #[inline]
    pub(crate) fn take_tensor(&mut self) -> Tensor<T> {
        match self.replace() {
            Self::Filled(tensor) | Self::Added(tensor) => tensor,
            _ => unreachable!("asked for a tensor where there is one"),
        }
    }

    /// Why it is no result.
    #[cold]
    pub(crate) fn fault(self, expected: &Shape) -> Fault {
        match self {
            Self::Refused(error) => Fault::Refused(error),
            Self::Misshapen(found) => {
                Fault::Shape(Box::new([found.shape().clone(), expected.clone()]))
            }
            _ => Fault::Unset,
        }
    }
}
