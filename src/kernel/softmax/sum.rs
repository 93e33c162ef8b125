//! Sums to more digits than a number has.

use super::layout::Layout;
use crate::kernel::simd::{Lanes, Real};
use std::ops::{Add, Sub};

/// A sum and its rounding error.
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

    /// The sum of two: Knuth's TwoSum, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B. The order
    /// of the two does not matter.
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

/// Sums of vectors, lane by lane: of `f32` in two halves as `f64`, of `f64` with the rounding error.
#[derive(Clone, Copy)]
pub(super) struct Total<V: Lanes>([V::Wide; 2]);

impl<V: Lanes> Total<V> {
    /// Whether the parts are halves.
    const HALVES: bool = V::COUNT == 16;

    #[inline(always)]
    pub fn none(level: V::Level) -> Self {
        Self([V::Wide::splat(level, 0.0); 2])
    }

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

    #[inline(always)]
    fn four(level: V::Level, [a, b, c, d]: [V; 4]) -> Self {
        let none = Self::none(level);
        let (a, b, c, d) = (none.plus(a), none.plus(b), none.plus(c), none.plus(d));
        a.join(b).join(c.join(d))
    }

    /// The sum of as many vectors as there are lanes, added in the order of [`tree`](Self::tree), a few at a time.
    #[inline(always)]
    pub fn few(level: V::Level, x: &[V; 16]) -> Self {
        if V::COUNT == 16 {
            let a = Self::four(level, [x[0], x[8], x[4], x[12]]);
            let b = Self::four(level, [x[2], x[10], x[6], x[14]]);
            let c = Self::four(level, [x[1], x[9], x[5], x[13]]);
            let d = Self::four(level, [x[3], x[11], x[7], x[15]]);
            return a.join(b).join(c.join(d));
        }
        let a = Self::four(level, [x[0], x[4], x[2], x[6]]);
        let b = Self::four(level, [x[1], x[5], x[3], x[7]]);
        a.join(b)
    }

    /// The sum of the first `count` totals: each of one half with its counterpart in the other, then of the quarters,
    /// until one is left.
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

    /// The sum of all lanes in every lane, added in the order of [`tree`](Self::tree).
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

    /// The number nearest to it.
    #[inline(always)]
    pub fn value<L: Layout<V>>(self, level: V::Level) -> V {
        let pair = self.pair::<L>(level);
        // What was lost by a single rounding changes nothing.
        if Self::HALVES { pair.sum } else { pair.value() }
    }

    /// As numbers of the vector's own type.
    #[inline(always)]
    pub fn pair<L: Layout<V>>(self, level: V::Level) -> Pair<V> {
        if !L::DOWN {
            // All lanes are equal: computing with one number takes a third of the instructions.
            let [a, b] = self.across().0;
            let (a, b) = (a.first(), b.first());
            let sum = V::Item::of_wide(a);
            let rest = if Self::HALVES { a - sum.wide() } else { b };
            return Pair {
                sum: V::splat(level, sum),
                lost: V::splat(level, V::Item::of_wide(rest)),
            };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::simd::Portable;

    /// Compares sums in the first lane, of numbers that no sum holds exactly.
    fn sums<T: Real>() {
        type V<T> = <T as Real>::Portable;
        let digits = |k: usize| T::whole((k * 7919 % 97) as i32 - 48) / T::whole(3);
        let number = |k: usize| digits(k) * T::whole(2).powi((k * 5 % 16) as i32 * 4);
        for count in 1..=T::LANES {
            let mut x = [T::ZERO; 16];
            for (k, x) in x.iter_mut().enumerate().take(count) {
                *x = number(k + count);
            }
            let none = Total::<V<T>>::none(Portable);
            let (mut terms, mut totals) = ([V::<T>::splat(Portable, T::ZERO); 16], [none; 16]);
            for k in 0..count {
                terms[k] = V::<T>::splat(Portable, x[k]);
                totals[k] = totals[k].plus(terms[k]);
            }
            let across = none.plus(Lanes::load(Portable, &x)).across();
            let few = Total::few(Portable, &terms);
            let tree = Total::tree(&mut totals, count);
            let first = |total: Total<V<T>>| total.0.map(Lanes::first);
            assert_eq!(first(few), first(across), "{count} as few");
            assert_eq!(first(tree), first(across), "{count} as a tree");
        }
    }

    #[test]
    fn a_line_is_added_alike_across_and_down() {
        sums::<f32>();
        sums::<f64>();
    }
}
