//! Arithmetic in place: `x += y`, where `y` broadcasts to the shape of `x`.

use std::ops::{AddAssign, DivAssign, MulAssign, SubAssign};

use super::Tensor;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;

impl<T: Elem> Tensor<T> {
    /// Replaces each element `x` by `f(x, y)`, with `y` from `other`, broadcast.
    fn assign(
        &mut self,
        other: &Self,
        op: &'static str,
        f: impl Fn(T, T) -> T,
    ) -> Result<(), Error> {
        if self.shape() == other.shape() {
            let pairs = self.data_mut().iter_mut().zip(other.data());
            pairs.for_each(|(x, &y)| *x = f(*x, y));
            return Ok(());
        }
        let result = self.combine(other, op, f)?;
        if result.shape() != self.shape() {
            return Err(Error::new(ErrorKind::Expand {
                op,
                from: other.shape().clone(),
                to: self.shape().clone(),
            }));
        }
        *self = result;
        Ok(())
    }
}

macro_rules! assignment {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl<T: Elem> $trait<&Tensor<T>> for Tensor<T> {
            #[track_caller]
            fn $method(&mut self, other: &Tensor<T>) {
                self.assign(other, stringify!($method), |x, y| x $op y).or_panic();
            }
        }

        impl<T: Elem> $trait<Tensor<T>> for Tensor<T> {
            #[track_caller]
            fn $method(&mut self, other: Tensor<T>) {
                self.assign(&other, stringify!($method), |x, y| x $op y).or_panic();
            }
        }

        impl<T: Elem> $trait<T> for Tensor<T> {
            fn $method(&mut self, other: T) {
                self.data_mut().iter_mut().for_each(|x| *x = *x $op other);
            }
        }
    )*};
}

assignment!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);
