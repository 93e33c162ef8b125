//! What a fixed point depends on, and where it starts.

use crate::kernel::{Elem, Embeds};
use crate::tensor::Tensor;
use crate::transform::output::Output;
use crate::var::sealed::Sealed;
use crate::var::{Handle, Var};

/// The parameters of a [`fixed_point`](super::fixed_point): a handle, or a tuple of up to six, an
/// array, a slice or a `Vec` of parameters, nested as you like. For a slice the closure gets a `Vec`.
/// Only this crate implements it.
pub trait Parameters<'t> {
    /// The type of the numbers.
    type Elem: Elem;

    /// The same structure of handles of another tape.
    type At<'a>;

    /// Lists the handles, in order, and the lengths that the type does not determine.
    #[doc(hidden)]
    fn list(&self, handles: &mut Vec<Handle<'t, Self::Elem>>, lengths: &mut Vec<usize>);

    /// Puts handles into the structure.
    #[doc(hidden)]
    fn rebuild<'a>(
        next: &mut dyn Iterator<Item = Handle<'a, Self::Elem>>,
        lengths: &mut dyn Iterator<Item = usize>,
    ) -> Self::At<'a>;
}

const ENOUGH: &str = "there is a handle for each parameter";

impl<'t, V: Output> Parameters<'t> for Var<'t, V> {
    type Elem = V::Elem;
    type At<'a> = Var<'a, V>;

    fn list(&self, handles: &mut Vec<Handle<'t, V::Elem>>, _: &mut Vec<usize>) {
        handles.push(V::into_handle(*self));
    }

    fn rebuild<'a>(
        next: &mut dyn Iterator<Item = Handle<'a, V::Elem>>,
        _: &mut dyn Iterator<Item = usize>,
    ) -> Var<'a, V> {
        V::of_handle(next.next().expect(ENOUGH))
    }
}

impl<'t, P: Parameters<'t>, const N: usize> Parameters<'t> for [P; N] {
    type Elem = P::Elem;
    type At<'a> = [P::At<'a>; N];

    fn list(&self, handles: &mut Vec<Handle<'t, P::Elem>>, lengths: &mut Vec<usize>) {
        self.iter().for_each(|p| p.list(handles, lengths));
    }

    fn rebuild<'a>(
        next: &mut dyn Iterator<Item = Handle<'a, P::Elem>>,
        lengths: &mut dyn Iterator<Item = usize>,
    ) -> Self::At<'a> {
        std::array::from_fn(|_| P::rebuild(next, lengths))
    }
}

/// Writes the impls whose length the type does not determine.
macro_rules! list {
    ($($type:ty)*) => {$(
        impl<'t, P: Parameters<'t>> Parameters<'t> for $type {
            type Elem = P::Elem;
            type At<'a> = Vec<P::At<'a>>;

            fn list(&self, handles: &mut Vec<Handle<'t, P::Elem>>, lengths: &mut Vec<usize>) {
                lengths.push(self.len());
                self.iter().for_each(|p| p.list(handles, lengths));
            }

            fn rebuild<'a>(
                next: &mut dyn Iterator<Item = Handle<'a, P::Elem>>,
                lengths: &mut dyn Iterator<Item = usize>,
            ) -> Self::At<'a> {
                let length = lengths.next().expect("there is a length for each list");
                (0..length).map(|_| P::rebuild(next, lengths)).collect()
            }
        }
    )*};
}

list! { Vec<P> &[P] &Vec<P> }

macro_rules! tuple {
    ($($first:ident $($other:ident)*;)*) => {$(
        impl<'t, $first: Parameters<'t>, $($other: Parameters<'t, Elem = $first::Elem>),*>
            Parameters<'t> for ($first, $($other,)*)
        {
            type Elem = $first::Elem;
            type At<'a> = ($first::At<'a>, $($other::At<'a>,)*);

            #[allow(non_snake_case)]
            fn list(
                &self,
                handles: &mut Vec<Handle<'t, Self::Elem>>,
                lengths: &mut Vec<usize>,
            ) {
                let ($first, $($other,)*) = self;
                $first.list(handles, lengths);
                $($other.list(handles, lengths);)*
            }

            fn rebuild<'a>(
                next: &mut dyn Iterator<Item = Handle<'a, Self::Elem>>,
                lengths: &mut dyn Iterator<Item = usize>,
            ) -> Self::At<'a> {
                ($first::rebuild(next, lengths), $($other::rebuild(next, lengths),)*)
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

/// Where a [`fixed_point`](super::fixed_point) starts: a number or a tensor, which may be plain even if
/// the parameters are dual. Only this crate implements it.
pub trait Start<T: Elem>: Sealed {
    /// The type of the state: `T` or `Tensor<T>`.
    type Value: Output<Elem = T>;

    /// The start itself.
    #[doc(hidden)]
    fn value(self) -> Self::Value;
}

impl<T: Elem + Embeds<C>, C: Elem> Start<T> for C {
    type Value = T;

    fn value(self) -> T {
        T::embed(self)
    }
}

impl<T: Elem + Embeds<C>, C: Elem> Start<T> for Tensor<C> {
    type Value = Tensor<T>;

    fn value(self) -> Tensor<T> {
        self.map(T::embed)
    }
}

impl<T: Elem + Embeds<C>, C: Elem> Start<T> for &Tensor<C> {
    type Value = Tensor<T>;

    fn value(self) -> Tensor<T> {
        self.map(T::embed)
    }
}
