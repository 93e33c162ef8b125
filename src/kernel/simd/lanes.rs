//! `Lanes`: what a vector can do.

use super::Real;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// 64 bytes of numbers: 16 `f32` or 8 `f64`, whatever the level.
///
/// A value exists only where the machine can work on it, since the first one needs the proof `Level`; so the
/// arithmetic is safe to call. Sets of lanes are the low bits of a `u32`.
pub(crate) trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number in a lane.
    type Item: Real;

    /// The proof that the machine has the instructions.
    type Level: Copy;

    /// Number of lanes: at most 16.
    const COUNT: usize = Self::Item::LANES;

    /// Number of registers that hold a value.
    const REGISTERS: usize;

    /// The set of all lanes.
    const ALL: u32 = (1 << Self::COUNT) - 1;

    /// `x` in every lane.
    fn splat(level: Self::Level, x: Self::Item) -> Self;

    /// The first numbers of `x`, of which there must be `COUNT`.
    fn load(level: Self::Level, x: &[Self::Item]) -> Self;

    /// Fewer numbers than `COUNT`, with `fill` in the other lanes.
    fn load_part(level: Self::Level, x: &[Self::Item], fill: Self::Item) -> Self;

    /// Writes all lanes to the beginning of `y`.
    fn store(self, y: &mut [Self::Item]);

    /// Writes the first lanes to `y`, which is shorter than `COUNT`.
    fn store_part(self, y: &mut [Self::Item]);

    /// `self · a + b`, rounded once where [`Real::FUSED`] or the level says so.
    fn mul_add(self, a: Self, b: Self) -> Self;

    /// `self · a + b`, rounded once, at any price.
    fn fused(self, a: Self, b: Self) -> Self;

    /// The larger of the two; `other` where one of them is NaN.
    fn max(self, other: Self) -> Self;

    /// `2^(b - bias)`, `b` being the low bits of the lane and `bias` that of the exponent; 0 for b = 0.
    fn power(self) -> Self;

    /// The lanes where `self < other`.
    fn less(self, other: Self) -> u32;

    /// The lanes where `self == other`.
    fn equal(self, other: Self) -> u32;

    /// `yes` in the lanes of the set, `no` in the others.
    fn select(set: u32, yes: Self, no: Self) -> Self;

    /// The lanes whose number is neither infinite nor NaN.
    #[inline(always)]
    fn finite(self) -> u32 {
        let same = self;
        let zero = self - same;
        zero.equal(zero)
    }

    /// The lanes as numbers; beyond `COUNT` there are zeros.
    #[inline(always)]
    fn numbers(self) -> [Self::Item; 16] {
        let mut numbers = [Self::Item::default(); 16];
        self.store(&mut numbers);
        numbers
    }

    /// A function of the numbers, lane by lane.
    #[inline(always)]
    fn map(self, level: Self::Level, f: impl Fn(Self::Item) -> Self::Item) -> Self {
        let mut numbers = self.numbers();
        for x in &mut numbers[..Self::COUNT] {
            *x = f(*x);
        }
        Self::load(level, &numbers)
    }
}
