//! `Duals`: a number and its derivatives along several directions at once.

use std::fmt;
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use super::whole_quotient;
use crate::kernel::{Constant, Elem};

/// A primal value and `N` tangents: vector forward mode.
///
/// One evaluation gives all `N` columns of a Jacobian, and computes every exponential once. For up
/// to 8 inputs this is the fastest way there is: no tape, no allocation. From about 16 inputs on, a
/// gradient is faster on a tape ([`Var::backward`](crate::Var::backward)). Implements
/// [`num_traits::Float`] and is an [`Elem`], so a `Tape<Duals<f64, N>>` carries `N` second derivatives
/// through a gradient at the same time.
///
/// Comparisons look at the primal alone.
///
/// # Example
/// ```
/// use num_traits::Float;
/// use wengert::Duals;
///
/// // From polar to rectangular coordinates.
/// let (value, jacobian) = Duals::jacobian(|[r, phi]| [r * phi.cos(), r * phi.sin()], [2.0, 0.0]);
/// assert_eq!(value, [2.0, 0.0]);
/// assert_eq!(jacobian, [[1.0, 0.0], [0.0, 2.0]]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Duals<T, const N: usize> {
    /// The value.
    pub primal: T,
    /// The derivatives along the `N` directions.
    pub tangents: [T; N],
}

impl<T: Elem, const N: usize> Duals<T, N> {
    /// The number with this value and these derivatives.
    pub const fn new(primal: T, tangents: [T; N]) -> Self {
        Self { primal, tangents }
    }

    /// A constant: its tangents are 0.
    pub fn constant(primal: T) -> Self {
        Self::new(primal, [T::zero(); N])
    }

    /// The numbers in `x` as variables: number `k` has tangent 1 at position `k` and 0 elsewhere.
    pub fn variables(x: [T; N]) -> [Self; N] {
        std::array::from_fn(|k| {
            let one = |j| if j == k { T::one() } else { T::zero() };
            Self::new(x[k], std::array::from_fn(one))
        })
    }

    /// The value of `f` at `x` and its Jacobian, `jacobian[i][j] = ∂f_i/∂x_j`, in one evaluation.
    pub fn jacobian<const M: usize>(
        f: impl FnOnce([Self; N]) -> [Self; M],
        x: [T; N],
    ) -> ([T; M], [[T; N]; M]) {
        let y = f(Self::variables(x));
        (y.map(|y| y.primal), y.map(|y| y.tangents))
    }

    /// The value of `f` at `x` and its gradient, in one evaluation.
    ///
    /// # Example
    /// ```
    /// use wengert::Duals;
    ///
    /// let (value, gradient) = Duals::gradient(|[x, y]| x * y + y * 2.0, [3.0, 5.0]);
    /// assert_eq!((value, gradient), (25.0, [5.0, 5.0]));
    /// ```
    pub fn gradient(f: impl FnOnce([Self; N]) -> Self, x: [T; N]) -> (T, [T; N]) {
        let y = f(Self::variables(x));
        (y.primal, y.tangents)
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

    /// A function of this number, given its value and what becomes of a tangent.
    #[inline]
    pub(crate) fn push(self, value: T, tangent: impl Fn(T) -> T) -> Self {
        Self::new(value, self.tangents.map(tangent))
    }

    /// The tangents of both added, with the given value.
    #[inline]
    pub(crate) fn plus(self, other: Self, value: T) -> Self {
        let tangent = |k| self.tangents[k] + other.tangents[k];
        Self::new(value, std::array::from_fn(tangent))
    }
}

impl<T: Elem, const N: usize> Default for Duals<T, N> {
    fn default() -> Self {
        Self::constant(T::zero())
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Duals<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.primal == other.primal
    }
}

impl<T: PartialOrd, const N: usize> PartialOrd for Duals<T, N> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.primal.partial_cmp(&other.primal)
    }
}

impl<T: fmt::Display, const N: usize> fmt::Display for Duals<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.primal.fmt(f)?;
        for (k, tangent) in self.tangents.iter().enumerate() {
            f.write_str(" + ")?;
            tangent.fmt(f)?;
            write!(f, "ε{}", k + 1)?;
        }
        Ok(())
    }
}

impl<T: Elem, const N: usize> Neg for Duals<T, N> {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.primal, self.tangents.map(|t| -t))
    }
}

/// Implements an operator; a plain number on the right is a constant.
macro_rules! operator {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident |$a:ident, $b:ident| $body:expr;)*) => {$(
        impl<T: Elem, C: Elem + Constant<Self>, const N: usize> $trait<C> for Duals<T, N> {
            type Output = Self;

            #[inline]
            fn $method(self, other: C) -> Self {
                let ($a, $b): (Self, Self) = (self, other.embed());
                $body
            }
        }

        impl<T: Elem, C: Elem + Constant<Self>, const N: usize> $assign<C> for Duals<T, N> {
            #[inline]
            fn $assign_method(&mut self, other: C) {
                *self = $trait::$method(*self, other);
            }
        }
    )*};
}

operator! {
    Add add AddAssign add_assign |a, b| a.plus(b, a.primal + b.primal);
    Sub sub SubAssign sub_assign |a, b| a.plus(-b, a.primal - b.primal);
    Mul mul MulAssign mul_assign |a, b| a.chain2(b, a.primal * b.primal, [b.primal, a.primal]);
    Div div DivAssign div_assign |a, b| {
        let quotient = a.primal / b.primal;
        let tangents = a.plus(-b.chain(quotient, quotient), quotient).tangents;
        // A tangent of 0 stays 0 beside an infinite quotient, too.
        let still = |t: T| t.is_zero() && !quotient.is_nan();
        Self::new(quotient, tangents.map(|t| if still(t) { t } else { t / b.primal }))
    };
    Rem rem RemAssign rem_assign |a, b| {
        let whole = whole_quotient(a.primal, b.primal);
        a.chain2(b, a.primal % b.primal, [T::one(), -whole])
    };
}
