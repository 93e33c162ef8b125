//! The operators `+ - * / %`, their assigning forms, sums and products.
//!
//! Here: arithmetic with the error bounds of Joldes, Muller and Popescu, "Tight and rigorous error bounds for
//! basic building blocks of double-word arithmetic" (ACM TOMS 44, 2017). Not here: functions.

use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use super::Dd;

impl Neg for Dd {
    type Output = Self;

    fn neg(self) -> Self {
        Self::raw(-self.hi, -self.lo)
    }
}

impl Add for Dd {
    type Output = Self;

    /// Algorithm 6 of the paper: relative error below 3 · 2^-106, also under cancellation.
    fn add(self, other: Self) -> Self {
        let high = Self::exact_sum(self.hi, other.hi);
        if !high.hi.is_finite() {
            return high;
        }
        let low = Self::exact_sum(self.lo, other.lo);
        if high.hi == 0.0 {
            // The sign of an exact zero is the one f64 gives; 0 + -0 of the low parts would lose it.
            return if low.hi == 0.0 { high } else { low };
        }
        let partial = Self::ordered_sum(high.hi, high.lo + low.hi);
        Self::ordered_sum(partial.hi, partial.lo + low.lo)
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

    /// Algorithm 12 of the paper: relative error below 4 · 2^-106.
    fn mul(self, other: Self) -> Self {
        let high = Self::exact_product(self.hi, other.hi);
        if high.hi == 0.0 || !high.hi.is_finite() {
            return high;
        }
        let cross = self.lo * other.lo;
        let cross = self.hi.mul_add(other.lo, cross);
        let cross = self.lo.mul_add(other.hi, cross);
        Self::ordered_sum(high.hi, high.lo + cross)
    }
}

impl Dd {
    /// `self * factor` for a plain `f64` (algorithm 9 of the paper).
    pub(super) fn times(self, factor: f64) -> Self {
        let high = Self::exact_product(self.hi, factor);
        if high.hi == 0.0 || !high.hi.is_finite() {
            return high;
        }
        Self::ordered_sum(high.hi, self.lo.mul_add(factor, high.lo))
    }

    /// Quotient of values far from both ends of the exponent range, by long division in three digits.
    fn quotient(self, other: Self) -> Self {
        let first = self.hi / other.hi;
        let rest = self - other.times(first);
        let second = rest.hi / other.hi;
        let rest = rest - other.times(second);
        let third = rest.hi / other.hi;
        Self::exact_sum(first, second) + Self::new(third)
    }
}

impl Div for Dd {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let plain = self.hi / other.hi;
        // Zeros, infinities and NaN on either side: f64 has the answer, and a remainder would be NaN.
        if self.hi == 0.0 || other.hi == 0.0 || !self.hi.is_finite() || !other.hi.is_finite() {
            return Self::new(plain);
        }
        let (above, below) = (self.exponent(), other.exponent());
        if above.abs() < 900 && below.abs() < 900 && (above - below).abs() < 900 {
            return self.quotient(other);
        }
        // Near the ends a remainder or a product of the division would overflow or lose bits to underflow.
        let quotient = self.scale(-above).quotient(other.scale(-below));
        quotient.scale(above - below)
    }
}

impl Rem for Dd {
    type Output = Self;

    /// The remainder with the sign of `self`, as for `f64`.
    ///
    /// Shift and subtract, one binary digit of the quotient per step: slow, but never off by a multiple. The
    /// remainder may need more than two parts on the way, so a third is kept. The relative error is 2^-104 +
    /// quotient · 2^-157.
    fn rem(self, other: Self) -> Self {
        let plain = self.hi % other.hi;
        if self.hi == 0.0 || plain.is_nan() || (self.lo == 0.0 && other.lo == 0.0) {
            return Self::new(plain);
        }
        if other.hi.is_infinite() {
            return self;
        }
        let divisor = other.abs();
        let mut rest = self.abs();
        let mut third = 0.0;
        while rest >= divisor {
            let step = divisor.scale(rest.exponent() - divisor.exponent());
            let step = if step > rest { step.scale(-1) } else { step };
            // The high parts are within a factor of two, so their difference is exact.
            let low = Self::exact_sum(rest.lo, -step.lo);
            let sum = Self::exact_sum(rest.hi - step.hi, low.hi);
            let tail = Self::exact_sum(sum.lo, low.lo + third);
            rest = Self::exact_sum(sum.hi, tail.hi);
            third = tail.lo;
        }
        (rest + Self::new(third)).copysign(self)
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
