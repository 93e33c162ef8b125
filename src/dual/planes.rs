//! Kernels on dual numbers by planes: primals and tangents are separated, so that the kernels of `T` do
//! the work.
//!
//! A plane of tangents that are all 0 belongs to a constant and costs nothing.

use super::Dual;
use super::scratch::Scratch;
use crate::kernel::matrix::plain;
use crate::kernel::softmax::plain::{softmax_vjp as plain_softmax_vjp, sum};
use crate::kernel::{Elem, Matrix, Rows};

/// Up to this many multiplications the plain loop is faster than separating the planes.
const SMALL_PRODUCT: usize = 64;

/// `c = a b` or `c += a b`: `primal·primal`, and `tangent·primal + primal·tangent`.
///
/// If a primal is not finite, the plain loop takes over, in which tangents of 0 stay 0.
pub(super) fn matmul<T: Elem>(
    a: Matrix<'_, Dual<T>>,
    b: Matrix<'_, Dual<T>>,
    c: &mut [Dual<T>],
    add: bool,
) {
    let multiplications = a.size.0 * a.size.1 * b.size.1;
    let finite = |m: &Matrix<'_, Dual<T>>| m.data.iter().all(|x| x.primal.is_finite());
    if multiplications <= SMALL_PRODUCT || !finite(&a) || !finite(&b) {
        plain::matmul(a, b, c, add);
        return;
    }
    let (a_primal, a_tangent) = (primals(a.data), tangents(a.data));
    let (b_primal, b_tangent) = (primals(b.data), tangents(b.data));
    let mut primal = zeros(c.len());
    T::matmul(like(&a, &a_primal), like(&b, &b_primal), &mut primal, false);
    let mut tangent = zeros(c.len());
    if let Some(t) = &a_tangent {
        T::matmul(like(&a, t), like(&b, &b_primal), &mut tangent, false);
    }
    if let Some(t) = &b_tangent {
        T::matmul(
            like(&a, &a_primal),
            like(&b, t),
            &mut tangent,
            a_tangent.is_some(),
        );
    }
    for (c, (&p, &t)) in c.iter_mut().zip(primal.iter().zip(tangent.iter())) {
        *c = if add {
            *c + Dual::new(p, t)
        } else {
            Dual::new(p, t)
        };
    }
}

/// A plane with the size and steps of the matrix that it was taken from.
fn like<'a, T>(m: &Matrix<'_, Dual<T>>, plane: &'a [T]) -> Matrix<'a, T> {
    Matrix {
        data: plane,
        size: m.size,
        step: m.step,
    }
}

/// Softmax of each row. The Jacobian is symmetric, so the VJP kernel also pushes the tangents forward.
pub(super) fn softmax<T: Elem>(rows: Rows, x: &[Dual<T>], y: &mut [Dual<T>], top: &mut [u32]) {
    let (mut primal, tangents) = (zeros(x.len()), tangents(x));
    // The tangents need the positions of the maxima even if the caller does not.
    let mut own = Vec::new();
    let top = if top.is_empty() && tangents.is_some() {
        own.resize(rows.count(), 0);
        &mut own[..]
    } else {
        top
    };
    T::softmax(rows, &primals(x), &mut primal, top);
    let mut tangent = zeros(x.len());
    if let Some(t) = tangents {
        T::softmax_vjp(rows, &primal, top, &t, &mut tangent);
    }
    join(&primal, &tangent, y);
}

/// The VJP of softmax and its tangent: with `u_i = (g_i - c) - Σ_j (g_j - c) y_j`, so that
/// `gx_i = y_i u_i`,
///
/// ```text
/// ġx_i = [Jᵀ ġ]_i + ẏ_i u_i - y_i Σ_j ẏ_j u_j
/// ```
/// The last sum may use `u` in place of `g - c`, since the tangents of a row of probabilities add up to 0.
pub(super) fn softmax_vjp<T: Elem>(
    rows: Rows,
    y: &[Dual<T>],
    top: &[u32],
    g: &[Dual<T>],
    gx: &mut [Dual<T>],
) {
    let (y_primal, g_primal) = (primals(y), primals(g));
    let mut primal = zeros(y.len());
    T::softmax_vjp(rows, &y_primal, top, &g_primal, &mut primal);
    let mut tangent = zeros(y.len());
    if let Some(t) = tangents(g) {
        T::softmax_vjp(rows, &y_primal, top, &t, &mut tangent);
    }
    if let Some(t) = tangents(y) {
        let mut u = vec![T::zero(); rows.n];
        for (row, &m) in top.iter().enumerate().filter(|_| rows.n > 0) {
            let c = g_primal[rows.at(row, m as usize)];
            let mean = sum(rows.n, &|j| {
                (g_primal[rows.at(row, j)] - c) * y_primal[rows.at(row, j)]
            });
            for (j, u) in u.iter_mut().enumerate() {
                *u = (g_primal[rows.at(row, j)] - c) - mean;
            }
            if !u.iter().all(|u| u.is_finite()) {
                // Cotangents near the largest float, which the plain loop scales.
                plain_softmax_vjp(rows, y, top, g, gx);
                return;
            }
            let drift = sum(rows.n, &|j| t[rows.at(row, j)] * u[j]);
            for (j, &u) in u.iter().enumerate() {
                let at = rows.at(row, j);
                tangent[at] += t[at] * u - y_primal[at] * drift;
            }
        }
    }
    join(&primal, &tangent, gx);
}

fn primals<T: Elem>(x: &[Dual<T>]) -> Scratch<T> {
    Scratch::collect(x.iter().map(|x| x.primal))
}

/// The tangents, unless all are 0.
fn tangents<T: Elem>(x: &[Dual<T>]) -> Option<Scratch<T>> {
    let any = x.iter().any(|x| !x.tangent.is_zero());
    any.then(|| Scratch::collect(x.iter().map(|x| x.tangent)))
}

/// Zeros, to be overwritten or added to.
fn zeros<T: Elem>(len: usize) -> Scratch<T> {
    Scratch::collect((0..len).map(|_| T::zero()))
}

/// Writes the planes back as dual numbers.
fn join<T: Copy>(primal: &[T], tangent: &[T], y: &mut [Dual<T>]) {
    for (y, (&p, &t)) in y.iter_mut().zip(primal.iter().zip(tangent)) {
        *y = Dual::new(p, t);
    }
}
