//! Transposing copies, by square tiles, so that lines of both buffers stay in the cache.

use crate::kernel::threads;

/// Side of a tile: one cache line of `f32`. A whole tile goes through registers, since rows that lie
/// a power of two apart share a place in the cache and would evict each other.
pub(in crate::kernel) const TILE: usize = 16;

/// Elements from which threads are worth starting.
const FORK: usize = 1 << 17;

/// Copies `from` into the rows of `to`: element `(row, column)` of the result, at
/// `row * across + column`, is the one at `row + column * down`.
///
/// # Panics
/// If an element lies outside its buffer.
pub(crate) fn transpose<T: Copy + Send + Sync>(
    from: &[T],
    down: usize,
    size: (usize, usize),
    to: &mut [T],
    across: usize,
) {
    in_parts(from, down, size, to, across, &by_tiles);
}

/// Cuts the rows into parts for threads to share, if there are many elements; `copy` copies a part.
pub(in crate::kernel) fn in_parts<T: Send + Sync>(
    from: &[T],
    down: usize,
    (rows, columns): (usize, usize),
    to: &mut [T],
    across: usize,
    copy: &(impl Fn(&[T], usize, (usize, usize), &mut [T], usize) + Sync),
) {
    if rows * columns < FORK || threads::count() == 1 {
        return copy(from, down, (rows, columns), to, across);
    }
    let height = rows.div_ceil(threads::shares()).next_multiple_of(TILE);
    let parts = to
        .chunks_mut(height * across)
        .zip((0..rows).step_by(height));
    threads::map(parts.collect(), |(to, row)| {
        let size = (height.min(rows - row), columns);
        copy(&from[row..], down, size, to, across);
    });
}

pub(in crate::kernel) fn by_tiles<T: Copy>(
    from: &[T],
    down: usize,
    (rows, columns): (usize, usize),
    to: &mut [T],
    across: usize,
) {
    for column in (0..columns).step_by(TILE) {
        for row in (0..rows).step_by(TILE) {
            let (from, to) = (
                &from[row + column * down..],
                &mut to[row * across + column..],
            );
            let (height, width) = (TILE.min(rows - row), TILE.min(columns - column));
            if (height, width) == (TILE, TILE) {
                tile(from, down, to, across);
            } else {
                for r in 0..height {
                    for c in 0..width {
                        to[r * across + c] = from[r + c * down];
                    }
                }
            }
        }
    }
}

/// Copies a whole tile; this form the compiler turns into shuffles, which are twice as fast as other
/// forms.
#[inline(always)]
fn tile<T: Copy>(from: &[T], down: usize, to: &mut [T], across: usize) {
    const WHOLE: &str = "the tile is whole";
    let lines: [[T; TILE]; TILE] =
        std::array::from_fn(|c| *from[c * down..].first_chunk::<TILE>().expect(WHOLE));
    for r in 0..TILE {
        let row: &mut [T; TILE] = to[r * across..].first_chunk_mut().expect(WHOLE);
        *row = std::array::from_fn(|c| lines[c][r]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_any_size_of_matrix_changes_place() {
        for (rows, columns) in [
            (0, 3),
            (1, 1),
            (5, 40),
            (16, 16),
            (17, 33),
            (48, 32),
            (401, 400),
        ] {
            let (down, across) = (rows + 3, columns + 2);
            let from: Vec<u32> = (0..(down * columns) as u32).collect();
            let mut to = vec![u32::MAX; rows * across];
            transpose(&from, down, (rows, columns), &mut to, across);
            for (at, &element) in to.iter().enumerate() {
                let (row, column) = (at / across, at % across);
                let expected = match column < columns {
                    true => (row + column * down) as u32,
                    false => u32::MAX,
                };
                assert_eq!(element, expected, "{rows}x{columns} at ({row}, {column})");
            }
        }
    }
}
