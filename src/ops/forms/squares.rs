//! Square matrices along the last two axes, and systems of equations with such matrices.

use std::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::kernel::{Elem, Matrix};
use crate::rule::{Point, Slot};
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

    /// The pullback of `y = a⁻¹ b`: `gb = a⁻ᵀ g`, and `ga = -gb yᵀ` at the elements that are read, 0 elsewhere.
    ///
    /// `solve` solves all systems in place, the transposed ones if it is told so; `read` says whether an element of a
    /// matrix is read.
    pub(crate) fn vjp<T: Elem>(
        self,
        at: &Point<'_, T>,
        g: &Tensor<T>,
        gx: &mut [Slot<'_, T>],
        solve: impl Fn(&mut [T], bool),
        read: impl Fn(usize) -> bool,
    ) {
        let (n, width) = (self.squares.n, self.width);
        let mut gb = g.data().to_vec();
        solve(&mut gb, true);
        if gx[0].wanted() {
            let ga = gx[0].fill();
            for [a, b] in self.each() {
                let negative: Vec<T> = gb[b.clone()].iter().map(|&g| -g).collect();
                let y = Matrix::new(&at.y.data()[b], n, width);
                let (g, ga) = (Matrix::new(&negative, n, width), &mut ga[a]);
                T::matmul(g, y.transposed(), ga, false);
                let unread = ga.iter_mut().enumerate().filter(|&(at, _)| !read(at));
                unread.for_each(|(_, ga)| *ga = T::zero());
            }
        }
        if gx[1].wanted() {
            gx[1].fill().copy_from_slice(&gb);
        }
    }

    /// The pushforward, `ty = a⁻¹ (tb - ta y)`, with the same functions.
    pub(crate) fn jvp<T: Elem>(
        self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut [T],
        solve: impl Fn(&mut [T], bool),
        read: impl Fn(usize) -> bool,
    ) {
        let (n, width) = (self.squares.n, self.width);
        match t[1] {
            Some(t) => ty.copy_from_slice(t.data()),
            None => ty.fill(T::zero()),
        }
        if let Some(t) = t[0] {
            for [a, b] in self.each() {
                let negative = |(at, &t): (usize, &T)| if read(at) { -t } else { T::zero() };
                let negative: Vec<T> = t.data()[a].iter().enumerate().map(negative).collect();
                let y = Matrix::new(&at.y.data()[b.clone()], n, width);
                T::matmul(Matrix::new(&negative, n, n), y, &mut ty[b], true);
            }
        }
        solve(ty, false);
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
