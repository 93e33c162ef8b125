//! `num_traits` for scalar handles and dual numbers, so that generic code differentiates unchanged.
//!
//! Both are a value with a first-order part, so one macro serves both: every function is the op from
//! its own file, applied by the chain rule.

use std::iter::{Product, Sum};
use std::ops::{Rem, RemAssign};

use num_traits::{Float, FloatConst, Num, NumCast, One, ToPrimitive, Zero};

use super::pull::passed;
use super::{Binary, Unary};
use crate::dual::{Dual, Duals, whole_quotient};
use crate::kernel::Elem;
use crate::var::Var;

/// A number with a first-order part.
trait FirstOrder<T: Elem>: Copy {
    fn constant(value: T) -> Self;
    fn value(self) -> T;
    /// A function of `self` that is constant between its jumps.
    fn step(self, op: &'static str, value: T) -> Self;
    fn unary<O: Unary<T>>(self, op: O) -> Self;
    fn binary<O: Binary<T>>(self, other: Self, op: O) -> Self;
    /// `self * a + b` with the value rounded once.
    fn fused(self, a: Self, b: Self) -> Self;
}

impl<T: Elem> FirstOrder<T> for Var<'_, T> {
    #[inline]
    fn constant(value: T) -> Self {
        Self::number(value)
    }

    #[inline]
    fn value(self) -> T {
        self.repr.value
    }

    // Not a plain number, which a replay of the tape would not know to be stale.
    #[inline]
    #[track_caller]
    fn step(self, op: &'static str, value: T) -> Self {
        self.still(op, value)
    }

    #[inline]
    #[track_caller]
    fn unary<O: Unary<T>>(self, op: O) -> Self {
        self.unary(op)
    }

    #[inline]
    #[track_caller]
    fn binary<O: Binary<T>>(self, other: Self, op: O) -> Self {
        super::binary::scalars(op, self, other)
    }

    #[inline]
    #[track_caller]
    fn fused(self, a: Self, b: Self) -> Self {
        let (x, y) = (self.repr.value, a.repr.value);
        let product = self.chain2(a, "mul_add", x * y, [y, x]);
        let value = x.mul_add(y, b.repr.value);
        product.join(b, "mul_add", value, [T::one(); 2], [true; 2])
    }
}

/// Writes the chain rule for numbers that carry their tangents.
macro_rules! duals {
    ([$($of:tt)*] $type:ty) => {
        impl<$($of)* T: Elem> FirstOrder<T> for $type {
            fn constant(value: T) -> Self {
                Self::constant(value)
            }

            #[inline]
            fn value(self) -> T {
                self.primal
            }

            #[inline]
            fn step(self, _: &'static str, value: T) -> Self {
                Self::constant(value)
            }

            #[inline]
            fn unary<O: Unary<T>>(self, op: O) -> Self {
                let x = self.primal;
                let y = op.value(x);
                let slope = op.slope(x, y);
                self.push(y, |t| passed(O::GATE, t, slope, || op.far(x, y, t)))
            }

            #[inline]
            fn binary<O: Binary<T>>(self, other: Self, op: O) -> Self {
                let (a, b) = (self.primal, other.primal);
                let y = op.value(a, b);
                let slopes = op.slopes(a, b, y);
                let far = |k, t| op.far([a, b, y], k, t);
                let by = |k: usize| move |t| passed(O::GATE, t, slopes[k], || far(k, t));
                self.push(y, by(0)).plus(other.push(y, by(1)), y)
            }

            fn fused(self, a: Self, b: Self) -> Self {
                let value = self.primal.mul_add(a.primal, b.primal);
                Self {
                    primal: value,
                    ..self * a + b
                }
            }
        }

        impl<$($of)* T: Elem> Sum for $type {
            fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
                numbers.fold(Self::zero(), |sum, x| sum + x)
            }
        }

        impl<$($of)* T: Elem> Product for $type {
            fn product<I: Iterator<Item = Self>>(numbers: I) -> Self {
                numbers.fold(Self::one(), |product, x| product * x)
            }
        }
    };
}

duals!([] Dual<T>);
duals!([const N: usize,] Duals<T, N>);

/// Writes the functions that are ops of one operand.
macro_rules! unary {
    ($($name:ident = $module:ident::$op:ident)*) => {
        $(#[inline]
        #[track_caller]
        fn $name(self) -> Self {
            FirstOrder::unary(self, crate::ops::$module::$op)
        })*
    };
}

/// Writes the functions that are ops of two operands.
macro_rules! binary {
    ($($name:ident = $module:ident::$op:ident)*) => {
        $(#[inline]
        #[track_caller]
        fn $name(self, other: Self) -> Self {
            FirstOrder::binary(self, other, crate::ops::$module::$op)
        })*
    };
}

/// Writes the functions that are constant between jumps.
macro_rules! step {
    ($($name:ident)*) => {
        $(#[inline]
        #[track_caller]
        fn $name(self) -> Self {
            FirstOrder::step(self, stringify!($name), FirstOrder::value(self).$name())
        })*
    };
}

/// Writes the constants.
macro_rules! constant {
    ($($name:ident)*) => {
        $(fn $name() -> Self {
            FirstOrder::constant(T::$name())
        })*
    };
}

/// Writes the predicates, which depend on the value alone.
macro_rules! ask {
    ($($name:ident)*) => {
        $(fn $name(self) -> bool {
            FirstOrder::value(self).$name()
        })*
    };
}

/// Writes the impls that handles and dual numbers share.
macro_rules! numbers {
    ([$($of:tt)*] $type:ty) => {
        impl<$($of)* T: Elem> One for $type {
            constant!(one);
        }

        impl<$($of)* T: Elem> Num for $type {
            type FromStrRadixErr = T::FromStrRadixErr;

            fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
                T::from_str_radix(text, radix).map(FirstOrder::constant)
            }
        }

        impl<$($of)* T: Elem> ToPrimitive for $type {
            fn to_i64(&self) -> Option<i64> {
                FirstOrder::value(*self).to_i64()
            }

            fn to_u64(&self) -> Option<u64> {
                FirstOrder::value(*self).to_u64()
            }

            fn to_f64(&self) -> Option<f64> {
                FirstOrder::value(*self).to_f64()
            }
        }

        impl<$($of)* T: Elem> NumCast for $type {
            fn from<P: ToPrimitive>(number: P) -> Option<Self> {
                <T as NumCast>::from(number).map(FirstOrder::constant)
            }
        }

        impl<$($of)* T: Elem> Float for $type {
            constant!(
                nan infinity neg_infinity neg_zero min_value min_positive_value max_value epsilon
            );
            ask!(is_nan is_infinite is_finite is_normal is_sign_positive is_sign_negative);
            step!(floor ceil round trunc signum);
            unary!(
                exp = exp::Exp
                exp2 = exp2::Exp2
                ln = ln::Ln
                log2 = log2::Log2
                log10 = log10::Log10
                ln_1p = log1p::Log1p
                exp_m1 = expm1::Expm1
                sqrt = sqrt::Sqrt
                cbrt = cbrt::Cbrt
                recip = recip::Recip
                abs = abs::Abs
                sin = sin::Sin
                cos = cos::Cos
                tan = tan::Tan
                asin = asin::Asin
                acos = acos::Acos
                atan = atan::Atan
                sinh = sinh::Sinh
                cosh = cosh::Cosh
                tanh = tanh::Tanh
                asinh = asinh::Asinh
                acosh = acosh::Acosh
                atanh = atanh::Atanh
            );
            binary!(
                powf = pow::Pow
                atan2 = atan2::Atan2
                hypot = hypot::Hypot
            );

            // `Float` ignores a NaN; the ops `maximum` and `minimum` propagate it.
            #[track_caller]
            fn max(self, other: Self) -> Self {
                match (Float::is_nan(self), Float::is_nan(other)) {
                    (true, _) => other,
                    (_, true) => self,
                    _ => FirstOrder::binary(self, other, crate::ops::maximum::Maximum),
                }
            }

            #[track_caller]
            fn min(self, other: Self) -> Self {
                match (Float::is_nan(self), Float::is_nan(other)) {
                    (true, _) => other,
                    (_, true) => self,
                    _ => FirstOrder::binary(self, other, crate::ops::minimum::Minimum),
                }
            }

            fn classify(self) -> std::num::FpCategory {
                FirstOrder::value(self).classify()
            }

            #[track_caller]
            fn fract(self) -> Self {
                self - Float::trunc(self)
            }

            #[track_caller]
            fn mul_add(self, a: Self, b: Self) -> Self {
                FirstOrder::fused(self, a, b)
            }

            #[track_caller]
            fn powi(self, n: i32) -> Self {
                FirstOrder::unary(self, crate::ops::powi::Powi { n })
            }

            #[track_caller]
            fn log(self, base: Self) -> Self {
                Float::ln(self) / Float::ln(base)
            }

            #[track_caller]
            fn abs_sub(self, other: Self) -> Self {
                FirstOrder::unary(self - other, crate::ops::relu::Relu)
            }

            #[track_caller]
            fn sin_cos(self) -> (Self, Self) {
                (Float::sin(self), Float::cos(self))
            }

            fn integer_decode(self) -> (u64, i16, i8) {
                FirstOrder::value(self).integer_decode()
            }
        }
    };
}

numbers!(['t,] Var<'t, T>);
numbers!([] Dual<T>);
numbers!([const N: usize,] Duals<T, N>);

impl<T: Elem> Zero for Var<'_, T> {
    fn zero() -> Self {
        Self::number(T::zero())
    }

    fn is_zero(&self) -> bool {
        self.repr.value.is_zero()
    }
}

impl<T: Elem> Zero for Dual<T> {
    fn zero() -> Self {
        Self::constant(T::zero())
    }

    fn is_zero(&self) -> bool {
        self.primal.is_zero() && self.tangent.is_zero()
    }
}

impl<T: Elem, const N: usize> Zero for Duals<T, N> {
    fn zero() -> Self {
        Self::constant(T::zero())
    }

    fn is_zero(&self) -> bool {
        self.primal.is_zero() && self.tangents.iter().all(T::is_zero)
    }
}

impl<T: Elem> FloatConst for Var<'_, T> {
    constant!(
        E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6
        FRAC_PI_8 LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2 TAU LOG10_2 LOG2_10
    );
}

impl<T: Elem> Rem for Var<'_, T> {
    type Output = Self;

    #[track_caller]
    fn rem(self, other: Self) -> Self {
        let (a, b) = (self.repr.value, other.repr.value);
        let slopes = [T::one(), -whole_quotient(a, b)];
        self.join(other, "rem", a % b, slopes, [true, false])
    }
}

impl<T: Elem> RemAssign for Var<'_, T> {
    #[track_caller]
    fn rem_assign(&mut self, other: Self) {
        *self = *self % other;
    }
}

// The nodes of sums and products name this file, not the user's line: std, which calls these, passes no line on.
impl<T: Elem> Sum for Var<'_, T> {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), |sum, x| sum + x)
    }
}

impl<'a, 't, T: Elem> Sum<&'a Var<'t, T>> for Var<'t, T> {
    fn sum<I: Iterator<Item = &'a Var<'t, T>>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

impl<T: Elem> Product for Var<'_, T> {
    fn product<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::one(), |product, x| product * x)
    }
}

impl<'a, 't, T: Elem> Product<&'a Var<'t, T>> for Var<'t, T> {
    fn product<I: Iterator<Item = &'a Var<'t, T>>>(numbers: I) -> Self {
        numbers.copied().product()
    }
}
