//! Matrix product by the `gemm` crate.
//!
//! The crate takes raw pointers and strides; this file is the bounds check in front of it.
#![allow(unsafe_code)]

use super::{Elem, Matrix};

/// `c = a b`, or `c += a b` where `add` is set; `c` is contiguous and row-major.
///
/// # Panics
/// If the sizes disagree or a slice is shorter than its view needs.
pub(super) fn matmul<T: Elem>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], add: bool) {
    let ((m, k), (inner, n)) = (a.size, b.size);
    assert_eq!(k, inner, "the inner sizes agree");
    assert_eq!(c.len(), m * n, "the output holds rows times columns");
    assert!(
        fits(&a) && fits(&b),
        "a view does not reach beyond its slice"
    );
    let one = T::one();
    // SAFETY: `fits` has shown that every element (i, j) of `a` and `b` lies in its slice, `c` holds
    // m * n elements with row stride n and is borrowed mutably, so no element of it is aliased; the
    // strides fit in isize because slices do.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.data.as_ptr(),
            a.step.1 as isize,
            a.step.0 as isize,
            b.data.as_ptr(),
            b.step.1 as isize,
            b.step.0 as isize,
            one,
            one,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Whether the last element of the view lies in its slice.
fn fits<T>(m: &Matrix<'_, T>) -> bool {
    let ((rows, cols), (down, right)) = (m.size, m.step);
    rows == 0 || cols == 0 || (rows - 1) * down + (cols - 1) * right < m.data.len()
}
