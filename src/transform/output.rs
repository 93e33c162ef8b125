//! `Output`: what a differentiated function may return, a number or a tensor.

use crate::error::{Error, ErrorKind};
use crate::gradients::Gradients;
use crate::kernel::Elem;
use crate::rule::Rule;
use crate::tape::{NodeId, Tape};
use crate::tensor::{Shape, Tensor};
use crate::var::{Handle, Value, Var};

/// A number or a tensor that a function returns. Only this crate implements it.
pub trait Output: Value {
    /// The same kind on numbers `E`.
    type With<E: Elem>: Output<Elem = E>;

    /// The shape; a number has no axes.
    #[doc(hidden)]
    fn shape_of(y: Var<'_, Self>) -> Shape;

    /// The tape, if the handle has one.
    #[doc(hidden)]
    fn tape_of(y: Var<'_, Self>) -> Option<&Tape<Self::Elem>>;

    /// The elements of a value.
    #[doc(hidden)]
    fn into_tensor(self) -> Tensor<Self::Elem>;

    /// The value with these elements.
    #[doc(hidden)]
    fn of_tensor(elements: Tensor<Self::Elem>) -> Self;

    /// Walks backward from a cotangent.
    #[doc(hidden)]
    fn pull(y: Var<'_, Self>, g: Self) -> Result<Gradients<'_, Self::Elem>, Error>;

    /// Whether this is a number.
    #[doc(hidden)]
    const SCALAR: bool;

    /// The handle, with its kind erased.
    #[doc(hidden)]
    fn into_handle(y: Var<'_, Self>) -> Handle<'_, Self::Elem>;

    /// The handle, with its kind restored.
    #[doc(hidden)]
    fn of_handle(handle: Handle<'_, Self::Elem>) -> Var<'_, Self>;

    /// The handle as one of a tensor node.
    #[doc(hidden)]
    #[track_caller]
    fn to_node<'t>(y: Var<'t, Self>, tape: &'t Tape<Self::Elem>) -> Var<'t, Tensor<Self::Elem>>;

    /// Records a rule whose output this is.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    #[track_caller]
    fn record<'t>(
        tape: &'t Tape<Self::Elem>,
        rule: impl Rule<Self::Elem>,
        inputs: &[NodeId],
    ) -> Result<Var<'t, Self>, Error>;
}

impl<T: Elem> Output for T {
    type With<E: Elem> = E;

    fn shape_of(_: Var<'_, T>) -> Shape {
        Shape::scalar()
    }

    fn tape_of(y: Var<'_, T>) -> Option<&Tape<T>> {
        y.tape
    }

    fn into_tensor(self) -> Tensor<T> {
        Tensor::scalar(self)
    }

    fn of_tensor(elements: Tensor<T>) -> T {
        elements.item()
    }

    fn pull(y: Var<'_, T>, g: T) -> Result<Gradients<'_, T>, Error> {
        y.chain(y.value() * g, g).try_backward()
    }

    const SCALAR: bool = true;

    fn into_handle(y: Var<'_, T>) -> Handle<'_, T> {
        Handle::Scalar(y)
    }

    fn of_handle(handle: Handle<'_, T>) -> Var<'_, T> {
        match handle {
            Handle::Scalar(y) => y,
            Handle::Tensor(_) => unreachable!("{KINDS}"),
        }
    }

    fn to_node<'t>(y: Var<'t, T>, tape: &'t Tape<T>) -> Var<'t, Tensor<T>> {
        match y.tape {
            Some(_) => y.tensor(),
            None => tape.constant(Tensor::scalar(y.value())),
        }
    }

    #[allow(private_interfaces)]
    fn record<'t>(
        tape: &'t Tape<T>,
        rule: impl Rule<T>,
        inputs: &[NodeId],
    ) -> Result<Var<'t, T>, Error> {
        Var::spread_one(tape, rule, inputs)
    }
}

impl<T: Elem> Output for Tensor<T> {
    type With<E: Elem> = Tensor<E>;

    fn shape_of(y: Var<'_, Self>) -> Shape {
        y.shape()
    }

    fn tape_of(y: Var<'_, Self>) -> Option<&Tape<T>> {
        Some(y.tape())
    }

    fn into_tensor(self) -> Self {
        self
    }

    fn of_tensor(elements: Self) -> Self {
        elements
    }

    fn pull(y: Var<'_, Self>, g: Self) -> Result<Gradients<'_, T>, Error> {
        y.try_vjp(g)
    }

    const SCALAR: bool = false;

    fn into_handle(y: Var<'_, Self>) -> Handle<'_, T> {
        Handle::Tensor(y)
    }

    fn of_handle(handle: Handle<'_, T>) -> Var<'_, Self> {
        match handle {
            Handle::Tensor(y) => y,
            Handle::Scalar(_) => unreachable!("{KINDS}"),
        }
    }

    fn to_node<'t>(y: Var<'t, Self>, _: &'t Tape<T>) -> Var<'t, Self> {
        y
    }

    #[allow(private_interfaces)]
    fn record<'t>(
        tape: &'t Tape<T>,
        rule: impl Rule<T>,
        inputs: &[NodeId],
    ) -> Result<Var<'t, Self>, Error> {
        Ok(Var::of_node(tape, tape.record(rule, inputs)?))
    }
}

const KINDS: &str = "handles come in the order and of the kind of their values";

/// Refuses an output that was recorded on another tape. A plain number has none.
pub(super) fn check_tape<V: Output>(
    op: &'static str,
    tape: &Tape<V::Elem>,
    y: Var<'_, V>,
) -> Result<(), Error> {
    match V::tape_of(y) {
        Some(other) if !other.is(tape) => Err(Error::new(ErrorKind::OtherTape { op })),
        _ => Ok(()),
    }
}

/// The pullback of an output to all arguments; zeros if it is a plain number.
pub(super) fn pull<'t, V: Output>(
    op: &'static str,
    y: Var<'t, V>,
    g: V,
    x: &[Handle<'t, V::Elem>],
) -> Result<Vec<Tensor<V::Elem>>, Error> {
    let shape = V::shape_of(y);
    let g = g.into_tensor();
    if shape != *g.shape() {
        return Err(Error::new(ErrorKind::Shape {
            op,
            what: "the cotangent",
            found: g.shape().clone(),
            expected: shape,
        }));
    }
    if V::tape_of(y).is_none() {
        let zeros = |x: &Handle<'_, V::Elem>| match x {
            Handle::Scalar(_) => Tensor::scalar(num_traits::Zero::zero()),
            Handle::Tensor(x) => Tensor::zeros(x.shape()),
        };
        return Ok(x.iter().map(zeros).collect());
    }
    let grads = V::pull(y, V::of_tensor(g))?;
    let of = |x: &Handle<'t, V::Elem>| match x {
        Handle::Scalar(x) => grads.try_wrt(*x).map(Tensor::scalar),
        Handle::Tensor(x) => grads.try_wrt(*x),
    };
    x.iter().map(of).collect()
}
