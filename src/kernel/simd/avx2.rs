//! The level of AVX2 with FMA: a vector is a pair of registers.
#![allow(unsafe_code)]

use super::{Avx2, Lanes, Real, Step, Task};
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Runs `task` compiled for this level.
pub(super) fn enter<T: Real>(level: Avx2, task: impl Task<T>) {
    #[target_feature(enable = "avx2,fma")]
    fn inside<T: Real>(level: Avx2, task: impl Task<T>) {
        task.run::<T::Avx2>(level);
    }
    // SAFETY: needs the instructions of this level: whoever made `level` has checked for them.
    unsafe { inside(level, task) }
}

/// Ones in the lanes that are read or written: the window of a register's length that starts at `HALF - n` has `n` of
/// them.
static WINDOW_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static WINDOW_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

/// The bit of each lane of a register in a set.
static BITS_32: [i32; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
static BITS_64: [i64; 4] = [1, 2, 4, 8];

/// Runs `step` compiled for this level, as a function of its own.
///
/// Two functions, since the compiler forgets that one with a level's instructions is not to be inlined into another of
/// that level.
#[inline(never)]
fn apart(_: Avx2, step: impl Step<Output = ()>) {
    #[target_feature(enable = "avx2,fma")]
    fn inside(step: impl Step<Output = ()>) {
        step.run();
    }
    // SAFETY: needs the instructions of this level: whoever made the level has checked for them.
    unsafe { inside(step) }
}

macro_rules! vector {
    ($name:ident, $t:ty, $register:ty, $half:literal, $window:ident, $bit:ty, $set:ident, $load:ident, $part:ident,
     $store:ident, $stream:ident, $store_part:ident, $fma:ident, $max:ident, $min:ident, $compare:ident,
     $movemask:ident, $blend:ident, $xor:ident, $shift:ident, $stored:literal, $to:ident, $from:ident, $bits:ident, $set_bits:ident, $and:ident, $same:ident,
     $first_lane:ident, $widen:ident, $narrow:ident, $interleave:ident, $part_quarters:ident;
     $($within:literal, $swap:ident, $control:literal;)* $($trait:ident, $method:ident, $op:ident;)*) => {
        /// Two registers. A value exists only where a proof of the level was shown.
        #[derive(Clone, Copy)]
        pub(crate) struct $name([$register; 2]);

        $(impl $trait for $name {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                Self(unsafe { [$op(self.0[0], other.0[0]), $op(self.0[1], other.0[1])] })
            }
        })*

        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                Self(unsafe { [$xor(self.0[0], $set(-0.0)), $xor(self.0[1], $set(-0.0))] })
            }
        }

        impl $name {
            /// The masks of the first `n` lanes.
            #[inline(always)]
            fn first(_: Avx2, n: usize) -> [__m256i; 2] {
                let low = &$window[$half - n.min($half)..][..$half];
                let high = &$window[$half - n.saturating_sub($half)..][..$half];
                // SAFETY: needs AVX, proved by the level, and 32 bytes, which each window has.
                unsafe {
                    [
                        _mm256_loadu_si256(low.as_ptr().cast()),
                        _mm256_loadu_si256(high.as_ptr().cast()),
                    ]
                }
            }
        }

        impl Lanes for $name {
            type Item = $t;
            type Level = Avx2;
            type Wide = F64x8;

            const REGISTERS: usize = 2;

            const FUSED: bool = true;

            #[inline(always)]
            fn apart(level: Avx2, step: impl Step<Output = ()>) {
                apart(level, step);
            }

            #[inline(always)]
            fn splat(_: Avx2, x: $t) -> Self {
                // SAFETY: needs AVX, proved by the level.
                Self(unsafe { [$set(x); 2] })
            }

            #[inline(always)]
            fn load(_: Avx2, x: &[$t]) -> Self {
                let (a, b) = x[..Self::COUNT].split_at($half);
                // SAFETY: needs AVX, proved by the level, and half of `COUNT` numbers at each pointer, as the slices
                // have.
                Self(unsafe { [$load(a.as_ptr()), $load(b.as_ptr())] })
            }

            #[inline(always)]
            fn load_part(level: Avx2, x: &[$t], fill: $t) -> Self {
                assert!(x.len() < Self::COUNT, "the part of a vector is shorter than one");
                let (masks, at) = (Self::first(level, x.len()), x.as_ptr());
                let next = at.wrapping_add($half);
                // SAFETY: needs AVX, proved by the level; lanes beyond the slice are masked and not read.
                Self(unsafe {
                    let fill = $set(fill);
                    [
                        $blend(fill, $part(at, masks[0]), $from(masks[0])),
                        $blend(fill, $part(next, masks[1]), $from(masks[1])),
                    ]
                })
            }

            #[inline(always)]
            fn store(self, y: &mut [$t]) {
                let (a, b) = y[..Self::COUNT].split_at_mut($half);
                // SAFETY: needs AVX, proved by the value, and room for half of `COUNT` numbers, which each slice has.
                unsafe {
                    $store(a.as_mut_ptr(), self.0[0]);
                    $store(b.as_mut_ptr(), self.0[1]);
                }
            }

            #[inline(always)]
            fn store_part(self, y: &mut [$t]) {
                assert!(y.len() < Self::COUNT, "the part of a vector is shorter than one");
                let (masks, at) = (Self::first(Avx2(()), y.len()), y.as_mut_ptr());
                // SAFETY: needs AVX, proved by the value; lanes beyond the slice are masked and not written.
                unsafe {
                    $store_part(at, masks[0], self.0[0]);
                    $store_part(at.wrapping_add($half), masks[1], self.0[1]);
                }
            }

            // SAFETY: requires of the caller what the trait says, a fence before anybody accesses `y` again.
            #[inline(always)]
            unsafe fn stream(self, y: &mut [$t]) {
                let y = &mut y[..Self::COUNT];
                if !y.as_ptr().addr().is_multiple_of(64) {
                    return self.store(y);
                }
                let at = y.as_mut_ptr();
                // SAFETY: needs AVX, proved by the value; room for `COUNT` numbers, which the slice has; and a place
                // that begins a cache line, checked above. That a fence follows, the caller has promised.
                unsafe {
                    $stream(at, self.0[0]);
                    $stream(at.add($half), self.0[1]);
                }
            }

            #[inline(always)]
            fn drain(_: Avx2) {
                // SAFETY: needs SSE, which the target has.
                unsafe { _mm_sfence() }
            }

            #[inline(always)]
            fn fetch<const FIRST: bool>(_: Avx2, x: &[$t], at: usize) {
                let place = x.as_ptr().wrapping_add(at).cast();
                // SAFETY: needs SSE, which the target has; a prefetch reads nothing, so any address will do.
                unsafe {
                    if FIRST {
                        _mm_prefetch::<_MM_HINT_T0>(place);
                    } else {
                        _mm_prefetch::<_MM_HINT_T1>(place);
                    }
                }
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                // SAFETY: needs FMA; a value of this type exists, so the level was proved.
                Self(unsafe {
                    [$fma(self.0[0], a.0[0], b.0[0]), $fma(self.0[1], a.0[1], b.0[1])]
                })
            }

            #[inline(always)]
            fn fused(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                Self(unsafe { [$max(self.0[0], other.0[0]), $max(self.0[1], other.0[1])] })
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                Self(unsafe { [$min(self.0[0], other.0[0]), $min(self.0[1], other.0[1])] })
            }

            #[inline(always)]
            fn power(self) -> Self {
                // SAFETY: needs AVX2; a value of this type exists, so the level was proved.
                Self(unsafe {
                    [
                        $from($shift::<$stored>($to(self.0[0]))),
                        $from($shift::<$stored>($to(self.0[1]))),
                    ]
                })
            }

            #[inline(always)]
            fn less(self, other: Self) -> u32 {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                let [low, high] = unsafe {
                    [
                        $movemask($compare::<_CMP_LT_OQ>(self.0[0], other.0[0])),
                        $movemask($compare::<_CMP_LT_OQ>(self.0[1], other.0[1])),
                    ]
                };
                low as u32 | (high as u32) << $half
            }

            #[inline(always)]
            fn where_less(self, other: Self, yes: Self, no: Self) -> Self {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                Self(unsafe {
                    [
                        $blend(no.0[0], yes.0[0], $compare::<_CMP_LT_OQ>(self.0[0], other.0[0])),
                        $blend(no.0[1], yes.0[1], $compare::<_CMP_LT_OQ>(self.0[1], other.0[1])),
                    ]
                })
            }

            #[inline(always)]
            fn equal(self, other: Self) -> u32 {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                let [low, high] = unsafe {
                    [
                        $movemask($compare::<_CMP_EQ_OQ>(self.0[0], other.0[0])),
                        $movemask($compare::<_CMP_EQ_OQ>(self.0[1], other.0[1])),
                    ]
                };
                low as u32 | (high as u32) << $half
            }

            #[inline(always)]
            fn swapped<const HALF: usize>(self) -> Self {
                if HALF == $half {
                    return Self([self.0[1], self.0[0]]);
                }
                let [low, high] = self.0;
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                Self(unsafe {
                    match HALF {
                        $($within => [$swap::<$control>(low, low), $swap::<$control>(high, high)],)*
                        _ => unreachable!("half is a power of two below the number of lanes"),
                    }
                })
            }

            #[inline(always)]
            fn interleaved<const STEP: usize>(self, other: Self) -> [Self; 2] {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                let [first, second] = unsafe {
                    [
                        $interleave::<STEP>(self.0[0], other.0[0]),
                        $interleave::<STEP>(self.0[1], other.0[1]),
                    ]
                };
                [Self([first[0], second[0]]), Self([first[1], second[1]])]
            }

            #[inline(always)]
            fn parted(self, other: Self) -> [Self; 2] {
                let ([a, b], [c, d]) = (self.0, other.0);
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                unsafe {
                    [
                        Self([$part_quarters::<0x20>(a, b), $part_quarters::<0x20>(c, d)]),
                        Self([$part_quarters::<0x31>(a, b), $part_quarters::<0x31>(c, d)]),
                    ]
                }
            }

            #[inline(always)]
            fn first(self) -> $t {
                // SAFETY: needs AVX; a value of this type exists, so the level was proved.
                unsafe { $first_lane(self.0[0]) }
            }

            #[inline(always)]
            fn widen(self) -> [F64x8; 2] {
                $widen(self)
            }

            #[inline(always)]
            fn narrow(wide: [F64x8; 2]) -> Self {
                $narrow(wide)
            }

            #[inline(always)]
            fn select(set: u32, yes: Self, no: Self) -> Self {
                // SAFETY: needs AVX2; a value of this type exists, so the level was proved.
                Self(unsafe {
                    let bits = _mm256_loadu_si256($bits.as_ptr().cast());
                    let low = $set_bits(<$bit>::from(set as i32));
                    let high = $set_bits(<$bit>::from((set >> $half) as i32));
                    [
                        $blend(no.0[0], yes.0[0], $from($same($and(low, bits), bits))),
                        $blend(no.0[1], yes.0[1], $from($same($and(high, bits), bits))),
                    ]
                })
            }
        }
    };
}

vector! { F32x16, f32, __m256, 8, WINDOW_32, i32, _mm256_set1_ps, _mm256_loadu_ps, _mm256_maskload_ps, _mm256_storeu_ps,
    _mm256_stream_ps, _mm256_maskstore_ps, _mm256_fmadd_ps, _mm256_max_ps, _mm256_min_ps, _mm256_cmp_ps, _mm256_movemask_ps, _mm256_blendv_ps,
    _mm256_xor_ps, _mm256_slli_epi32, 23, _mm256_castps_si256, _mm256_castsi256_ps, BITS_32, _mm256_set1_epi32,
    _mm256_and_si256, _mm256_cmpeq_epi32, _mm256_cvtss_f32, double, single, interleave_single, _mm256_permute2f128_ps;
    4, _mm256_permute2f128_ps, 1; 2, _mm256_shuffle_ps, 0b01_00_11_10; 1, _mm256_shuffle_ps, 0b10_11_00_01;
    Add, add, _mm256_add_ps; Sub, sub, _mm256_sub_ps; Mul, mul, _mm256_mul_ps; Div, div, _mm256_div_ps;
}
vector! { F64x8, f64, __m256d, 4, WINDOW_64, i64, _mm256_set1_pd, _mm256_loadu_pd, _mm256_maskload_pd, _mm256_storeu_pd,
    _mm256_stream_pd, _mm256_maskstore_pd, _mm256_fmadd_pd, _mm256_max_pd, _mm256_min_pd, _mm256_cmp_pd, _mm256_movemask_pd, _mm256_blendv_pd,
    _mm256_xor_pd, _mm256_slli_epi64, 52, _mm256_castpd_si256, _mm256_castsi256_pd, BITS_64, _mm256_set1_epi64x,
    _mm256_and_si256, _mm256_cmpeq_epi64, _mm256_cvtsd_f64, twice, once, interleave_double, _mm256_permute2f128_pd;
    2, _mm256_permute2f128_pd, 1; 1, _mm256_shuffle_pd, 0b0101;
    Add, add, _mm256_add_pd; Sub, sub, _mm256_sub_pd; Mul, mul, _mm256_mul_pd; Div, div, _mm256_div_pd;
}

#[inline(always)]
fn double(x: F32x16) -> [F64x8; 2] {
    let [low, high] = x.0;
    [double_half(low), double_half(high)]
}

#[inline(always)]
fn double_half(x: __m256) -> F64x8 {
    // SAFETY: needs AVX; a register of `F32x16`, so the level was proved.
    unsafe {
        let (low, high) = (_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        F64x8([_mm256_cvtps_pd(low), _mm256_cvtps_pd(high)])
    }
}

#[inline(always)]
fn single([low, high]: [F64x8; 2]) -> F32x16 {
    F32x16([single_half(low), single_half(high)])
}

#[inline(always)]
fn single_half(F64x8([low, high]): F64x8) -> __m256 {
    // SAFETY: needs AVX; a value exists, so the level was proved.
    unsafe { _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)) }
}

#[inline(always)]
fn twice(x: F64x8) -> [F64x8; 2] {
    [x; 2]
}

#[inline(always)]
fn once([x, _]: [F64x8; 2]) -> F64x8 {
    x
}

/// [`Lanes::interleaved`] of single registers.
#[target_feature(enable = "avx")]
#[inline]
fn interleave_single<const STEP: usize>(a: __m256, b: __m256) -> [__m256; 2] {
    if STEP == 1 {
        return [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)];
    }
    let (a, b) = (_mm256_castps_pd(a), _mm256_castps_pd(b));
    let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
    [_mm256_castpd_ps(low), _mm256_castpd_ps(high)]
}

/// The same for `f64`, where `STEP` is 1.
#[target_feature(enable = "avx")]
#[inline]
fn interleave_double<const STEP: usize>(a: __m256d, b: __m256d) -> [__m256d; 2] {
    [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)]
}
