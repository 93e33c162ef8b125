//! Elementary functions that compilers can vectorize: no branch, table or call.
//!
//! One body serves a single number and every level, with the same bits; a few for `f32` fuse products with sums where
//! the level can, and have the same bits on all such levels. `f32` has a form of its own, or uses a shortened form of
//! that for `f64` and rounds once. Other elements use the formulas of the ops, which these are tested against.

mod error;
mod exponential;
mod hyperbolic;
mod inverse;
mod logarithm;
mod logistic;
mod normal;
mod plane;
mod power;
mod single;
mod trigonometric;
mod wave;

/// A function of one number, for [`Elem::bulk`](super::Elem::bulk).
pub trait Function {
    /// The function for `f64`: `plain`, the formula of the op, unless there is another form.
    #[inline(always)]
    fn double(x: f64, plain: impl FnOnce(f64) -> f64) -> f64 {
        plain(x)
    }

    /// The function for `f32`.
    fn single(x: f32, plain: impl FnOnce(f32) -> f32) -> f32;
}

/// A function of several numbers, for [`Elem::bulk_of`](super::Elem::bulk_of).
pub trait Joint<const N: usize> {
    /// The function for `f64`: `plain`, the formula of the op, unless there is another form.
    #[inline(always)]
    fn double(x: [f64; N], plain: impl FnOnce([f64; N]) -> f64) -> f64 {
        plain(x)
    }

    /// The function for `f32`.
    fn single(x: [f32; N], plain: impl FnOnce([f32; N]) -> f32) -> f32;
}

/// Functions with a form that serves both types.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $module:ident::$function:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Function for $name {
            #[inline(always)]
            fn double(x: f64, _: impl FnOnce(f64) -> f64) -> f64 {
                $module::$function::<true>(x)
            }

            #[inline(always)]
            fn single(x: f32, _: impl FnOnce(f32) -> f32) -> f32 {
                $module::$function::<false>(f64::from(x)) as f32
            }
        }
    )*};
}

/// Functions whose form for `f32` fuses products with sums if `FUSED`, for the levels that can.
macro_rules! fusing_functions {
    ($($(#[$doc:meta])* $name:ident = $double:path, $single:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name<const FUSED: bool = false>;

        impl<const FUSED: bool> Function for $name<FUSED> {
            #[inline(always)]
            fn double(x: f64, _: impl FnOnce(f64) -> f64) -> f64 {
                $double(x)
            }

            #[inline(always)]
            fn single(x: f32, _: impl FnOnce(f32) -> f32) -> f32 {
                single::$single::<FUSED>(x)
            }
        }
    )*};
}

/// Functions that have a form for `f32` only.
macro_rules! single_functions {
    ($($(#[$doc:meta])* $name:ident = $module:ident::$function:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Function for $name {
            #[inline(always)]
            fn single(x: f32, _: impl FnOnce(f32) -> f32) -> f32 {
                $module::$function(x)
            }
        }
    )*};
}

/// Functions that have a separate form for each type.
macro_rules! functions_by_type {
    ($($(#[$doc:meta])* $name:ident = $long:ident::$double:ident, $short:ident::$single:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Function for $name {
            #[inline(always)]
            fn double(x: f64, _: impl FnOnce(f64) -> f64) -> f64 {
                $long::$double(x)
            }

            #[inline(always)]
            fn single(x: f32, _: impl FnOnce(f32) -> f32) -> f32 {
                $short::$single(x)
            }
        }
    )*};
}

single_functions! {
    /// `x Φ(x)`
    Gelu = normal::gelu;
    /// The slope of `x Φ(x)`.
    GeluSlope = normal::gelu_slope;
    /// The approximation of `x Φ(x)` by the logistic function.
    GeluTanh = normal::gelu_tanh;
    /// Its slope.
    GeluTanhSlope = normal::gelu_tanh_slope;
    /// `erf x`
    Erf = error::erf;
    /// `erfc x`
    Erfc = error::erfc;
    /// The slope of `erf x`.
    ErfSlope = error::erf_slope;
    /// The slope of `erfc x`.
    ErfcSlope = error::erfc_slope;
    /// `arctan x`
    Atan = inverse::atan;
    /// `arcsin x`
    Asin = inverse::asin;
    /// `arccos x`
    Acos = inverse::acos;
    /// `2^x`
    Exp2 = exponential::exp2;
    /// The logarithm to base 2.
    Log2 = logarithm::log2;
    /// The logarithm to base 10.
    Log10 = logarithm::log10;
    /// `sinh x`
    Sinh = hyperbolic::sinh;
    /// `cosh x`
    Cosh = hyperbolic::cosh;
    /// `arsinh x`
    Asinh = hyperbolic::asinh;
    /// Its slope.
    AsinhSlope = hyperbolic::asinh_slope;
    /// `arcosh x`
    Acosh = hyperbolic::acosh;
    /// `artanh x`
    Atanh = hyperbolic::atanh;
    /// `tan x`, NaN where x is large.
    Tan = trigonometric::tan;
}

functions_by_type! {
    /// `sin x`, NaN where x is large.
    Sin = wave::sin, trigonometric::sin;
    /// `cos x`, likewise.
    Cos = wave::cos, trigonometric::cos;
    /// The slope of `cos x`, likewise.
    CosSlope = wave::minus_sin, trigonometric::minus_sin;
}

fusing_functions! {
    /// `e^x`
    Exp = exponential::exp::<true>, exp;
    /// `1 / (1 + e^-x)`
    Sigmoid = logistic::sigmoid::<true>, sigmoid;
    /// The slope of the logistic function.
    SigmoidSlope = logistic::sigmoid_slope, sigmoid_slope;
    /// `tanh x`
    Tanh = logistic::tanh, tanh;
    /// `1 - tanh²x`
    TanhSlope = logistic::tanh_slope, tanh_slope;
}

/// Functions of several numbers that have a form for `f32` only.
macro_rules! joint_functions {
    ($($(#[$doc:meta])* $name:ident<$n:literal> = $module:ident::$function:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Joint<$n> for $name {
            #[inline(always)]
            fn single(x: [f32; $n], _: impl FnOnce([f32; $n]) -> f32) -> f32 {
                $module::$function(x)
            }
        }
    )*};
}

joint_functions! {
    /// `a^b`
    Pow<2> = power::pow;
    /// The cotangent of a, from that of `a^b`.
    PowBase<3> = power::pow_base;
    /// The cotangent of b, likewise.
    PowExponent<3> = power::pow_exponent;
    /// The angle of the point with ordinate a and abscissa b.
    Atan2<2> = inverse::atan2;
    /// `√(a² + b²)`
    Hypot<2> = plane::hypot;
    /// `g / (1 + x²)`
    AtanPull<2> = inverse::atan_pull;
    /// `a / √(a² + b²)`
    Cosine<2> = plane::cosine;
    /// `a / (a² + b²)`
    Turn<2> = plane::turn;
}

functions! {
    /// `e^x - 1`
    Expm1 = exponential::exp_m1;
    /// `x σ(x)`
    Silu = logistic::silu;
    /// The slope of `x σ(x)`.
    SiluSlope = logistic::silu_slope;
    /// `ln x`
    Ln = logarithm::ln;
    /// `ln(1 + x)`
    Log1p = logarithm::ln_1p;
    /// `ln(1 + e^x)`
    Softplus = logarithm::softplus;
    /// `-ln(1 + e^-x)`
    LogSigmoid = logarithm::log_sigmoid;
}
