//! Sums that are known to more digits than a number has.

use super::layout::Layout;
use crate::kernel::simd::{Lanes, Real};
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

    /// The sum of two: Knuth's TwoSum, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B. It does not
    /// matter which of the two is the first.
    #[inline(always)]
    pub fn join(self, other: Self) -> Self {
        let sum = self.sum + other.sum;
        let back = sum - self.sum;
        let lost = (self.sum - (sum - back)) + (other.sum - back);
        Self {
            sum,
            lost: lost + (self.lost + other.lost),
        }
    }

    /// Adds a number.
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

/// Sums of vectors, lane by lane: of `f32` in the two halves as `f64`, of `f64` with what rounding took.
#[derive(Clone, Copy)]
pub(super) struct Total<V: Lanes>([V::Wide; 2]);

impl<V: Lanes> Total<V> {
    /// Whether the parts are halves.
    const HALVES: bool = V::COUNT == 16;

    /// No sum.
    #[inline(always)]
    pub fn none(level: V::Level) -> Self {
        Self([V::Wide::splat(level, 0.0); 2])
    }

    /// Adds a vector.
    #[inline(always)]
    pub fn plus(self, x: V) -> Self {
        let ([a, b], [low, high]) = (self.0, x.widen());
        if Self::HALVES {
            return Self([a + low, b + high]);
        }
        let Pair { sum, lost } = Pair { sum: a, lost: b }.plus(low);
        Self([sum, lost])
    }

    /// The sum of two.
    #[inline(always)]
    pub fn join(self, other: Self) -> Self {
        let ([a, b], [c, d]) = (self.0, other.0);
        if Self::HALVES {
            return Self([a + c, b + d]);
        }
        let Pair { sum, lost } = Pair { sum: a, lost: b }.join(Pair { sum: c, lost: d });
        Self([sum, lost])
    }

    /// The sum of four vectors.
    #[inline(always)]
    pub fn four(level: V::Level, [a, b, c, d]: [V; 4]) -> Self {
        let none = Self::none(level);
        let (a, b, c, d) = (none.plus(a), none.plus(b), none.plus(c), none.plus(d));
        a.join(b).join(c.join(d))
    }

    /// The sum of the first `count` of some: each of one half with its fellow in the other, then of the quarters, until one
    /// is left.
    #[inline(always)]
    pub fn tree(totals: &mut [Self; 16], count: usize) -> Self {
        let mut half = V::COUNT / 2;
        while half > 0 {
            for i in 0..half.min(count.saturating_sub(half)) {
                totals[i] = totals[i].join(totals[i + half]);
            }
            half /= 2;
        }
        totals[0]
    }

    /// The sum of all lanes in every lane, added as [`tree`](Self::tree) adds.
    #[inline(always)]
    fn across(self) -> Self {
        #[inline(always)]
        fn swapped<V: Lanes, const HALF: usize>(total: Total<V>) -> Total<V> {
            let [a, b] = total.0;
            total.join(Total([a.swapped::<HALF>(), b.swapped::<HALF>()]))
        }
        let Self([a, b]) = self;
        let total = if Self::HALVES { Self([a + b; 2]) } else { self };
        swapped::<V, 1>(swapped::<V, 2>(swapped::<V, 4>(total)))
    }

    /// The number next to it.
    #[inline(always)]
    pub fn value<L: Layout>(self, level: V::Level) -> V {
        let pair = self.pair::<L>(level);
        // What is lost of a number that was rounded once changes nothing.
        if Self::HALVES { pair.sum } else { pair.value() }
    }

    /// As numbers of the vector's own kind.
    #[inline(always)]
    pub fn pair<L: Layout>(self, level: V::Level) -> Pair<V> {
        if !L::DOWN {
            // All lanes are equal: as one number that is a third of the instructions.
            let [a, b] = self.across().0.map(Lanes::first);
            let sum = V::Item::of_wide(a);
            let rest = if Self::HALVES { a - sum.wide() } else { b };
            let [sum, lost] = [sum, V::Item::of_wide(rest)].map(|x| V::splat(level, x));
            return Pair { sum, lost };
        }
        if !Self::HALVES {
            let [sum, lost] = self.0;
            return Pair {
                sum: V::narrow([sum; 2]),
                lost: V::narrow([lost; 2]),
            };
        }
        let sum = V::narrow(self.0);
        let [low, high] = sum.widen();
        let lost = V::narrow([self.0[0] - low, self.0[1] - high]);
        Pair { sum, lost }
    }
}
