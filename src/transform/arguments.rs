//! `Arguments`: what a function may be differentiated at (numbers, tensors, and structures of them).

use crate::dual::Dual;
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tape::{NodeId, Tape};
use crate::tensor::{Shape, Tensor};
use crate::var::{Handle, Operand, Var};

/// A function's arguments: a number, a tensor (owned or by reference), or a tuple of up to six, an
/// array, a slice or a `Vec` (owned or by reference) of arguments, nested as you like.
///
/// A closure gets handles in the same structure, and the gradient has that structure too: for
/// `(&w, 0.5)` the closure is `|(w, b)| ...` and the gradient `(Tensor, f64)`. Only this crate
/// implements it.
///
/// # Example
/// ```
/// use wengert::{Tensor, transform::grad};
///
/// let w = Tensor::from([1.0, 2.0]);
/// let (gw, gb) = grad(|(w, b)| (w * w * b).sum(), (&w, 0.5));
/// assert_eq!(gw, Tensor::from([1.0, 2.0]));
/// assert_eq!(gb, 5.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "a function cannot be differentiated at `{Self}`",
    label = "not a number, a tensor or a structure of them",
    note = "arguments are a number (of type `f32`, `f64`, `Dd`, `Dual` or `Duals`), a tensor, `&Tensor`, or a tuple of up to six, an array, a slice, a `Vec` or `&Vec` of arguments"
)]
pub trait Arguments: Sized {
    /// The type of the numbers.
    type Elem: Elem;

    /// The same structure with owned values: the type of a gradient.
    type Owned;

    /// The same structure of handles, whose numbers are `E`.
    type Handles<'t, E: Elem>;

    /// The same structure of dual numbers.
    type Lifted;

    /// The same structure with an `X` for each number or tensor.
    type Each<X>;

    /// Lists the values, in order.
    #[doc(hidden)]
    fn list(&self, leaves: &mut Vec<Leaf<Self::Elem>>);

    /// Puts handles into the structure.
    #[doc(hidden)]
    fn handles<'t, E: Elem>(
        &self,
        next: &mut dyn Iterator<Item = Handle<'t, E>>,
    ) -> Self::Handles<'t, E>;

    /// Puts values into the structure.
    #[doc(hidden)]
    fn owned(&self, next: &mut dyn Iterator<Item = Tensor<Self::Elem>>) -> Self::Owned;

    /// Puts dual values into the structure.
    #[doc(hidden)]
    fn lifted(&self, next: &mut dyn Iterator<Item = Tensor<Dual<Self::Elem>>>) -> Self::Lifted;

    /// Puts anything into the structure.
    #[doc(hidden)]
    fn each<X>(&self, next: &mut dyn Iterator<Item = X>) -> Self::Each<X>;
}

/// A closure from handles `H` to a handle `Y`: another name for `Fn(H) -> Y`.
///
/// The output of an `Fn` bound may not name a lifetime that occurs only inside a projection such as
/// [`Arguments::Handles`]; a parameter of a trait may. Every closure implements it.
pub trait Function<H, Y>: Fn(H) -> Y {}

impl<H, Y, F: Fn(H) -> Y> Function<H, Y> for F {}

/// One argument; a number is a tensor without axes.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Leaf<T> {
    pub(super) value: Tensor<T>,
    pub(super) scalar: bool,
}

impl<T: Elem> Leaf<T> {
    /// Enters the argument on a tape.
    #[track_caller]
    pub(super) fn enter(self, tape: &Tape<T>) -> Handle<'_, T> {
        match self.scalar {
            true => Handle::Scalar(tape.var(self.value.item())),
            false => Handle::Tensor(tape.var(self.value)),
        }
    }

    /// The argument with a tangent.
    pub(super) fn lift(&self, tangent: &Leaf<T>) -> Leaf<Dual<T>> {
        let both = self.value.iter().zip(tangent.value.iter());
        let data: Vec<_> = both.map(|(&x, &t)| Dual::new(x, t)).collect();
        let shape = self.value.shape().clone();
        Leaf {
            value: Tensor::of_buffer(shape, data),
            scalar: self.scalar,
        }
    }
}

impl<'t, E: Elem> Handle<'t, E> {
    /// The handle as an operand of a tensor op.
    #[track_caller]
    pub(super) fn node(self, tape: &'t Tape<E>, op: &'static str) -> Result<NodeId, Error> {
        match self {
            Handle::Scalar(x) => x.enter(tape, op),
            Handle::Tensor(x) => x.enter(tape, op),
        }
    }

    /// The shape; a number has no axes.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Handle::Scalar(_) => Shape::scalar(),
            Handle::Tensor(x) => x.shape(),
        }
    }
}

/// The values of arguments, in order.
pub(super) fn leaves<A: Arguments>(x: &A) -> Vec<Leaf<A::Elem>> {
    let mut leaves = Vec::new();
    x.list(&mut leaves);
    leaves
}

/// The values of a direction, which must fit the arguments.
pub(super) fn direction<A: Arguments>(
    op: &'static str,
    x: &[Leaf<A::Elem>],
    v: &A,
) -> Result<Vec<Leaf<A::Elem>>, Error> {
    let v = leaves(v);
    if v.len() != x.len() {
        return Err(Error::argument(
            op,
            format!(
                "the direction has {} values and the function {} arguments; give one for each",
                v.len(),
                x.len()
            ),
        ));
    }
    for (x, v) in x.iter().zip(&v) {
        if x.value.shape() != v.value.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op,
                what: "the direction",
                found: v.value.shape().clone(),
                expected: x.value.shape().clone(),
            }));
        }
    }
    Ok(v)
}

const ENOUGH: &str = "there is one for each argument";

/// Writes the impls for a number and for a tensor, owned and by reference.
macro_rules! single {
    ($($(#[$attribute:meta])* [$($life:lifetime)?] $type:ty => $owned:ty, $handle:ident $var:ty, $lifted:ty, |$x:ident| $leaf:expr, |$t:ident| $own:expr;)*) => {$(
        $(#[$attribute])*
        impl<$($life,)? T: Elem> Arguments for $type {
            type Elem = T;
            type Owned = $owned;
            type Handles<'t, E: Elem> = Var<'t, $var>;
            type Lifted = $lifted;
            type Each<X> = X;

            fn list(&self, leaves: &mut Vec<Leaf<T>>) {
                let $x = self;
                leaves.push($leaf);
            }

            fn handles<'t, E: Elem>(
                &self,
                next: &mut dyn Iterator<Item = Handle<'t, E>>,
            ) -> Self::Handles<'t, E> {
                match next.next() {
                    Some(Handle::$handle(handle)) => handle,
                    _ => unreachable!("handles come in the order and of the kind of their values"),
                }
            }

            fn owned(&self, next: &mut dyn Iterator<Item = Tensor<T>>) -> $owned {
                let $t = next.next().expect(ENOUGH);
                $own
            }

            fn lifted(&self, next: &mut dyn Iterator<Item = Tensor<Dual<T>>>) -> $lifted {
                let $t = next.next().expect(ENOUGH);
                $own
            }

            fn each<X>(&self, next: &mut dyn Iterator<Item = X>) -> X {
                next.next().expect(ENOUGH)
            }
        }
    )*};
}

single! {
    #[diagnostic::do_not_recommend] // an error is to speak of arguments, not of numbers only
    [] T => T, Scalar E, Dual<T>,
        |x| Leaf { value: Tensor::scalar(*x), scalar: true }, |t| t.item();
    [] Tensor<T> => Tensor<T>, Tensor Tensor<E>, Tensor<Dual<T>>,
        |x| Leaf { value: x.clone(), scalar: false }, |t| t;
    ['a] &'a Tensor<T> => Tensor<T>, Tensor Tensor<E>, Tensor<Dual<T>>,
        |x| Leaf { value: (*x).clone(), scalar: false }, |t| t;
}

/// Writes the impls for tuples.
macro_rules! tuple {
    ($($first:ident $($other:ident)*;)*) => {$(
        impl<$first: Arguments, $($other: Arguments<Elem = $first::Elem>),*> Arguments
            for ($first, $($other,)*)
        {
            type Elem = $first::Elem;
            type Owned = ($first::Owned, $($other::Owned,)*);
            type Handles<'t, E_: Elem> = ($first::Handles<'t, E_>, $($other::Handles<'t, E_>,)*);
            type Lifted = ($first::Lifted, $($other::Lifted,)*);
            type Each<X> = ($first::Each<X>, $($other::Each<X>,)*);

            #[allow(non_snake_case)]
            fn list(&self, leaves: &mut Vec<Leaf<Self::Elem>>) {
                let ($first, $($other,)*) = self;
                $first.list(leaves);
                $($other.list(leaves);)*
            }

            #[allow(non_snake_case)]
            fn handles<'t, E_: Elem>(
                &self,
                next: &mut dyn Iterator<Item = Handle<'t, E_>>,
            ) -> Self::Handles<'t, E_> {
                let ($first, $($other,)*) = self;
                ($first.handles(next), $($other.handles(next),)*)
            }

            #[allow(non_snake_case)]
            fn owned(&self, next: &mut dyn Iterator<Item = Tensor<Self::Elem>>) -> Self::Owned {
                let ($first, $($other,)*) = self;
                ($first.owned(next), $($other.owned(next),)*)
            }

            #[allow(non_snake_case)]
            fn lifted(
                &self,
                next: &mut dyn Iterator<Item = Tensor<Dual<Self::Elem>>>,
            ) -> Self::Lifted {
                let ($first, $($other,)*) = self;
                ($first.lifted(next), $($other.lifted(next),)*)
            }

            #[allow(non_snake_case)]
            fn each<X>(&self, next: &mut dyn Iterator<Item = X>) -> Self::Each<X> {
                let ($first, $($other,)*) = self;
                ($first.each(next), $($other.each(next),)*)
            }
        }
    )*};
}

tuple! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

/// Writes the impls for several arguments of one type.
macro_rules! several {
    ($([$($of:tt)*] $type:ty => $each:ident, |$x:ident, $map:ident| $make:expr;)*) => {$(
        impl<$($of)*> Arguments for $type {
            type Elem = A::Elem;
            type Owned = $each!(A::Owned);
            type Handles<'t, E: Elem> = $each!(A::Handles<'t, E>);
            type Lifted = $each!(A::Lifted);
            type Each<X> = $each!(A::Each<X>);

            fn list(&self, leaves: &mut Vec<Leaf<A::Elem>>) {
                self.iter().for_each(|x| x.list(leaves));
            }

            fn handles<'t, E: Elem>(
                &self,
                next: &mut dyn Iterator<Item = Handle<'t, E>>,
            ) -> Self::Handles<'t, E> {
                let ($x, mut $map) = (self, |x: &A| x.handles(next));
                $make
            }

            fn owned(&self, next: &mut dyn Iterator<Item = Tensor<A::Elem>>) -> Self::Owned {
                let ($x, mut $map) = (self, |x: &A| x.owned(next));
                $make
            }

            fn lifted(
                &self,
                next: &mut dyn Iterator<Item = Tensor<Dual<A::Elem>>>,
            ) -> Self::Lifted {
                let ($x, mut $map) = (self, |x: &A| x.lifted(next));
                $make
            }

            fn each<X>(&self, next: &mut dyn Iterator<Item = X>) -> Self::Each<X> {
                let ($x, mut $map) = (self, |x: &A| x.each(next));
                $make
            }
        }
    )*};
}

macro_rules! array {
    ($t:ty) => {
        [$t; N]
    };
}

macro_rules! vector {
    ($t:ty) => {
        Vec<$t>
    };
}

several! {
    [A: Arguments, const N: usize] [A; N] => array, |x, map| std::array::from_fn(|k| map(&x[k]));
    [A: Arguments] Vec<A> => vector, |x, map| x.iter().map(&mut map).collect();
    [A: Arguments] &Vec<A> => vector, |x, map| x.iter().map(&mut map).collect();
    [A: Arguments] &[A] => vector, |x, map| x.iter().map(&mut map).collect();
}
