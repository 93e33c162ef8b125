//! The plain forms, second part: cross entropy with labels and with soft targets, masked softmax, softmax at a
//! temperature. The statistics and the helpers are those of `plain`.

use super::plain::{
    NONE, difference, log_probability, others, probability, quarter, statistics, sum,
};
use crate::kernel::Rows;
use num_traits::Float;

/// Cross entropy of each row against its label `t`: `(x_m - x_t) + log(1 + R)`.
pub fn cross_entropy<T: Float>(
    rows: Rows,
    x: &[T],
    labels: &[u32],
    loss: &mut [T],
    top: &mut [u32],
    rest: &mut [T],
) {
    rows.full("cross_entropy", "x", x.len());
    check_labels("cross_entropy", rows, labels);
    rows.each("cross_entropy", "loss", loss.len());
    rows.each("cross_entropy", "top", top.len());
    rows.each("cross_entropy", "rest", rest.len());
    for row in 0..rows.count() {
        (top[row], rest[row]) = statistics(rows, row, x);
        loss[row] = -log_probability(x, rows, row, top[row], rest[row], labels[row] as usize);
    }
}

/// Cotangent of `x` for cross entropy, one `g` for each row: `g p_j`, at the label `-g (1 - p_t)`, which is `-g R/S`
/// when the label is the maximum.
pub fn cross_entropy_vjp<T: Float>(
    rows: Rows,
    x: &[T],
    labels: &[u32],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    rows.full("cross_entropy_vjp", "x", x.len());
    rows.full("cross_entropy_vjp", "gx", gx.len());
    check_labels("cross_entropy_vjp", rows, labels);
    rows.each("cross_entropy_vjp", "g", g.len());
    rows.each("cross_entropy_vjp", "top", top.len());
    rows.each("cross_entropy_vjp", "rest", rest.len());
    for row in 0..rows.count() {
        let (m, r, label) = (top[row], rest[row], labels[row] as usize);
        for j in 0..rows.n {
            let p = probability(x, rows, row, m, r, j);
            gx[rows.at(row, j)] = if j != label {
                g[row] * p
            } else if j == m as usize {
                -(g[row] * (r / (T::one() + r)))
            } else {
                g[row] * (p - T::one())
            };
        }
    }
}

/// Cross entropy of each row against a row of targets: `-Σ_j t_j z_j`, `z` the log-softmax.
///
/// The targets need not add up to 1. A target 0 at a logit of -inf adds nothing.
pub fn soft_cross_entropy<T: Float>(
    rows: Rows,
    x: &[T],
    targets: &[T],
    loss: &mut [T],
    top: &mut [u32],
    rest: &mut [T],
) {
    rows.full("soft_cross_entropy", "x", x.len());
    rows.full("soft_cross_entropy", "targets", targets.len());
    rows.each("soft_cross_entropy", "loss", loss.len());
    rows.each("soft_cross_entropy", "top", top.len());
    rows.each("soft_cross_entropy", "rest", rest.len());
    for row in 0..rows.count() {
        (top[row], rest[row]) = statistics(rows, row, x);
        loss[row] = sum(rows.n, &|j| {
            let (t, z) = (
                targets[rows.at(row, j)],
                log_probability(x, rows, row, top[row], rest[row], j),
            );
            if t.is_zero() && z == T::neg_infinity() {
                t
            } else {
                -(t * z)
            }
        });
    }
}

/// Cotangent of `x` for soft cross entropy, one `g` for each row: `g (p_j Σ_i t_i - t_j)`.
///
/// At the maximum the same value is `g ((1/S) Σ_{i≠m} t_i - t_m R/S)`.
pub fn soft_cross_entropy_vjp<T: Float>(
    rows: Rows,
    x: &[T],
    targets: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    rows.full("soft_cross_entropy_vjp", "x", x.len());
    rows.full("soft_cross_entropy_vjp", "targets", targets.len());
    rows.full("soft_cross_entropy_vjp", "gx", gx.len());
    rows.each("soft_cross_entropy_vjp", "g", g.len());
    rows.each("soft_cross_entropy_vjp", "top", top.len());
    rows.each("soft_cross_entropy_vjp", "rest", rest.len());
    for row in (0..rows.count()).filter(|_| rows.n > 0) {
        let (m, r) = (top[row], rest[row]);
        let tm = targets[rows.at(row, m as usize)];
        let mass = others(rows, row, m, targets, T::one());
        for j in 0..rows.n {
            let at = rows.at(row, j);
            let p = probability(x, rows, row, m, r, j);
            gx[at] = if j == m as usize {
                g[row] * (p * mass - tm * (r / (T::one() + r)))
            } else {
                g[row] * (p * (mass + tm) - targets[at])
            };
        }
    }
}

/// Cotangent of the targets for soft cross entropy: `-g z_j`.
pub fn soft_cross_entropy_vjp_targets<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gt: &mut [T],
) {
    rows.full("soft_cross_entropy_vjp_targets", "x", x.len());
    rows.full("soft_cross_entropy_vjp_targets", "gt", gt.len());
    rows.each("soft_cross_entropy_vjp_targets", "g", g.len());
    rows.each("soft_cross_entropy_vjp_targets", "top", top.len());
    rows.each("soft_cross_entropy_vjp_targets", "rest", rest.len());
    for row in 0..rows.count() {
        for j in 0..rows.n {
            // A row with a cotangent of 0 gets 0, even where z is -inf.
            gt[rows.at(row, j)] = if g[row].is_zero() {
                g[row]
            } else {
                -(g[row] * log_probability(x, rows, row, top[row], rest[row], j))
            };
        }
    }
}

/// Softmax over the entries that `mask` keeps; the others are 0 and take no part, whatever they hold.
///
/// A row with nothing kept is all 0, its `top` is `u32::MAX`. A kept NaN or +inf makes the kept entries NaN.
pub fn masked_softmax<T: Float>(rows: Rows, x: &[T], mask: &[bool], y: &mut [T], top: &mut [u32]) {
    rows.full("masked_softmax", "x", x.len());
    rows.full("masked_softmax", "mask", mask.len());
    rows.full("masked_softmax", "y", y.len());
    rows.each("masked_softmax", "top", top.len());
    for (row, top) in top.iter_mut().enumerate() {
        let kept: Vec<usize> = (0..rows.n).filter(|&j| mask[rows.at(row, j)]).collect();
        let packed: Vec<T> = kept.iter().map(|&j| x[rows.at(row, j)]).collect();
        let line = Rows::last(1, packed.len());
        let (m, rest) = statistics(line, 0, &packed);
        *top = if m == NONE {
            NONE
        } else {
            kept[m as usize] as u32
        };
        (0..rows.n).for_each(|j| y[rows.at(row, j)] = T::zero());
        for (i, &j) in kept.iter().enumerate() {
            y[rows.at(row, j)] = probability(&packed, line, 0, m, rest, i);
        }
    }
}

/// Cotangent of `x` for masked softmax, and its tangent: that of softmax over the kept entries, 0 elsewhere.
pub fn masked_softmax_vjp<T: Float>(
    rows: Rows,
    y: &[T],
    mask: &[bool],
    top: &[u32],
    g: &[T],
    gx: &mut [T],
) {
    rows.full("masked_softmax_vjp", "y", y.len());
    rows.full("masked_softmax_vjp", "mask", mask.len());
    rows.full("masked_softmax_vjp", "g", g.len());
    rows.full("masked_softmax_vjp", "gx", gx.len());
    rows.each("masked_softmax_vjp", "top", top.len());
    for (row, &m) in top.iter().enumerate() {
        (0..rows.n).for_each(|j| gx[rows.at(row, j)] = T::zero());
        if m == NONE {
            continue;
        }
        let kept: Vec<usize> = (0..rows.n)
            .map(|j| rows.at(row, j))
            .filter(|&at| mask[at])
            .collect();
        let pack = |v: &[T]| kept.iter().map(|&at| v[at]).collect::<Vec<T>>();
        let first = kept.partition_point(|&at| at < rows.at(row, m as usize)) as u32;
        let mut packed = vec![T::zero(); kept.len()];
        super::plain::softmax_vjp(
            Rows::last(1, kept.len()),
            &pack(y),
            &[first],
            &pack(g),
            &mut packed,
        );
        kept.iter().zip(packed).for_each(|(&at, v)| gx[at] = v);
    }
}

/// Softmax of `x / temperature`, without forming the quotient of a large `x`.
pub fn softmax_scaled<T: Float>(rows: Rows, x: &[T], temperature: T, y: &mut [T], top: &mut [u32]) {
    check_temperature("softmax_scaled", temperature);
    rows.full("softmax_scaled", "x", x.len());
    rows.full("softmax_scaled", "y", y.len());
    rows.each_asked("softmax_scaled", "top", top.len());
    for row in (0..rows.count()).filter(|_| rows.n > 0) {
        let (m, _) = statistics(rows, row, x);
        if let Some(top) = top.get_mut(row) {
            *top = m;
        }
        let xm = x[rows.at(row, m as usize)];
        let e = |j: usize| {
            if j == m as usize && xm.is_finite() {
                T::one()
            } else {
                exp_quotient(x[rows.at(row, j)], xm, temperature)
            }
        };
        let s = sum(rows.n, &e);
        for j in 0..rows.n {
            y[rows.at(row, j)] = e(j) / s;
        }
    }
    if rows.n == 0 {
        top.fill(NONE);
    }
}

/// `e^((a - b) / t)`, right even where the difference and the quotient are rounded.
fn exp_quotient<T: Float>(a: T, b: T, t: T) -> T {
    let (d, lost) = difference(a, b);
    let q = d / t;
    let e = q.exp();
    // The remainder of d after t q, which is small and exact.
    let lost = ((-q).mul_add(t, d) + lost) / t;
    if lost.is_finite() { e + e * lost } else { e }
}

/// Cotangent of `x` for softmax at a temperature, and its tangent: that of softmax, divided by the temperature.
pub fn softmax_scaled_vjp<T: Float>(
    rows: Rows,
    y: &[T],
    top: &[u32],
    temperature: T,
    g: &[T],
    gx: &mut [T],
) {
    check_temperature("softmax_scaled_vjp", temperature);
    super::plain::softmax_vjp(rows, y, top, g, gx);
    gx.iter_mut().for_each(|v| *v = *v / temperature);
}

/// Cotangent of the temperature, one for each row, from the cotangent `gx` of `x`: `-(1/T) Σ_j (x_j - x_m) gx_j`.
///
/// The cotangents of a row add up to 0, so `x` may be centred. A logit of -inf adds nothing.
pub fn temperature_vjp<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    temperature: T,
    gx: &[T],
    gt: &mut [T],
) {
    check_temperature("temperature_vjp", temperature);
    rows.full("temperature_vjp", "x", x.len());
    rows.full("temperature_vjp", "gx", gx.len());
    rows.each("temperature_vjp", "top", top.len());
    rows.each("temperature_vjp", "gt", gt.len());
    for (row, &m) in top.iter().enumerate() {
        let term = |j: usize| {
            let (xj, xm) = (x[rows.at(row, j)], x[rows.at(row, m as usize)]);
            // A quarter of each: the difference of two logits near the largest float overflows.
            let d = (xj * quarter() - xm * quarter()) * gx[rows.at(row, j)];
            if xj == T::neg_infinity() && xm.is_finite() {
                T::zero()
            } else {
                d
            }
        };
        gt[row] = -(sum(rows.n, &term) / temperature / quarter());
    }
}

/// Refuses a temperature that no distribution has.
#[track_caller]
pub(crate) fn check_temperature<T: Float>(op: &str, temperature: T) {
    assert!(
        temperature > T::zero() && temperature.is_finite(),
        "{op}: the temperature must be positive and finite"
    );
}

/// Refuses a label that names no element of a row.
#[track_caller]
pub(crate) fn check_labels(op: &str, rows: Rows, labels: &[u32]) {
    rows.each(op, "labels", labels.len());
    if let Some((row, label)) = labels
        .iter()
        .enumerate()
        .find(|&(_, &l)| l as usize >= rows.n)
    {
        panic!(
            "{op}: the label {label} of row {row} is not below the {} classes",
            rows.n
        );
    }
}
