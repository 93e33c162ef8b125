//! `Csr`: a sparse matrix, stored row by row.

use std::fmt;
use std::sync::Arc;

use super::pattern::Pattern;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// A sparse matrix in compressed rows: a [`Pattern`] and a number for each of its entries.
///
/// # Example
/// ```
/// use wengert::transform::sparse;
///
/// let h = sparse::hessian(|x| x[0] * x[0] * x[1] + x[2], &[3.0, 5.0, 7.0]);
/// assert_eq!(h.get(0, 0), 10.0);
/// assert_eq!(h.get(0, 1), 6.0);
/// assert_eq!(h.get(2, 2), 0.0); // no entry
/// assert_eq!(h.matvec(&[1.0, 0.0, 0.0]), [10.0, 6.0, 0.0]);
/// ```
#[derive(Clone)]
pub struct Csr<T> {
    pattern: Arc<Pattern>,
    values: Vec<T>,
}

impl<T: Elem> Csr<T> {
    pub(super) fn new(pattern: Arc<Pattern>, values: Vec<T>) -> Self {
        debug_assert_eq!(pattern.len(), values.len(), "one number for each entry");
        Self { pattern, values }
    }

    /// Where the entries are.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.pattern.rows()
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.pattern.columns()
    }

    /// The numbers of a row, in the order of [`Pattern::row`].
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn row(&self, row: usize) -> &[T] {
        self.pattern.require("row", row, None);
        &self.values[self.pattern.range(row)]
    }

    /// The number at a place; 0 where there is no entry.
    ///
    /// # Panics
    /// If there is no such row or column.
    #[track_caller]
    pub fn get(&self, row: usize, column: usize) -> T {
        self.pattern.require("get", row, Some(column));
        let at = self.pattern.position(row, column);
        at.map_or(T::zero(), |at| self.values[at])
    }

    /// All entries as `(row, column, number)`, row by row, from which other libraries build a matrix.
    pub fn triplets(&self) -> impl Iterator<Item = (usize, usize, T)> + '_ {
        (0..self.rows()).flat_map(move |row| {
            let columns = self.pattern.row(row).iter();
            columns
                .zip(self.row(row))
                .map(move |(&column, &value)| (row, column as usize, value))
        })
    }

    /// The matrix with its zeros written out, of shape `[rows, columns]`.
    pub fn to_dense(&self) -> Tensor<T> {
        let mut dense = Tensor::zeros([self.rows(), self.columns()]);
        let elements = dense.data_mut();
        for (row, column, value) in self.triplets() {
            elements[row * self.columns() + column] = value;
        }
        dense
    }

    /// The product with a vector.
    ///
    /// # Panics
    /// If the vector does not hold one number for each column.
    #[track_caller]
    pub fn matvec(&self, x: &[T]) -> Vec<T> {
        self.try_matvec(x).or_panic()
    }

    /// [`matvec`](Self::matvec), with a vector of another length as an [`Error`].
    ///
    /// # Errors
    /// If the vector does not hold one number for each column.
    pub fn try_matvec(&self, x: &[T]) -> Result<Vec<T>, Error> {
        self.check("matvec", x, self.columns(), "column")?;
        let row = |row: usize| {
            let columns = self.pattern.row(row).iter();
            let terms = columns.zip(self.row(row));
            terms.fold(T::zero(), |sum, (&column, &value)| {
                sum + value * x[column as usize]
            })
        };
        Ok((0..self.rows()).map(row).collect())
    }

    /// The product of the transposed matrix with a vector.
    ///
    /// # Panics
    /// If the vector does not hold one number for each row.
    #[track_caller]
    pub fn matvec_transposed(&self, y: &[T]) -> Vec<T> {
        self.try_matvec_transposed(y).or_panic()
    }

    /// [`matvec_transposed`](Self::matvec_transposed), with a vector of another length as an [`Error`].
    ///
    /// # Errors
    /// If the vector does not hold one number for each row.
    pub fn try_matvec_transposed(&self, y: &[T]) -> Result<Vec<T>, Error> {
        self.check("matvec_transposed", y, self.rows(), "row")?;
        let mut x = vec![T::zero(); self.columns()];
        for (row, column, value) in self.triplets() {
            x[column] += value * y[row];
        }
        Ok(x)
    }

    fn check(&self, op: &'static str, x: &[T], len: usize, side: &str) -> Result<(), Error> {
        if x.len() == len {
            return Ok(());
        }
        Err(Error::argument(
            op,
            format!(
                "{} numbers for a matrix of {} rows and {} columns; give one for each {side}",
                x.len(),
                self.rows(),
                self.columns()
            ),
        ))
    }
}

impl<T: Elem> fmt::Debug for Csr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csr")
            .field("rows", &self.rows())
            .field("columns", &self.columns())
            .field("entries", &self.values.len())
            .finish()
    }
}
