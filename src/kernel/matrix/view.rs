//! `Matrix`: a strided view of a matrix, so that a transpose costs nothing.

/// A matrix whose elements lie in a slice, read by strides.
#[derive(Debug)]
pub struct Matrix<'a, T> {
    /// The elements; element `(i, j)` is at `i * step.0 + j * step.1`.
    pub data: &'a [T],
    /// Number of rows and of columns.
    pub size: (usize, usize),
    /// Distance between rows and between columns.
    pub step: (usize, usize),
}

impl<T> Clone for Matrix<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Matrix<'_, T> {}

impl<'a, T> Matrix<'a, T> {
    /// A contiguous row-major matrix.
    ///
    /// # Panics
    /// If the slice does not hold exactly `rows * cols` elements.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        assert_eq!(
            data.len(),
            rows * cols,
            "a matrix holds rows times columns elements"
        );
        Self {
            data,
            size: (rows, cols),
            step: (cols, 1),
        }
    }

    /// The same elements with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            size: (self.size.1, self.size.0),
            step: (self.step.1, self.step.0),
        }
    }

    /// Element `(i, j)`.
    pub(crate) fn at(&self, i: usize, j: usize) -> T
    where
        T: Copy,
    {
        self.data[i * self.step.0 + j * self.step.1]
    }

    /// A matrix of the given size with the same strides, in the slice from element `start` on.
    pub(crate) fn part(self, start: usize, size: (usize, usize)) -> Self {
        // A part without elements may begin anywhere.
        let start = start.min(self.data.len());
        Self {
            data: &self.data[start..],
            size,
            step: self.step,
        }
    }
}
