//! The traits of num-traits, so that generic code runs on double-double unchanged.
//!
//! Here: `Zero`, `One`, `Num`, `Float`, `FloatConst` by calls to the methods of the type. Not here: any formula.

use std::num::FpCategory;

use num_traits::{Float, FloatConst, FloatErrorKind, Num, One, ParseFloatError, Zero};

use super::{Dd, Pair, constants};

impl Zero for Dd {
    fn zero() -> Self {
        Self::ZERO
    }

    fn is_zero(&self) -> bool {
        self.pair.hi == 0.0
    }
}

impl One for Dd {
    fn one() -> Self {
        Self::ONE
    }
}

impl Num for Dd {
    type FromStrRadixErr = ParseFloatError;

    /// Decimal text to the full width; other bases as far as `f64` reads them.
    fn from_str_radix(text: &str, radix: u32) -> Result<Self, ParseFloatError> {
        if radix == 10 {
            let kind = if text.is_empty() {
                FloatErrorKind::Empty
            } else {
                FloatErrorKind::Invalid
            };
            text.parse().map_err(|_| ParseFloatError { kind })
        } else {
            f64::from_str_radix(text, radix).map(Self::new)
        }
    }
}

/// Trait functions without arguments, each an associated constant.
macro_rules! constant {
    ($($name:ident = $value:expr;)*) => {$(
        fn $name() -> Self {
            $value
        }
    )*};
}

/// Trait methods that call the method of the same name on the type.
macro_rules! method {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(self $(, $argument: $type)*) -> $result {
            Dd::$name(self $(, $argument)*)
        }
    )*};
}

impl Float for Dd {
    constant! {
        nan = Self::NAN;
        infinity = Self::INFINITY;
        neg_infinity = Self::NEG_INFINITY;
        neg_zero = Self::near(Pair::of(-0.0));
        min_value = Self::MIN;
        min_positive_value = Self::MIN_POSITIVE;
        epsilon = Self::EPSILON;
        max_value = Self::MAX;
    }

    method! {
        is_nan() -> bool;
        is_infinite() -> bool;
        is_finite() -> bool;
        is_sign_negative() -> bool;
        floor() -> Self;
        ceil() -> Self;
        round() -> Self;
        trunc() -> Self;
        fract() -> Self;
        abs() -> Self;
        signum() -> Self;
        copysign(sign: Self) -> Self;
        max(other: Self) -> Self;
        min(other: Self) -> Self;
        mul_add(factor: Self, term: Self) -> Self;
        recip() -> Self;
        to_degrees() -> Self;
        to_radians() -> Self;
        powi(power: i32) -> Self;
        powf(power: Self) -> Self;
        sqrt() -> Self;
        cbrt() -> Self;
        hypot(other: Self) -> Self;
        exp() -> Self;
        exp2() -> Self;
        exp_m1() -> Self;
        ln() -> Self;
        ln_1p() -> Self;
        log2() -> Self;
        log10() -> Self;
        log(base: Self) -> Self;
        sin() -> Self;
        cos() -> Self;
        tan() -> Self;
        sin_cos() -> (Self, Self);
        asin() -> Self;
        acos() -> Self;
        atan() -> Self;
        atan2(x: Self) -> Self;
        sinh() -> Self;
        cosh() -> Self;
        tanh() -> Self;
        asinh() -> Self;
        acosh() -> Self;
        atanh() -> Self;
    }

    /// Whether the value is finite and not 0: no number is subnormal.
    fn is_normal(self) -> bool {
        self.pair.hi.is_normal()
    }

    fn classify(self) -> FpCategory {
        self.pair.hi.classify()
    }

    fn is_sign_positive(self) -> bool {
        !self.is_sign_negative()
    }

    /// `self - other` where that is positive, otherwise 0.
    fn abs_sub(self, other: Self) -> Self {
        if self <= other {
            Self::ZERO
        } else {
            self - other
        }
    }

    /// Mantissa, exponent and sign of [`Dd::hi`]; the trait allows no more.
    fn integer_decode(self) -> (u64, i16, i8) {
        Float::integer_decode(self.hi())
    }
}

impl FloatConst for Dd {
    constant! {
        E = Self::near(constants::E);
        FRAC_1_PI = Self::near(constants::FRAC_1_PI);
        FRAC_1_SQRT_2 = Self::near(constants::FRAC_1_SQRT_2);
        FRAC_2_PI = Self::near(constants::FRAC_2_PI);
        FRAC_2_SQRT_PI = Self::near(constants::FRAC_2_SQRT_PI);
        FRAC_PI_2 = Self::near(constants::FRAC_PI_2);
        FRAC_PI_3 = Self::near(constants::FRAC_PI_3);
        FRAC_PI_4 = Self::near(constants::FRAC_PI_4);
        FRAC_PI_6 = Self::near(constants::FRAC_PI_6);
        FRAC_PI_8 = Self::near(constants::FRAC_PI_8);
        LN_10 = Self::near(constants::LN_10);
        LN_2 = Self::near(constants::LN_2);
        LOG10_E = Self::near(constants::LOG10_E);
        LOG2_E = Self::near(constants::LOG2_E);
        PI = Self::near(constants::PI);
        SQRT_2 = Self::near(constants::SQRT_2);
        TAU = Self::near(constants::TAU);
        LOG10_2 = Self::near(constants::LOG10_2);
        LOG2_10 = Self::near(constants::LOG2_10);
    }
}
