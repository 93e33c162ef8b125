//! Centres of rows, from which deviations keep their digits.

use super::scaled::mean_axis;
use crate::kernel::{Elem, Rows};

/// The centre of each row: its mean, and the rounding error of that mean.
///
/// The second part is the mean of the differences from the first. With it, the differences of a
/// constant row are exactly 0, and a spread of a few ulps around a large mean is still right.
pub(crate) fn centres<T: Elem>(rows: Rows, x: &[T]) -> Vec<[T; 2]> {
    let count = rows.count();
    let mut mean = vec![T::zero(); count];
    let mut off = mean.clone();
    mean_axis(rows, x, &vec![(); count], &mut mean, &|x, ()| x);
    mean_axis(rows, x, &mean, &mut off, &|x, mean| x - mean);
    let centres = mean.into_iter().zip(off).map(|(mean, off)| [mean, off]);
    centres.collect()
}

/// How far a number is from its row's centre.
#[inline(always)]
pub(crate) fn from_centre<T: Elem>(x: T, [mean, off]: [T; 2]) -> T {
    (x - mean) - off
}
