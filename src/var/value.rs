//! `Value`: what a handle can stand for, and how each kind is read, stored and differentiated.

use std::fmt::Debug;
use std::panic::Location;

use super::Var;
use super::scalar::Scalar;
use super::sealed::Sealed;
use crate::error::Error;
use crate::forward::{Forward, Tangents};
use crate::gradients::Gradients;
use crate::kernel::Elem;
use crate::tape::{Id, NodeId, Tape};
use crate::tensor::Tensor;

/// A number or a tensor of numbers: what a [`Var`] can stand for. Implemented in this crate only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a number nor a tensor of numbers",
    note = "`Tensor::from` makes a tensor of a vector, a slice or nested arrays; of a tensor that you keep, enter a clone, which shares the buffer: `tape.var(w.clone())`"
)]
pub trait Value: Clone + Debug + Sized + 'static + Sealed {
    /// The type of the numbers.
    type Elem: Elem;

    /// What a handle holds besides its tape.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    type Repr: Copy;

    /// Enters a leaf.
    #[doc(hidden)]
    #[track_caller]
    fn leaf(tape: &Tape<Self::Elem>, value: Self) -> Var<'_, Self>;

    /// The value of a handle.
    #[doc(hidden)]
    fn value(var: Var<'_, Self>) -> Self;

    /// A handle of the same value whose gradient will be kept.
    #[doc(hidden)]
    #[track_caller]
    fn watch(var: Var<'_, Self>) -> Var<'_, Self>;

    /// A handle of the same value that no gradient flows through.
    #[doc(hidden)]
    #[track_caller]
    fn detach(var: Var<'_, Self>) -> Var<'_, Self>;

    /// The gradient with respect to a handle; `None` if the output does not depend on it.
    #[doc(hidden)]
    fn gradient(
        gradients: &Gradients<'_, Self::Elem>,
        var: Var<'_, Self>,
    ) -> Result<Option<Self>, Error>;

    /// Adds a direction to a forward walk.
    #[doc(hidden)]
    fn seed(
        walk: &mut Forward<'_, Self::Elem>,
        var: Var<'_, Self>,
        tangent: Self,
    ) -> Result<(), Error>;

    /// The tangent of a handle after a forward walk.
    #[doc(hidden)]
    fn tangent(tangents: &Tangents<'_, Self::Elem>, var: Var<'_, Self>) -> Result<Self, Error>;

    /// A gradient of zeros.
    #[doc(hidden)]
    fn zero_like(var: Var<'_, Self>) -> Self;

    /// The name of the handle's node.
    #[doc(hidden)]
    fn id(var: Var<'_, Self>) -> Result<Id<Self>, Error>;

    /// The handle of a node.
    #[doc(hidden)]
    fn handle(tape: &Tape<Self::Elem>, index: u32) -> Var<'_, Self>;

    /// Refuses a new value for a node that cannot take it.
    #[doc(hidden)]
    fn check_leaf(tape: &Tape<Self::Elem>, index: u32, value: &Self) -> Result<(), Error>;

    /// Puts a new value into a leaf and returns the old one.
    #[doc(hidden)]
    fn set(tape: &mut Tape<Self::Elem>, index: u32, value: Self) -> Self;
}

impl<'t, V: Value> Var<'t, V> {
    /// The value this handle stands for. For a tensor the buffer is shared, not copied.
    #[inline]
    pub fn value(self) -> V {
        V::value(self)
    }

    /// Keeps the gradient of an intermediate: go on with the handle that this returns, and pass that
    /// handle to [`wrt`](Gradients::wrt).
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(2.0);
    /// let inner = (x * x).sin().watch();
    /// let grads = (inner * 3.0).backward();
    /// assert_eq!(grads.wrt(inner), 3.0);
    /// ```
    #[track_caller]
    pub fn watch(self) -> Self {
        V::watch(self)
    }

    /// The same value as a constant: no gradient of any order flows through it.
    ///
    /// JAX and TensorFlow call this `stop_gradient`. A tensor's buffer is shared, not copied. On
    /// [`Dual`](crate::Dual) elements the tangent is dropped too, so that a second derivative, like
    /// the first, treats the value as a constant. A [`replay`](crate::Tape::replay) would not renew it, and so
    /// refuses the tape.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(3.0);
    /// assert_eq!((x * x.detach()).backward().wrt(x), 3.0); // and not 6
    /// ```
    #[doc(alias = "stop_gradient")]
    #[track_caller]
    pub fn detach(self) -> Self {
        V::detach(self)
    }

    /// A name for this handle's node that outlives the handle, for [`Tape::replay`] and
    /// [`Tape::handle`].
    ///
    /// # Errors
    /// If a scalar handle is a constant, was folded, or names a node that was computed from scalars.
    pub fn id(self) -> Result<Id<V>, Error> {
        V::id(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Elem> Value for T {
    type Elem = T;
    type Repr = Scalar<T>;

    #[inline]
    fn leaf(tape: &Tape<T>, value: T) -> Var<'_, T> {
        let line = Location::caller();
        let (value, index) = tape.scalars.push_source("leaf", value, line);
        Var::source(tape, index, value)
    }

    #[inline]
    fn value(var: Var<'_, T>) -> T {
        var.repr.value
    }

    fn watch(var: Var<'_, T>) -> Var<'_, T> {
        var.watched()
    }

    fn detach(var: Var<'_, T>) -> Var<'_, T> {
        if let Some(tape) = var.tape {
            tape.detached.set(Some(Location::caller()));
        }
        Var::number(var.repr.value.moving_as(T::zero()))
    }

    #[inline]
    fn gradient(gradients: &Gradients<'_, T>, var: Var<'_, T>) -> Result<Option<T>, Error> {
        gradients.scalar(var)
    }

    fn seed(walk: &mut Forward<'_, T>, var: Var<'_, T>, tangent: T) -> Result<(), Error> {
        var.scalar_id("along")?;
        walk.tape.check_leaf_scalar("along", var.repr.index)?;
        walk.scalars.push((var.repr.index, tangent));
        Ok(())
    }

    fn tangent(tangents: &Tangents<'_, T>, var: Var<'_, T>) -> Result<T, Error> {
        let t = tangents.scalar(var.repr.index)?;
        Ok(if t.is_zero() {
            T::zero()
        } else {
            var.repr.slope * t
        })
    }

    #[inline]
    fn zero_like(_: Var<'_, T>) -> T {
        T::zero()
    }

    fn id(var: Var<'_, T>) -> Result<Id<T>, Error> {
        var.scalar_id("id")
    }

    fn handle(tape: &Tape<T>, index: u32) -> Var<'_, T> {
        Var::of_index(tape, index)
    }

    fn check_leaf(tape: &Tape<T>, index: u32, _: &T) -> Result<(), Error> {
        tape.check_leaf_scalar("replay", index)
    }

    fn set(tape: &mut Tape<T>, index: u32, value: T) -> T {
        tape.scalars.set_value(index, value)
    }
}

impl<T: Elem> Value for Tensor<T> {
    type Elem = T;
    type Repr = NodeId;

    fn leaf(tape: &Tape<T>, value: Tensor<T>) -> Var<'_, Tensor<T>> {
        Var::of_node(tape, tape.leaf(value))
    }

    fn value(var: Var<'_, Tensor<T>>) -> Tensor<T> {
        var.with_value(Tensor::clone)
    }

    fn watch(var: Var<'_, Tensor<T>>) -> Var<'_, Tensor<T>> {
        var.tape().keep(var.repr);
        var
    }

    fn detach(var: Var<'_, Tensor<T>>) -> Var<'_, Tensor<T>> {
        let tape = var.tape();
        if tape.nodes.borrow()[var.repr.index()].active() {
            tape.detached.set(Some(Location::caller()));
        }
        let value = Self::value(var);
        let value = if T::PARTS > 1 {
            value.map(|x| x.moving_as(T::zero()))
        } else {
            value
        };
        Var::of_node(tape, tape.fixed(value))
    }

    fn gradient(
        gradients: &Gradients<'_, T>,
        var: Var<'_, Tensor<T>>,
    ) -> Result<Option<Tensor<T>>, Error> {
        gradients.tensor(var)
    }

    fn seed(
        walk: &mut Forward<'_, T>,
        var: Var<'_, Tensor<T>>,
        tangent: Tensor<T>,
    ) -> Result<(), Error> {
        walk.tape.check_leaf_tensor("along", var.repr, &tangent)?;
        walk.tensors.push((var.repr.index(), tangent));
        Ok(())
    }

    fn tangent(tangents: &Tangents<'_, T>, var: Var<'_, Tensor<T>>) -> Result<Tensor<T>, Error> {
        let tangent = tangents.tensor(var.repr)?;
        Ok(tangent.unwrap_or_else(|| Tensor::zeros(var.shape())))
    }

    fn zero_like(var: Var<'_, Tensor<T>>) -> Tensor<T> {
        Tensor::zeros(var.shape())
    }

    fn id(var: Var<'_, Tensor<T>>) -> Result<Id<Tensor<T>>, Error> {
        Ok(var.tensor_id())
    }

    fn handle(tape: &Tape<T>, index: u32) -> Var<'_, Tensor<T>> {
        Var::of_node(tape, NodeId(index))
    }

    fn check_leaf(tape: &Tape<T>, index: u32, value: &Tensor<T>) -> Result<(), Error> {
        tape.check_leaf_tensor("replay", NodeId(index), value)
    }

    fn set(tape: &mut Tape<T>, index: u32, value: Tensor<T>) -> Tensor<T> {
        tape.nodes.get_mut()[index as usize].set_value(value)
    }
}
