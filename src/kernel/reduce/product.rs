//! Products of rows that leave the range of exponents only where the result does.
//!
//! The plain product comes first; only a row in which some partial product could leave the range is multiplied again
//! with the powers of 2 kept apart, which adds no rounding.

use super::fold::fold_axis;
use super::sum::sum_axis;
use crate::kernel::{Elem, Rows};

/// Product of every row; 1 for rows without elements.
pub(crate) fn product_axis<T: Elem>(rows: Rows, x: &[T], y: &mut [T]) {
    fold_axis(rows, x, y, T::one(), |a, b| a * b);
    for (y, start) in y.iter_mut().zip(rows.starts()) {
        if far(rows, x, start) {
            let factors = rows.row(start).map(|at| x[at]);
            *y = factors.fold(Apart::one(), Apart::times).number();
        }
    }
}

/// `gx_i = g Π x_k` over k ≠ i, from the products of what comes before and after each element.
pub(crate) fn product_of_others<T: Elem>(rows: Rows, x: &[T], g: &[T], gx: &mut [T]) {
    for (start, &g) in rows.starts().zip(g) {
        if g.is_zero() {
            rows.row(start).for_each(|at| gx[at] = g);
        } else if far(rows, x, start) {
            others_apart(rows, x, start, g, gx);
        } else {
            let mut before = T::one();
            for at in rows.row(start) {
                gx[at] = before;
                before *= x[at];
            }
            let mut after = T::one();
            for at in rows.row(start).rev() {
                gx[at] = gx[at] * after * g;
                after *= x[at];
            }
        }
    }
}

/// One row of [`product_of_others`] with the powers of 2 kept apart.
#[cold]
fn others_apart<T: Elem>(rows: Rows, x: &[T], start: usize, g: T, gx: &mut [T]) {
    let mut before = Vec::with_capacity(rows.n);
    rows.row(start).fold(Apart::one(), |product, at| {
        before.push(product);
        product.times(x[at])
    });
    let mut after = Apart::one().times(g);
    for (at, before) in rows.row(start).rev().zip(before.into_iter().rev()) {
        gx[at] = before.and(after).number();
        after = after.times(x[at]);
    }
}

/// `ty = Σ_i t_i Π x_k` over k ≠ i, for every row.
pub(crate) fn product_tangent<T: Elem>(rows: Rows, x: &[T], t: &[T], ty: &mut [T]) {
    let mut terms = vec![T::zero(); t.len()];
    product_of_others(rows, x, &vec![T::one(); ty.len()], &mut terms);
    for (term, &t) in terms.iter_mut().zip(t) {
        *term = if t.is_zero() { t } else { *term * t };
    }
    sum_axis(rows, &terms, ty);
    for (ty, start) in ty.iter_mut().zip(rows.starts()) {
        if far(rows, x, start) {
            *ty = tangent_apart(rows, x, start, t);
        }
    }
}

/// One row of [`product_tangent`] with the powers of 2 kept apart.
#[cold]
fn tangent_apart<T: Elem>(rows: Rows, x: &[T], start: usize, t: &[T]) -> T {
    let mut before = Vec::with_capacity(rows.n);
    rows.row(start).fold(Apart::one(), |product, at| {
        before.push(product);
        product.times(x[at])
    });
    let (mut sum, mut after) = (Apart::one().times(T::zero()), Apart::one());
    for (at, before) in rows.row(start).rev().zip(before.into_iter().rev()) {
        if !t[at].is_zero() {
            sum = sum.plus(before.times(t[at]).and(after));
        }
        after = after.times(x[at]);
    }
    sum.number()
}

/// Whether some product of elements of the row could leave the range, whatever the order.
///
/// No product exceeds that of the sizes above 1, and none but 0 is below that of the sizes below 1; zeros and elements
/// that are not finite do not count.
pub(in crate::kernel) fn far<T: Elem>(rows: Rows, x: &[T], start: usize) -> bool {
    // Side by side, since each product waits for the one before.
    let mut sizes = [[1.0f64; 8]; 2];
    for (k, at) in rows.row(start).enumerate() {
        let size = x[at].primal().abs();
        let size = if size == 0.0 || !size.is_finite() {
            1.0
        } else {
            size
        };
        sizes[0][k % 8] *= size.max(1.0);
        sizes[1][k % 8] *= size.min(1.0);
    }
    let [above, below] = sizes.map(|parts| parts.iter().product::<f64>());
    // A margin for what rounding adds to products of many.
    const ROOM: f64 = 256.0;
    above > T::max_value().primal() / ROOM || below < T::min_positive_value().primal() * ROOM
}

/// The power of 2 at or just below the size of a number; 0 for 0, infinities and NaN.
fn exponent<T: Elem>(x: T) -> i64 {
    const BITS: u64 = f64::MANTISSA_DIGITS as u64 - 1;
    let size = x.primal().abs();
    if size == 0.0 || !size.is_finite() {
        return 0;
    }
    let field = |size: f64| (size.to_bits() >> BITS) as i64 - 1023;
    if size.is_normal() {
        field(size)
    } else {
        // Multiplied by 2^52 it is normal.
        field(size / f64::EPSILON) - BITS as i64
    }
}

/// `x 2^power`, rounded once: every step before the last stays in the normal range.
fn scale<T: Elem>(mut x: T, power: i64) -> T {
    // Beyond ±4096 everything leaves the range, whatever it was; 2^100 is a number in every element type.
    let mut power = power.clamp(-4096, 4096);
    while power != 0 {
        let step = power.clamp(-100, 100);
        x *= T::of(2f64.powi(step as i32));
        power -= step;
    }
    x
}

/// A number as `part 2^power`, with `part` from 1 to 2 in size (or 0, infinite, NaN).
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Apart<T> {
    part: T,
    power: i64,
}

impl<T: Elem> Apart<T> {
    pub(in crate::kernel) fn one() -> Self {
        Self {
            part: T::one(),
            power: 0,
        }
    }

    pub(in crate::kernel) fn times(self, x: T) -> Self {
        let power = exponent(x);
        self.and(Self {
            part: scale(x, -power),
            power,
        })
    }

    /// The product of two.
    pub(in crate::kernel) fn and(self, other: Self) -> Self {
        let part = self.part * other.part;
        let more = exponent(part);
        Self {
            part: scale(part, -more),
            power: self.power + other.power + more,
        }
    }

    /// The sum of two.
    pub(in crate::kernel) fn plus(self, other: Self) -> Self {
        let (large, small) = match self.power < other.power && !other.part.is_zero() {
            true => (other, self),
            false => (self, other),
        };
        // A zero has no magnitude of its own.
        if large.part.is_zero() {
            return small;
        }
        let part = large.part + scale(small.part, small.power - large.power);
        let more = exponent(part);
        Self {
            part: scale(part, -more),
            power: large.power + more,
        }
    }

    pub(in crate::kernel) fn number(self) -> T {
        scale(self.part, self.power)
    }
}
