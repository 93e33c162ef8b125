//! `pushforward`: forward mode without a tape, which also lifts any other transform by one order.

use super::arguments::{Arguments, Leaf, direction, leaves};
use crate::dual::Dual;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// The value of `f` at `x` and its derivative along `t`, for a function of plain values, which is
/// called once, on dual numbers.
///
/// This is to plain values what [`jvp`](super::jvp) is to handles. In `f`, write a plain tensor `w` as
/// `Tensor::from(w.clone())`; plain numbers need no conversion. Around another transform it raises the
/// order by one: the derivative of a Hessian-vector product along a direction is third order, and so on.
///
/// # Panics
/// If `t` does not fit `x`.
///
/// # Example
/// ```
/// use num_traits::Float;
/// use wengert::{Tensor, transform::{hvp, pushforward}};
///
/// let (value, slope) = pushforward(|x| x.sin() * 2.0, 0.0, 1.0);
/// assert_eq!((value, slope), (0.0, 2.0));
///
/// // Third order: ∂/∂u of H v for f = Σ x⁴.
/// let [x, u, v] = [[1.0, 2.0], [1.0, 0.0], [1.0, 1.0]].map(Tensor::from);
/// let (hv, third) = pushforward(|x| hvp(|x| x.powi(4).sum(), x, Tensor::from(v.clone())), &x, &u);
/// assert_eq!(hv, Tensor::from([12.0, 48.0])); // 12 x² v
/// assert_eq!(third, Tensor::from([24.0, 0.0])); // 24 x v u
/// ```
#[track_caller]
pub fn pushforward<A: Arguments, R: Pushed>(
    f: impl FnOnce(A::Lifted) -> R,
    x: A,
    t: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> (R::Plain, R::Plain) {
    try_pushforward(f, x, t).or_panic()
}

/// [`pushforward`], with bad input as an [`Error`].
///
/// # Errors
/// If `t` does not fit `x`.
pub fn try_pushforward<A: Arguments, R: Pushed>(
    f: impl FnOnce(A::Lifted) -> R,
    x: A,
    t: impl Arguments<Elem = A::Elem, Owned = A::Owned>,
) -> Result<(R::Plain, R::Plain), Error> {
    let values = leaves(&x);
    let t = direction("pushforward", &values, &t)?;
    let both = values.iter().zip(&t);
    let mut lifted = both.map(|(x, t): (&Leaf<A::Elem>, _)| x.lift(t).value);
    Ok(f(x.lifted(&mut lifted)).apart())
}

/// A result on dual numbers, which [`pushforward`] separates into primals and tangents: a number, a
/// tensor, or a tuple of up to six, an array or a `Vec` of results. Only this crate implements it.
pub trait Pushed: sealed::Sealed {
    /// The same structure of plain numbers.
    type Plain;

    /// The primals and the tangents.
    fn apart(self) -> (Self::Plain, Self::Plain);
}

mod sealed {
    /// Seals [`Pushed`](super::Pushed), so that results of other kinds can be added later.
    pub trait Sealed {}
    impl<T: crate::kernel::Elem> Sealed for crate::dual::Dual<T> {}
    impl<T> Sealed for crate::tensor::Tensor<T> {}
    impl<R, const N: usize> Sealed for [R; N] {}
    impl<R> Sealed for Vec<R> {}
}

impl<T: Elem> Pushed for Dual<T> {
    type Plain = T;

    fn apart(self) -> (T, T) {
        (self.primal, self.tangent)
    }
}

impl<T: Elem> Pushed for Tensor<Dual<T>> {
    type Plain = Tensor<T>;

    fn apart(self) -> (Tensor<T>, Tensor<T>) {
        (self.map(|x| x.primal), self.map(|x| x.tangent))
    }
}

impl<R: Pushed, const N: usize> Pushed for [R; N] {
    type Plain = [R::Plain; N];

    fn apart(self) -> (Self::Plain, Self::Plain) {
        let mut tangents = Vec::with_capacity(N);
        let primals = self.map(|r| {
            let (primal, tangent) = r.apart();
            tangents.push(tangent);
            primal
        });
        let mut tangents = tangents.into_iter();
        let next = |_| tangents.next().expect("there is one for each primal");
        (primals, std::array::from_fn(next))
    }
}

impl<R: Pushed> Pushed for Vec<R> {
    type Plain = Vec<R::Plain>;

    fn apart(self) -> (Self::Plain, Self::Plain) {
        self.into_iter().map(Pushed::apart).unzip()
    }
}

macro_rules! tuple {
    ($($($r:ident)+;)*) => {$(
        impl<$($r),+> sealed::Sealed for ($($r,)+) {}

        impl<$($r: Pushed),+> Pushed for ($($r,)+) {
            type Plain = ($($r::Plain,)+);

            #[allow(non_snake_case)]
            fn apart(self) -> (Self::Plain, Self::Plain) {
                let ($($r,)+) = self;
                $(let $r = $r.apart();)+
                (($($r.0,)+), ($($r.1,)+))
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
