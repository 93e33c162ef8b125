//! `Axes`: the ways to name several axes.
//!
//! A list of numbers results; a shape tells which of its axes they are.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use smallvec::SmallVec;

use super::{Axis, Shape};
use crate::error::Error;

/// One axis, several axes, or all of them (`..`); negative ones count from the end.
///
/// Numbers are of any type that [`Axis`] admits. Several are an array, a slice, a vector, or a range, which reads as
/// in [`slice`](crate::Var::slice): `..-1` is all but the last. The empty array needs a type, as in
/// `[0_usize; 0]`, since nothing else says what it does not hold.
///
/// # Example
/// ```
/// use wengert::Tensor;
///
/// let x = Tensor::<f64>::ones([2, 3, 4]);
/// let axes: Vec<usize> = (0..x.rank() - 1).collect();
/// assert_eq!(x.sum_axis(&axes), x.sum_axis([0, 1]));
/// assert_eq!(x.sum_axis(&axes), x.sum_axis(..-1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name axes",
    label = "not an axis, nor a list of axes",
    note = "axes are one `usize`, `isize` or `i32` (`-1` is the last), an array such as `[0, 2]`, a slice or a `Vec` of these, a range, or `..` for all"
)]
pub trait Axes {
    /// The axes as a list, for a tensor of this shape.
    #[doc(hidden)]
    fn list(&self, op: &'static str, shape: &Shape) -> Result<SmallVec<[isize; 4]>, Error>;
}

/// Writes the impls for one axis and for ranges of axes, for each type of numbers.
macro_rules! axes {
    ($($number:ty)*) => {$(
        impl Axes for $number {
            fn list(&self, _: &'static str, _: &Shape) -> Result<SmallVec<[isize; 4]>, Error> {
                Ok(SmallVec::from_slice(&[self.signed()]))
            }
        }

        axes! {
            Range<$number>: r => (r.start.signed(), Some(r.end.signed())),
            RangeFrom<$number>: r => (r.start.signed(), None),
            RangeTo<$number>: r => (0, Some(r.end.signed())),
            RangeInclusive<$number>: r => (r.start().signed(), after(r.end().signed())),
            RangeToInclusive<$number>: r => (0, after(r.end.signed())),
        }
    )*};
    ($($range:ty: $r:pat => $ends:expr,)*) => {$(
        impl Axes for $range {
            fn list(&self, op: &'static str, shape: &Shape) -> Result<SmallVec<[isize; 4]>, Error> {
                let $r = self;
                let (start, end) = $ends;
                between(op, shape, start, end)
            }
        }
    )*};
}

axes!(i32 isize usize);
axes!(RangeFull: _ => (0, None),);

/// The end of a range that includes its last axis; `None` is the end of the axes.
fn after(last: isize) -> Option<isize> {
    (last != -1).then(|| last.saturating_add(1))
}

/// The axes from `start` up to, but not including, `end`.
fn between(
    op: &'static str,
    shape: &Shape,
    start: isize,
    end: Option<isize>,
) -> Result<SmallVec<[isize; 4]>, Error> {
    let rank = shape.rank() as isize;
    let from_start = |axis: isize| match axis < 0 {
        true => axis.saturating_add(rank),
        false => axis,
    };
    let (first, stop) = (from_start(start), end.map_or(rank, from_start));
    if (0..=stop).contains(&first) && stop <= rank {
        return Ok((first..stop).collect());
    }
    let end = end.map_or(String::new(), |end| end.to_string());
    Err(Error::argument(
        op,
        format!(
            "{start}..{end} is not a range of the {rank} axes of {shape}; its ends lie between 0 and {rank}, and negative ones count from the end"
        ),
    ))
}

impl<A: Axis> Axes for [A] {
    fn list(&self, _: &'static str, _: &Shape) -> Result<SmallVec<[isize; 4]>, Error> {
        Ok(self.iter().map(|axis| axis.signed()).collect())
    }
}

impl<A: Axis, const N: usize> Axes for [A; N] {
    fn list(&self, op: &'static str, shape: &Shape) -> Result<SmallVec<[isize; 4]>, Error> {
        self[..].list(op, shape)
    }
}

impl<A: Axis> Axes for Vec<A> {
    fn list(&self, op: &'static str, shape: &Shape) -> Result<SmallVec<[isize; 4]>, Error> {
        self[..].list(op, shape)
    }
}

impl<L: Axes + ?Sized> Axes for &L {
    fn list(&self, op: &'static str, shape: &Shape) -> Result<SmallVec<[isize; 4]>, Error> {
        (**self).list(op, shape)
    }
}
