//! The kernels of the softmax family for `f32` and `f64`: which job serves which hook.
//!
//! The tangents of losses and log-softmax, and the cotangents of targets and temperatures, are left to the plain forms.

use super::forward::{Mask, Scaled, Softmax};
use super::lines::Work;
use super::plain::NONE;
use super::plain_loss::{check_labels, check_temperature};
use super::pullback::Pullback;
use super::spread::{Of, Spread};
use super::statistics::Statistics;
use crate::kernel::Rows;
use crate::kernel::simd::Real;

/// Refuses buffers that do not fit the rows: inputs and results, then those with one number per row.
#[track_caller]
fn check(op: &str, rows: Rows, full: &[(&str, usize)], each: &[(&str, usize)]) {
    full.iter()
        .for_each(|&(name, len)| rows.full(op, name, len));
    each.iter()
        .for_each(|&(name, len)| rows.each(op, name, len));
}

/// Names buffers with their lengths.
macro_rules! lengths {
    ($($name:ident),*) => { &[$((stringify!($name), $name.len())),*] };
}

pub(crate) fn softmax<T: Real>(rows: Rows, x: &[T], y: &mut [T], top: &mut [u32]) {
    check("softmax", rows, lengths![x, y], &[]);
    rows.each_asked("softmax", "top", top.len());
    empty::<T>(rows, top, &mut []);
    Work::new(rows, x, y).top(top).run(&Softmax { mask: None });
}

pub(crate) fn softmax_vjp<T: Real>(rows: Rows, y: &[T], top: &[u32], g: &[T], gx: &mut [T]) {
    check("softmax_vjp", rows, lengths![y, g, gx], lengths![top]);
    let (temperature, mask) = (None, None);
    let pullback = Pullback {
        top,
        temperature,
        mask,
    };
    Work::new(rows, y, gx).with(g).run(&pullback);
}

pub(crate) fn softmax_scaled<T: Real>(
    rows: Rows,
    x: &[T],
    temperature: T,
    y: &mut [T],
    top: &mut [u32],
) {
    check_temperature("softmax_scaled", temperature);
    check("softmax_scaled", rows, lengths![x, y], &[]);
    rows.each_asked("softmax_scaled", "top", top.len());
    empty::<T>(rows, top, &mut []);
    Work::new(rows, x, y).top(top).run(&Scaled { temperature });
}

pub(crate) fn softmax_scaled_vjp<T: Real>(
    rows: Rows,
    y: &[T],
    top: &[u32],
    temperature: T,
    g: &[T],
    gx: &mut [T],
) {
    check_temperature("softmax_scaled_vjp", temperature);
    check(
        "softmax_scaled_vjp",
        rows,
        lengths![y, g, gx],
        lengths![top],
    );
    let (temperature, mask) = (Some(temperature), None);
    let pullback = Pullback {
        top,
        temperature,
        mask,
    };
    Work::new(rows, y, gx).with(g).run(&pullback);
}

pub(crate) fn masked_softmax<T: Real>(
    rows: Rows,
    x: &[T],
    mask: &[bool],
    y: &mut [T],
    top: &mut [u32],
) {
    check("masked_softmax", rows, lengths![x, mask, y], lengths![top]);
    empty::<T>(rows, top, &mut []);
    let work = Work::new(rows, x, y).masked(mask, 0, T::NOTHING);
    let mask = Some(Mask { rows, mask });
    work.top(top).run(&Softmax { mask });
}

pub(crate) fn masked_softmax_vjp<T: Real>(
    rows: Rows,
    y: &[T],
    mask: &[bool],
    top: &[u32],
    g: &[T],
    gx: &mut [T],
) {
    check(
        "masked_softmax_vjp",
        rows,
        lengths![y, mask, g, gx],
        lengths![top],
    );
    let pullback = Pullback {
        top,
        temperature: None,
        mask: Some(Mask { rows, mask }),
    };
    let work = Work::new(rows, y, gx).with(g).masked(mask, 1, T::ZERO);
    work.run(&pullback);
}

pub(crate) fn log_softmax<T: Real>(
    rows: Rows,
    x: &[T],
    z: &mut [T],
    top: &mut [u32],
    rest: &mut [T],
) {
    check("log_softmax", rows, lengths![x, z], lengths![top, rest]);
    empty(rows, top, rest);
    let work = Work::new(rows, x, z).top(top).rest(rest);
    work.run(&Statistics::LogSoftmax);
}

pub(crate) fn log_softmax_vjp<T: Real>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    check(
        "log_softmax_vjp",
        rows,
        lengths![x, g, gx],
        lengths![top, rest],
    );
    let of = Of::LogSoftmax;
    Work::new(rows, x, gx)
        .with(g)
        .run(&Spread { of, top, rest });
}

pub(crate) fn logsumexp<T: Real>(
    rows: Rows,
    x: &[T],
    lse: &mut [T],
    top: &mut [u32],
    rest: &mut [T],
) {
    check("logsumexp", rows, lengths![x], lengths![lse, top, rest]);
    if empty(rows, top, rest) {
        lse.fill(T::NOTHING);
    }
    let work = Work::new(rows, x, &mut []).top(top).rest(rest);
    work.value(lse).run(&Statistics::LogSumExp);
}

pub(crate) fn logsumexp_vjp<T: Real>(
    rows: Rows,
    x: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    check(
        "logsumexp_vjp",
        rows,
        lengths![x, gx],
        lengths![g, top, rest],
    );
    let of = Of::LogSumExp(g);
    Work::new(rows, x, gx).run(&Spread { of, top, rest });
}

pub(crate) fn cross_entropy<T: Real>(
    rows: Rows,
    x: &[T],
    labels: &[u32],
    loss: &mut [T],
    top: &mut [u32],
    rest: &mut [T],
) {
    check(
        "cross_entropy",
        rows,
        lengths![x],
        lengths![loss, top, rest],
    );
    check_labels("cross_entropy", rows, labels);
    let work = Work::new(rows, x, &mut []).top(top).rest(rest);
    let g = None;
    work.value(loss)
        .run(&Statistics::CrossEntropy { labels, g });
}

/// Cross entropy and its VJP in one pass, if the cotangents are of such a size that it gives the same bits.
pub(crate) fn cross_entropy_and_vjp<T: Real>(
    rows: Rows,
    x: &[T],
    labels: &[u32],
    [loss, rest, gx]: [&mut [T]; 3],
    top: &mut [u32],
    g: &[T],
) {
    // No branch per row, so that this loop is vectorized.
    let moderate = |all, &g: &T| all & ((g == T::ZERO) | (g.exponent().abs() <= 32));
    if !g.iter().fold(true, moderate) {
        cross_entropy(rows, x, labels, loss, top, rest);
        return cross_entropy_vjp(rows, x, labels, top, rest, g, gx);
    }
    let each = lengths![loss, top, rest, g];
    check("cross_entropy", rows, lengths![x, gx], each);
    check_labels("cross_entropy", rows, labels);
    let (work, g) = (Work::new(rows, x, gx).top(top).rest(rest), Some(g));
    work.value(loss)
        .run(&Statistics::CrossEntropy { labels, g });
}

pub(crate) fn cross_entropy_vjp<T: Real>(
    rows: Rows,
    x: &[T],
    labels: &[u32],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    check(
        "cross_entropy_vjp",
        rows,
        lengths![x, gx],
        lengths![g, top, rest],
    );
    check_labels("cross_entropy_vjp", rows, labels);
    let of = Of::CrossEntropy(g, labels);
    Work::new(rows, x, gx).run(&Spread { of, top, rest });
}

pub(crate) fn soft_cross_entropy<T: Real>(
    rows: Rows,
    x: &[T],
    targets: &[T],
    loss: &mut [T],
    top: &mut [u32],
    rest: &mut [T],
) {
    let each = lengths![loss, top, rest];
    check("soft_cross_entropy", rows, lengths![x, targets], each);
    if empty(rows, top, rest) {
        loss.fill(T::ZERO);
    }
    let work = Work::new(rows, x, &mut []).with(targets).top(top);
    work.rest(rest)
        .value(loss)
        .run(&Statistics::SoftCrossEntropy);
}

pub(crate) fn soft_cross_entropy_vjp<T: Real>(
    rows: Rows,
    x: &[T],
    targets: &[T],
    top: &[u32],
    rest: &[T],
    g: &[T],
    gx: &mut [T],
) {
    let full = lengths![x, targets, gx];
    check("soft_cross_entropy_vjp", rows, full, lengths![g, top, rest]);
    let of = Of::SoftCrossEntropy(g);
    let work = Work::new(rows, x, gx).with(targets);
    work.run(&Spread { of, top, rest });
}

/// Fills the statistics of rows without elements, and returns whether these are such.
fn empty<T: Real>(rows: Rows, top: &mut [u32], rest: &mut [T]) -> bool {
    if rows.n == 0 {
        top.fill(NONE);
        rest.fill(T::ZERO);
    }
    rows.n == 0
}
