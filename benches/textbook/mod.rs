//! The textbook's softmax, as fast as possible: `e^(x - max) / Σ` with our polynomial and none of the cures, for rows
//! of a multiple of four vectors, to measure what the cures cost.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use wengert::Level;

/// Forward and pullback of rows of 1024.
pub type Kernels<T> = (fn(&[T], &mut [T]), fn(&[T], &[T], &mut [T]));

/// Number types that have such kernels.
pub trait Textbook: Sized {
    /// The kernels of a level, if it has any.
    fn kernels(level: Level) -> Option<Kernels<Self>>;
}

const N: usize = 1024;

macro_rules! textbook {
    ($module:ident, $t:ident, $features:literal, $lanes:literal, $set:ident, $load:ident, $store:ident, $max:ident,
     $add:ident, $sub:ident, $mul:ident, $fma:ident, $to:ident, $from:ident, $shift:ident, $stored:literal, $low:expr,
     $high:expr, $lower:expr, [$first:expr, $($c:expr),*]) => {
        mod $module {
            use super::*;

            pub fn softmax(x: &[$t], y: &mut [$t]) {
                // SAFETY: needs the level's instructions: `kernels` names this for levels that the machine has.
                unsafe { rows(x, y) }
            }

            pub fn vjp(y: &[$t], g: &[$t], gx: &mut [$t]) {
                // SAFETY: needs the level's instructions: `kernels` names this for levels that the machine has.
                unsafe { pull(y, g, gx) }
            }

            fn all(lanes: [[$t; $lanes]; 4], f: impl Fn($t, $t) -> $t) -> $t {
                lanes.into_iter().flatten().reduce(f).unwrap()
            }

            #[target_feature(enable = $features)]
            fn rows(x: &[$t], y: &mut [$t]) {
                let round = $set(1.5 * (1u64 << $stored) as $t + ($t::MAX_EXP - 1) as $t);
                for (x, y) in x.chunks_exact(N).zip(y.chunks_exact_mut(N)) {
                    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
                    let mut lanes = [[0 as $t; $lanes]; 4];
                    // SAFETY: needs places within the rows, which hold N numbers, a multiple of four vectors.
                    unsafe {
                        let mut m = [$set($t::NEG_INFINITY); 4];
                        for i in (0..N).step_by(4 * $lanes) {
                            for k in 0..4 {
                                m[k] = $max($load(x.add(i + k * $lanes)), m[k]);
                            }
                        }
                        for k in 0..4 {
                            $store(lanes[k].as_mut_ptr(), m[k]);
                        }
                        let m = $set(all(lanes, $t::max));
                        let mut s = [$set(0.0); 4];
                        for i in (0..N).step_by(4 * $lanes) {
                            for k in 0..4 {
                                let v = $sub($load(x.add(i + k * $lanes)), m);
                                let v = $max($set($low), v);
                                let t = $fma(v, $set(std::$t::consts::LOG2_E), round);
                                let n = $sub(t, round);
                                let r = $fma(n, $set(-$lower), $fma(n, $set(-$high), v));
                                let q = $set($first);
                                $(let q = $fma(q, r, $set($c));)*
                                let p = $add($set(1.0), $fma($mul(r, r), q, r));
                                let e = $mul(p, $from($shift::<$stored>($to(t))));
                                $store(y.add(i + k * $lanes), e);
                                s[k] = $add(s[k], e);
                            }
                        }
                        for k in 0..4 {
                            $store(lanes[k].as_mut_ptr(), s[k]);
                        }
                        let per = $set(1.0 / all(lanes, |a, b| a + b));
                        for i in (0..N).step_by($lanes) {
                            $store(y.add(i), $mul($load(y.add(i)), per));
                        }
                    }
                }
            }

            #[target_feature(enable = $features)]
            fn pull(y: &[$t], g: &[$t], gx: &mut [$t]) {
                let rows = y.chunks_exact(N).zip(g.chunks_exact(N));
                for ((y, g), gx) in rows.zip(gx.chunks_exact_mut(N)) {
                    let (y, g, gx) = (y.as_ptr(), g.as_ptr(), gx.as_mut_ptr());
                    let mut lanes = [[0 as $t; $lanes]; 4];
                    // SAFETY: needs places within the rows, which hold N numbers, a multiple of four vectors.
                    unsafe {
                        let mut s = [$set(0.0); 4];
                        for i in (0..N).step_by(4 * $lanes) {
                            for k in 0..4 {
                                let at = i + k * $lanes;
                                s[k] = $fma($load(y.add(at)), $load(g.add(at)), s[k]);
                            }
                        }
                        for k in 0..4 {
                            $store(lanes[k].as_mut_ptr(), s[k]);
                        }
                        let s = $set(all(lanes, |a, b| a + b));
                        for i in (0..N).step_by($lanes) {
                            $store(gx.add(i), $mul($load(y.add(i)), $sub($load(g.add(i)), s)));
                        }
                    }
                }
            }
        }
    };
}

textbook! { wide_f32, f32, "avx512f,avx512dq", 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_max_ps,
_mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_fmadd_ps, _mm512_castps_si512, _mm512_castsi512_ps,
_mm512_slli_epi32, 23, -88.0, 0.693_145_75, 1.428_606_8e-6,
[0.001_395_080_8, 0.008_369_097, 0.041_666_2, 0.166_665_17, 0.5] }
textbook! { wide_f64, f64, "avx512f,avx512dq", 8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_max_pd,
_mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd, _mm512_fmadd_pd, _mm512_castpd_si512, _mm512_castsi512_pd,
_mm512_slli_epi64, 52, -709.0, 6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10,
[2.511_633_092_455_736e-8, 2.763_175_636_038_74e-7, 2.755_722_144_581_862e-6, 2.480_148_866_006_523_7e-5,
 0.000_198_412_699_111_769_23, 0.001_388_888_894_820_219_7, 0.008_333_333_333_310_35, 0.041_666_666_666_511_09,
 0.166_666_666_666_666_94, 0.500_000_000_000_001_3] }
textbook! { half_f32, f32, "avx2,fma", 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_max_ps,
_mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_fmadd_ps, _mm256_castps_si256, _mm256_castsi256_ps,
_mm256_slli_epi32, 23, -88.0, 0.693_145_75, 1.428_606_8e-6,
[0.001_395_080_8, 0.008_369_097, 0.041_666_2, 0.166_665_17, 0.5] }
textbook! { half_f64, f64, "avx2,fma", 4, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_max_pd,
_mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd, _mm256_fmadd_pd, _mm256_castpd_si256, _mm256_castsi256_pd,
_mm256_slli_epi64, 52, -709.0, 6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10,
[2.511_633_092_455_736e-8, 2.763_175_636_038_74e-7, 2.755_722_144_581_862e-6, 2.480_148_866_006_523_7e-5,
 0.000_198_412_699_111_769_23, 0.001_388_888_894_820_219_7, 0.008_333_333_333_310_35, 0.041_666_666_666_511_09,
 0.166_666_666_666_666_94, 0.500_000_000_000_001_3] }

macro_rules! choice {
    ($t:ident, $wide:ident, $half:ident) => {
        impl Textbook for $t {
            fn kernels(level: Level) -> Option<Kernels<$t>> {
                match level {
                    Level::Avx512 => Some(($wide::softmax, $wide::vjp)),
                    Level::Avx2 => Some(($half::softmax, $half::vjp)),
                    _ => None,
                }
            }
        }
    };
}

choice!(f32, wide_f32, half_f32);
choice!(f64, wide_f64, half_f64);
