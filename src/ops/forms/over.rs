//! `Over`: the axes of a reduction, and the rows that result.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::error::Error;
use crate::kernel::{self, Rows};
use crate::tensor::{Axes, Shape, Tensor};

/// The axes of a reduction, and whether they stay as size 1.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    axes: SmallVec<[usize; 4]>,
    keep: bool,
}

impl Over {
    /// The axes of a tensor of this shape.
    pub(crate) fn new(
        op: &'static str,
        shape: &Shape,
        axes: impl Axes,
        keep: bool,
    ) -> Result<Self, Error> {
        Self::listed(op, shape, &axes.list(op, shape)?, keep)
    }

    /// [`new`](Self::new), compiled once for all forms that axes come in.
    fn listed(op: &'static str, shape: &Shape, axes: &[isize], keep: bool) -> Result<Self, Error> {
        let axes = shape.axes(op, axes)?;
        Ok(Self { axes, keep })
    }

    /// All axes of a tensor of `rank` axes, none kept.
    pub(crate) fn all(rank: usize) -> Self {
        Self {
            axes: (0..rank).collect(),
            keep: false,
        }
    }

    /// The shape after the reduction.
    pub(crate) fn shape(&self, x: &Shape) -> Shape {
        let size = |(axis, &size)| match (self.axes.contains(&axis), self.keep) {
            (false, _) => Some(size),
            (true, true) => Some(1),
            (true, false) => None,
        };
        x.iter().enumerate().filter_map(size).collect()
    }

    /// The elements as rows to reduce, in the order of the result's elements.
    ///
    /// Adjacent axes count as one longer axis; axes that are not adjacent are brought together in a copy.
    pub(crate) fn rows<'a, T: Copy + Send + Sync>(&self, x: &'a Tensor<T>) -> (Cow<'a, [T]>, Rows) {
        match self.order(x.rank()) {
            None => (Cow::Borrowed(x.data()), self.geometry(x.shape())),
            Some(order) => {
                let mut copy = x.data().to_vec();
                kernel::permute(x.shape(), x.data(), &order, &mut copy);
                (Cow::Owned(copy), self.geometry(x.shape()))
            }
        }
    }

    /// Writes `gx`, the elements of a tensor of this shape, by a closure that sees them in the order of
    /// [`Self::rows`].
    pub(crate) fn write<T: Copy + Send + Sync>(
        &self,
        shape: &Shape,
        gx: &mut [T],
        write: impl FnOnce(&mut [T], Rows),
    ) {
        match self.order(shape.rank()) {
            None => write(gx, self.geometry(shape)),
            Some(order) => {
                let mut rows = gx.to_vec();
                write(&mut rows, self.geometry(shape));
                let permuted: Shape = order.iter().map(|&axis| shape[axis]).collect();
                kernel::permute(&permuted, &rows, &kernel::inverse(&order), gx);
            }
        }
    }

    /// Whether the axes stay as size 1.
    pub(crate) fn keeps(&self) -> bool {
        self.keep
    }

    /// The axes, ascending.
    pub(crate) fn axes(&self) -> &[usize] {
        &self.axes
    }

    /// The geometry of the rows, after any reordering.
    pub(crate) fn geometry(&self, shape: &Shape) -> Rows {
        let n = self.axes.iter().map(|&axis| shape[axis]).product();
        let kept = |axes: std::ops::Range<usize>| -> usize {
            axes.filter(|axis| !self.axes.contains(axis))
                .map(|axis| shape[axis])
                .product()
        };
        match (self.axes.first(), self.order(shape.rank())) {
            (Some(&first), None) => Rows {
                outer: kept(0..first),
                n,
                inner: kept(first..shape.rank()),
            },
            _ => Rows {
                outer: kept(0..shape.rank()),
                n,
                inner: 1,
            },
        }
    }

    /// Whether the rows of a tensor of `rank` axes need no copy.
    pub(crate) fn is_in_order(&self, rank: usize) -> bool {
        self.order(rank).is_none()
    }

    /// The order that brings the axes together at the end; `None` if they are adjacent already.
    fn order(&self, rank: usize) -> Option<SmallVec<[usize; 4]>> {
        if self.axes.windows(2).all(|w| w[0] + 1 == w[1]) {
            return None;
        }
        let kept = (0..rank).filter(|axis| !self.axes.contains(axis));
        Some(kept.chain(self.axes.iter().copied()).collect())
    }
}
