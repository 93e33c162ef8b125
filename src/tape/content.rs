//! `Content`: what a rule has put into a slot, and the errors for slots without a result.

use std::panic::Location;

use crate::error::{Error, ErrorKind};
use crate::tensor::{Shape, Tensor};

/// What a rule has put into a slot.
#[derive(Debug)]
pub(crate) enum Content<T> {
    Unset,
    Zero,
    Filled(Tensor<T>),
    /// The very cotangent that was pulled back.
    Same,
    /// The sum so far, with this rule's share added to it.
    Added(Tensor<T>),
    /// The share was written into the collector or, if the collector held something, added there.
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
    /// The shape found and the shape expected.
    Shape(Box<[Shape; 2]>),
    Refused(Error),
}

impl Fault {
    /// The error for `what`, a result of the rule of `op`.
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
    /// Takes the content out and leaves `Unset`.
    #[inline]
    pub(crate) fn replace(&mut self) -> Self {
        std::mem::replace(self, Self::Unset)
    }

    /// Whether the rule has put in nothing so far.
    #[inline]
    pub(crate) fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }

    /// Sets the content. If it was `Unset`, as is usual, nothing is dropped: that would be a call.
    #[inline]
    pub(crate) fn set(&mut self, content: Self) {
        match std::mem::replace(self, content) {
            nothing @ Self::Unset => std::mem::forget(nothing),
            other => other.discard(),
        }
    }

    /// Drops the content, out of the way.
    #[cold]
    #[inline(never)]
    fn discard(self) {}

    /// Puts a tensor into `Unset` content and returns it for writing; as what is [`Added`](Self::Added), if `added`.
    #[inline]
    pub(crate) fn hold(&mut self, tensor: Tensor<T>, added: bool) -> &mut Tensor<T> {
        debug_assert!(self.is_unset(), "asked before");
        let content = match added {
            true => Self::Added(tensor),
            false => Self::Filled(tensor),
        };
        // Nothing needs to be dropped, so the drop need not check the variant again.
        std::mem::forget(std::mem::replace(self, content));
        match self {
            Self::Filled(tensor) | Self::Added(tensor) => tensor,
            _ => unreachable!("it was put there a line above"),
        }
    }

    /// Takes the tensor out.
    ///
    /// # Panics
    /// If it holds none that is a result.
    #[inline]
    pub(crate) fn take_tensor(&mut self) -> Tensor<T> {
        match self.replace() {
            Self::Filled(tensor) | Self::Added(tensor) => tensor,
            other => {
                // What might have to be dropped would be held in memory in every case.
                std::mem::forget(other);
                unreachable!("asked for a tensor where there is one")
            }
        }
    }

    /// Why this is not a result.
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
