//! Reordering of axes: a copy in which axis `k` is axis `order[k]` of the source.

use smallvec::SmallVec;

/// Copies `x` of the given shape into `y` so that axis `k` of `y` is axis `order[k]` of `x`.
pub(crate) fn permute<T: Copy>(shape: &[usize], x: &[T], order: &[usize], y: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let mut stride: SmallVec<[usize; 4]> = SmallVec::from_elem(1, shape.len());
    for axis in (1..shape.len()).rev() {
        stride[axis - 1] = stride[axis] * shape[axis];
    }
    let Some((&last, outer)) = order.split_last() else {
        y.copy_from_slice(x);
        return;
    };
    let (n, step) = (shape[last], stride[last]);
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
    let mut start = 0;
    for run in y.chunks_exact_mut(n) {
        if step == 1 {
            run.copy_from_slice(&x[start..start + n]);
        } else {
            for (y, &x) in run.iter_mut().zip(x[start..].iter().step_by(step)) {
                *y = x;
            }
        }
        for (i, &axis) in index.iter_mut().zip(outer).rev() {
            *i += 1;
            start += stride[axis];
            if *i < shape[axis] {
                break;
            }
            start -= stride[axis] * shape[axis];
            *i = 0;
        }
    }
}

/// The order that undoes `order`.
pub(crate) fn inverse(order: &[usize]) -> SmallVec<[usize; 4]> {
    let mut inverse = SmallVec::from_elem(0, order.len());
    for (k, &axis) in order.iter().enumerate() {
        inverse[axis] = k;
    }
    inverse
}
