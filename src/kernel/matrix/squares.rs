//! Transposing copies of numbers, in squares of as many vectors as there are lanes, transposed in
//! registers.

use std::ops::Range;

use super::transpose::{TILE, by_tiles, in_parts};
use crate::kernel::simd::{self, Detected, Lanes, Real, Task};

/// Copies `from` into the rows of `to`, as [`transpose`](super::transpose::transpose) does.
///
/// # Panics
/// If an element lies outside its buffer.
pub(crate) fn transpose_numbers<T: Real>(
    from: &[T],
    down: usize,
    size: (usize, usize),
    to: &mut [T],
    across: usize,
) {
    in_parts(
        from,
        down,
        size,
        to,
        across,
        &|from, down, size, to, across| {
            let squares = Squares {
                from,
                down,
                size,
                to,
                across,
            };
            simd::run(Detected::current(), squares);
        },
    );
}

/// Numbers to copy square by square, each of as many vectors as there are lanes.
struct Squares<'a, T> {
    from: &'a [T],
    down: usize,
    size: (usize, usize),
    to: &'a mut [T],
    across: usize,
}

impl<T: Real> Task<T> for Squares<'_, T> {
    #[inline(always)]
    fn run<V: Lanes<Item = T>>(self, level: V::Level) {
        let Self {
            from,
            down,
            size: (rows, columns),
            to,
            across,
        } = self;
        if V::REGISTERS > 2 {
            return by_tiles(from, down, (rows, columns), to, across);
        }
        let side = V::COUNT;
        let (bottom, right) = (rows / side * side, columns / side * side);
        for column in (0..right).step_by(side) {
            for row in (0..bottom).step_by(side) {
                let mut block = [V::splat(level, T::ZERO); TILE];
                for (c, line) in block[..side].iter_mut().enumerate() {
                    *line = V::load(level, &from[row + (column + c) * down..]);
                }
                simd::transpose(&mut block);
                for (r, line) in block[..side].iter().enumerate() {
                    line.store(&mut to[(row + r) * across + column..]);
                }
            }
        }
        // What fills no square: below, and to the right.
        let mut rest = |rows: Range<usize>, columns: Range<usize>| {
            for row in rows {
                for column in columns.clone() {
                    to[row * across + column] = from[row + column * down];
                }
            }
        };
        rest(bottom..rows, 0..columns);
        rest(0..bottom, right..columns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::matrix::transpose::transpose;
    use crate::kernel::simd::Level;

    #[test]
    fn every_level_copies_what_tiles_do() {
        for (rows, columns) in [(0, 3), (7, 40), (32, 16), (17, 33), (401, 400)] {
            let (down, across) = (rows + 3, columns + 2);
            let from: Vec<f32> = (0..down * columns).map(|k| k as f32).collect();
            let wide: Vec<f64> = from.iter().copied().map(f64::from).collect();
            let (size, mut tiles) = ((rows, columns), vec![-1.0; rows * across]);
            transpose(&from, down, size, &mut tiles, across);
            for level in Level::all() {
                let mut to = vec![-1.0; rows * across];
                let mut wide_to = vec![-1.0; rows * across];
                level.force(|| {
                    transpose_numbers(&from, down, size, &mut to, across);
                    transpose_numbers(&wide, down, size, &mut wide_to, across);
                });
                assert_eq!(to, tiles, "{rows}x{columns} {level}");
                assert!(
                    wide_to
                        .iter()
                        .zip(&tiles)
                        .all(|(&x, &tile)| x == f64::from(tile)),
                    "{rows}x{columns} {level}"
                );
            }
        }
    }
}
