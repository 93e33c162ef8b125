//! `Axis`: the number of one axis, in each of the integer types that programs have it in.
//!
//! What a number means for a shape is defined by [`Shape::axis`](super::Shape::axis).

use super::Axes;

/// The number of an axis: a `usize`, an `isize` or an `i32`; a negative one counts from the end.
///
/// So a literal needs no annotation, and what comes from a rank or a loop over axes no cast.
///
/// # Example
/// ```
/// use wengert::{Axis, Tensor};
///
/// fn range(x: &Tensor<f64>, axis: impl Axis) -> Tensor<f64> {
///     x.max_axis(axis) - x.min_axis(axis)
/// }
///
/// let x = Tensor::from([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]]);
/// assert_eq!(range(&x, -1), Tensor::from([3.0, 0.0]));
/// assert_eq!(range(&x, x.rank() - 1), Tensor::from([3.0, 0.0]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not number an axis",
    label = "not the number of an axis",
    note = "an axis is a `usize`, an `isize` or an `i32`, not a reference to one; `-1` is the last"
)]
pub trait Axis: Axes + Sealed + Copy {
    /// The number as errors show it. No axis lies beyond the range of `isize`, so what does is cut there and
    /// refused as any other number that is not an axis.
    #[doc(hidden)]
    fn signed(self) -> isize;
}

/// Keeps [`Axis`] to the types below, so that one more can be added without breaking a program.
pub trait Sealed {}

/// Writes the impls for each type.
macro_rules! axis {
    ($($number:ty)*) => {$(
        impl Sealed for $number {}

        impl Axis for $number {
            #[inline]
            fn signed(self) -> isize {
                self.try_into().unwrap_or(isize::MAX)
            }
        }
    )*};
}

axis!(i32 isize usize);
