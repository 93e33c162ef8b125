//! Lookups along an axis: reading the elements that an index names, and adding to them.

use super::strided::{Strided, strides};
use crate::kernel::{Elem, Rows, add_to};

/// Copies the entries that `index` names along the axis of the rows of `x`, one after another.
pub(crate) fn select<T: Copy>(rows: Rows, index: &[usize], x: &[T], y: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let inner = rows.inner;
    let blocks = x.chunks_exact(rows.n * inner);
    for (x, y) in blocks.zip(y.chunks_exact_mut(index.len() * inner)) {
        for (&i, y) in index.iter().zip(y.chunks_exact_mut(inner)) {
            y.copy_from_slice(&x[i * inner..][..inner]);
        }
    }
}

/// Adds `y` to the entries of `x` that `index` names, in the order of the index.
pub(crate) fn add_selected<T: Elem>(rows: Rows, index: &[usize], y: &[T], x: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let inner = rows.inner;
    let blocks = x.chunks_exact_mut(rows.n * inner);
    for (x, y) in blocks.zip(y.chunks_exact(index.len() * inner)) {
        for (&i, y) in index.iter().zip(y.chunks_exact(inner)) {
            add_to(y, &mut x[i * inner..][..inner]);
        }
    }
}

/// Where the elements lie that an index tensor selects from a table along one axis; the other
/// coordinates are those of the index itself.
pub(crate) struct Lookup {
    /// Positions `[table at entry 0 of the axis, index, row buffer]`.
    walk: Strided<3>,
    /// Distance between entries along the axis of the table.
    step: usize,
}

impl Lookup {
    /// For the shapes of a table, of an index, and of the buffer that pairs with the index; the
    /// last is at least as large as the index along every axis.
    pub(crate) fn new(axis: usize, table: &[usize], index: &[usize], rows: &[usize]) -> Self {
        let (t, i, r) = (strides(table), strides(index), strides(rows));
        let along = |k: usize| if k == axis { 0 } else { t[k] };
        let axes = (0..index.len()).map(|k| (index[k], [along(k), i[k], r[k]].map(|s| s as isize)));
        Self {
            walk: Strided::new([0; 3], axes),
            step: t[axis],
        }
    }

    /// `rows[p] = table[index[p]]`.
    pub(crate) fn read<T: Copy>(&self, index: &[usize], table: &[T], rows: &mut [T]) {
        self.walk
            .each(|[t, i, r]| rows[r] = table[t + index[i] * self.step]);
    }

    /// `table[index[p]] += rows[p]`, in the order of the index.
    pub(crate) fn add<T: Copy + num_traits::NumAssign>(
        &self,
        index: &[usize],
        rows: &[T],
        table: &mut [T],
    ) {
        self.walk
            .each(|[t, i, r]| table[t + index[i] * self.step] += rows[r]);
    }
}
