//! The plain forms: every function of the softmax family as a loop that a reader can check against the formula, over
//! any `T: Float`. They serve element types without a vector kernel (dual numbers, double-doubles) and are the oracle
//! of the kernels; they have the same statistics and the same conventions, but not the same bits.
//!
//! ```text
//! m = first index of the maximum     R = Σ_{j≠m} e^(x_j - x_m)     S = 1 + R     p_j = e^(x_j - x_m) / S
//! ```
//! A row whose maximum is not finite (all -inf, a +inf, a NaN: `top` points at the offender) has `R = NaN`; a row
//! without elements has `top = u32::MAX`, `R = 0`. Sums are in row order and compensated.

use crate::kernel::Rows;
use num_traits::Float;

/// No element: the `top` of an empty row, or of a masked row with nothing kept.
pub const NONE: u32 = u32::MAX;

/// Softmax of each row: `y_j = e^(x_j - x_m) / S`. `top` is not written if it is empty.
pub fn softmax<T: Float>(rows: Rows, x: &[T], y: &mut [T], top: &mut [u32]) {
    rows.full("softmax", "x", x.len());
    rows.full("softmax", "y", y.len());
    rows.each_asked("softmax", "top", top.len());
    for row in 0..rows.count() {
        let (m, rest) = statistics(rows, row, x);
        if let Some(top) = top.get_mut(row) {
            *top = m;
        }
        for j in 0..rows.n {
            let at = rows.at(row, j);
            y[at] = probability(x, rows, row, m, rest, j);
        }
        debug_assert!(
            rows.n == 0 || m != NONE,
            "a row with elements has a maximum"
        );
    }
}

/// Cotangent of `x` for softmax and, since the Jacobian is symmetric, also its tangent:
/// `gx_j = y_j ((g_j - c) - Σ_i (g_i - c) y_i)` with `c = g_m`.
///
/// The Jacobian kills constants, so any `c` gives the same map; `g` at the maximum keeps small results accurate.
pub fn softmax_vjp<T: Float>(rows: Rows, y: &[T], top: &[u32], g: &[T], gx: &mut [T]) {
    rows.full("softmax_vjp", "y", y.len());
    rows.full("softmax_vjp", "g", g.len());
    rows.full("softmax_vjp", "gx", gx.len());
    rows.each("softmax_vjp", "top", top.len());
    for (row, &m) in top.iter().enumerate().filter(|_| rows.n > 0) {
        let c = g[rows.at(row, m as usize)];
        let centred = |j: usize, part: T| g[rows.at(row, j)] * part - c * part;
        let dot = |part: T| sum(rows.n, &|j| centred(j, part) * y[rows.at(row, j)]);
        let (mut part, mut s) = (T::one(), dot(T::one()));
        if !s.is_finite() || s.abs() >= bound() {
            // Perhaps g_i - c overflowed, or will together with s: a quarter of g cannot.
            part = quarter();
            s = dot(part);
        }
        for j in 0..rows.n {
            let at = rows.at(row, j);
            gx[at] = y[at] / part * (centred(j, part) - s);
        }
    }
}

/// Log-softmax: `z_j = (x_j - x_m) - log(1 + R)`, with the statistics its derivatives need.
pub fn log_softmax<T: Float>(rows: Rows, x: &[T], z: &mut [T], top: &mut [u32], rest: &mut [T]) {
    rows.full("log_softmax", "x", x.len());
    rows.full("log_softmax", "z", z.len());
    rows.each("log_softmax", "top", top.len());
    rows.each("log_softmax", "rest", rest.len());
    for row in 0..rows.count() {
        (top[row], rest[row]) = statistics(rows, row, x);
        for j in 0..rows.n {
            z[rows.at(row, j)] = log_probability(x, rows, row, top[row], rest[row], j);
        }
    }
}

/// Cotangent of `x` for log-softmax: `gx_j = g_j - p_j Σ_i g_i`.
///
/// At the maximum, where `p` may be within rounding of 1, the same value is `g_m R/S - (1/S) Σ_{i≠m} g_i`.
pub fn log_softmax_vjp<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    rows.full("log_softmax_vjp", "x", x.len());
    rows.full("log_softmax_vjp", "g", g.len());
    rows.full("log_softmax_vjp", "gx", gx.len());
    rows.each("log_softmax_vjp", "top", top.len());
    rows.each("log_softmax_vjp", "rest", rest.len());
    for row in (0..rows.count()).filter(|_| rows.n > 0) {
        let (m, rest) = (top[row], rest[row]);
        let (mut part, mut others) = (T::one(), others(rows, row, m, g, T::one()));
        if !others.is_finite() || !(others + g[rows.at(row, m as usize)]).is_finite() {
            part =
                T::one() / (T::from(rows.n).expect("a count is a number") * (T::one() + T::one()));
            others = self::others(rows, row, m, g, part);
        }
        let gm = g[rows.at(row, m as usize)];
        for j in 0..rows.n {
            let at = rows.at(row, j);
            let p = probability(x, rows, row, m, rest, j);
            let p = -(p / part);
            gx[at] = if j == m as usize {
                p.mul_add(others, gm * (rest / (T::one() + rest)))
            } else {
                p.mul_add(others + gm * part, g[at])
            };
        }
    }
}

/// Tangent of log-softmax: `ty_j = (t_j - c) - Σ_i p_i (t_i - c)` with `c = t_m`.
pub fn log_softmax_jvp<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    t: &[T],
    ty: &mut [T],
) {
    rows.full("log_softmax_jvp", "x", x.len());
    rows.full("log_softmax_jvp", "t", t.len());
    rows.full("log_softmax_jvp", "ty", ty.len());
    rows.each("log_softmax_jvp", "top", top.len());
    rows.each("log_softmax_jvp", "rest", rest.len());
    for row in (0..rows.count()).filter(|_| rows.n > 0) {
        let (part, c, s) = centred_mean(rows, row, x, top[row], rest[row], t);
        for j in 0..rows.n {
            let at = rows.at(row, j);
            ty[at] = ((t[at] * part - c) - s) / part;
        }
    }
}

/// Log of the sum of exponentials of each row: `x_m + log(1 + R)`.
pub fn logsumexp<T: Float>(rows: Rows, x: &[T], lse: &mut [T], top: &mut [u32], rest: &mut [T]) {
    rows.full("logsumexp", "x", x.len());
    rows.each("logsumexp", "lse", lse.len());
    rows.each("logsumexp", "top", top.len());
    rows.each("logsumexp", "rest", rest.len());
    for row in 0..rows.count() {
        (top[row], rest[row]) = statistics(rows, row, x);
        lse[row] = if top[row] == NONE {
            T::neg_infinity()
        } else {
            let xm = x[rows.at(row, top[row] as usize)];
            if xm.is_finite() {
                xm + rest[row].ln_1p()
            } else {
                xm
            }
        };
    }
}

/// Cotangent of `x` for logsumexp: `gx_j = g p_j`, one `g` for each row.
pub fn logsumexp_vjp<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    rows.full("logsumexp_vjp", "x", x.len());
    rows.full("logsumexp_vjp", "gx", gx.len());
    rows.each("logsumexp_vjp", "g", g.len());
    rows.each("logsumexp_vjp", "top", top.len());
    rows.each("logsumexp_vjp", "rest", rest.len());
    for row in (0..rows.count()).filter(|_| rows.n > 0) {
        let infinite = x[rows.at(row, top[row] as usize)] == T::infinity();
        for j in 0..rows.n {
            let at = rows.at(row, j);
            // Beside an infinite entry the others have no weight; how the infinite ones share it is undefined.
            gx[at] = if infinite && x[at] < T::infinity() {
                T::zero()
            } else {
                g[row] * probability(x, rows, row, top[row], rest[row], j)
            };
        }
    }
}

/// Tangent of logsumexp: `ty = c + Σ_j p_j (t_j - c)` with `c = t_m`.
pub fn logsumexp_jvp<T: Float>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    t: &[T],
    ty: &mut [T],
) {
    rows.full("logsumexp_jvp", "x", x.len());
    rows.full("logsumexp_jvp", "t", t.len());
    rows.each("logsumexp_jvp", "ty", ty.len());
    rows.each("logsumexp_jvp", "top", top.len());
    rows.each("logsumexp_jvp", "rest", rest.len());
    for row in 0..rows.count() {
        ty[row] = if top[row] == NONE {
            T::zero()
        } else {
            let (part, c, s) = centred_mean(rows, row, x, top[row], rest[row], t);
            (c + s) / part
        };
    }
}

/// The index of the first maximum and `R`; a NaN counts as the maximum.
pub(crate) fn statistics<T: Float>(rows: Rows, row: usize, x: &[T]) -> (u32, T) {
    if rows.n == 0 {
        return (NONE, T::zero());
    }
    let value = |j: usize| x[rows.at(row, j)];
    let higher = |a: usize, b: usize| {
        if !value(a).is_nan() && (value(b) > value(a) || value(b).is_nan()) {
            b
        } else {
            a
        }
    };
    let m = (1..rows.n).fold(0, higher);
    if !value(m).is_finite() {
        return (m as u32, T::nan());
    }
    (
        m as u32,
        sum(rows.n, &|j| {
            if j == m {
                T::zero()
            } else {
                exp_difference(value(j), value(m))
            }
        }),
    )
}

/// `p_j` from the logits and the statistics.
pub(crate) fn probability<T: Float>(
    x: &[T],
    rows: Rows,
    row: usize,
    m: u32,
    rest: T,
    j: usize,
) -> T {
    let (s, under) = difference(rest, -T::one());
    let (d, lost) = if j == m as usize {
        // m - m is NaN where that is infinite, as it should be.
        (rest * T::zero(), T::zero())
    } else {
        difference(x[rows.at(row, j)], x[rows.at(row, m as usize)])
    };
    // One rounding for what the difference and 1 + R lost, and one for the quotient.
    let q = d.exp() / s;
    q + q * (lost - under / s)
}

/// `e^(a - b)`, right even where `a - b` is rounded: at a distance of 100 that alone costs 50 ulps.
pub(crate) fn exp_difference<T: Float>(a: T, b: T) -> T {
    let (d, lost) = difference(a, b);
    let e = d.exp();
    e + e * lost
}

/// `a - b` rounded, and its rounding error; 0 where the difference is not finite.
///
/// Knuth's TwoSum ("The Art of Computer Programming", volume 2, section 4.2.2, theorem B).
pub(crate) fn difference<T: Float>(a: T, b: T) -> (T, T) {
    let d = a - b;
    let back = d - a;
    let lost = (a - (d - back)) - (b + back);
    (d, if lost.is_finite() { lost } else { T::zero() })
}

/// `log p_j` from the logits and the statistics.
pub(crate) fn log_probability<T: Float>(
    x: &[T],
    rows: Rows,
    row: usize,
    m: u32,
    rest: T,
    j: usize,
) -> T {
    if j == m as usize {
        -rest.ln_1p()
    } else {
        (x[rows.at(row, j)] - x[rows.at(row, m as usize)]) - rest.ln_1p()
    }
}

/// `part Σ_{j≠m} v_j`, multiplied term by term.
pub(crate) fn others<T: Float>(rows: Rows, row: usize, m: u32, v: &[T], part: T) -> T {
    sum(rows.n, &|j| {
        if j == m as usize {
            T::zero()
        } else {
            v[rows.at(row, j)] * part
        }
    })
}

/// `(part, c, s)`: `c = part t_m`, `s = part Σ_j p_j (t_j - t_m)`, `part` being 1 or, where that overflows, a quarter.
pub(crate) fn centred_mean<T: Float>(
    rows: Rows,
    row: usize,
    x: &[T],
    m: u32,
    rest: T,
    t: &[T],
) -> (T, T, T) {
    let tm = t[rows.at(row, m as usize)];
    let mean = |part: T| {
        sum(rows.n, &|j| {
            probability(x, rows, row, m, rest, j) * (t[rows.at(row, j)] * part - tm * part)
        })
    };
    let s = mean(T::one());
    if s.is_finite() {
        (T::one(), tm, s)
    } else {
        (quarter(), tm * quarter(), mean(quarter()))
    }
}

/// Half a step at the largest number: with less added to it, a finite number stays finite.
pub(crate) fn bound<T: Float>() -> T {
    T::max_value() * T::epsilon() * quarter()
}

/// One quarter: the factor of numbers near the largest before two of them are subtracted.
pub(crate) fn quarter<T: Float>() -> T {
    let two = T::one() + T::one();
    (two + two).recip()
}

/// The number of terms of one compensated sum: the sum of rounding errors must not itself grow so large that it loses
/// small terms, as it does in `f32` after some 10⁵ of them.
const BLOCK: usize = 1024;

/// `f(0) + … + f(n - 1)` in order, block by block, with the rounding errors summed beside it: the error does not
/// grow with n.
///
/// Ogita, Rump, Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26 (2005), algorithm 4.4 with K = 2.
pub(crate) fn sum<T: Float>(n: usize, f: &impl Fn(usize) -> T) -> T {
    let block = |start: usize| compensated((start..n.min(start + BLOCK)).map(f));
    compensated((0..n).step_by(BLOCK).map(block))
}

fn compensated<T: Float>(terms: impl Iterator<Item = T>) -> T {
    let add = |(s, lost): (T, T), term: T| {
        let (s, more) = difference(s, -term);
        (s, lost + more)
    };
    let (s, lost) = terms.fold((T::zero(), T::zero()), add);
    s + lost
}
