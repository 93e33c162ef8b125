//! Gradients: what a backward walk returns, typed like the values they belong to.

mod clip;

use std::fmt;

use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::{Cotangent, Kind, Lists, Tape};
use crate::tensor::Tensor;
use crate::var::{Value, Var};

pub use clip::Handles;
pub(crate) use clip::{check_limit, limited};

/// The gradients of one output with respect to everything it depends on.
///
/// They are read with [`wrt`](Self::wrt): a scalar handle gives a number, a tensor handle a tensor.
/// Dropping this hands its buffers back to the tape.
#[must_use = "gradients are read with `wrt`"]
pub struct Gradients<'t, T: Elem> {
    tape: &'t Tape<T>,
    /// `Some` until this is dropped. In a box, so that the struct is two words, which are returned in registers. The
    /// six words of the lists would be written one by one and copied as vectors, and each copy would wait for those
    /// stores.
    lists: Option<Box<Lists<T>>>,
}

impl<'t, T: Elem> Gradients<'t, T> {
    /// The gradients in the lists that a walk has filled.
    #[inline]
    pub(crate) fn new(tape: &'t Tape<T>, lists: Box<Lists<T>>) -> Self {
        let lists = Some(lists);
        Self { tape, lists }
    }

    /// The lists that the walk has filled.
    #[inline]
    pub(crate) fn lists(&self) -> &Lists<T> {
        self.lists.as_deref().expect(THERE)
    }

    /// The same lists, to be changed.
    #[inline]
    pub(crate) fn lists_mut(&mut self) -> &mut Lists<T> {
        self.lists.as_deref_mut().expect(THERE)
    }

    /// The gradient with respect to `x`: zeros if the output does not depend on it.
    ///
    /// # Panics
    /// If `x` is an intermediate whose cotangent was not kept (call [`Var::watch`] on it first), a
    /// constant, through which no derivative flows, or a handle of another tape.
    #[inline]
    #[track_caller]
    pub fn wrt<V: Value<Elem = T>>(&self, x: Var<'_, V>) -> V {
        self.try_wrt(x).or_panic()
    }

    /// [`wrt`](Self::wrt), with a refusal as an [`Error`].
    ///
    /// # Errors
    /// If `x` is an intermediate whose cotangent was not kept, a constant, or a handle of another tape.
    #[inline]
    pub fn try_wrt<V: Value<Elem = T>>(&self, x: Var<'_, V>) -> Result<V, Error> {
        Ok(V::gradient(self, x)?.unwrap_or_else(|| V::zero_like(x)))
    }

    /// The gradient with respect to `x`, or `None` if the output does not depend on it.
    ///
    /// A scalar handle gives `None` for a gradient of 0 too, since only the number is stored.
    ///
    /// # Panics
    /// As [`wrt`](Self::wrt).
    #[track_caller]
    pub fn get<V: Value<Elem = T>>(&self, x: Var<'_, V>) -> Option<V> {
        self.try_get(x).or_panic()
    }

    /// [`get`](Self::get), with a refusal as an [`Error`].
    ///
    /// # Errors
    /// As [`try_wrt`](Self::try_wrt).
    pub fn try_get<V: Value<Elem = T>>(&self, x: Var<'_, V>) -> Result<Option<V>, Error> {
        V::gradient(self, x)
    }

    #[inline]
    pub(crate) fn scalar(&self, x: Var<'_, T>) -> Result<Option<T>, Error> {
        let (index, folded) = (x.repr.index, x.repr.folded);
        let own = x.tape.is_some_and(|tape| tape.is(self.tape));
        match self.lists().adjoints.get(index as usize) {
            Some(adjoint) if own && !folded => match adjoint.is_zero() {
                true => Ok(None),
                false => Ok(Some(*adjoint)),
            },
            _ => self.no_scalar(x.tape, index, folded),
        }
    }

    /// The gradient of a handle that has no adjoint here, or the reason why there is none.
    ///
    /// Takes the handle in parts, since a whole one would be copied to memory before the check in the caller.
    #[cold]
    #[inline(never)]
    fn no_scalar(
        &self,
        tape: Option<&Tape<T>>,
        index: u32,
        folded: bool,
    ) -> Result<Option<T>, Error> {
        match tape {
            None => Err(constant()),
            Some(tape) if !tape.is(self.tape) => Err(other_tape()),
            Some(_) if folded => Err(Error::new(ErrorKind::Folded { op: "wrt" })),
            // Made after the output, which cannot depend on a leaf, but may on what was watched too late.
            Some(tape) if tape.scalars.is_source(index) => Ok(None),
            Some(_) => Err(Error::new(ErrorKind::NotKept {
                op: "a scalar node",
            })),
        }
    }

    pub(crate) fn tensor(&self, x: Var<'_, Tensor<T>>) -> Result<Option<Tensor<T>>, Error> {
        if !x.tape().is(self.tape) {
            return Err(other_tape());
        }
        match self.lists().cotangents.get(x.repr.index()) {
            Some(Cotangent::Sum(cotangent)) => Ok(Some(cotangent.clone())),
            Some(Cotangent::Released) => match &self.tape.node(x.repr).kind {
                Kind::Op { rule, .. } => Err(Error::new(ErrorKind::NotKept { op: rule.name() })),
                Kind::Constant => Err(constant()),
                Kind::Leaf | Kind::Pack(_) => Err(Error::new(ErrorKind::NotKept {
                    op: "scalars as a tensor",
                })),
            },
            Some(Cotangent::Even(_)) => unreachable!("the walk passes what it flows into"),
            Some(Cotangent::Zero) | None => match self.tape.node(x.repr).kind {
                Kind::Constant => Err(constant()),
                _ => Ok(None),
            },
        }
    }
}

const THERE: &str = "the lists are there until the gradients are dropped";

fn constant() -> Error {
    Error::new(ErrorKind::Constant { op: "wrt" })
}

fn other_tape() -> Error {
    Error::new(ErrorKind::OtherTape { op: "wrt" })
}

impl<T: Elem> Drop for Gradients<'_, T> {
    fn drop(&mut self) {
        let Some(mut lists) = self.lists.take() else {
            return;
        };
        // Draining is a call even if the list is empty.
        if !lists.cotangents.is_empty() {
            for cotangent in lists.cotangents.drain(..) {
                if let Cotangent::Sum(cotangent) = cotangent {
                    self.tape.pool.put(cotangent);
                }
            }
        }
        self.tape.lists.borrow_mut().push(lists);
    }
}

impl<T: Elem> fmt::Debug for Gradients<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gradients")
            .field("scalars", &self.lists().adjoints.len())
            .field("tensors", &self.lists().cotangents.len())
            .finish()
    }
}
