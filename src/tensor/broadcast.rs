//! Shapes that broadcast against each other, by the rule of numpy.

use super::Shape;
use crate::error::{Error, ErrorKind};

impl Shape {
    /// Whether a tensor of this shape, broadcast to `rank` axes, repeats along all of the first `axes` axes.
    pub(crate) fn repeats(&self, rank: usize, axes: usize) -> bool {
        (0..axes).all(|axis| self.size_from_end(rank - 1 - axis) == 1)
    }

    /// The shape that both broadcast to, by numpy's rule: aligned at the last axis, sizes equal or 1.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    #[inline]
    pub fn broadcast(&self, op: &'static str, other: &Self) -> Result<Self, Error> {
        // Shapes of many axes are left to the call: the clone of one that is stored in place is then a plain copy.
        match self == other && self.is_in_place() {
            true => Ok(self.clone()),
            false => self.spread(op, other),
        }
    }

    /// [`broadcast`](Self::broadcast) of shapes that differ or have many axes.
    #[inline(never)]
    fn spread(&self, op: &'static str, other: &Self) -> Result<Self, Error> {
        let longer = if self.rank() < other.rank() {
            other
        } else {
            self
        };
        let mut shape = longer.clone();
        let fits = shape.change(|sizes| {
            let mut sizes = sizes.iter_mut().rev().enumerate();
            sizes.all(|(back, size)| {
                let (a, b) = (self.size_from_end(back), other.size_from_end(back));
                *size = if a == 1 { b } else { a };
                a == b || a == 1 || b == 1
            })
        });
        match fits {
            true => Ok(shape),
            false => Err(Error::new(ErrorKind::Broadcast {
                op,
                left: self.clone(),
                right: other.clone(),
            })),
        }
    }

    /// The size `back` axes before the last one; 1 where there is no such axis.
    fn size_from_end(&self, back: usize) -> usize {
        match self.rank().checked_sub(back + 1) {
            Some(axis) => self[axis],
            None => 1,
        }
    }
}
