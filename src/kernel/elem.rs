//! `Elem`: what a number must offer to live in a tensor and on a tape.
//!
//! One hook per kernel, each with a plain loop as its default: the default is the oracle that the
//! fast forms are tested against, and what elements such as `Dual` and `Dd` run on.

use std::fmt::{Debug, Display};

use num_traits::{Float, FloatConst, NumAssign};

use super::{Matrix, Rows, plain, softmax};

/// A number that tensors hold and tapes differentiate: `f32`, `f64`, [`Dd`], and
/// [`Dual`](crate::dual::Dual) over any of them.
///
/// Rules are written once over `T: Elem`. Run on `Dual` elements a rule becomes its own second
/// order; run on [`Elem::Wide`] it becomes the reference that judges it.
pub trait Elem:
    Float + FloatConst + NumAssign + Default + Debug + Display + Send + Sync + 'static
{
    /// The type that a check evaluates in to judge this one.
    type Wide: Elem;

    /// The same number in the wider type, exactly.
    fn widen(self) -> Self::Wide;

    /// The nearest number to `x`; exact where `Self` is at least as wide as `f64`.
    fn of(x: f64) -> Self;

    /// The primal value, to the nearest `f64`: for reports, never for arithmetic.
    fn primal(self) -> f64;

    /// The error function `2/√π ∫₀ˣ e^(-u²) du`.
    fn erf(self) -> Self;

    /// The complementary error function `1 - erf(x)`, without its cancellation.
    fn erfc(self) -> Self;

    /// Matrix product `c = a b + beta c` with `beta` 0 or 1, rows of `c` in order.
    fn matmul(a: Matrix<'_, Self>, b: Matrix<'_, Self>, c: &mut [Self], add: bool) {
        plain::matmul(a, b, c, add);
    }

    /// Softmax of every row; `top` receives the index of each row's first maximum.
    fn softmax(rows: Rows, x: &[Self], y: &mut [Self], top: &mut [u32]) {
        softmax::plain::softmax(rows, x, y, top);
    }

    /// The symmetric Jacobian of softmax applied to `g`: VJP and JVP in one.
    fn softmax_vjp(rows: Rows, y: &[Self], top: &[u32], g: &[Self], gx: &mut [Self]) {
        softmax::plain::softmax_vjp(rows, y, top, g, gx);
    }
}
