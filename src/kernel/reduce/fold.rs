//! Folds along an axis, for reductions in which order does not affect the error.

use std::hint::black_box;

use crate::kernel::each::Loop;
use crate::kernel::{Elem, Rows};

/// How many parts of a row are folded side by side.
const PARTS: usize = 32;

/// Rows up to this length are folded in order.
const SHORT: usize = 16;

/// Folds every row with an associative `f` whose neutral element is `start`; one result per row.
///
/// Contiguous rows are folded in 32 interleaved parts, since each step waits for the one before.
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
    fn run<const FUSED: bool>(self) {
        let Self {
            rows: Rows { n, inner, .. },
            x,
            y,
            start,
            f,
        } = self;
        if inner > 1 {
            let blocks = x.chunks_exact(n * inner);
            for (block, y) in blocks.zip(y.chunks_exact_mut(inner)) {
                for row in block.chunks_exact(inner) {
                    for i in 0..inner {
                        y[i] = f(y[i], row[i]);
                    }
                }
            }
            return;
        }
        for (row, y) in x.chunks_exact(n).zip(y) {
            *y = match n <= SHORT {
                true => row.iter().fold(start, |all, &x| f(all, x)),
                false => whole(row, start, &f),
            };
        }
    }
}

/// Folds a row in parts that are joined at the end.
///
/// Loops over all parts have a known length and become vectors as wide as the level has them; four elements per part
/// lie between a store and the load that waits for it. Shorter arrays would be unrolled before the compiler looks for
/// vectors, and it would find pairs, since pairs are joined at the end.
#[inline(always)]
fn whole<T: Elem>(row: &[T], start: T, f: &impl Fn(T, T) -> T) -> T {
    let mut lines = Lines([start; PARTS]);
    let part = &mut lines.0;
    let (fours, rest) = row.as_chunks::<{ 4 * PARTS }>();
    for x in fours {
        for (k, part) in part.iter_mut().enumerate() {
            let four = f(f(x[k], x[PARTS + k]), f(x[2 * PARTS + k], x[3 * PARTS + k]));
            *part = f(*part, four);
        }
    }
    let (ones, rest) = rest.as_chunks::<PARTS>();
    for x in ones {
        for (part, &x) in part.iter_mut().zip(x) {
            *part = f(*part, x);
        }
    }
    for (part, &x) in part.iter_mut().zip(rest) {
        *part = f(*part, x);
    }
    let part: [T; 16] = halved(part, f);
    let part: [T; 8] = halved(&part, f);
    // Through memory, past which the compiler does not look for pairs.
    let part: [T; 4] = halved(&black_box(part), f);
    let [a, b]: [T; 2] = halved(&part, f);
    f(a, b)
}

/// Parts on whole cache lines: a vector that is stored across two of them delays the load that follows.
#[repr(align(64))]
struct Lines<T>([T; PARTS]);

/// Half as many parts: each of the first half joined with its counterpart in the second.
#[inline(always)]
fn halved<T: Elem, const N: usize>(part: &[T], f: &impl Fn(T, T) -> T) -> [T; N] {
    let mut half = [part[0]; N];
    for k in 0..N {
        half[k] = f(part[k], part[N + k]);
    }
    half
}
