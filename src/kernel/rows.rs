//! `Rows`: where the rows of a tensor lie, the geometry that all kernels on rows take. No arithmetic on elements
//! happens here.

/// The rows of a buffer that run along one axis of a row-major tensor.
///
/// `outer` is the product of the sizes before the axis, `n` the size of the axis, `inner` the product of the sizes
/// after it. Element `j` of row `(o, i)` lies at `(o * n + j) * inner + i`; `inner == 1` means the last axis, where
/// rows are contiguous. Row statistics are stored in the order of `(o, i)`: that of row `(o, i)` at `o * inner + i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Product of the sizes before the axis.
    pub outer: usize,
    /// Size of the axis: the length of a row.
    pub n: usize,
    /// Product of the sizes after the axis: the distance between neighbours in a row.
    pub inner: usize,
}

impl Rows {
    /// Rows of length `n` that lie one after the other.
    pub const fn last(count: usize, n: usize) -> Self {
        Rows {
            outer: count,
            n,
            inner: 1,
        }
    }

    /// The number of rows.
    pub const fn count(self) -> usize {
        self.outer.saturating_mul(self.inner)
    }

    /// The number of elements in all rows, `usize::MAX` where the product overflows. No buffer holds so many, so such
    /// rows are refused: the fast kernels rely on no two rows sharing an element.
    pub const fn elements(self) -> usize {
        self.outer.saturating_mul(self.n).saturating_mul(self.inner)
    }

    /// Where element `j` of row number `row` lies.
    pub const fn at(self, row: usize, j: usize) -> usize {
        (row / self.inner * self.n + j) * self.inner + row % self.inner
    }

    /// Where each row starts, in the order of the rows' numbers.
    pub fn starts(self) -> impl Iterator<Item = usize> {
        (0..self.count()).map(move |row| self.at(row, 0))
    }

    /// The positions of the row that starts at `start`.
    pub fn row(self, start: usize) -> impl DoubleEndedIterator<Item = usize> + Clone {
        (0..self.n).map(move |j| start + j * self.inner)
    }

    /// Refuses a buffer that does not hold one number for each element.
    #[track_caller]
    pub(crate) fn full(self, op: &str, name: &str, len: usize) {
        let need = self.elements();
        assert!(
            len == need,
            "{op}: {name} holds {len} numbers and the rows have {need} elements"
        );
    }

    /// Refuses a buffer that does not hold one number for each row.
    #[track_caller]
    pub(crate) fn each(self, op: &str, name: &str, len: usize) {
        let need = self.count();
        assert!(
            len == need,
            "{op}: {name} holds {len} numbers and there are {need} rows"
        );
    }

    /// The same for a buffer that may be empty, if these numbers are not wanted.
    #[track_caller]
    pub(crate) fn each_asked(self, op: &str, name: &str, len: usize) {
        if len > 0 {
            self.each(op, name, len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;
    use crate::kernel::Elem;

    #[test]
    #[should_panic(expected = "x holds 131072 numbers")]
    fn rows_whose_sizes_overflow_are_refused() {
        // Modulo 2^64 these are 2^17 elements, and all chunks of lines would begin at the first one.
        let rows = Rows {
            outer: (1 << 53) + 1,
            n: 1 << 13,
            inner: 16,
        };
        let (x, mut y) = (vec![1.0; 1 << 17], vec![0.0; 1 << 17]);
        f64::softmax(rows, &x, &mut y, &mut []);
    }
}
