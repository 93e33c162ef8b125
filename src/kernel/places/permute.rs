//! Reordering of axes: a copy in which axis `k` is axis `order[k]` of the source.

use smallvec::SmallVec;

use super::strided::{Strided, strides};

/// Copies `x` of the given shape into `y` so that axis `k` of `y` is axis `order[k]` of `x`.
pub(crate) fn permute<T: Copy + Send + Sync>(
    shape: &[usize],
    x: &[T],
    order: &[usize],
    y: &mut [T],
) {
    let sizes: SmallVec<[usize; 4]> = order.iter().map(|&axis| shape[axis]).collect();
    let (from, to) = (strides(shape), strides(&sizes));
    let axis = |k: usize| (sizes[k], [from[order[k]] as isize, to[k] as isize]);
    Strided::<2>::new([0, 0], (0..order.len()).map(axis)).copy(x, y);
}

/// The order that undoes `order`.
pub(crate) fn inverse(order: &[usize]) -> SmallVec<[usize; 4]> {
    let mut inverse = SmallVec::from_elem(0, order.len());
    for (k, &axis) in order.iter().enumerate() {
        inverse[axis] = k;
    }
    inverse
}
