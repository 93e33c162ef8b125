//! Sums that are carried as two numbers.

use std::ops::{Add, Sub};

/// A sum, and what rounding took from it.
#[derive(Clone, Copy)]
pub(super) struct Pair<X> {
    pub sum: X,
    pub lost: X,
}

impl<X: Copy + Add<Output = X> + Sub<Output = X>> Pair<X> {
    /// A number of which nothing was lost.
    #[inline(always)]
    pub fn new(sum: X, zero: X) -> Self {
        Self { sum, lost: zero }
    }

    /// Adds a number: Knuth's TwoSum, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B.
    #[inline(always)]
    pub fn plus(self, x: X) -> Self {
        let sum = self.sum + x;
        let back = sum - self.sum;
        let lost = (self.sum - (sum - back)) + (x - back);
        Self {
            sum,
            lost: self.lost + lost,
        }
    }

    /// The sum, rounded once more.
    #[inline(always)]
    pub fn value(self) -> X {
        self.sum + self.lost
    }
}

/// The sum of the first `count` pairs, a power of two: the upper half is added to the lower until one is left.
#[inline(always)]
pub(super) fn tree<X: Copy + Add<Output = X> + Sub<Output = X>>(
    pairs: &[Pair<X>; 16],
    count: usize,
) -> Pair<X> {
    let mut pairs = *pairs;
    let mut half = count / 2;
    while half > 0 {
        for i in 0..half {
            let other = pairs[i + half];
            pairs[i] = pairs[i].plus(other.sum);
            pairs[i].lost = pairs[i].lost + other.lost;
        }
        half /= 2;
    }
    pairs[0]
}
