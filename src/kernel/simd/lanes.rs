//! `Lanes`: the operations of a vector.
#![allow(unsafe_code)]

use super::Real;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A part of a kernel that names its vectors.
pub(crate) trait Step {
    /// The result.
    type Output;

    /// Runs the step. Must be `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// 64 bytes of numbers: 16 `f32` or 8 `f64`, whatever the level.
///
/// A value exists only where the machine can work on it, since the first one needs the proof `Level`; so the arithmetic
/// is safe to call. Sets of lanes are the low bits of a `u32`.
pub(crate) trait Lanes:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number in a lane.
    type Item: Real;

    /// The proof that the machine has the instructions.
    type Level: Copy + Send + Sync;

    /// A vector of `f64` on the same level.
    type Wide: Lanes<Item = f64, Level = Self::Level>;

    /// Number of lanes: at most 16.
    const COUNT: usize = Self::Item::LANES;

    /// Number of registers that hold a value.
    const REGISTERS: usize;

    /// Whether [`mul_add`](Self::mul_add) is one instruction, which rounds once.
    const FUSED: bool;

    /// The set of all lanes.
    const ALL: u32 = (1 << Self::COUNT) - 1;

    /// Runs `step` as a function of its own, so that what several kernels share is compiled once; for calls that do
    /// much work.
    fn apart(level: Self::Level, step: impl Step<Output = ()>);

    /// Runs `step` inline, or as a function of its own where a vector fills so many registers that `step` is much code.
    ///
    /// This is a method and not a test in code common to all levels: there, what is never called would be compiled for
    /// each.
    #[inline(always)]
    fn step<S: Step>(step: S) -> S::Output {
        step.run()
    }

    /// `x` in every lane.
    fn splat(level: Self::Level, x: Self::Item) -> Self;

    /// The first `COUNT` numbers of `x`, which must have as many.
    fn load(level: Self::Level, x: &[Self::Item]) -> Self;

    /// Fewer numbers than `COUNT`, with `fill` in the other lanes.
    fn load_part(level: Self::Level, x: &[Self::Item], fill: Self::Item) -> Self;

    /// Writes all lanes to the beginning of `y`.
    fn store(self, y: &mut [Self::Item]);

    /// Writes the first lanes to `y`, which is shorter than `COUNT`.
    fn store_part(self, y: &mut [Self::Item]);

    /// Writes all lanes to the beginning of `y`, bypassing the caches if that is the beginning of a cache line.
    ///
    /// # Safety
    /// This thread must call [`drain`](Self::drain) before anybody reads or writes `y` again: nothing may panic in
    /// between.
    unsafe fn stream(self, y: &mut [Self::Item]);

    /// Waits until everybody sees what was written past the caches.
    fn drain(level: Self::Level);

    /// Prefetches the cache line of element `at` of `x`, which may lie beyond its end, into the first-level cache
    /// (`FIRST`) or the second.
    fn fetch<const FIRST: bool>(level: Self::Level, x: &[Self::Item], at: usize);

    /// `self · a + b`, rounded once where [`FUSED`](Self::FUSED).
    fn mul_add(self, a: Self, b: Self) -> Self;

    /// `self · a + b`, rounded once, whatever it costs.
    fn fused(self, a: Self, b: Self) -> Self;

    /// The larger of the two; `other` where one of them is NaN.
    fn max(self, other: Self) -> Self;

    /// The smaller of the two; `other` where one of them is NaN.
    fn min(self, other: Self) -> Self;

    /// `2^(b - bias)`, where `b` is the low bits of the lane and `bias` that of the exponent; 0 for b = 0.
    fn power(self) -> Self;

    /// The lanes where `self < other`.
    fn less(self, other: Self) -> u32;

    /// The lanes where `self == other`.
    fn equal(self, other: Self) -> u32;

    /// `yes` in the lanes of the set, `no` in the others.
    fn select(set: u32, yes: Self, no: Self) -> Self;

    /// `yes` in the lanes where `self < other`, `no` in the others.
    #[inline(always)]
    fn where_less(self, other: Self, yes: Self, no: Self) -> Self {
        Self::select(self.less(other), yes, no)
    }

    /// Lane `i ^ HALF` in lane `i`; `HALF` is a power of two below `COUNT`.
    fn swapped<const HALF: usize>(self) -> Self;

    /// `STEP` lanes of `self` and of `other` in turn, within each quarter: first those of its lower half, then of its
    /// upper half.
    fn interleaved<const STEP: usize>(self, other: Self) -> [Self; 2];

    /// The even quarters of `self` and then of `other`, and the odd ones.
    fn parted(self, other: Self) -> [Self; 2];

    /// The number in the first lane.
    fn first(self) -> Self::Item;

    /// The lanes as `f64`: the lower eight and the upper eight of 16; all of eight, twice.
    fn widen(self) -> [Self::Wide; 2];

    /// The inverse of [`widen`](Self::widen), rounded.
    fn narrow(wide: [Self::Wide; 2]) -> Self;

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
