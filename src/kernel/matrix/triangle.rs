//! Triangular matrices: systems of equations solved by substitution.

use super::Matrix;
use crate::kernel::Elem;

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
        let Matrix { data, size, step } = self.matrix;
        let n = size.0;
        for turn in 0..n {
            let i = if self.lower { turn } else { n - 1 - turn };
            let known = if self.lower { 0..i } else { i + 1..n };
            for k in known {
                subtract(width, b, i, k, data[i * step.0 + k * step.1]);
            }
            if !self.unit {
                let pivot = data[i * (step.0 + step.1)];
                for b in &mut b[i * width..(i + 1) * width] {
                    *b /= pivot;
                }
            }
        }
    }
}

/// Subtracts `factor` times row `k` from row `i`.
fn subtract<T: Elem>(width: usize, b: &mut [T], i: usize, k: usize, factor: T) {
    for j in 0..width {
        let other = b[k * width + j];
        b[i * width + j] -= factor * other;
    }
}
