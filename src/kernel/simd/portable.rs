//! The level without intrinsics: arrays, which the compiler may turn into what the target has.
#![allow(unsafe_code)]

use super::{Lanes, Portable, Real, Step};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A vector in memory.
#[derive(Clone, Copy)]
pub(crate) struct Array<T, const N: usize>([T; N]);

impl<T: Real, const N: usize> Array<T, N> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut out = self;
        // A plain counting loop is the least work for the compiler, and is vectorized.
        for i in 0..N {
            out.0[i] = f(self.0[i], other.0[i]);
        }
        out
    }

    #[inline(always)]
    fn fused_here(self, a: Self, b: Self) -> Self {
        let mut out = self;
        for i in 0..N {
            out.0[i] = self.0[i].mul_add(a.0[i], b.0[i]);
        }
        out
    }

    /// Where every lane is a call, nothing is gained by inlining.
    #[inline(never)]
    fn fused_apart(self, a: Self, b: Self) -> Self {
        self.fused_here(a, b)
    }

    #[inline(always)]
    fn set(self, other: Self, f: impl Fn(T, T) -> bool) -> u32 {
        let mut set = 0;
        for i in 0..N {
            set |= u32::from(f(self.0[i], other.0[i])) << i;
        }
        set
    }
}

macro_rules! operator {
    ($($trait:ident, $method:ident;)*) => {$(
        impl<T: Real, const N: usize> $trait for Array<T, N> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, T::$method)
            }
        }
    )*};
}

operator! { Add, add; Sub, sub; Mul, mul; Div, div; }

impl<T: Real, const N: usize> Neg for Array<T, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.zip(self, |a, _| -a)
    }
}

// What is rare in a line, or one call per lane, is not inlined: it would be most of the compiler's work.
impl<T: Real, const N: usize> Lanes for Array<T, N> {
    type Item = T;
    type Level = Portable;
    type Wide = Array<f64, 8>;

    const REGISTERS: usize = 4;

    const FUSED: bool = T::FUSED;

    #[inline(never)]
    fn apart(_: Portable, step: impl Step<Output = ()>) {
        step.run();
    }

    #[inline(never)]
    fn step<S: Step>(step: S) -> S::Output {
        step.run()
    }

    #[inline(always)]
    fn splat(_: Portable, x: T) -> Self {
        Self([x; N])
    }

    #[inline(always)]
    fn load(_: Portable, x: &[T]) -> Self {
        let mut lanes = [T::zero(); N];
        lanes.copy_from_slice(&x[..N]);
        Self(lanes)
    }

    #[inline(never)]
    fn load_part(_: Portable, x: &[T], fill: T) -> Self {
        let mut lanes = [fill; N];
        lanes[..x.len()].copy_from_slice(x);
        Self(lanes)
    }

    #[inline(always)]
    fn store(self, y: &mut [T]) {
        y[..N].copy_from_slice(&self.0);
    }

    #[inline(never)]
    fn store_part(self, y: &mut [T]) {
        y.copy_from_slice(&self.0[..y.len()]);
    }

    // SAFETY: requires nothing of the caller, since it is an ordinary store.
    #[inline(always)]
    unsafe fn stream(self, y: &mut [T]) {
        self.store(y);
    }

    #[inline(always)]
    fn drain(_: Portable) {}

    #[inline(always)]
    fn fetch<const FIRST: bool>(_: Portable, _: &[T], _: usize) {}

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        if T::FUSED {
            self.fused_here(a, b)
        } else {
            self * a + b
        }
    }

    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        if T::FUSED {
            self.fused_here(a, b)
        } else {
            self.fused_apart(a, b)
        }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn power(self) -> Self {
        self.zip(self, |a, _| a.power())
    }

    #[inline(always)]
    fn less(self, other: Self) -> u32 {
        self.set(other, |a, b| a < b)
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u32 {
        self.set(other, |a, b| a == b)
    }

    #[inline(never)]
    fn swapped<const HALF: usize>(self) -> Self {
        let mut out = self;
        for i in 0..N {
            out.0[i] = self.0[i ^ HALF];
        }
        out
    }

    #[inline(never)]
    fn interleaved<const STEP: usize>(self, other: Self) -> [Self; 2] {
        [0, N / 8].map(|half| {
            let mut out = self;
            for i in 0..N {
                let (quarter, block) = (i / (N / 4) * (N / 4), i % (N / 4) / STEP);
                let from = [&self, &other][block % 2];
                out.0[i] = from.0[quarter + half + block / 2 * STEP + i % STEP];
            }
            out
        })
    }

    #[inline(never)]
    fn parted(self, other: Self) -> [Self; 2] {
        [0, 1].map(|odd| {
            let mut out = self;
            for i in 0..N {
                let (quarter, lane) = (i / (N / 4), i % (N / 4));
                let from = [&self, &other][quarter / 2];
                out.0[i] = from.0[(quarter % 2 * 2 + odd) * (N / 4) + lane];
            }
            out
        })
    }

    #[inline(always)]
    fn first(self) -> T {
        self.0[0]
    }

    #[inline(always)]
    fn widen(self) -> [Array<f64, 8>; 2] {
        let half = |start: usize| {
            let mut wide = [0.0; 8];
            for (i, wide) in wide.iter_mut().enumerate() {
                *wide = self.0[start + i].wide();
            }
            Array(wide)
        };
        [half(0), half(N - 8)]
    }

    #[inline(never)]
    fn narrow([low, high]: [Array<f64, 8>; 2]) -> Self {
        let mut out = Self([T::ZERO; N]);
        for i in 0..8 {
            out.0[N - 8 + i] = T::of_wide(high.0[i]);
        }
        for i in 0..8 {
            out.0[i] = T::of_wide(low.0[i]);
        }
        out
    }

    // Without a set of lanes, from which the compiler makes no vector.
    #[inline(always)]
    fn where_less(self, other: Self, yes: Self, no: Self) -> Self {
        let mut out = no;
        for i in 0..N {
            out.0[i] = if self.0[i] < other.0[i] {
                yes.0[i]
            } else {
                no.0[i]
            };
        }
        out
    }

    #[inline(always)]
    fn select(set: u32, yes: Self, no: Self) -> Self {
        let mut out = no;
        for i in 0..N {
            if set >> i & 1 == 1 {
                out.0[i] = yes.0[i];
            }
        }
        out
    }
}
