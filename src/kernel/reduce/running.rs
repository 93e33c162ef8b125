//! Running products that leave the range of exponents only where the result does.
//!
//! The plain products come first; only a row in which one could leave the range is multiplied again,
//! with the powers of 2 kept apart.

use super::product::{Apart, far};
use crate::kernel::{Elem, Rows};

/// Recomputes `y_j = x_0 x_1 .. x_j` for the rows that need it.
pub(crate) fn running_product_apart<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    for start in rows.starts().filter(|&start| far(rows, x, start)) {
        let mut product = Apart::one();
        for at in rows.row(start) {
            product = product.times(x[at]);
            y[at] = product.number();
        }
    }
}

/// Recomputes `gx_i = Σ_(j >= i) g_j Π_(k <= j, k ≠ i) x_k` for the rows that need it.
pub(crate) fn running_product_vjp_apart<T: Elem>(rows: Rows, x: &[T], g: &[T], gx: &mut [T]) {
    for start in rows.starts() {
        let left = |gx: &[T]| rows.row(start).any(|at| !gx[at].is_finite());
        if !far(rows, x, start) && !left(gx) {
            continue;
        }
        let mut before = Vec::with_capacity(rows.n);
        rows.row(start).fold(Apart::one(), |product, at| {
            before.push(product);
            product.times(x[at])
        });
        // What y_j and all after it owe to a factor in y_j, in units of y_(j-1); 0 stays 0, even times
        // infinity.
        let mut owed: Option<Apart<T>> = None;
        for at in rows.row(start).rev() {
            let own = (!g[at].is_zero()).then(|| Apart::one().times(g[at]));
            owed = match (owed, own) {
                (Some(owed), Some(own)) => Some(owed.plus(own)),
                (owed, own) => owed.or(own),
            };
            let before = before.pop().expect("there is one for each element");
            gx[at] = owed.map_or(T::zero(), |owed| before.and(owed).number());
            owed = owed.map(|owed| owed.times(x[at]));
        }
    }
}

/// Recomputes the tangents `ty_j = ty_(j-1) x_j + y_(j-1) t_j` for the rows that need it.
pub(crate) fn running_product_jvp_apart<T: Elem>(rows: Rows, x: &[T], t: &[T], ty: &mut [T]) {
    for start in rows.starts() {
        let left = |ty: &[T]| rows.row(start).any(|at| !ty[at].is_finite());
        if !far(rows, x, start) && !left(ty) {
            continue;
        }
        let (mut product, mut tangent) = (Apart::one(), None::<Apart<T>>);
        for at in rows.row(start) {
            let own = (!t[at].is_zero()).then(|| product.times(t[at]));
            tangent = match (tangent.map(|tangent| tangent.times(x[at])), own) {
                (Some(earlier), Some(own)) => Some(earlier.plus(own)),
                (earlier, own) => earlier.or(own),
            };
            product = product.times(x[at]);
            ty[at] = tangent.map_or(T::zero(), Apart::number);
        }
    }
}
