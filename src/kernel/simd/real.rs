//! `Real`: the formats that have vectors, with the constants of their exponential.

use super::{Lanes, Portable, portable::Array};
use num_traits::Float;

#[cfg(all(target_arch = "x86_64", feature = "simd"))]
use super::{Avx2, Avx512, avx2, avx512};

/// A binary floating-point format with vectors on every level.
pub(crate) trait Real: Float + Default + Send + Sync + 'static {
    /// The vector without intrinsics.
    type Portable: Lanes<Item = Self, Level = Portable>;
    /// The vector of two AVX registers.
    #[cfg(all(target_arch = "x86_64", feature = "simd"))]
    type Avx2: Lanes<Item = Self, Level = Avx2>;
    /// The vector of one AVX-512 register.
    #[cfg(all(target_arch = "x86_64", feature = "simd"))]
    type Avx512: Lanes<Item = Self, Level = Avx512>;

    /// Numbers in 64 bytes.
    const LANES: usize;
    /// Whether the target multiplies and adds in one instruction, without any level.
    const FUSED: bool = cfg!(any(
        target_feature = "fma",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ));

    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// NaN.
    const NAN: Self;
    /// The logit of an entry without weight.
    const NOTHING: Self;
    /// log2 e.
    const LOG2_E: Self;
    /// ln 2, rounded; also in two parts, the first so short that its product with any exponent in use is exact.
    const LN_2: Self;
    /// The first part.
    const LN_2_HI: Self;
    /// The second part.
    const LN_2_LO: Self;
    /// `q` of `e^r = 1 + r + r² q(r)` on |r| ≤ ln 2 / 2: the coefficients of even powers, highest first.
    const EVEN: &'static [Self];
    /// Those of odd powers.
    const ODD: &'static [Self];
    /// 1.5 times 2 to the number of stored digits: a number added to this loses its fraction.
    const ROUND: Self;
    /// Bias of the exponent.
    const BIAS: i32;
    /// By how many powers of two the largest exponential of a row is raised above 1, so that nothing that matters
    /// underflows.
    const RAISE: i32;

    /// A small whole number.
    fn whole(n: i32) -> Self;

    /// The number whose bits are those of `i`, for lanes that are moved, not computed with.
    fn marked(i: u32) -> Self;

    /// The `i` of [`marked`](Self::marked).
    fn mark(self) -> u32;

    /// The same number in `f64`.
    fn wide(self) -> f64;

    /// The nearest number.
    fn of_wide(x: f64) -> Self;

    /// `2^(b - bias)`, `b` being the low bits of the number; 0 for b = 0.
    fn power(self) -> Self;

    /// `⌊log2 |x|⌋` of a normal number, something beyond the range for others.
    fn exponent(self) -> i32;
}

macro_rules! real {
    ($t:ident, $lanes:literal, $bits:ident, $stored:literal, $vector:ident, $($rest:tt)*) => {
        impl Real for $t {
            type Portable = Array<$t, $lanes>;
            #[cfg(all(target_arch = "x86_64", feature = "simd"))]
            type Avx2 = avx2::$vector;
            #[cfg(all(target_arch = "x86_64", feature = "simd"))]
            type Avx512 = avx512::$vector;

            const LANES: usize = $lanes;
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            const NAN: $t = $t::NAN;
            const NOTHING: $t = $t::NEG_INFINITY;
            const LOG2_E: $t = std::$t::consts::LOG2_E;
            const LN_2: $t = std::$t::consts::LN_2;
            const ROUND: $t = 1.5 * (1u64 << $stored) as $t;
            const BIAS: i32 = $t::MAX_EXP - 1;
            $($rest)*

            #[inline(always)]
            fn whole(n: i32) -> $t {
                n as $t
            }

            #[inline(always)]
            fn marked(i: u32) -> $t {
                $t::from_bits(i.into())
            }

            #[inline(always)]
            fn mark(self) -> u32 {
                self.to_bits() as u32
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn of_wide(x: f64) -> $t {
                x as $t
            }

            #[inline(always)]
            fn power(self) -> $t {
                $t::from_bits(self.to_bits() << $stored)
            }

            #[inline(always)]
            fn exponent(self) -> i32 {
                let all = (1 << ($bits::BITS - 1 - $stored)) - 1;
                (self.to_bits() >> $stored) as i32 % (all + 1) - Self::BIAS
            }
        }
    };
}

// The polynomials are minimax fits by Lawson's method: the error of e^r is 2^-28.2 and 2^-57.9.
real! { f32, 16, u32, 23, F32x16,
    const LN_2_HI: f32 = 0.693_145_75;
    const LN_2_LO: f32 = 1.428_606_8e-6;
    const EVEN: &'static [f32] = &[0.001_395_080_8, 0.041_666_2, 0.5];
    const ODD: &'static [f32] = &[0.008_369_097, 0.166_665_17];
    const RAISE: i32 = 64;
}
real! { f64, 8, u64, 52, F64x8,
    const LN_2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LO: f64 = 1.908_214_929_270_587_7e-10;
    const EVEN: &'static [f64] = &[
        2.763_175_636_038_74e-7, 2.480_148_866_006_523_7e-5, 0.001_388_888_894_820_219_7,
        0.041_666_666_666_511_09, 0.500_000_000_000_001_3,
    ];
    const ODD: &'static [f64] = &[
        2.511_633_092_455_736e-8, 2.755_722_144_581_862e-6, 0.000_198_412_699_111_769_23,
        0.008_333_333_333_310_35, 0.166_666_666_666_666_93,
    ];
    const RAISE: i32 = 512;
}
