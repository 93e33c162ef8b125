//! Triangular matrices: systems of equations solved by substitution.

use std::ops::Range;

use super::Matrix;
use super::lu::PANEL;
use crate::kernel::Elem;

/// From how many right sides on rows are solved by blocks, so that most of the work is matrix products.
const WIDE: usize = 8;

/// A square matrix of which only the triangle on one side of the diagonal is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle<'a, T> {
    pub(crate) matrix: Matrix<'a, T>,
    /// Whether it is the triangle below the diagonal.
    pub(crate) lower: bool,
    /// Whether the diagonal is all 1, whatever is stored there.
    pub(crate) unit: bool,
}

impl<'a, T: Elem> Triangle<'a, T> {
    /// The triangle of a contiguous `n × n` matrix, with its diagonal.
    pub(crate) fn new(data: &'a [T], n: usize, lower: bool) -> Self {
        let matrix = Matrix::new(data, n, n);
        Self {
            matrix,
            lower,
            unit: false,
        }
    }

    /// The same elements with rows and columns exchanged, so on the other side.
    pub(crate) fn transposed(self) -> Self {
        Self {
            matrix: self.matrix.transposed(),
            lower: !self.lower,
            ..self
        }
    }

    /// Solves, in place, for the columns of the row-major `b`, of which there are `width`.
    pub(crate) fn solve(self, width: usize, b: &mut [T]) {
        let n = self.matrix.size.0;
        if n <= PANEL || width < WIDE {
            return self.substitute(0..n, width, b);
        }
        let mut product = Vec::new();
        let mut blocks: Vec<_> = (0..n).step_by(PANEL).collect();
        if !self.lower {
            blocks.reverse();
        }
        for start in blocks {
            let end = n.min(start + PANEL);
            let known = if self.lower { 0..start } else { end..n };
            if !known.is_empty() {
                let Matrix { step, .. } = self.matrix;
                let (rows, inner) = (end - start, known.len());
                let at = start * step.0 + known.start * step.1;
                let a = self.matrix.part(at, (rows, inner));
                let x = Matrix::new(&b[known.start * width..known.end * width], inner, width);
                product.resize(rows * width, T::zero());
                T::matmul(a, x, &mut product[..rows * width], false);
                let b = &mut b[start * width..end * width];
                b.iter_mut().zip(&product).for_each(|(b, &p)| *b -= p);
            }
            self.substitute(start..end, width, b);
        }
    }

    /// Solves for some rows, from what is left of them once the others are known.
    fn substitute(self, rows: Range<usize>, width: usize, b: &mut [T]) {
        let Matrix { data, step, .. } = self.matrix;
        for turn in 0..rows.len() {
            let i = if self.lower {
                rows.start + turn
            } else {
                rows.end - 1 - turn
            };
            let (above, rest) = b.split_at_mut(i * width);
            let (row, below) = rest.split_at_mut(width);
            let known = if self.lower {
                rows.start..i
            } else {
                i + 1..rows.end
            };
            for k in known {
                let other = if self.lower {
                    &above[k * width..][..width]
                } else {
                    &below[(k - i - 1) * width..][..width]
                };
                subtract(data[i * step.0 + k * step.1], other, row);
            }
            if !self.unit {
                let pivot = data[i * (step.0 + step.1)];
                row.iter_mut().for_each(|b| *b /= pivot);
            }
        }
    }
}

/// Subtracts `factor` times a row from another.
pub(super) fn subtract<T: Elem>(factor: T, other: &[T], row: &mut [T]) {
    row.iter_mut()
        .zip(other)
        .for_each(|(b, &o)| *b -= factor * o);
}
