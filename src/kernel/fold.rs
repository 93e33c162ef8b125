//! Folds along an axis, for reductions whose order does not matter to the error.

use super::each::Loop;
use super::{Elem, Rows};

/// How many parts of a row are folded side by side.
const PARTS: usize = 64;

/// Rows so short are folded in their order.
const SHORT: usize = 16;

/// Folds every row with an associative `f` whose neutral element is `start`; one result a row.
///
/// Contiguous rows are folded in 64 interleaved parts: a step waits for the one before.
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
            if n <= SHORT {
                *y = row.iter().fold(self.start, |all, &x| (self.f)(all, x));
                continue;
            }
            let mut part = [self.start; PARTS];
            let (chunks, rest) = row.as_chunks::<PARTS>();
            for chunk in chunks {
                // Of known length and written as a whole, so that the parts stay in registers: what keeps some of them would
                // become a masked write, which the next read waits for.
                let mut next = [self.start; PARTS];
                for k in 0..PARTS {
                    next[k] = (self.f)(part[k], chunk[k]);
                }
                part = next;
            }
            fold_into(&mut part, rest, &self.f);
            let mut left = PARTS;
            while left > 1 {
                left /= 2;
                let (low, high) = part.split_at_mut(left);
                fold_into(low, &high[..left], &self.f);
            }
            *y = part[0];
        }
    }
}

/// A loop of vectors, since the compiler does not know how long it is.
#[inline(always)]
fn fold_into<T: Elem>(y: &mut [T], x: &[T], f: &impl Fn(T, T) -> T) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(*y, x);
    }
}
