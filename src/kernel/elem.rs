//! `Elem`: what a number must offer to live in a tensor and on a tape.
//!
//! One hook per kernel, each with a plain loop as its default: the default is the oracle that the fast forms are tested
//! against, and what elements such as `Dual` and `Dd` run on.

use std::fmt::{Debug, Display};

use num_traits::{Float, FloatConst, NumAssign};

use super::matrix::{lu, plain};
use super::{Function, Joint, Loop, Matrix, Rows, Span, System, softmax};

/// A number that tensors hold and tapes differentiate: `f32`, `f64`, [`Dd`](crate::Dd), and
/// [`Dual`](crate::dual::Dual) and [`Duals`](crate::dual::Duals) over any of them.
///
/// Rules are written once, over `T: Elem`. On `Dual` elements a rule yields its own second order; on [`Elem::Wide`] it
/// is the reference that judges it. Besides arithmetic it offers the kernels that a rule may call on slices; no other
/// type can implement it, so a later version may have more of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that tensors hold and tapes differentiate",
    note = "such numbers are `f32`, `f64`, `Dd`, and `Dual` and `Duals` over them; literals are written `2.0`, not `2`"
)]
pub trait Elem:
    Float + FloatConst + NumAssign + Default + Debug + Display + Send + Sync + sealed::Sealed + 'static
{
    /// The wider type: of the reference in checks, and of results that left the range and are computed again.
    type Wide: Elem;

    /// How many real numbers this one consists of: 1; for `Dual` 2, for `Duals` 1 + N times those of the one inside.
    const PARTS: usize = 1;

    /// The same number in the wider type, exactly.
    fn widen(self) -> Self::Wide;

    /// The nearest number to `x`, the inverse of [`widen`](Self::widen).
    fn narrow(x: Self::Wide) -> Self;

    /// The type in which compound formulas of one number are evaluated before the result is rounded, once: `f64` for
    /// `f32`, otherwise this type itself.
    type Work: Elem;

    /// Whether the range of [`Elem::Work`] holds the factors of any slope and cotangent whose product is a number of
    /// this type.
    const ROOM: bool = false;

    /// Whether there are functions whose [`bulk`](Self::bulk) forms fuse products with sums where the level can.
    #[doc(hidden)]
    const FUSES: bool = false;

    /// Whether this type serves as a reference only, for which every rule is compiled: its loops are few, not fast.
    #[doc(hidden)]
    const REFERENCE: bool = false;

    /// The same number in the type of [`Elem::Work`], exactly.
    fn lift(self) -> Self::Work;

    /// The nearest number to `x`.
    fn land(x: Self::Work) -> Self;

    /// The nearest number to `x`; exact where `Self` is at least as wide as `f64`.
    fn of(x: f64) -> Self;

    /// The primal value, to the nearest `f64`: for reports, never for arithmetic.
    fn primal(self) -> f64;

    /// One of the [`PARTS`](Self::PARTS) to the nearest `f64`, for reports: the primal first, then the tangents.
    fn part(self, k: usize) -> f64 {
        debug_assert_eq!(k, 0, "a real number has one part");
        self.primal()
    }

    /// Whether every part of this number lies within the span.
    #[doc(hidden)]
    fn is_within(self, span: Span) -> bool;

    /// Whether every part of this number, the product of `a` and `b`, lies within the span or is 0 like a factor.
    #[doc(hidden)]
    #[inline(always)]
    fn is_product_within(self, a: Self, b: Self, span: Span) -> bool {
        self.is_within(span) || self.is_zero() && (a.is_zero() || b.is_zero())
    }

    /// This value with the derivatives of `other`: what an overridden gradient (a detached value, a straight-through
    /// estimate) means on [`Dual`](crate::dual::Dual) elements.
    #[must_use]
    fn moving_as(self, other: Self) -> Self {
        let _ = other;
        self
    }

    /// The error function `2/√π ∫₀ˣ e^(-u²) du`.
    fn erf(self) -> Self;

    /// The complementary error function `1 - erf(x)`, without its cancellation.
    fn erfc(self) -> Self;

    /// Runs a loop over `len` elements with the best instructions that this machine has for them, those of the target
    /// for elements other than `f32` and `f64`.
    #[doc(hidden)]
    #[inline(always)]
    fn at_level(len: usize, work: impl Loop) {
        let _ = len;
        work.run::<false>();
    }

    /// Copies data that will have left the last cache before anything reads it.
    #[doc(hidden)]
    fn copy_past(x: &[Self], y: &mut [Self]) {
        y.copy_from_slice(x);
    }

    /// An elementary function, applied to many elements: `plain` or, if this type has one, a form without branches and
    /// calls, which the compiler can vectorize. Their last bits may differ.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    fn bulk<F: Function>(self, plain: impl FnOnce(Self) -> Self) -> Self {
        plain(self)
    }

    /// Like [`bulk`](Self::bulk), for a function of several numbers.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    fn bulk_of<F: Joint<N>, const N: usize>(
        x: [Self; N],
        plain: impl FnOnce([Self; N]) -> Self,
    ) -> Self {
        plain(x)
    }

    /// Matrix product `c = a b + beta c`, `beta` being 1 with `add` and else 0; `c` is row-major.
    fn matmul(a: Matrix<'_, Self>, b: Matrix<'_, Self>, c: &mut [Self], add: bool) {
        plain::matmul(a, b, c, add);
    }

    /// Factors the row-major `n × n` matrix `a` in place, for [`solve`](Self::solve); `order`, of length `n`, receives
    /// the exchanges of rows.
    ///
    /// # Errors
    /// The step whose pivot is 0, if the matrix is singular.
    fn factor(n: usize, a: &mut [Self], order: &mut [u32]) -> Result<(), usize> {
        lu::factor(n, a, order)
    }

    /// Solves, in place, a system whose matrix was factored by [`factor`](Self::factor).
    fn solve(system: System<'_, Self>, b: &mut [Self]) {
        lu::solve(system, b);
    }

    /// Softmax of every row; `top` receives the index of each row's first maximum, unless it is empty.
    fn softmax(rows: Rows, x: &[Self], y: &mut [Self], top: &mut [u32]) {
        softmax::plain::softmax(rows, x, y, top);
    }

    /// The symmetric Jacobian of softmax applied to `g`: VJP and JVP in one.
    fn softmax_vjp(rows: Rows, y: &[Self], top: &[u32], g: &[Self], gx: &mut [Self]) {
        softmax::plain::softmax_vjp(rows, y, top, g, gx);
    }

    /// Log-softmax of every row, with statistics: `top`, the index of the first maximum, and `rest`, the sum of the
    /// other exponentials relative to it.
    fn log_softmax(rows: Rows, x: &[Self], z: &mut [Self], top: &mut [u32], rest: &mut [Self]) {
        softmax::plain::log_softmax(rows, x, z, top, rest);
    }

    /// VJP of log-softmax.
    fn log_softmax_vjp(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        rest: &[Self],
        g: &[Self],
        gx: &mut [Self],
    ) {
        softmax::plain::log_softmax_vjp(rows, x, top, rest, g, gx);
    }

    /// JVP of log-softmax.
    fn log_softmax_jvp(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        rest: &[Self],
        t: &[Self],
        ty: &mut [Self],
    ) {
        softmax::plain::log_softmax_jvp(rows, x, top, rest, t, ty);
    }

    /// Log of the sum of exponentials of every row, with the row statistics.
    fn logsumexp(rows: Rows, x: &[Self], lse: &mut [Self], top: &mut [u32], rest: &mut [Self]) {
        softmax::plain::logsumexp(rows, x, lse, top, rest);
    }

    /// VJP of logsumexp, one `g` for each row.
    fn logsumexp_vjp(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        rest: &[Self],
        g: &[Self],
        gx: &mut [Self],
    ) {
        softmax::plain::logsumexp_vjp(rows, x, top, rest, g, gx);
    }

    /// JVP of logsumexp, one `ty` for each row.
    fn logsumexp_jvp(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        rest: &[Self],
        t: &[Self],
        ty: &mut [Self],
    ) {
        softmax::plain::logsumexp_jvp(rows, x, top, rest, t, ty);
    }

    /// Cross entropy of every row against its label, with the row statistics.
    fn cross_entropy(
        rows: Rows,
        x: &[Self],
        labels: &[u32],
        loss: &mut [Self],
        top: &mut [u32],
        rest: &mut [Self],
    ) {
        softmax::plain_loss::cross_entropy(rows, x, labels, loss, top, rest);
    }

    /// VJP of cross entropy against labels, one `g` for each row.
    fn cross_entropy_vjp(
        rows: Rows,
        x: &[Self],
        labels: &[u32],
        top: &[u32],
        rest: &[Self],
        g: &[Self],
        gx: &mut [Self],
    ) {
        softmax::plain_loss::cross_entropy_vjp(rows, x, labels, top, rest, g, gx);
    }

    /// Cross entropy and its VJP for a `g` known beforehand, with the bits of separate calls.
    #[allow(clippy::too_many_arguments)]
    fn cross_entropy_and_vjp(
        rows: Rows,
        x: &[Self],
        labels: &[u32],
        loss: &mut [Self],
        top: &mut [u32],
        rest: &mut [Self],
        g: &[Self],
        gx: &mut [Self],
    ) {
        Self::cross_entropy(rows, x, labels, loss, top, rest);
        Self::cross_entropy_vjp(rows, x, labels, top, rest, g, gx);
    }

    /// JVP of cross entropy against labels, one `ty` for each row.
    fn cross_entropy_jvp(
        rows: Rows,
        x: &[Self],
        labels: &[u32],
        top: &[u32],
        rest: &[Self],
        t: &[Self],
        ty: &mut [Self],
    ) {
        softmax::plain_jvp::cross_entropy_jvp(rows, x, labels, top, rest, t, ty);
    }

    /// Cross entropy of every row against a row of targets, with the row statistics.
    fn soft_cross_entropy(
        rows: Rows,
        x: &[Self],
        targets: &[Self],
        loss: &mut [Self],
        top: &mut [u32],
        rest: &mut [Self],
    ) {
        softmax::plain_loss::soft_cross_entropy(rows, x, targets, loss, top, rest);
    }

    /// VJP of soft cross entropy with respect to the logits, one `g` for each row.
    fn soft_cross_entropy_vjp(
        rows: Rows,
        x: &[Self],
        targets: &[Self],
        top: &[u32],
        rest: &[Self],
        g: &[Self],
        gx: &mut [Self],
    ) {
        softmax::plain_loss::soft_cross_entropy_vjp(rows, x, targets, top, rest, g, gx);
    }

    /// VJP of soft cross entropy with respect to the targets, one `g` for each row.
    fn soft_cross_entropy_vjp_targets(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        rest: &[Self],
        g: &[Self],
        gt: &mut [Self],
    ) {
        softmax::plain_loss::soft_cross_entropy_vjp_targets(rows, x, top, rest, g, gt);
    }

    /// JVP of soft cross entropy with respect to the logits, one `ty` for each row.
    fn soft_cross_entropy_jvp(
        rows: Rows,
        x: &[Self],
        targets: &[Self],
        top: &[u32],
        rest: &[Self],
        t: &[Self],
        ty: &mut [Self],
    ) {
        softmax::plain_jvp::soft_cross_entropy_jvp(rows, x, targets, top, rest, t, ty);
    }

    /// JVP of soft cross entropy with respect to the targets, one `ty` for each row.
    fn soft_cross_entropy_jvp_targets(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        rest: &[Self],
        t: &[Self],
        ty: &mut [Self],
    ) {
        softmax::plain_jvp::soft_cross_entropy_jvp_targets(rows, x, top, rest, t, ty);
    }

    /// Softmax over the entries that `mask` keeps; the others are 0 and never read.
    fn masked_softmax(rows: Rows, x: &[Self], mask: &[bool], y: &mut [Self], top: &mut [u32]) {
        softmax::plain_loss::masked_softmax(rows, x, mask, y, top);
    }

    /// VJP and JVP of masked softmax.
    fn masked_softmax_vjp(
        rows: Rows,
        y: &[Self],
        mask: &[bool],
        top: &[u32],
        g: &[Self],
        gx: &mut [Self],
    ) {
        softmax::plain_loss::masked_softmax_vjp(rows, y, mask, top, g, gx);
    }

    /// Softmax of `x / temperature` of every row.
    fn softmax_scaled(rows: Rows, x: &[Self], temperature: Self, y: &mut [Self], top: &mut [u32]) {
        softmax::plain_loss::softmax_scaled(rows, x, temperature, y, top);
    }

    /// VJP and JVP of softmax at a temperature with respect to `x`.
    fn softmax_scaled_vjp(
        rows: Rows,
        y: &[Self],
        top: &[u32],
        temperature: Self,
        g: &[Self],
        gx: &mut [Self],
    ) {
        softmax::plain_loss::softmax_scaled_vjp(rows, y, top, temperature, g, gx);
    }

    /// VJP of softmax at a temperature with respect to the temperature, from the cotangent of `x`.
    fn temperature_vjp(
        rows: Rows,
        x: &[Self],
        top: &[u32],
        temperature: Self,
        gx: &[Self],
        gt: &mut [Self],
    ) {
        softmax::plain_loss::temperature_vjp(rows, x, top, temperature, gx, gt);
    }

    /// Whether two numbers are the same bit for bit, in all parts; all NaNs count as the same.
    fn same(self, other: Self) -> bool {
        let nan = self.is_nan() && other.is_nan();
        nan || (self == other && self.is_sign_negative() == other.is_sign_negative())
    }
}

pub(crate) mod sealed {
    /// Names the numbers of this crate.
    pub trait Sealed {}
}
