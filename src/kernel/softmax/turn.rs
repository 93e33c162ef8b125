//! `Turn`: copies rows to columns, square by square through registers. Nothing is computed here.
#![allow(unsafe_code)]

use super::layout::put;
use crate::kernel::simd::{Lanes, Real, Shared, Step, transpose};

/// How many rows ahead to prefetch where rows lie far apart: no other prefetcher sees a pattern there. Into the
/// second-level cache, since in the first such rows share a place. 16 to 64 are equally fast at 4096x4096.
const AHEAD: usize = 32;

/// A matrix whose transpose is written elsewhere: element (r, c) of it becomes (c, r) of the other. One of the two lies
/// in a scratch whose rows have room for whole vectors: the transpose if `INTO`, else the matrix. There, what is beyond
/// the last column is read or written, too.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a, V: Lanes, const INTO: bool> {
    pub level: V::Level,
    pub from: &'a [V::Item],
    /// From one row to the next: of what is read, and of what is written.
    pub strides: [usize; 2],
    pub rows: usize,
    pub columns: usize,
    pub to: &'a Shared<'a, V::Item>,
    /// Where in `to` it begins.
    pub start: usize,
    /// Whether what is not the scratch is far away: later rows are prefetched or, where rows begin at cache lines,
    /// written past the caches.
    pub far: bool,
}

impl<V: Lanes, const INTO: bool> Turn<'_, V, INTO> {
    /// Copies it.
    ///
    /// # Safety
    /// The matrix lies within `from` and its transpose within `to`, and nobody else may hold what is written, on any
    /// thread.
    #[inline(always)]
    pub unsafe fn run(self) {
        let (rows, columns) = (self.rows, self.columns);
        if V::REGISTERS > 2 || rows == 1 || columns == 1 {
            return V::apart(self.level, Single(self));
        }
        let whole = [rows, columns].map(|size| size - size % V::COUNT);
        if whole[0] > 0 && whole[1] > 0 {
            V::apart(self.level, Whole(self, whole));
        }
        if whole != [rows, columns] {
            V::apart(self.level, Parts(self, whole));
        }
    }

    /// The `len` numbers from row `c` and column `r` on of what is written.
    ///
    /// # Safety
    /// That of [`run`](Self::run), and nobody may hold another stretch that contains one of them.
    #[allow(clippy::mut_from_ref)] // that is the point
    #[inline(always)]
    unsafe fn stretch(&self, c: usize, r: usize, len: usize) -> &mut [V::Item] {
        // SAFETY: needs that nobody else holds the stretch, which the caller promised.
        unsafe { self.to.part(self.start + c * self.strides[1] + r, len) }
    }
}

/// The squares that are whole, which make up these rows and columns. Like the next two it is created by [`Turn::run`],
/// whose caller has promised that nobody else holds what is written and that nothing lies beyond a buffer; and each
/// stretch is released before the next is taken.
struct Whole<'a, V: Lanes, const INTO: bool>(Turn<'a, V, INTO>, [usize; 2]);

impl<V: Lanes, const INTO: bool> Step for Whole<'_, V, INTO> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [rows, columns] = self.1;
        let (outer, inner) = if INTO {
            (rows, columns)
        } else {
            (columns, rows)
        };
        for i in (0..outer).step_by(V::COUNT) {
            for j in (0..inner).step_by(2 * V::COUNT) {
                let (r, c) = if INTO { (i, j) } else { (j, i) };
                match j + V::COUNT < inner {
                    true => self.squares::<2>(r, c),
                    false => self.squares::<1>(r, c),
                }
            }
        }
        if !INTO && self.0.far {
            V::drain(self.0.level);
        }
    }
}

impl<V: Lanes, const INTO: bool> Whole<'_, V, INTO> {
    /// Copies `N` squares from row `r` and column `c` on, side by side in what is not the scratch: where rows lie far
    /// apart, memory favours accesses of 128 bytes (docs/measurements.md).
    #[inline(always)]
    fn squares<const N: usize>(&self, r: usize, c: usize) {
        let turn = self.0;
        let (level, down) = (turn.level, turn.strides[0]);
        let (right, below) = if INTO { (V::COUNT, 0) } else { (0, V::COUNT) };
        let (width, height) = (V::COUNT + (N - 1) * right, V::COUNT + (N - 1) * below);
        let from = &turn.from[r * down + c..][..(height - 1) * down + width];
        if INTO && turn.far {
            for k in 0..height {
                for l in (0..width).step_by(V::COUNT) {
                    V::fetch::<false>(level, from, (AHEAD + k) * down + l);
                }
            }
        }
        let mut squares = [[V::splat(level, V::Item::ZERO); 16]; N];
        for k in 0..V::COUNT {
            for (i, square) in squares.iter_mut().enumerate() {
                let at = (k + i * below) * down + i * right;
                // SAFETY: needs that the stretch lies within `from`: the last one ends where that does, and the sizes of
                // a matrix that lies in a buffer do not overflow.
                square[k] = V::load(level, unsafe { from.get_unchecked(at..at + V::COUNT) });
            }
        }
        for square in &mut squares {
            transpose(square);
        }
        for k in 0..V::COUNT {
            for (i, square) in squares.iter().enumerate() {
                // SAFETY: needs that nobody else holds the stretch: see above.
                let to = unsafe { turn.stretch(c + k + i * right, r + i * below, V::COUNT) };
                if !INTO && turn.far {
                    // SAFETY: needs that the thread drains before anybody reads or writes this again, as `run` does, and
                    // that nothing panics before: all stretches lie in their buffers.
                    unsafe { square[k].stream(to) }
                } else {
                    square[k].store(to);
                }
            }
        }
    }
}

/// The squares that are not whole, beyond these rows and columns.
struct Parts<'a, V: Lanes, const INTO: bool>(Turn<'a, V, INTO>, [usize; 2]);

impl<V: Lanes, const INTO: bool> Step for Parts<'_, V, INTO> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(turn, [rows, columns]) = self;
        let (level, down) = (turn.level, turn.strides[0]);
        for r in (0..turn.rows).step_by(V::COUNT) {
            let first = if r < rows { columns } else { 0 };
            for c in (first..turn.columns).step_by(V::COUNT) {
                let (height, width) = (V::COUNT.min(turn.rows - r), V::COUNT.min(turn.columns - c));
                let mut square = [V::splat(level, V::Item::ZERO); 16];
                // Loops of constant length, here and below, so that the vectors stay in registers.
                for (k, vector) in square.iter_mut().enumerate() {
                    if k < height {
                        let row = &turn.from[(r + k) * down + c..];
                        *vector = match !INTO || width == V::COUNT {
                            true => V::load(level, &row[..V::COUNT]),
                            false => V::load_part(level, &row[..width], V::Item::ZERO),
                        };
                    }
                }
                transpose(&mut square);
                for (k, &vector) in square.iter().enumerate() {
                    if k < width {
                        let height = if INTO { V::COUNT } else { height };
                        // SAFETY: needs that nobody else holds the stretch: see above.
                        let to = unsafe { turn.stretch(c + k, r, height) };
                        match INTO {
                            true => vector.store(to),
                            false => put(vector, to, 0),
                        }
                    }
                }
            }
        }
    }
}

/// All numbers, one by one: where a square does not fit in registers, or would be almost empty.
struct Single<'a, V: Lanes, const INTO: bool>(Turn<'a, V, INTO>);

impl<V: Lanes, const INTO: bool> Step for Single<'_, V, INTO> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let turn = self.0;
        for r in (0..turn.rows).step_by(V::COUNT) {
            for c in 0..turn.columns {
                // SAFETY: needs that nobody else holds the stretch: see above.
                let to = unsafe { turn.stretch(c, r, V::COUNT.min(turn.rows - r)) };
                for (r, to) in (r..).zip(to) {
                    *to = turn.from[r * turn.strides[0] + c];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd::{Detected, Level, Task, run};

    /// A matrix of this size in a buffer that begins `ahead` of it, turned into a scratch and back.
    struct ThereAndBack {
        rows: usize,
        columns: usize,
        ahead: usize,
        far: bool,
    }

    impl<T: Real> Task<T> for ThereAndBack {
        fn run<V: Lanes<Item = T>>(self, level: V::Level) {
            let Self {
                rows,
                columns,
                ahead,
                far,
            } = self;
            let (pitch, stride) = (columns + 5, rows.next_multiple_of(V::COUNT) + V::COUNT);
            let number = |k: usize| T::whole(k as i32);
            let from: Vec<T> = (0..ahead + rows * pitch).map(number).collect();
            let mut scratch = vec![T::NAN; columns.next_multiple_of(V::COUNT) * stride];
            let turn = Turn::<V, true> {
                level,
                from: &from[ahead..],
                strides: [pitch, stride],
                rows,
                columns,
                to: &Shared::new(&mut scratch),
                start: 0,
                far,
            };
            // SAFETY: needs that both lie in their buffers, which are as long as that, and that nobody holds the
            // second, which is borrowed mutably.
            unsafe { turn.run() };
            let size = format!("{rows} x {columns}, ahead {ahead}, far {far}");
            for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let expected = number(ahead + r * pitch + c);
                assert!(scratch[c * stride + r] == expected, "({r}, {c}) of {size}");
            }
            let mut back = vec![number(0); from.len()];
            let turn = Turn::<V, false> {
                level,
                from: &scratch,
                strides: [stride, pitch],
                rows: columns,
                columns: rows,
                to: &Shared::new(&mut back),
                start: ahead,
                far,
            };
            // SAFETY: needs the same of these two buffers.
            unsafe { turn.run() };
            for (k, &x) in back.iter().enumerate() {
                let inside = k >= ahead && (k - ahead) % pitch < columns;
                let expected = if inside { number(k) } else { number(0) };
                assert!(x == expected, "number {k} of {size}, back");
            }
        }
    }

    #[test]
    fn matrices_of_any_size_come_back_from_a_scratch_and_nothing_else_changes() {
        fn all<T: Real>() {
            for (rows, columns) in
                (1..=3 * T::LANES + 1).flat_map(|r| [1, 2, 9, 16, 33, 48].map(|c| (r, c)))
            {
                for (ahead, far) in [(0, true), (3, true), (0, false)] {
                    for (rows, columns) in [(rows, columns), (columns, rows)] {
                        let task = ThereAndBack {
                            rows,
                            columns,
                            ahead,
                            far,
                        };
                        run::<T>(Detected::current(), task);
                    }
                }
            }
        }
        for &level in Level::all() {
            level.force(|| {
                all::<f32>();
                all::<f64>();
            });
        }
    }
}
