//! A cotangent (or a tangent) times a slope: what stays 0, and which products need other factors.
//!
//! The slopes are the ops', and so are the factors.

use crate::kernel::{Again, Elem};

/// Which cotangents are computed again, if `far` is called later.
pub(crate) const fn later(far: bool) -> Again {
    if far { Again::Abnormal } else { Again::Never }
}

/// `slope * g` as in [`share`], or the result of `far` where the slope has left the range or, being subnormal, has few
/// digits left.
///
/// Everything is computed and the result selected, so that loops can be vectorized.
#[inline(always)]
pub(crate) fn pull<T: Elem>(g: T, slope: T, far: impl FnOnce() -> Option<T>) -> T {
    let product = slope * g;
    let pulled = if slope.is_normal() {
        product
    } else {
        far().unwrap_or(product)
    };
    unless_zero(g, pulled)
}

/// `pulled`, but a cotangent of exactly 0 stays 0 even at an infinite or undefined slope: an unused entry (masked by
/// `where_`, say) must not turn into NaN.
#[inline(always)]
pub(crate) fn unless_zero<T: Elem>(g: T, pulled: T) -> T {
    if g.is_zero() { g } else { pulled }
}

/// `slope * g` for a function that passes its cotangent on or does not: where the slope is 0 the product is, even for
/// an infinite cotangent, such as the root of `relu` sends back.
#[inline(always)]
pub(crate) fn gated<T: Elem>(g: T, slope: T) -> T {
    unless_zero(g, if slope.is_zero() { slope } else { slope * g })
}

/// [`gated`] for a gate, [`pull`] for any other function.
#[inline(always)]
pub(crate) fn passed<T: Elem>(gate: bool, g: T, slope: T, far: impl FnOnce() -> Option<T>) -> T {
    match gate {
        true => gated(g, slope),
        false => pull(g, slope, far),
    }
}

/// [`pull`] without `far`, which is called later: where the slope is too small or too large, this is 0 or not finite.
#[inline(always)]
pub(crate) fn pull_inside<T: Elem>(g: T, slope: T) -> T {
    let lost = slope.abs() < T::min_positive_value();
    unless_zero(g, if lost { T::zero() } else { slope * g })
}

/// `slope * g`, [`unless_zero`].
#[inline]
pub(crate) fn share<T: Elem>(g: T, slope: impl FnOnce() -> T) -> T {
    if g.is_zero() { g } else { slope() * g }
}
