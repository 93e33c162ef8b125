//! The level of AVX-512: a vector is one register, and parts of it are masked.
#![allow(unsafe_code)]

use super::{Avx512, Lanes, Real, Step, Task};
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Runs `task` compiled for this level.
pub(super) fn enter<T: Real>(level: Avx512, task: impl Task<T>) {
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    fn inside<T: Real>(level: Avx512, task: impl Task<T>) {
        task.run::<T::Avx512>(level);
    }
    // SAFETY: needs the instructions of this level: whoever made `level` has checked for them.
    unsafe { inside(level, task) }
}

/// Runs `step` compiled for this level, as a function of its own.
///
/// Two functions, since the compiler forgets that one with a level's instructions is not to be inlined into another of
/// that level.
#[inline(never)]
fn apart(_: Avx512, step: impl Step<Output = ()>) {
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    fn inside(step: impl Step<Output = ()>) {
        step.run();
    }
    // SAFETY: needs the instructions of this level: whoever made the level has checked for them.
    unsafe { inside(step) }
}

macro_rules! vector {
    ($name:ident, $t:ty, $register:ty, $mask:ty, $set:ident, $load:ident, $part:ident, $store:ident, $stream:ident,
     $store_part:ident, $fma:ident, $max:ident, $min:ident, $compare:ident, $blend:ident, $xor:ident, $shift:ident, $stored:literal,
     $to:ident, $from:ident, $first:ident, $widen:ident, $narrow:ident, $interleave:ident, $part_quarters:ident;
     $($half:literal, $swap:ident, $control:literal;)* $($trait:ident, $method:ident, $op:ident;)*) => {
        /// One register. A value exists only where a proof of the level was shown.
        #[derive(Clone, Copy)]
        pub(crate) struct $name($register);

        $(impl $trait for $name {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe { $op(self.0, other.0) })
            }
        })*

        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                // SAFETY: needs AVX-512 DQ; a value of this type exists, so the level was proved.
                Self(unsafe { $xor(self.0, $set(-0.0)) })
            }
        }

        impl Lanes for $name {
            type Item = $t;
            type Level = Avx512;
            type Wide = F64x8;

            const REGISTERS: usize = 1;

            const FUSED: bool = true;

            #[inline(always)]
            fn apart(level: Avx512, step: impl Step<Output = ()>) {
                apart(level, step);
            }

            #[inline(always)]
            fn splat(_: Avx512, x: $t) -> Self {
                // SAFETY: needs AVX-512 F, proved by the level.
                Self(unsafe { $set(x) })
            }

            #[inline(always)]
            fn load(_: Avx512, x: &[$t]) -> Self {
                let x = &x[..Self::COUNT];
                // SAFETY: needs AVX-512 F, proved by the level, and `COUNT` numbers at the pointer, as the slice has.
                Self(unsafe { $load(x.as_ptr()) })
            }

            #[inline(always)]
            fn load_part(_: Avx512, x: &[$t], fill: $t) -> Self {
                assert!(x.len() < Self::COUNT, "the part of a vector is shorter than one");
                let mask = ((1u32 << x.len()) - 1) as $mask;
                // SAFETY: needs AVX-512 F, proved by the level; lanes beyond the slice are masked and not read.
                Self(unsafe { $part($set(fill), mask, x.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, y: &mut [$t]) {
                let y = &mut y[..Self::COUNT];
                // SAFETY: needs AVX-512 F, proved by the value, and room for `COUNT` numbers, which the slice has.
                unsafe { $store(y.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            fn store_part(self, y: &mut [$t]) {
                assert!(y.len() < Self::COUNT, "the part of a vector is shorter than one");
                let mask = ((1u32 << y.len()) - 1) as $mask;
                // SAFETY: needs AVX-512 F, proved by the value; lanes beyond the slice are masked and not written.
                unsafe { $store_part(y.as_mut_ptr(), mask, self.0) }
            }

            // SAFETY: requires of the caller what the trait says, a fence before anybody accesses `y` again.
            #[inline(always)]
            unsafe fn stream(self, y: &mut [$t]) {
                let y = &mut y[..Self::COUNT];
                if !y.as_ptr().addr().is_multiple_of(64) {
                    return self.store(y);
                }
                // SAFETY: needs AVX-512 F, proved by the value; room for `COUNT` numbers, which the slice has; and a
                // place that begins a cache line, checked above. That a fence follows, the caller has promised.
                unsafe { $stream(y.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            fn drain(_: Avx512) {
                // SAFETY: needs SSE, which the target has.
                unsafe { _mm_sfence() }
            }

            #[inline(always)]
            fn fetch<const FIRST: bool>(_: Avx512, x: &[$t], at: usize) {
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
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe { $fma(self.0, a.0, b.0) })
            }

            #[inline(always)]
            fn fused(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe { $max(self.0, other.0) })
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe { $min(self.0, other.0) })
            }

            #[inline(always)]
            fn power(self) -> Self {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe { $from($shift::<$stored>($to(self.0))) })
            }

            #[inline(always)]
            fn less(self, other: Self) -> u32 {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                u32::from(unsafe { $compare::<_CMP_LT_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn equal(self, other: Self) -> u32 {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                u32::from(unsafe { $compare::<_CMP_EQ_OQ>(self.0, other.0) })
            }

            #[inline(always)]
            fn swapped<const HALF: usize>(self) -> Self {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe {
                    match HALF {
                        $($half => $swap::<$control>(self.0, self.0),)*
                        _ => unreachable!("half is a power of two below the number of lanes"),
                    }
                })
            }

            #[inline(always)]
            fn interleaved<const STEP: usize>(self, other: Self) -> [Self; 2] {
                $interleave::<STEP>(self, other)
            }

            #[inline(always)]
            fn parted(self, other: Self) -> [Self; 2] {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                unsafe {
                    [
                        Self($part_quarters::<0b10_00_10_00>(self.0, other.0)),
                        Self($part_quarters::<0b11_01_11_01>(self.0, other.0)),
                    ]
                }
            }

            #[inline(always)]
            fn first(self) -> $t {
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                unsafe { $first(self.0) }
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
                // SAFETY: needs AVX-512 F; a value of this type exists, so the level was proved.
                Self(unsafe { $blend(set as $mask, no.0, yes.0) })
            }
        }
    };
}

vector! { F32x16, f32, __m512, __mmask16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_mask_loadu_ps, _mm512_storeu_ps,
    _mm512_stream_ps, _mm512_mask_storeu_ps, _mm512_fmadd_ps, _mm512_max_ps, _mm512_min_ps, _mm512_cmp_ps_mask, _mm512_mask_blend_ps, _mm512_xor_ps,
    _mm512_slli_epi32, 23, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtss_f32,
    double, single, interleave_single, _mm512_shuffle_f32x4;
    8, _mm512_shuffle_f32x4, 0b01_00_11_10; 4, _mm512_shuffle_f32x4, 0b10_11_00_01;
    2, _mm512_shuffle_ps, 0b01_00_11_10; 1, _mm512_shuffle_ps, 0b10_11_00_01;
    Add, add, _mm512_add_ps; Sub, sub, _mm512_sub_ps; Mul, mul, _mm512_mul_ps; Div, div, _mm512_div_ps;
}
vector! { F64x8, f64, __m512d, __mmask8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_mask_loadu_pd, _mm512_storeu_pd,
    _mm512_stream_pd, _mm512_mask_storeu_pd, _mm512_fmadd_pd, _mm512_max_pd, _mm512_min_pd, _mm512_cmp_pd_mask, _mm512_mask_blend_pd, _mm512_xor_pd,
    _mm512_slli_epi64, 52, _mm512_castpd_si512, _mm512_castsi512_pd, _mm512_cvtsd_f64,
    twice, once, interleave_double, _mm512_shuffle_f64x2;
    4, _mm512_shuffle_f64x2, 0b01_00_11_10; 2, _mm512_shuffle_f64x2, 0b10_11_00_01;
    1, _mm512_shuffle_pd, 0b0101_0101;
    Add, add, _mm512_add_pd; Sub, sub, _mm512_sub_pd; Mul, mul, _mm512_mul_pd; Div, div, _mm512_div_pd;
}

#[inline(always)]
fn double(x: F32x16) -> [F64x8; 2] {
    // SAFETY: needs AVX-512 F and DQ; a value exists, so the level was proved.
    unsafe {
        let (low, high) = (
            _mm512_castps512_ps256(x.0),
            _mm512_extractf32x8_ps::<1>(x.0),
        );
        [F64x8(_mm512_cvtps_pd(low)), F64x8(_mm512_cvtps_pd(high))]
    }
}

#[inline(always)]
fn single(wide: [F64x8; 2]) -> F32x16 {
    // SAFETY: needs AVX-512 F and DQ; values exist, so the level was proved.
    F32x16(unsafe {
        let (low, high) = (_mm512_cvtpd_ps(wide[0].0), _mm512_cvtpd_ps(wide[1].0));
        _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
    })
}

#[inline(always)]
fn twice(x: F64x8) -> [F64x8; 2] {
    [x; 2]
}

#[inline(always)]
fn once([x, _]: [F64x8; 2]) -> F64x8 {
    x
}

#[inline(always)]
fn interleave_single<const STEP: usize>(F32x16(a): F32x16, F32x16(b): F32x16) -> [F32x16; 2] {
    // SAFETY: needs AVX-512 F; values exist, so the level was proved.
    unsafe {
        if STEP == 1 {
            return [
                F32x16(_mm512_unpacklo_ps(a, b)),
                F32x16(_mm512_unpackhi_ps(a, b)),
            ];
        }
        let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
        let (low, high) = (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
        [
            F32x16(_mm512_castpd_ps(low)),
            F32x16(_mm512_castpd_ps(high)),
        ]
    }
}

#[inline(always)]
fn interleave_double<const STEP: usize>(F64x8(a): F64x8, F64x8(b): F64x8) -> [F64x8; 2] {
    // SAFETY: needs AVX-512 F; values exist, so the level was proved.
    unsafe {
        [
            F64x8(_mm512_unpacklo_pd(a, b)),
            F64x8(_mm512_unpackhi_pd(a, b)),
        ]
    }
}
