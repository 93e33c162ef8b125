//! `Pattern`: where a sparse matrix may have entries.

use crate::error::{Error, OrPanic};

/// The places where a sparse matrix may have entries, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    columns: usize,
    /// Where each row begins in `indices`, and where the last one ends.
    starts: Vec<usize>,
    indices: Vec<u32>,
}

impl Pattern {
    /// A pattern without rows, for [`push`](Self::push).
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            starts: vec![0],
            indices: Vec::new(),
        }
    }

    /// Appends a row, given its columns in ascending order.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = u32>) {
        self.indices.extend(row);
        self.starts.push(self.indices.len());
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The columns of a row's entries, in ascending order.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn row(&self, row: usize) -> &[u32] {
        self.require("row", row, None);
        &self.indices[self.range(row)]
    }

    /// Whether a place is an entry.
    ///
    /// # Panics
    /// If there is no such row or column.
    #[track_caller]
    pub fn contains(&self, row: usize, column: usize) -> bool {
        self.require("contains", row, Some(column));
        self.position(row, column).is_some()
    }

    /// Panics at the caller's line unless there is such a row and, if one is given, such a column.
    #[inline]
    #[track_caller]
    pub(super) fn require(&self, op: &'static str, row: usize, column: Option<usize>) {
        if row >= self.rows() {
            self.refuse(op, "row", row, self.rows());
        }
        if let Some(column) = column.filter(|&column| column >= self.columns) {
            self.refuse(op, "column", column, self.columns);
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn refuse(&self, op: &'static str, what: &str, at: usize, count: usize) {
        let (rows, columns) = (self.rows(), self.columns);
        let text = match count {
            0 => {
                format!("there is no {what} {at} in a matrix of {rows} rows and {columns} columns")
            }
            _ => format!(
                "there is no {what} {at} in a matrix of {rows} rows and {columns} columns; use 0 to {}",
                count - 1
            ),
        };
        Err(Error::argument(op, text)).or_panic()
    }

    /// The length of the longest row.
    pub fn longest_row(&self) -> usize {
        let lengths = self.starts.windows(2).map(|w| w[1] - w[0]);
        lengths.max().unwrap_or(0)
    }

    /// The positions of a row's entries among all entries.
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// The position of an entry among all entries.
    pub(super) fn position(&self, row: usize, column: usize) -> Option<usize> {
        let range = self.range(row);
        let found = self.row(row).binary_search(&u32::try_from(column).ok()?);
        found.ok().map(|k| range.start + k)
    }

    /// The pattern with rows and columns exchanged.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0; self.columns + 1];
        for &column in &self.indices {
            starts[column as usize + 1] += 1;
        }
        for column in 0..self.columns {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let mut indices = vec![0; self.indices.len()];
        for row in 0..self.rows() {
            for &column in self.row(row) {
                indices[next[column as usize]] = row as u32;
                next[column as usize] += 1;
            }
        }
        Self {
            columns: self.rows(),
            starts,
            indices,
        }
    }

    /// The entries of either pattern; both have the same rows and columns.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut union = Self::new(self.columns);
        for row in 0..self.rows() {
            let mut both = [self.row(row), other.row(row)].concat();
            both.sort_unstable();
            both.dedup();
            union.push(both);
        }
        union
    }
}
