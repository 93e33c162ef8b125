//! The plain matrix product: default for any element, oracle for the fast ones.

use crate::kernel::{Elem, Matrix};

/// Matrix product by three loops, the innermost along rows of `b` and `c`.
pub(crate) fn matmul<T: Elem>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], add: bool) {
    let ((m, k), n) = (a.size, b.size.1);
    debug_assert_eq!(k, b.size.0, "the inner sizes agree");
    if !add {
        c.fill(T::zero());
    }
    for i in 0..m {
        let row = &mut c[i * n..(i + 1) * n];
        for p in 0..k {
            let a = a.at(i, p);
            let start = p * b.step.0;
            if b.step.1 == 1 {
                for (c, &b) in row.iter_mut().zip(&b.data[start..start + n]) {
                    *c += a * b;
                }
            } else {
                for (j, c) in row.iter_mut().enumerate() {
                    *c += a * b.data[start + j * b.step.1];
                }
            }
        }
    }
}
