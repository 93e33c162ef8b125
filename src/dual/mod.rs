//! `Dual`: a number and its derivative along one direction, so that rules can be differentiated.
//!
//! Here are the type and its arithmetic. Its elementary functions stand in `ops`, since the
//! derivative of an op has one home.

mod elem;

use std::fmt;
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use crate::kernel::Elem;

/// A primal value and its tangent: `primal + tangent ε` with `ε² = 0`.
///
/// `Dual` numbers are elements: `Tape<Dual<f64>>` records and walks as any tape does, and what
/// comes out carries derivatives of gradients, which are Hessian-vector products. They nest.
///
/// Comparisons look at the primal alone; [`is_zero`](num_traits::Zero::is_zero) at both parts, since
/// a cotangent may only be skipped if all of it is 0.
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
        let tangent = if self.tangent.is_zero() {
            self.tangent
        } else {
            derivative * self.tangent
        };
        Self::new(value, tangent)
    }

    /// A function of two numbers, given its value and both partial derivatives.
    pub fn chain2(self, other: Self, value: T, partial: [T; 2]) -> Self {
        let a = self.chain(value, partial[0]);
        let b = other.chain(value, partial[1]);
        Self::new(value, a.tangent + b.tangent)
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

impl<T: Elem> Add for Dual<T> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.primal + other.primal, self.tangent + other.tangent)
    }
}

impl<T: Elem> Sub for Dual<T> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.primal - other.primal, self.tangent - other.tangent)
    }
}

impl<T: Elem> Mul for Dual<T> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.chain2(
            other,
            self.primal * other.primal,
            [other.primal, self.primal],
        )
    }
}

impl<T: Elem> Div for Dual<T> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let quotient = self.primal / other.primal;
        let tangent =
            self.chain(quotient, T::one()).tangent - other.chain(quotient, quotient).tangent;
        Self::new(quotient, tangent / other.primal)
    }
}

impl<T: Elem> Rem for Dual<T> {
    type Output = Self;

    fn rem(self, other: Self) -> Self {
        let whole = (self.primal / other.primal).trunc();
        self.chain2(other, self.primal % other.primal, [T::one(), -whole])
    }
}

impl<T: Elem> Neg for Dual<T> {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.primal, -self.tangent)
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl<T: Elem> $trait for Dual<T> {
            fn $method(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
    )*};
}

assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /, RemAssign rem_assign %);
