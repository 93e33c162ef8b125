//! Numbers the functions are built from, to 106 bits and more.
//!
//! Here: mathematical constants, inverse factorials and the bits of 2/π. Not here: anything computed.
//!
//! Origin of every pair: mpmath at 500 digits, `hi` the nearest `f64` and `lo` the `f64` nearest to the rest.
//! Where the standard library names the same constant its value is `hi`, which states the digits once.

use std::f64::consts;

use super::Pair;

pub(super) const PI: Pair = Pair::new(consts::PI, 1.2246467991473532e-16); // π
pub(super) const TAU: Pair = Pair::new(consts::TAU, 2.4492935982947064e-16); // 2π
pub(super) const E: Pair = Pair::new(consts::E, 1.4456468917292502e-16); // e
pub(super) const LN_2: Pair = Pair::new(consts::LN_2, 2.3190468138462996e-17); // ln 2
pub(super) const LN_10: Pair = Pair::new(consts::LN_10, -2.1707562233822494e-16); // ln 10
pub(super) const LOG2_E: Pair = Pair::new(consts::LOG2_E, 2.0355273740931033e-17); // 1 / ln 2
pub(super) const LOG10_E: Pair = Pair::new(consts::LOG10_E, 1.098319650216765e-17); // 1 / ln 10
pub(super) const LOG10_2: Pair = Pair::new(consts::LOG10_2, -2.8037281277851704e-18); // ln 2 / ln 10
pub(super) const LOG2_10: Pair = Pair::new(consts::LOG2_10, 1.661617516973592e-16); // ln 10 / ln 2
pub(super) const SQRT_2: Pair = Pair::new(consts::SQRT_2, -9.667293313452913e-17); // √2
pub(super) const FRAC_1_SQRT_2: Pair = Pair::new(consts::FRAC_1_SQRT_2, -4.833646656726457e-17); // 1 / √2
pub(super) const FRAC_PI_2: Pair = Pair::new(consts::FRAC_PI_2, 6.123233995736766e-17); // π / 2
pub(super) const FRAC_PI_3: Pair = Pair::new(consts::FRAC_PI_3, -1.072081766451091e-16); // π / 3
pub(super) const FRAC_PI_4: Pair = Pair::new(consts::FRAC_PI_4, 3.061616997868383e-17); // π / 4
pub(super) const FRAC_PI_6: Pair = Pair::new(consts::FRAC_PI_6, -5.360408832255455e-17); // π / 6
pub(super) const FRAC_PI_8: Pair = Pair::new(consts::FRAC_PI_8, 1.5308084989341915e-17); // π / 8
pub(super) const FRAC_1_PI: Pair = Pair::new(consts::FRAC_1_PI, -1.9678676675182486e-17); // 1 / π
pub(super) const FRAC_2_PI: Pair = Pair::new(consts::FRAC_2_PI, -3.935735335036497e-17); // 2 / π
pub(super) const FRAC_2_SQRT_PI: Pair = Pair::new(consts::FRAC_2_SQRT_PI, 1.533545961316588e-17); // 2 / √π
pub(super) const FRAC_1_SQRT_PI: Pair = Pair::new(0.5641895835477563, 7.66772980658294e-18); // 1 / √π
pub(super) const FRAC_180_PI: Pair = Pair::new(57.29577951308232, -1.9878495670576283e-15); // 180 / π
pub(super) const FRAC_PI_180: Pair = Pair::new(0.017453292519943295, 2.9486522708701687e-19); // π / 180

/// ln 2 minus its `f64`: with the `f64` in front, 159 bits, so that x - k ln 2 is exact enough for k up to
/// 2^30.
pub(super) const LN_2_REST: Pair = Pair::new(2.3190468138462996e-17, 5.707708438416212e-34);

/// 1 / k! for k = 0..=30, the Taylor coefficients of exp, sin and cos.
pub(super) const INVERSE_FACTORIAL: [Pair; 31] = [
    Pair::new(1.0, 0.0),
    Pair::new(1.0, 0.0),
    Pair::new(0.5, 0.0),
    Pair::new(0.16666666666666666, 9.25185853854297e-18),
    Pair::new(0.041666666666666664, 2.3129646346357427e-18),
    Pair::new(0.008333333333333333, 1.1564823173178714e-19),
    Pair::new(0.001388888888888889, -5.300543954373577e-20),
    Pair::new(0.0001984126984126984, 1.7209558293420705e-22),
    Pair::new(2.48015873015873e-5, 2.1511947866775882e-23),
    Pair::new(2.7557319223985893e-6, -1.858393274046472e-22),
    Pair::new(2.755731922398589e-7, 2.3767714622250297e-23),
    Pair::new(2.505210838544172e-8, -1.448814070935912e-24),
    Pair::new(2.08767569878681e-9, -1.20734505911326e-25),
    Pair::new(1.6059043836821613e-10, 1.2585294588752098e-26),
    Pair::new(1.1470745597729725e-11, 2.0655512752830745e-28),
    Pair::new(7.647163731819816e-13, 7.03872877733453e-30),
    Pair::new(4.779477332387385e-14, 4.399205485834081e-31),
    Pair::new(2.8114572543455206e-15, 1.6508842730861433e-31),
    Pair::new(1.5619206968586225e-16, 1.1910679660273754e-32),
    Pair::new(8.22063524662433e-18, 2.2141894119604265e-34),
    Pair::new(4.110317623312165e-19, 1.4412973378659527e-36),
    Pair::new(1.9572941063391263e-20, -1.3643503830087908e-36),
    Pair::new(8.896791392450574e-22, -7.911402614872376e-38),
    Pair::new(3.868170170630684e-23, -8.843177655482344e-40),
    Pair::new(1.6117375710961184e-24, -3.6846573564509766e-41),
    Pair::new(6.446950284384474e-26, -1.9330404233703465e-42),
    Pair::new(2.4795962632247976e-27, -1.2953730964765229e-43),
    Pair::new(9.183689863795546e-29, 1.4303150396787322e-45),
    Pair::new(3.279889237069838e-30, 1.5117542744029879e-46),
    Pair::new(1.1309962886447716e-31, 1.0498015412959506e-47),
    Pair::new(3.7699876288159054e-33, 2.5870347832750324e-49),
];

/// The first 1344 bits of 2/π after the binary point: enough to reduce the largest `f64` to 265 bits.
pub(super) const TWO_OVER_PI: [u64; 21] = [
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
    0xf0cf_bc20_9af4_361d,
    0xa9e3_9161_5ee6_1b08,
];
