//! `Span`: which entries of one axis a slice takes, written as a range.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use smallvec::SmallVec;

use crate::error::Error;
use crate::tensor::Shape;

/// The entries of one axis: a range with a step, or one entry.
///
/// Made from any range of `i32`, `isize` or `usize`, of which negative ones count from the end, or from one
/// such number. Clippy reports a literal `1..-1` as a mistake; count the end from the start (`1..n - 1`),
/// or slice twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    ends: Ends,
    step: isize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    One(isize),
    /// From the first up to, but not including, the second; `None` is the end of the axis.
    Range(isize, Option<isize>),
}

/// A range as a [`Span`], to which [`step`](Span::step) applies: `s(..).step(2)` is every second entry.
pub fn s(range: impl Into<Span>) -> Span {
    range.into()
}

impl Span {
    /// The range with a step: `k` takes every `k`-th entry from the first one onward, `-k` every `k`-th
    /// entry from the last one backward.
    #[must_use]
    pub fn step(self, step: isize) -> Self {
        Self { step, ..self }
    }

    const fn range(from: isize, to: Option<isize>) -> Self {
        Self {
            ends: Ends::Range(from, to),
            step: 1,
        }
    }

    /// The positions of the entries on an axis.
    ///
    /// # Errors
    /// If the range reaches outside the axis, ends before it starts, or has step 0.
    pub(crate) fn places(self, op: &'static str, shape: &Shape, axis: usize) -> Result<Run, Error> {
        let n = shape[axis] as isize;
        let refuse = |text: String| Err(Error::argument(op, text));
        let from_start = |i: isize| if i < 0 { i.saturating_add(n) } else { i };
        let (start, end) = match self.ends {
            Ends::One(i) if (0..n).contains(&from_start(i)) => {
                return Ok(Run {
                    first: from_start(i) as usize,
                    count: 1,
                    step: 1,
                    keep: false,
                });
            }
            Ends::One(i) => {
                return refuse(format!(
                    "entry {i} is outside axis {axis} of {shape}, which has {n} entries"
                ));
            }
            Ends::Range(start, end) => (from_start(start), end.map_or(n, from_start)),
        };
        if !(0..=n).contains(&start) || !(0..=n).contains(&end) {
            return refuse(format!(
                "range {self} reaches outside axis {axis} of {shape}, which has {n} entries"
            ));
        }
        if start > end {
            return refuse(format!(
                "range {self} of axis {axis} of {shape} ends before it starts; to go backward give it a negative step"
            ));
        }
        if self.step == 0 {
            return refuse(format!(
                "the step of axis {axis} is 0; give 1 or more, or a negative one to go backward"
            ));
        }
        let first = if self.step > 0 || start == end {
            start
        } else {
            end - 1
        };
        Ok(Run {
            first: first as usize,
            count: ((end - start) as usize).div_ceil(self.step.unsigned_abs()),
            step: self.step,
            keep: true,
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ends {
            Ends::One(i) => write!(f, "{i}"),
            Ends::Range(0, None) => f.write_str(".."),
            Ends::Range(start, None) => write!(f, "{start}.."),
            Ends::Range(start, Some(end)) => write!(f, "{start}..{end}"),
        }
    }
}

/// A [`Span`] applied to an axis of known size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) step: isize,
    /// Whether the axis stays; selecting one entry removes it.
    pub(crate) keep: bool,
}

/// The spans of the first axes of a tensor: one range, a tuple of ranges and numbers, an array of one kind,
/// or a slice of [`Span`]s. Axes that are not named are taken whole.
pub trait Spans {
    /// The spans as a list.
    #[doc(hidden)]
    fn list(self) -> SmallVec<[Span; 4]>;
}

/// Writes the conversions from Rust's ranges, for each type of whole numbers.
macro_rules! spans {
    ($($number:ty)*) => {$(
        spans! {
            $number: i => Span { ends: Ends::One(whole(i)), step: 1 },
            Range<$number>: r => Span::range(whole(r.start), Some(whole(r.end))),
            RangeFrom<$number>: r => Span::range(whole(r.start), None),
            RangeTo<$number>: r => Span::range(0, Some(whole(r.end))),
            RangeInclusive<$number>: r => Span::range(whole(*r.start()), after(whole(*r.end()))),
            RangeToInclusive<$number>: r => Span::range(0, after(whole(r.end))),
        }
    )*};
    ($($from:ty: $r:pat => $span:expr,)*) => {$(
        impl From<$from> for Span {
            fn from($r: $from) -> Self {
                $span
            }
        }

        impl Spans for $from {
            fn list(self) -> SmallVec<[Span; 4]> {
                SmallVec::from_slice(&[self.into()])
            }
        }
    )*};
}

spans!(i32 isize usize);
spans!(RangeFull: _ => Span::range(0, None),);

/// A whole number of any type; no axis has entries beyond the range of `isize`.
fn whole(i: impl TryInto<isize>) -> isize {
    i.try_into().unwrap_or(isize::MAX)
}

/// The end of a range that includes its last entry.
fn after(last: isize) -> Option<isize> {
    (last != -1).then(|| last.saturating_add(1))
}

impl Spans for Span {
    fn list(self) -> SmallVec<[Span; 4]> {
        SmallVec::from_slice(&[self])
    }
}

impl Spans for &[Span] {
    fn list(self) -> SmallVec<[Span; 4]> {
        SmallVec::from_slice(self)
    }
}

impl<S: Into<Span>, const N: usize> Spans for [S; N] {
    fn list(self) -> SmallVec<[Span; 4]> {
        self.into_iter().map(Into::into).collect()
    }
}

/// Writes the impl for tuples of each length.
macro_rules! tuples {
    ($($name:ident)*; $($rest:ident)*) => {
        impl<$($name: Into<Span>),*> Spans for ($($name,)*) {
            #[allow(non_snake_case)] // the type's name serves for its value
            fn list(self) -> SmallVec<[Span; 4]> {
                let ($($name,)*) = self;
                SmallVec::from_iter([$($name.into()),*])
            }
        }

        tuples!(@next $($name)*; $($rest)*);
    };
    (@next $($name:ident)*; $next:ident $($rest:ident)*) => {
        tuples!($($name)* $next; $($rest)*);
    };
    (@next $($name:ident)*;) => {};
}

tuples!(A; B C D E F);
