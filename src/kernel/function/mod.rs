//! Elementary functions of `f64` that compilers turn into vectors: no branch, table, call or fused multiply-add.
//!
//! One body serves a single number, every level and, in a shorter form, `f32`, with the same bits everywhere. What other
//! elements use, and what these are held against, are the formulas of the ops.

mod exponential;
mod logarithm;
mod logistic;

/// A function of one number, for [`Elem::bulk`](super::Elem::bulk).
pub trait Function {
    /// The function, to about the last bit of an `f64` if `FULL`, else of an `f32`, for numbers of that type.
    fn of<const FULL: bool>(x: f64) -> f64;
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $module:ident::$function:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Function for $name {
            #[inline(always)]
            fn of<const FULL: bool>(x: f64) -> f64 {
                $module::$function::<FULL>(x)
            }
        }
    )*};
}

functions! {
    /// `e^x`
    Exp = exponential::exp;
    /// `e^x - 1`
    Expm1 = exponential::exp_m1;
    /// `1 / (1 + e^-x)`
    Sigmoid = logistic::sigmoid;
    /// The slope of the logistic function.
    SigmoidSlope = logistic::sigmoid_slope;
    /// `tanh x`
    Tanh = logistic::tanh;
    /// `1 - tanh²x`
    TanhSlope = logistic::tanh_slope;
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
