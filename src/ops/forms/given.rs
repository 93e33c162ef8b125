//! `Given`: the inputs of a reduction's pullback, and how it combines them with one entry for each row.

use crate::kernel::{self, Elem, Rows};

/// The inputs of a pullback on rows.
pub(crate) struct Given<'a, T> {
    /// Where the rows lie.
    pub(crate) rows: Rows,
    /// The elements; empty if the op does not read them.
    pub(crate) x: &'a [T],
    /// One result for each row.
    pub(crate) y: &'a [T],
    /// The numbers that the forward kept.
    pub(crate) kept: &'a [T],
    /// The positions that the forward kept.
    pub(crate) indices: &'a [u32],
}

impl<T: Elem> Given<'_, T> {
    /// Writes `f(x, b)` for every element x and the entry b of `of_row` for its row, in memory order.
    pub(crate) fn write<B: Copy>(&self, of_row: &[B], gx: &mut [T], f: impl Fn(T, B) -> T) {
        let (full, one) = self.shapes();
        kernel::zip(&full, (&full, self.x), (&one, of_row), gx, f);
    }

    /// Adds the same to `gx`.
    pub(crate) fn add<B: Copy>(&self, of_row: &[B], gx: &mut [T], f: impl Fn(T, B) -> T) {
        let (full, one) = self.shapes();
        kernel::zip_onto(&full, (&full, self.x), (&one, of_row), gx, f);
    }

    /// Writes the entry of each row to all elements of the row.
    pub(crate) fn spread(&self, of_row: &[T], gx: &mut [T]) {
        // No operand is read: a unit, repeated along all axes, stands in for the elements.
        let (full, one) = self.shapes();
        kernel::zip(&full, (&[1; 3], &[()]), (&one, of_row), gx, |(), g| g);
    }

    /// Adds the entry of each row to all elements of the row.
    pub(crate) fn spread_onto(&self, of_row: &[T], gx: &mut [T]) {
        let (full, one) = self.shapes();
        kernel::zip_onto(&full, (&[1; 3], &[()]), (&one, of_row), gx, |(), g| g);
    }

    /// The shapes of the elements and of the entries for each row.
    fn shapes(&self) -> ([usize; 3], [usize; 3]) {
        let Rows { outer, n, inner } = self.rows;
        ([outer, n, inner], [outer, 1, inner])
    }
}
