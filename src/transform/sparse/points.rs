//! `Points`: where a sparse matrix may be evaluated, and how its function sees the variables.

use super::graph::{Graph, Operand};
use crate::error::{Error, ErrorKind};
use crate::gradients::Gradients;
use crate::kernel::Elem;
use crate::tape::{NOBODY, NodeId, Tape};
use crate::tensor::Tensor;
use crate::transform::arguments::{Arguments, Leaf};
use crate::transform::output::Output;
use crate::var::{Handle, Value, Var};

/// The variables of a function: a number, a tensor, `&Tensor`, or a tuple of up to six, an array or a `Vec`
/// of [`Arguments`], for which the closure gets handles in the same structure, or a reference to a slice,
/// array or `Vec` of numbers or of tensors, for which it gets a slice of handles. All elements count, one
/// after another. Only this crate implements it.
pub trait Points {
    /// The type of the numbers.
    type Elem: Elem;

    /// What the closure gets, on numbers `E`.
    type Seen<'t, E: Elem>;

    /// Lists the values, in order.
    #[doc(hidden)]
    fn list(&self, leaves: &mut Vec<Leaf<Self::Elem>>);

    /// Calls `f` with handles in the structure.
    #[doc(hidden)]
    fn see<E: Elem, R>(
        &self,
        handles: &[Handle<'_, E>],
        f: impl for<'s> FnOnce(Self::Seen<'s, E>) -> R,
    ) -> R;
}

/// Writes the impls for which a closure gets handles in the structure of the arguments.
macro_rules! structure {
    ($([$($of:tt)*] $type:ty;)*) => {$(
        impl<$($of)*> Points for $type {
            type Elem = <Self as Arguments>::Elem;
            type Seen<'t, E_: Elem> = <Self as Arguments>::Handles<'t, E_>;

            fn list(&self, leaves: &mut Vec<Leaf<Self::Elem>>) {
                Arguments::list(self, leaves);
            }

            fn see<E_: Elem, R>(
                &self,
                handles: &[Handle<'_, E_>],
                f: impl for<'s> FnOnce(Self::Seen<'s, E_>) -> R,
            ) -> R {
                f(self.handles(&mut handles.iter().copied()))
            }
        }
    )*};
}

structure! {
    [T: Elem] T;
    [T: Elem] Tensor<T>;
    [T: Elem] &Tensor<T>;
    [A: Arguments] Vec<A>;
    [A: Arguments, const N: usize] [A; N];
    [A: Arguments] (A,);
    [A: Arguments, B: Arguments<Elem = A::Elem>] (A, B);
    [A: Arguments, B: Arguments<Elem = A::Elem>, C: Arguments<Elem = A::Elem>] (A, B, C);
    [A: Arguments, B: Arguments<Elem = A::Elem>, C: Arguments<Elem = A::Elem>,
        D: Arguments<Elem = A::Elem>] (A, B, C, D);
    [A: Arguments, B: Arguments<Elem = A::Elem>, C: Arguments<Elem = A::Elem>,
        D: Arguments<Elem = A::Elem>, F: Arguments<Elem = A::Elem>] (A, B, C, D, F);
    [A: Arguments, B: Arguments<Elem = A::Elem>, C: Arguments<Elem = A::Elem>,
        D: Arguments<Elem = A::Elem>, F: Arguments<Elem = A::Elem>,
        G: Arguments<Elem = A::Elem>] (A, B, C, D, F, G);
}

/// Writes the impls for which a closure gets a slice of handles.
macro_rules! slice {
    ($([$($of:tt)*] $type:ty;)*) => {$(
        impl<X: Output, $($of)*> Points for $type {
            type Elem = X::Elem;
            type Seen<'t, E: Elem> = &'t [Var<'t, X::With<E>>];

            fn list(&self, leaves: &mut Vec<Leaf<X::Elem>>) {
                leaves.extend(self.iter().map(|x| Leaf {
                    value: x.clone().into_tensor(),
                    scalar: X::SCALAR,
                }));
            }

            fn see<E: Elem, R>(
                &self,
                handles: &[Handle<'_, E>],
                f: impl for<'s> FnOnce(Self::Seen<'s, E>) -> R,
            ) -> R {
                let seen: Vec<_> = handles.iter().map(|&x| <X::With<E>>::of_handle(x)).collect();
                f(&seen)
            }
        }
    )*};
}

slice! {
    [] &[X];
    [] &Vec<X>;
    [const N: usize] &[X; N];
}

/// A handle with the lifetime of its tape.
///
/// # Errors
/// If it is of another tape.
pub(super) fn of_tape<'t, V: Value>(
    op: &'static str,
    y: Var<'_, V>,
    tape: &'t Tape<V::Elem>,
) -> Result<Var<'t, V>, Error> {
    if y.tape.is_some_and(|other| !other.is(tape)) {
        return Err(Error::new(ErrorKind::OtherTape { op }));
    }
    Ok(Var {
        tape: y.tape.map(|_| tape),
        repr: y.repr,
    })
}

pub(super) fn count<T: Elem>(x: &[Leaf<T>]) -> usize {
    x.iter().map(|x| x.value.len()).sum()
}

/// The cells of a handle.
pub(super) fn cells<E: Elem>(
    handle: Handle<'_, E>,
    graph: &Graph,
    bent: Option<fn(E) -> bool>,
    cells: &mut Vec<Operand>,
) {
    match handle {
        Handle::Scalar(x) => cells.push(Operand {
            cell: graph.scalar(x.repr.index),
            bent: bent.is_some_and(|bent| bent(x.repr.slope)),
        }),
        Handle::Tensor(x) => cells.extend((0..x.with_value(Tensor::len)).map(|e| Operand {
            cell: graph.element(x.repr, e),
            bent: false,
        })),
    }
}

/// The next numbers, in the shape of a handle's value.
pub(super) fn filled<E: Elem>(
    handle: Handle<'_, E>,
    numbers: &mut dyn Iterator<Item = E>,
) -> Tensor<E> {
    let mut next = || numbers.next().expect("there is a number for each element");
    match handle {
        Handle::Scalar(_) => Tensor::scalar(next()),
        Handle::Tensor(x) => x.with_value(|x| x.map(|_| next())),
    }
}

/// Appends the gradient with respect to a handle.
pub(super) fn append_gradient<E: Elem>(
    grads: &Gradients<'_, E>,
    handle: Handle<'_, E>,
    numbers: &mut Vec<E>,
) -> Result<(), Error> {
    match handle {
        Handle::Scalar(x) => numbers.push(grads.try_wrt(x)?),
        Handle::Tensor(x) => numbers.extend_from_slice(grads.try_wrt(x)?.data()),
    }
    Ok(())
}

/// The cotangents a walk starts from.
#[derive(Debug)]
pub(super) struct Seeds<T> {
    pub(super) scalars: Vec<(u32, T)>,
    pub(super) tensors: Vec<(NodeId, Tensor<T>)>,
}

impl<T: Elem> Seeds<T> {
    /// Adds a handle to start from, with the next numbers as its cotangent.
    pub(super) fn add(&mut self, handle: Handle<'_, T>, next: &mut dyn Iterator<Item = T>) {
        let cotangent = filled(handle, next);
        match handle {
            Handle::Tensor(y) => self.tensors.push((y.repr, cotangent)),
            Handle::Scalar(y) => {
                let cotangent = cotangent.item();
                if y.repr.index != NOBODY && !cotangent.is_zero() {
                    let adjoint = y.repr.slope * cotangent;
                    self.scalars.push((y.repr.index, adjoint));
                }
            }
        }
    }
}
