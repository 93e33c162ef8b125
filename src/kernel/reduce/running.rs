//! Running products that leave the range of exponents only where the result does.
//!
//! The plain products come first; only a row in which one could leave the range is multiplied again,
//! on wider numbers, whose exponents do not end.

use num_traits::{One, Zero};

use super::product::{before, far};
use crate::kernel::{Elem, Rows};

/// Recomputes `y_j = x_0 x_1 .. x_j` for the rows that need it.
pub(crate) fn running_product_again<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    for start in rows.starts().filter(|&start| far(rows, x, start)) {
        let mut product = T::Wide::one();
        for at in rows.row(start) {
            product *= x[at].widen();
            y[at] = T::narrow(product);
        }
    }
}

/// Recomputes `gx_i = Σ_(j >= i) g_j Π_(k <= j, k ≠ i) x_k` for the rows that need it.
pub(crate) fn running_product_vjp_again<T: Elem>(rows: Rows, x: &[T], g: &[T], gx: &mut [T]) {
    for start in rows.starts() {
        let left = |gx: &[T]| rows.row(start).any(|at| !gx[at].is_finite());
        if !far(rows, x, start) && !left(gx) {
            continue;
        }
        // What y_j and all after it owe to a factor in y_j, in units of y_(j-1); 0 stays 0, even times
        // infinity.
        let mut owed = T::Wide::zero();
        for (at, before) in before(rows, x, start).rev() {
            owed += g[at].widen();
            gx[at] = T::narrow(share(owed, before));
            owed = share(owed, x[at].widen());
        }
    }
}

/// Recomputes the tangents `ty_j = ty_(j-1) x_j + y_(j-1) t_j` for the rows that need it.
pub(crate) fn running_product_jvp_again<T: Elem>(rows: Rows, x: &[T], t: &[T], ty: &mut [T]) {
    for start in rows.starts() {
        let left = |ty: &[T]| rows.row(start).any(|at| !ty[at].is_finite());
        if !far(rows, x, start) && !left(ty) {
            continue;
        }
        let mut tangent = T::Wide::zero();
        for (at, before) in before(rows, x, start) {
            tangent = share(tangent, x[at].widen()) + share(t[at].widen(), before);
            ty[at] = T::narrow(tangent);
        }
    }
}

/// `slope * g`, but 0 stays 0.
fn share<T: Elem>(g: T, slope: T) -> T {
    if g.is_zero() { g } else { slope * g }
}
