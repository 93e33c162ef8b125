//! `Shape`: the sizes of a tensor's axes, and the arithmetic of axes.
//!
//! Broadcasting and the numbering of axes are defined here once, for plain values and for rules alike.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use smallvec::SmallVec;

use super::axis::Axis;
use super::sizes::Sizes;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Rows};

/// The sizes of the axes of a tensor, outermost first.
///
/// Up to four sizes are stored in place. A shape without axes is that of a single number; sizes of 0 are allowed.
#[derive(Clone, PartialEq, Eq)]
pub struct Shape(Sizes);

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl Shape {
    /// The shape with the given sizes.
    #[inline]
    pub fn new(sizes: &[usize]) -> Self {
        Self(Sizes::new(sizes))
    }

    /// The shape of a single number: no axes, one element.
    #[inline]
    pub fn scalar() -> Self {
        Self::new(&[])
    }

    /// How many axes there are.
    #[inline]
    pub fn rank(&self) -> usize {
        self[..].len()
    }

    /// How many elements a tensor of this shape holds; 1 where there are no axes.
    #[inline]
    pub fn elements(&self) -> usize {
        self.0.elements()
    }

    /// Refuses a shape whose elements do not fit into any memory.
    pub(crate) fn check_size<T>(&self, op: &'static str) -> Result<(), Error> {
        match self.fits::<T>() {
            true => Ok(()),
            false => Err(self.too_large(op)),
        }
    }

    /// Whether there can be memory for twice its elements, since a block may be larger than what is in it.
    #[inline]
    pub(crate) fn fits<T>(&self) -> bool {
        self.elements() <= isize::MAX as usize / 2 / size_of::<T>().max(1)
    }

    /// The error if there cannot.
    #[cold]
    #[inline(never)]
    pub(crate) fn too_large(&self, op: &'static str) -> Error {
        let text =
            format!("a tensor of shape {self} does not fit into any memory; check the sizes");
        Error::argument(op, text)
    }

    /// The index, one number per axis, of the element at position `place` in a row-major buffer.
    pub(crate) fn index_of(&self, mut place: usize) -> Vec<usize> {
        let mut index = vec![0; self.rank()];
        for (i, &n) in index.iter_mut().zip(self.iter()).rev() {
            *i = place % n;
            place /= n;
        }
        index
    }

    /// The position in a row-major buffer of the element at `index`, one number per axis.
    ///
    /// # Errors
    /// If there are not as many numbers as axes, or one of them lies outside its axis.
    pub(crate) fn place(&self, op: &'static str, index: &[usize]) -> Result<usize, Error> {
        if index.len() != self.rank() {
            return Err(Error::argument(
                op,
                format!(
                    "{} indices for shape {self}; give one for each axis",
                    index.len()
                ),
            ));
        }
        let mut place = 0;
        for (axis, (&index, &size)) in index.iter().zip(self.iter()).enumerate() {
            if index >= size {
                let shape = self.clone();
                return Err(Error::new(ErrorKind::Index {
                    op,
                    index,
                    axis,
                    shape,
                }));
            }
            place = place * size + index;
        }
        Ok(place)
    }

    /// The position of `axis`; a negative one counts from the end.
    ///
    /// # Errors
    /// If `axis` is not an axis of this shape; the text names `op`.
    pub fn axis(&self, op: &'static str, axis: impl Axis) -> Result<usize, Error> {
        self.position(op, axis.signed())
    }

    /// [`axis`](Self::axis), compiled once for all types of numbers.
    fn position(&self, op: &'static str, axis: isize) -> Result<usize, Error> {
        let rank = self.rank() as isize;
        if (-rank..rank).contains(&axis) {
            Ok(axis.rem_euclid(rank) as usize)
        } else {
            Err(Error::new(ErrorKind::Axis {
                op,
                axis,
                shape: self.clone(),
            }))
        }
    }

    /// The positions of several axes, in ascending order.
    ///
    /// # Errors
    /// If one is not an axis of this shape or is named twice.
    pub(crate) fn axes(
        &self,
        op: &'static str,
        axes: &[isize],
    ) -> Result<SmallVec<[usize; 4]>, Error> {
        let mut found = SmallVec::new();
        for &axis in axes {
            let position = self.axis(op, axis)?;
            if found.contains(&position) {
                return Err(Error::new(ErrorKind::RepeatedAxis {
                    op,
                    axis,
                    shape: self.clone(),
                }));
            }
            found.push(position);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The rows that run along one axis (a position, not counted from the end).
    ///
    /// # Panics
    /// If `axis` is not below the rank.
    #[track_caller]
    pub fn rows(&self, axis: usize) -> Rows {
        self.require("rows", axis, self.rank());
        Rows {
            outer: self[..axis].iter().product(),
            n: self[axis],
            inner: self[axis + 1..].iter().product(),
        }
    }

    /// The shape with the given size at one axis (a position, not counted from the end).
    ///
    /// # Panics
    /// If `axis` is not below the rank.
    #[must_use]
    #[track_caller]
    pub fn with(&self, axis: usize, size: usize) -> Self {
        self.require("with", axis, self.rank());
        let mut shape = self.clone();
        shape.change(|sizes| sizes[axis] = size);
        shape
    }

    /// The shape without one axis.
    ///
    /// # Panics
    /// If `axis` is not below the rank.
    #[must_use]
    #[track_caller]
    pub fn without(&self, axis: usize) -> Self {
        self.require("without", axis, self.rank());
        let (before, after) = (&self[..axis], &self[axis + 1..]);
        before.iter().chain(after).copied().collect()
    }

    /// The shape with a new axis of the given size inserted at position `axis`.
    ///
    /// # Panics
    /// If `axis` is above the rank; at the rank itself, the new axis is the last one.
    #[must_use]
    #[track_caller]
    pub fn inserted(&self, axis: usize, size: usize) -> Self {
        self.require("inserted", axis, self.rank() + 1);
        let (before, after) = self.split_at(axis);
        before.iter().chain([&size]).chain(after).copied().collect()
    }

    /// Panics at the caller's line unless `axis` is below `end`.
    #[inline]
    #[track_caller]
    fn require(&self, op: &'static str, axis: usize, end: usize) {
        if axis >= end {
            self.refuse(op, axis, end);
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn refuse(&self, op: &'static str, axis: usize, end: usize) {
        let text = match end {
            0 => format!("there is no axis {axis} in shape {self}, which has no axes"),
            1 => format!("axis {axis} is outside shape {self}; use 0"),
            _ => format!("axis {axis} is outside shape {self}; use 0 to {}", end - 1),
        };
        Err(Error::argument(op, text)).or_panic()
    }

    /// Changes sizes in place.
    pub(super) fn change<R>(&mut self, f: impl FnOnce(&mut [usize]) -> R) -> R {
        self.0.change(f)
    }

    /// Strides, in elements, of a contiguous row-major tensor of this shape.
    pub(crate) fn strides(&self) -> SmallVec<[usize; 4]> {
        kernel::strides(self)
    }

    /// Whether the sizes are stored in place.
    #[inline]
    pub(super) fn is_in_place(&self) -> bool {
        self.0.are_few()
    }

    /// Whether the shapes are equal, by a quick comparison: `true` is certain, `false` says nothing.
    #[inline]
    pub(crate) fn is_surely(&self, other: &Self) -> bool {
        self.0.are_surely(&other.0)
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self::scalar()
    }
}

impl Deref for Shape {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Self::new(sizes)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Self::new(&sizes)
    }
}

impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(sizes: &[usize; N]) -> Self {
        Self::new(sizes)
    }
}

impl From<usize> for Shape {
    /// The shape of a vector.
    fn from(size: usize) -> Self {
        Self::new(&[size])
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Self::new(&sizes)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        let sizes: SmallVec<[usize; 4]> = sizes.into_iter().collect();
        Self::new(&sizes)
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, sizes: &[usize; N]) -> bool {
        self[..] == sizes[..]
    }
}

impl<const N: usize> PartialEq<[usize; N]> for &Shape {
    fn eq(&self, sizes: &[usize; N]) -> bool {
        self[..] == sizes[..]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self[..])
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_more_or_less_makes_no_other_kind_of_shape() {
        let four = Shape::from([2, 3, 4, 5]);
        let five = four.inserted(4, 6);
        assert_eq!(five, [2, 3, 4, 5, 6]);
        assert_eq!((five.rank(), five.elements()), (5, 720));
        assert_eq!(five.without(4), four);
        assert_eq!(five.with(0, 7), [7, 3, 4, 5, 6]);
        assert_eq!(five.with(0, 7).elements(), 2520);
        assert_eq!(four.with(3, 7).inserted(0, 1), [1, 2, 3, 4, 7]);
        assert_eq!(five, Shape::from(vec![2, 3, 4, 5, 6]));
        assert_eq!(five, (2..7).collect::<Shape>());
        assert_ne!(five, four);
        let wide = four.broadcast("add", &[6, 1, 3, 1, 5].into());
        let wide = wide.expect("they broadcast");
        assert_eq!((&wide, wide.elements()), (&[6, 2, 3, 4, 5].into(), 720));
    }

    #[test]
    fn shapes_of_equal_sizes_and_another_rank_differ() {
        assert_ne!(Shape::from([2]), Shape::from([2, 0]));
        assert_ne!(Shape::scalar(), Shape::from([0]));
        assert_eq!(Shape::from([3, 2]).without(1), Shape::from([3]));
        assert_eq!(Shape::default(), Shape::scalar());
    }
}
