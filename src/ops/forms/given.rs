//! `Given`: what the pullback of a reduction is given, and how it writes something for each row.

use crate::kernel::{self, Elem, Rows};

/// What a pullback of rows is given.
pub(crate) struct Given<'a, T> {
    /// Where the rows lie.
    pub(crate) rows: Rows,
    /// The elements; nothing if the op does not read them.
    pub(crate) x: &'a [T],
    /// One result for each row.
    pub(crate) y: &'a [T],
    /// The numbers that the forward kept.
    pub(crate) kept: &'a [T],
    /// The positions that the forward kept.
    pub(crate) indices: &'a [u32],
}

impl<T: Elem> Given<'_, T> {
    /// Writes `f(element, of_row)`, with something for each row beside the elements, in the order of memory.
    pub(crate) fn write<B: Copy>(&self, of_row: &[B], gx: &mut [T], f: impl Fn(T, B) -> T) {
        let (full, one) = self.shapes();
        kernel::zip(&full, (&full, self.x), (&one, of_row), gx, f);
    }

    /// Adds it to what is there.
    pub(crate) fn add<B: Copy>(&self, of_row: &[B], gx: &mut [T], f: impl Fn(T, B) -> T) {
        let (full, one) = self.shapes();
        kernel::zip_onto(&full, (&full, self.x), (&one, of_row), gx, f);
    }

    /// Writes `of_row` to every element of a row.
    pub(crate) fn spread(&self, of_row: &[T], gx: &mut [T]) {
        // Rows of no operand: one unit, repeated along all axes, stands in for the elements.
        let (full, one) = self.shapes();
        kernel::zip(&full, (&[1; 3], &[()]), (&one, of_row), gx, |(), g| g);
    }

    /// Adds it to every element of a row.
    pub(crate) fn spread_onto(&self, of_row: &[T], gx: &mut [T]) {
        let (full, one) = self.shapes();
        kernel::zip_onto(&full, (&[1; 3], &[()]), (&one, of_row), gx, |(), g| g);
    }

    /// The shapes of elements and of what there is once for each row.
    fn shapes(&self) -> ([usize; 3], [usize; 3]) {
        let Rows { outer, n, inner } = self.rows;
        ([outer, n, inner], [outer, 1, inner])
    }
}
