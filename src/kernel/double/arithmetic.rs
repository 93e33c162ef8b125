//! The operators `+ - * /`, their assigning forms, sums and products.
//!
//! Here: which numbers are near, and the same operations on far ones. Not here: the algorithms for pairs, functions.

use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, RemAssign, Sub, SubAssign};

use super::Dd;

impl Neg for Dd {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            pair: -self.pair,
            power: self.power,
        }
    }
}

impl Add for Dd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.power | other.power == 0 {
            (self.pair + other.pair).into()
        } else {
            self.far_sum(other)
        }
    }
}

impl Sub for Dd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Dd {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        if self.power | other.power == 0 {
            (self.pair * other.pair).into()
        } else {
            self.far_product(other)
        }
    }
}

impl Div for Dd {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        if self.power | other.power == 0 {
            (self.pair / other.pair).into()
        } else {
            self.far_quotient(other)
        }
    }
}

/// Far numbers: the pairs of two, times powers of two that are near enough to each other, are near.
impl Dd {
    #[cold]
    #[inline(never)]
    fn far_sum(self, other: Self) -> Self {
        // Without an exponent: 0, infinite or NaN.
        let ends = |x: Self| x.pair.hi == 0.0 || !x.pair.hi.is_finite();
        match (ends(self), ends(other)) {
            (true, _) if self.pair.hi == 0.0 => other,
            (true, _) => self,
            (_, true) if other.pair.hi == 0.0 => self,
            (_, true) => other,
            _ => {
                let top = self.exponent().max(other.exponent());
                let [x, y] = [self, other].map(|x| x.pair.scale(x.power - top));
                Self::at(x + y, top)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn far_product(self, other: Self) -> Self {
        Self::at(self.pair * other.pair, self.power + other.power)
    }

    #[cold]
    #[inline(never)]
    fn far_quotient(self, other: Self) -> Self {
        Self::at(self.pair / other.pair, self.power - other.power)
    }
}

/// The assigning form of an operator, from the operator.
macro_rules! assigning {
    ($($name:ident $method:ident $operator:tt;)*) => {$(
        impl $name for Dd {
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}

assigning! {
    AddAssign add_assign +;
    SubAssign sub_assign -;
    MulAssign mul_assign *;
    DivAssign div_assign /;
    RemAssign rem_assign %;
}

impl Sum for Dd {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Dd> for Dd {
    fn sum<I: Iterator<Item = &'a Self>>(terms: I) -> Self {
        terms.copied().sum()
    }
}

impl Product for Dd {
    fn product<I: Iterator<Item = Self>>(factors: I) -> Self {
        factors.fold(Self::ONE, Mul::mul)
    }
}

impl<'a> Product<&'a Dd> for Dd {
    fn product<I: Iterator<Item = &'a Self>>(factors: I) -> Self {
        factors.copied().product()
    }
}
