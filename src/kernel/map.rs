//! Elementwise loops over slices of equal length, given as closures.
//!
//! A closure becomes a loop of its own on every level. One too long for the compiler to inline unasked is better
//! written as a [`Formula`].

use super::each::{Buffers, Formula, Loop, UNITS, each, each_onto};
use super::{Elem, Span, threads};

/// `y_i = f(a_i)`.
pub(crate) fn map<A: Copy, T: Elem>(a: &[A], y: &mut [T], f: impl Fn(A) -> T) {
    map2(a, &UNITS, y, |a, ()| f(a));
}

/// `y_i = f(a_i, b_i)`.
pub(crate) fn map2<A: Copy, B: Copy, T: Elem>(
    a: &[A],
    b: &[B],
    y: &mut [T],
    f: impl Fn(A, B) -> T,
) {
    map3(a, b, &UNITS, y, |a, b, ()| f(a, b));
}

/// `y_i = f(a_i, b_i, c_i)`.
pub(crate) fn map3<A: Copy, B: Copy, C: Copy, T: Elem>(
    a: &[A],
    b: &[B],
    c: &[C],
    y: &mut [T],
    f: impl Fn(A, B, C) -> T,
) {
    let d = &UNITS;
    each(Buffers { a, b, c, d, y }, Of(f));
}

/// A closure as a formula.
pub(super) struct Of<F>(pub(super) F);

impl<A, B, C, R, F: Fn(A, B, C) -> R> Formula<A, B, C, (), R> for Of<F> {
    #[inline(always)]
    fn of<const FUSED: bool>(&self, a: A, b: B, c: C, (): ()) -> R {
        (self.0)(a, b, c)
    }
}

/// `y_i += x_i`.
pub(crate) fn add_to<T: Elem>(x: &[T], y: &mut [T]) {
    let (a, b, c, d) = (x, &UNITS, &UNITS, &UNITS);
    each_onto(None, Buffers { a, b, c, d, y }, Of(|x, (), ()| x));
}

/// Numbers from which threads share the loop, as for the weights of a layer, and the least for a part.
const FORK: usize = 1 << 17;
const PART: usize = 1 << 15;

/// `y_i += factor x_i`.
pub(crate) fn add_scaled_to<T: Elem>(factor: T, x: &[T], y: &mut [T]) {
    let run = |x, y: &mut [T]| T::at_level(y.len(), AddScaledTo { factor, x, y });
    if y.len() < FORK || threads::count() == 1 {
        return run(x, y);
    }
    let part = y.len().div_ceil(threads::shares()).max(PART);
    let parts = x.chunks(part).zip(y.chunks_mut(part));
    threads::map(parts.collect(), |(x, y)| run(x, y));
}

struct AddScaledTo<'a, T> {
    factor: T,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Elem> super::each::Loop for AddScaledTo<'_, T> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let n = self.y.len();
        for (y, &x) in self.y.iter_mut().zip(&self.x[..n]) {
            *y += self.factor * x;
        }
    }
}

/// Whether all elements are finite in all parts.
pub(crate) fn are_finite<T: Elem>(x: &[T]) -> bool {
    let mut finite = true;
    T::at_level(
        x.len(),
        AreFinite {
            x,
            finite: &mut finite,
        },
    );
    finite
}

struct AreFinite<'a, T> {
    x: &'a [T],
    finite: &'a mut bool,
}

impl<T: Elem> Loop for AreFinite<'_, T> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        // The inner loop has no early end, so that it can be vectorized.
        let finite = |x: &[T]| {
            x.iter()
                .fold(true, |all, x| all & x.is_within(Span::Finite))
        };
        *self.finite = self.x.chunks(256).all(finite);
    }
}
