//! Elementwise loops over slices of one length.
//!
//! The functions are generic over the closure, so that each op becomes a loop of its own which the
//! compiler may vectorise.

use num_traits::NumAssign;

/// `y_i = f(a_i)`.
pub(crate) fn map<A: Copy, R>(a: &[A], y: &mut [R], f: impl Fn(A) -> R) {
    for (y, &a) in y.iter_mut().zip(a) {
        *y = f(a);
    }
}

/// `y_i = f(a_i, b_i)`.
pub(crate) fn map2<A: Copy, B: Copy, R>(a: &[A], b: &[B], y: &mut [R], f: impl Fn(A, B) -> R) {
    for (y, (&a, &b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = f(a, b);
    }
}

/// `y_i = f(a_i, b_i, c_i)`.
pub(crate) fn map3<A: Copy, B: Copy, C: Copy, R>(
    a: &[A],
    b: &[B],
    c: &[C],
    y: &mut [R],
    f: impl Fn(A, B, C) -> R,
) {
    for (y, ((&a, &b), &c)) in y.iter_mut().zip(a.iter().zip(b).zip(c)) {
        *y = f(a, b, c);
    }
}

/// `y_i += x_i`.
pub(crate) fn add_to<T: Copy + NumAssign>(x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += x;
    }
}
