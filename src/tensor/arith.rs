//! Arithmetic on plain tensors, with broadcasting.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Tensor;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem, Embeds, Layout};

impl<T: Copy> Tensor<T> {
    /// Applies `f` to the elements of two tensors that broadcast; if they do not, the error names `op`.
    pub(crate) fn zip<U: Copy, R: Copy + Default>(
        &self,
        other: &Tensor<U>,
        op: &'static str,
        f: impl Fn(T, U) -> R,
    ) -> Result<Tensor<R>, Error> {
        let shape = self.shape().broadcast(op, other.shape())?;
        let mut y = Tensor::full(shape.clone(), R::default());
        let layout = Layout::new(&shape, self.shape(), other.shape());
        layout.fill(self.data(), other.data(), y.data_mut(), |_, a, b| f(a, b));
        Ok(y)
    }
}

impl<T: Elem> Tensor<T> {
    /// The same for numbers, in a loop that uses the machine's best instructions.
    pub(crate) fn combine(
        &self,
        other: &Self,
        op: &'static str,
        f: impl Fn(T, T) -> T,
    ) -> Result<Self, Error> {
        let shape = self.shape().broadcast(op, other.shape())?;
        let mut y = Tensor::unwritten(shape.clone());
        let (a, b) = (
            (&self.shape()[..], self.data()),
            (&other.shape()[..], other.data()),
        );
        kernel::zip(&shape, a, b, y.data_mut(), f);
        Ok(y)
    }
}

impl<T: Elem> Tensor<T> {
    /// `self += factor * other`, in place: a step of gradient descent, say.
    ///
    /// If another tensor shares the elements of `self`, they are copied first.
    ///
    /// # Panics
    /// If the shapes differ.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let mut weights = Tensor::from([1.0, 2.0]);
    /// weights.add_scaled(-0.5, &Tensor::from([4.0, 2.0]));
    /// assert_eq!(weights, Tensor::from([-1.0, 1.0]));
    /// ```
    #[track_caller]
    pub fn add_scaled(&mut self, factor: T, other: &Self) {
        self.try_add_scaled(factor, other).or_panic();
    }

    /// [`add_scaled`](Self::add_scaled), with bad input as an [`Error`]; `self` is then left as it was.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn try_add_scaled(&mut self, factor: T, other: &Self) -> Result<(), Error> {
        if self.shape() != other.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op: "add_scaled",
                what: "the other tensor",
                found: other.shape().clone(),
                expected: self.shape().clone(),
            }));
        }
        kernel::add_scaled_to(factor, other.data(), self.data_mut());
        Ok(())
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:tt) => {
        impl<T: Elem> $trait<&Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;

            #[track_caller]
            fn $method(self, other: &Tensor<T>) -> Tensor<T> {
                self.combine(other, stringify!($method), |a, b| a $op b).or_panic()
            }
        }

        impl<T: Elem> $trait<Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;

            #[track_caller]
            fn $method(self, other: Tensor<T>) -> Tensor<T> {
                &self $op &other
            }
        }

        impl<T: Elem> $trait<&Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;

            #[track_caller]
            fn $method(self, other: &Tensor<T>) -> Tensor<T> {
                &self $op other
            }
        }

        impl<T: Elem> $trait<Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;

            #[track_caller]
            fn $method(self, other: Tensor<T>) -> Tensor<T> {
                self $op &other
            }
        }

        impl<T: Elem + Embeds<C>, C: Elem> $trait<C> for &Tensor<T> {
            type Output = Tensor<T>;

            fn $method(self, other: C) -> Tensor<T> {
                let other: T = T::embed(other);
                self.map(|a| a $op other)
            }
        }

        impl<T: Elem + Embeds<C>, C: Elem> $trait<C> for Tensor<T> {
            type Output = Tensor<T>;

            fn $method(self, other: C) -> Tensor<T> {
                &self $op other
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

macro_rules! number_on_the_left {
    ($t:ty: $($trait:ident $method:ident $op:tt),*) => {$(
        impl $trait<&Tensor<$t>> for $t {
            type Output = Tensor<$t>;

            fn $method(self, other: &Tensor<$t>) -> Tensor<$t> {
                other.map(|b| self $op b)
            }
        }

        impl $trait<Tensor<$t>> for $t {
            type Output = Tensor<$t>;

            fn $method(self, other: Tensor<$t>) -> Tensor<$t> {
                self $op &other
            }
        }
    )*};
}

number_on_the_left!(f32: Add add +, Sub sub -, Mul mul *, Div div /);
number_on_the_left!(f64: Add add +, Sub sub -, Mul mul *, Div div /);

impl<T: Elem> Neg for &Tensor<T> {
    type Output = Tensor<T>;

    fn neg(self) -> Tensor<T> {
        self.map(|a| -a)
    }
}

impl<T: Elem> Neg for Tensor<T> {
    type Output = Tensor<T>;

    fn neg(self) -> Tensor<T> {
        -&self
    }
}
