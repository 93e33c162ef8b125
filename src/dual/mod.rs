//! `Dual`: a number and its derivative along one direction, so that rules can be differentiated.
//!
//! Here are the types and their arithmetic. Elementary functions are in `ops`, so that the derivative
//! of an op is defined in one place.

mod constant;
mod duals;
mod elem;
mod planes;
mod scratch;
mod system;

use std::fmt;
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use crate::kernel::{Constant, Elem};

pub use duals::Duals;

/// A primal value and its tangent: `primal + tangent ε` with `ε² = 0`.
///
/// `Dual` numbers are elements: `Tape<Dual<f64>>` records and walks as any tape does, and its
/// gradients carry their own derivatives, which are Hessian-vector products. Dual numbers nest.
///
/// Comparisons look at the primal alone; [`is_zero`](num_traits::Zero::is_zero) looks at both parts,
/// since a cotangent may be skipped only if all of it is 0.
///
/// # Example
/// ```
/// use num_traits::Float;
/// use wengert::Dual;
///
/// let x = Dual::new(2.0, 1.0);
/// assert_eq!((x * x.exp()).tangent, 3.0 * 2f64.exp());
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dual<T> {
    /// The value.
    pub primal: T,
    /// The derivative along the direction of interest.
    pub tangent: T,
}

impl<T> Dual<T> {
    /// The number `primal + tangent ε`.
    pub const fn new(primal: T, tangent: T) -> Self {
        Self { primal, tangent }
    }
}

impl<T: Elem> Dual<T> {
    /// A constant: its tangent is 0.
    pub fn constant(primal: T) -> Self {
        Self::new(primal, T::zero())
    }

    /// A function of this number, given its value and derivative at the primal.
    ///
    /// A tangent of exactly 0 stays 0, even where the derivative is infinite.
    pub fn chain(self, value: T, derivative: T) -> Self {
        self.push(value, |t| if t.is_zero() { t } else { derivative * t })
    }

    /// A function of two numbers, given its value and both partial derivatives.
    pub fn chain2(self, other: Self, value: T, partial: [T; 2]) -> Self {
        self.chain(value, partial[0])
            .plus(other.chain(value, partial[1]), value)
    }

    /// A function of this number, given its value and what becomes of the tangent.
    #[inline]
    pub(crate) fn push(self, value: T, tangent: impl Fn(T) -> T) -> Self {
        Self::new(value, tangent(self.tangent))
    }

    /// The tangents of both added, with the given value.
    #[inline]
    pub(crate) fn plus(self, other: Self, value: T) -> Self {
        Self::new(value, self.tangent + other.tangent)
    }
}

impl<T: PartialEq> PartialEq for Dual<T> {
    fn eq(&self, other: &Self) -> bool {
        self.primal == other.primal
    }
}

impl<T: PartialOrd> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.primal.partial_cmp(&other.primal)
    }
}

impl<T: fmt::Display> fmt::Display for Dual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.primal.fmt(f)?;
        f.write_str(" + ")?;
        self.tangent.fmt(f)?;
        f.write_str("ε")
    }
}

impl<T: Elem> Neg for Dual<T> {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.primal, -self.tangent)
    }
}

/// How often b goes into a, towards 0. Not the quotient without its fraction, which may have been rounded up to the
/// next integer: 0.1 goes into 1 nine times.
pub(crate) fn whole_quotient<T: Elem>(a: T, b: T) -> T {
    ((a - a % b) / b).round()
}

/// Implements an operator; a plain number on the right is a constant.
macro_rules! operator {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident |$a:ident, $b:ident| $body:expr;)*) => {$(
        impl<T: Elem, C: Elem + Constant<Self>> $trait<C> for Dual<T> {
            type Output = Self;

            #[inline]
            fn $method(self, other: C) -> Self {
                let ($a, $b): (Self, Self) = (self, other.embed());
                $body
            }
        }

        impl<T: Elem, C: Elem + Constant<Self>> $assign<C> for Dual<T> {
            #[inline]
            fn $assign_method(&mut self, other: C) {
                *self = $trait::$method(*self, other);
            }
        }
    )*};
}

operator! {
    Add add AddAssign add_assign |a, b| Self::new(a.primal + b.primal, a.tangent + b.tangent);
    Sub sub SubAssign sub_assign |a, b| Self::new(a.primal - b.primal, a.tangent - b.tangent);
    Mul mul MulAssign mul_assign |a, b| a.chain2(b, a.primal * b.primal, [b.primal, a.primal]);
    Div div DivAssign div_assign |a, b| {
        let quotient = a.primal / b.primal;
        let tangent = a.tangent - b.chain(quotient, quotient).tangent;
        // A tangent of 0 stays 0 beside an infinite quotient, too.
        let still = tangent.is_zero() && !quotient.is_nan();
        Self::new(quotient, if still { tangent } else { tangent / b.primal })
    };
    Rem rem RemAssign rem_assign |a, b| {
        let whole = whole_quotient(a.primal, b.primal);
        a.chain2(b, a.primal % b.primal, [T::one(), -whole])
    };
}

/// Implements the operators with a plain number on the left, for nesting up to a depth of three.
macro_rules! left {
    ($($trait:ident $method:ident)*) => {$(
        left!(@number $trait $method f32);
        left!(@number $trait $method f64);
    )*};
    (@number $trait:ident $method:ident $t:ident) => {
        left!(@one $trait $method $t, [] Dual<$t>);
        left!(@one $trait $method $t, [] Dual<Dual<$t>>);
        left!(@one $trait $method $t, [] Dual<Dual<Dual<$t>>>);
        left!(@one $trait $method $t, [const N: usize] Duals<$t, N>);
    };
    (@one $trait:ident $method:ident $t:ident, [$($n:tt)*] $dual:ty) => {
        impl<$($n)*> $trait<$dual> for $t {
            type Output = $dual;

            #[inline]
            fn $method(self, other: $dual) -> $dual {
                let constant: $dual = Constant::embed(self);
                $trait::$method(constant, other)
            }
        }
    };
}

left!(Add add Sub sub Mul mul Div div);
