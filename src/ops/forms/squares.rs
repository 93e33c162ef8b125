//! Square matrices along the last two axes, and systems of equations with such matrices.

use std::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::tensor::{Shape, Tensor};

/// How many square matrices a tensor holds, and their size.
#[derive(Clone, Copy)]
pub(crate) struct Squares {
    pub(crate) count: usize,
    pub(crate) n: usize,
}

impl Squares {
    /// The matrices of a tensor of shape `[.., n, n]`, and the leading sizes.
    ///
    /// # Errors
    /// If there are fewer than two axes, or the last two differ.
    pub(crate) fn new<'a>(op: &'static str, a: &'a Shape) -> Result<(Self, &'a [usize]), Error> {
        let [batch @ .., rows, n] = &a[..] else {
            let text = format!("the matrix has shape {a}; it must have at least two axes");
            return Err(Error::argument(op, text));
        };
        if rows != n {
            let text = format!("the matrix has shape {a}; it must be square");
            return Err(Error::argument(op, text));
        }
        let count = batch.iter().product();
        Ok((Self { count, n: *n }, batch))
    }

    /// The matrices of a tensor whose shape has been checked.
    pub(crate) fn of<T>(a: &Tensor<T>) -> Self {
        let (squares, _) = Self::new("", a.shape()).expect("the shape was checked");
        squares
    }

    /// Where each matrix lies.
    pub(crate) fn each(self) -> impl Iterator<Item = Range<usize>> {
        places(self.count, self.n * self.n)
    }
}

/// Consecutive ranges of one size.
fn places(count: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).map(move |k| k * size..(k + 1) * size)
}

/// Systems of equations: square matrices, and how many right sides each has.
#[derive(Clone, Copy)]
pub(crate) struct Systems {
    pub(crate) squares: Squares,
    pub(crate) width: usize,
}

impl Systems {
    /// Systems with matrices of shape `[.., n, n]` and right sides of shape `[.., n, k]`, or `[n]` for one matrix.
    ///
    /// # Errors
    /// If the shapes are not such.
    pub(crate) fn new(op: &'static str, a: &Shape, b: &Shape) -> Result<Self, Error> {
        let (squares, batch) = Squares::new(op, a)?;
        let n = squares.n;
        let width = match &b[..] {
            [height] if batch.is_empty() && *height == n => 1,
            [others @ .., height, width] if others == batch && *height == n => *width,
            _ => {
                let of = |last: &str| {
                    let batch = batch.iter().map(|size| format!("{size}, "));
                    format!("[{}{n}{last}]", batch.collect::<String>())
                };
                let vector = if batch.is_empty() {
                    of("") + " or "
                } else {
                    String::new()
                };
                let text = format!(
                    "a matrix of shape {a} takes a right side of shape {vector}{}, got {b}",
                    of(", k")
                );
                return Err(Error::argument(op, text));
            }
        };
        Ok(Self { squares, width })
    }

    /// The systems of operands whose shapes have been checked.
    pub(crate) fn of<T>(x: &[&Tensor<T>]) -> Self {
        Self::new("", x[0].shape(), x[1].shape()).expect("the shapes were checked")
    }

    /// Where the matrix and the right sides of each system lie.
    pub(crate) fn each(self) -> impl Iterator<Item = [Range<usize>; 2]> {
        let right = places(self.squares.count, self.squares.n * self.width);
        self.squares.each().zip(right).map(|(a, b)| [a, b])
    }
}

/// The error for a singular matrix, of which a pivot is 0.
pub(crate) fn singular<T>(op: &'static str, a: &Tensor<T>, matrix: usize, pivot: usize) -> Error {
    Error::new(ErrorKind::Singular {
        op,
        shape: a.shape().clone(),
        matrix,
        pivot,
    })
}
