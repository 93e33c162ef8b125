//! Folds along an axis, for reductions whose order does not matter to the error.

use super::each::Loop;
use super::{Elem, Rows};

/// Folds every row with an associative `f` whose neutral element is `start`; one result a row.
///
/// Contiguous rows are folded in eight interleaved parts.
pub(crate) fn fold_axis<T: Elem>(
    rows: Rows,
    x: &[T],
    y: &mut [T],
    start: T,
    f: impl Fn(T, T) -> T,
) {
    y.fill(start);
    if rows.elements() > 0 {
        let fold = Fold {
            rows,
            x,
            y,
            start,
            f,
        };
        T::at_level(x.len(), fold);
    }
}

struct Fold<'a, T, F> {
    rows: Rows,
    x: &'a [T],
    y: &'a mut [T],
    start: T,
    f: F,
}

impl<T: Elem, F: Fn(T, T) -> T> Loop for Fold<'_, T, F> {
    #[inline(always)]
    fn run(self) {
        let Rows { n, inner, .. } = self.rows;
        if inner > 1 {
            let blocks = self.x.chunks_exact(n * inner);
            for (block, y) in blocks.zip(self.y.chunks_exact_mut(inner)) {
                for row in block.chunks_exact(inner) {
                    for i in 0..inner {
                        y[i] = (self.f)(y[i], row[i]);
                    }
                }
            }
            return;
        }
        for (row, y) in self.x.chunks_exact(n).zip(self.y) {
            let mut part = [self.start; 8];
            let (whole, rest) = row.as_chunks::<8>();
            for chunk in whole {
                for k in 0..8 {
                    part[k] = (self.f)(part[k], chunk[k]);
                }
            }
            let mut all = self.start;
            for &p in part.iter().chain(rest) {
                all = (self.f)(all, p);
            }
            *y = all;
        }
    }
}
