//! The arithmetic operators, for every pair of operands that a [`Binary`](super::Binary) op takes.
//!
//! Iterators over slices of handles yield references, so a handle may also be one; such impls copy the handle and
//! forward to those for values.

/// Writes the operator impls of a [`Binary`] op for every pair of operand kinds.
macro_rules! operator {
    ($trait:ident $method:ident $assign:ident $assign_method:ident $try_name:ident $op:expr) => {
        operator!(@left $trait $method $op, f32);
        operator!(@left $trait $method $op, f64);

        impl<'t, T: Elem> $trait<Var<'t, T>> for Var<'t, T> {
            type Output = Self;

            #[inline(always)]
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                crate::ops::forms::binary::scalars($op, self, other)
            }
        }

        impl<'t, T: Elem, C: Elem + crate::kernel::Constant<T>> $trait<C> for Var<'t, T> {
            type Output = Self;

            #[inline(always)]
            #[track_caller]
            fn $method(self, other: C) -> Self {
                crate::ops::forms::binary::scalars($op, self, Var::number(other.embed()))
            }
        }

        impl<'t, V: crate::var::Value, R> $trait<R> for &Var<'t, V>
        where
            Var<'t, V>: $trait<R>,
        {
            type Output = <Var<'t, V> as $trait<R>>::Output;

            #[inline(always)]
            #[track_caller]
            fn $method(self, other: R) -> Self::Output {
                $trait::$method(*self, other)
            }
        }

        operator!(@reference $trait $method, [T: Elem] Var<'t, T>);
        operator!(@reference $trait $method, [] f32);
        operator!(@reference $trait $method, [] f64);
        operator!(@reference $trait $method, [C: Elem] Tensor<C>);
        operator!(@reference $trait $method, [C: Elem] &Tensor<C>);

        impl<'t, V: crate::var::Value, R> $assign<R> for Var<'t, V>
        where
            Self: $trait<R, Output = Self>,
        {
            #[inline]
            #[track_caller]
            fn $assign_method(&mut self, other: R) {
                *self = $trait::$method(*self, other);
            }
        }

        impl<'t, T: Elem> Var<'t, Tensor<T>> {
            #[doc = concat!("The operator `", stringify!($method), "`, with bad input as an [`Error`](crate::Error).")]
            ///
            /// # Errors
            /// If the shapes do not broadcast or the other operand lives on another tape.
            #[track_caller]
            pub fn $try_name(self, other: impl crate::var::Operand<'t, T>) -> Result<Self, crate::error::Error> {
                self.record2(Zip($op), other)
            }
        }

        impl<'t, T: Elem, R: crate::var::Operand<'t, T>> $trait<R> for Var<'t, Tensor<T>> {
            type Output = Self;

            #[track_caller]
            fn $method(self, other: R) -> Self {
                self.$try_name(other).or_panic()
            }
        }

        impl<'t, T: Elem> $trait<Var<'t, Tensor<T>>> for Var<'t, T> {
            type Output = Var<'t, Tensor<T>>;

            #[track_caller]
            fn $method(self, other: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
                other.record2_left(Zip($op), self).or_panic()
            }
        }

        operator!(@beside $trait $method $try_name, Tensor<C>);
        operator!(@beside $trait $method $try_name, &Tensor<C>);

        impl<'t, T: Elem + crate::kernel::Embeds<C>, C: Elem> $trait<Var<'t, Tensor<T>>> for Tensor<C> {
            type Output = Var<'t, Tensor<T>>;

            #[track_caller]
            fn $method(self, other: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
                other.record2_left(Zip($op), self).or_panic()
            }
        }

        impl<'t, T: Elem + crate::kernel::Embeds<C>, C: Elem> $trait<Var<'t, Tensor<T>>> for &Tensor<C> {
            type Output = Var<'t, Tensor<T>>;

            #[track_caller]
            fn $method(self, other: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
                other.record2_left(Zip($op), self).or_panic()
            }
        }
    };
    // A plain tensor and a scalar handle, in either order.
    (@beside $trait:ident $method:ident $try_name:ident, $tensor:ty) => {
        impl<'t, T: Elem + crate::kernel::Embeds<C>, C: Elem> $trait<Var<'t, T>> for $tensor {
            type Output = Var<'t, Tensor<T>>;

            #[track_caller]
            fn $method(self, other: Var<'t, T>) -> Var<'t, Tensor<T>> {
                other.beside(stringify!($method), self).$try_name(other).or_panic()
            }
        }

        impl<'t, T: Elem + crate::kernel::Embeds<C>, C: Elem> $trait<$tensor> for Var<'t, T> {
            type Output = Var<'t, Tensor<T>>;

            #[track_caller]
            fn $method(self, other: $tensor) -> Var<'t, Tensor<T>> {
                self.$method(self.beside(stringify!($method), other))
            }
        }
    };
    // A handle by reference, on the right of what takes one by value.
    (@reference $trait:ident $method:ident, [$($c:tt)*] $left:ty) => {
        impl<'t, V: crate::var::Value, $($c)*> $trait<&Var<'t, V>> for $left
        where
            Self: $trait<Var<'t, V>>,
        {
            type Output = <Self as $trait<Var<'t, V>>>::Output;

            #[inline(always)]
            #[track_caller]
            fn $method(self, other: &Var<'t, V>) -> Self::Output {
                $trait::$method(self, *other)
            }
        }
    };
    (@left $trait:ident $method:ident $op:expr, $t:ident) => {
        operator!(@number $trait $method $op, $t, [] $t);
        operator!(@number $trait $method $op, $t, [] crate::dual::Dual<$t>);
        operator!(@number $trait $method $op, $t, [] crate::dual::Dual<crate::dual::Dual<$t>>);
        operator!(@number $trait $method $op, $t, [const N: usize] crate::dual::Duals<$t, N>);
    };
    // A plain number on the left of scalar and tensor handles whose elements are of its type or duals over it.
    (@number $trait:ident $method:ident $op:expr, $t:ident, [$($n:tt)*] $elem:ty) => {
        impl<'t, $($n)*> $trait<Var<'t, $elem>> for $t {
            type Output = Var<'t, $elem>;

            #[inline(always)]
            #[track_caller]
            fn $method(self, other: Var<'t, $elem>) -> Var<'t, $elem> {
                crate::ops::forms::binary::scalars($op, self.into(), other)
            }
        }

        impl<'t, $($n)*> $trait<Var<'t, Tensor<$elem>>> for $t {
            type Output = Var<'t, Tensor<$elem>>;

            // Not generic, so without this attribute the crate itself would compile the rules for each of these types.
            #[inline]
            #[track_caller]
            fn $method(self, other: Var<'t, Tensor<$elem>>) -> Var<'t, Tensor<$elem>> {
                other.record2_left(Zip($op), self).or_panic()
            }
        }
    };
}

pub(crate) use operator;
