//! Half precision: what is stored, how it is rounded, and what is computed with it.

#[path = "support/family.rs"]
mod family;
#[path = "support/rows.rs"]
mod rows;

use std::collections::BTreeMap;

use family::{Op, Results, run};
use half::{bf16, f16};
use rows::{BF16, F16, F32, F64, Format, Record, read};
use wengert::{Dd, Elem, Storage, Tape, Tensor};

/// A 16-bit type and its layout.
trait Half: Storage<Work = f32> {
    const FORMAT: Format;
    const FRACTION: u32;
    fn of(bits: u16) -> Self;
    fn bits(self) -> u16;
}

impl Half for bf16 {
    const FORMAT: Format = BF16;
    const FRACTION: u32 = 7;
    fn of(bits: u16) -> Self {
        Self::from_bits(bits)
    }
    fn bits(self) -> u16 {
        self.to_bits()
    }
}

impl Half for f16 {
    const FORMAT: Format = F16;
    const FRACTION: u32 = 10;
    fn of(bits: u16) -> Self {
        Self::from_bits(bits)
    }
    fn bits(self) -> u16 {
        self.to_bits()
    }
}

/// Runs a generic test for both types.
macro_rules! for_both {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            generic::$name::<bf16>();
            generic::$name::<f16>();
        })*
    };
}

for_both! {
    every_pattern_widens_to_the_number_it_stands_for
    every_pattern_survives_the_way_to_f32_and_back
    every_tie_goes_to_the_even_pattern
    a_nan_stays_a_nan
    a_tensor_of_halves_is_indexed_printed_and_compared
    equal_logits_share_one_whole
    sums_accumulate_in_f32
    shapes_that_do_not_fit_are_refused_in_the_same_words
    values_and_gradients_are_rounded_once_from_f32
}

/// The number that a bit pattern stands for, from its fields.
fn number<S: Half>(bits: u16) -> f64 {
    let least = 2 - (1 << (14 - S::FRACTION)); // the exponent of the smallest normal number
    let fraction = f64::from(bits & ((1 << S::FRACTION) - 1)) / f64::from(1 << S::FRACTION);
    let field = i32::from((bits & 0x7fff) >> S::FRACTION);
    let size = match field {
        0 => fraction * 2f64.powi(least),
        f if f == (1 << (15 - S::FRACTION)) - 1 => match fraction {
            0.0 => f64::INFINITY,
            _ => f64::NAN,
        },
        _ => (1.0 + fraction) * 2f64.powi(field - 1 + least),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn narrowed<S: Half>(x: f32) -> u16 {
    Tensor::scalar(x).narrow::<S>().item().bits()
}

mod generic {
    use super::*;

    pub fn every_pattern_widens_to_the_number_it_stands_for<S: Half>() {
        let all: Tensor<S> = (0..=u16::MAX).map(S::of).collect();
        for (bits, &x) in (0..=u16::MAX).zip(all.widen().iter()) {
            let (x, exact) = (f64::from(x), number::<S>(bits));
            let same = x == exact && x.is_sign_negative() == exact.is_sign_negative();
            assert!(
                same || (x.is_nan() && exact.is_nan()),
                "{bits:#06x}: {x:e} and {exact:e}"
            );
        }
    }

    pub fn every_pattern_survives_the_way_to_f32_and_back<S: Half>() {
        let all: Tensor<S> = (0..=u16::MAX).map(S::of).collect();
        let back: Tensor<S> = all.widen().narrow();
        for (bits, back) in (0..=u16::MAX).zip(back.iter()) {
            // A signalling NaN becomes quiet, which sets the first bit of its fraction.
            let quiet = if number::<S>(bits).is_nan() {
                1 << (S::FRACTION - 1)
            } else {
                0
            };
            assert_eq!(back.bits(), bits | quiet, "{bits:#06x}");
        }
    }

    pub fn every_tie_goes_to_the_even_pattern<S: Half>() {
        let infinity = ((1 << (15 - S::FRACTION)) - 1) << S::FRACTION;
        for bits in 0..infinity {
            let (low, high) = (number::<S>(bits), number::<S>(bits + 1));
            // The step after the largest number is as long as the one before it.
            let step = match bits + 1 == infinity {
                true => low - number::<S>(bits - 1),
                false => high - low,
            };
            let tie = (low + step / 2.0) as f32;
            assert_eq!(f64::from(tie), low + step / 2.0, "f32 holds every tie");
            for (x, expected) in [
                (tie.next_down(), bits),
                (tie, bits + bits % 2),
                (tie.next_up(), bits + 1),
            ] {
                assert_eq!(narrowed::<S>(x), expected, "{x:e}");
                assert_eq!(narrowed::<S>(-x), expected | 0x8000, "-{x:e}");
            }
        }
        assert_eq!(narrowed::<S>(f32::MAX), infinity);
        assert_eq!(narrowed::<S>(f32::from_bits(1)), 0);
    }

    pub fn a_nan_stays_a_nan<S: Half>() {
        // Payloads in the last bits are cut off, but the pattern of infinity must not be left.
        for bits in [
            0x7f80_0001,
            0x7fc0_0000,
            0x7fff_ffff,
            0xff80_0001,
            0xffc0_0000,
        ] {
            assert!(
                number::<S>(narrowed::<S>(f32::from_bits(bits))).is_nan(),
                "{bits:#x}"
            );
        }
    }

    pub fn a_tensor_of_halves_is_indexed_printed_and_compared<S: Half>() {
        let store = |x: [f32; 2]| x.map(S::store);
        let mut x = Tensor::from([store([1.0, -0.5]), store([f32::INFINITY, 3.0])]);
        assert_eq!((x[[1, 1]].load(), x.shape().to_vec()), (3.0, vec![2, 2]));
        assert_eq!(x.to_string(), "[[   1, -0.5],\n [ inf,    3]]");
        assert_eq!(
            format!("{x:?}"),
            "Tensor { shape: [2, 2], data: [1.0, -0.5, inf, 3.0] }"
        );
        x[[1, 0]] = S::store(2.0);
        assert_eq!(
            x,
            Tensor::from([1.0f32, -0.5, 2.0, 3.0])
                .narrow()
                .reshaped([2, 2])
                .unwrap()
        );
        assert_ne!(x, Tensor::full([2, 2], S::store(1.0)));
    }

    pub fn equal_logits_share_one_whole<S: Half>() {
        for n in [4096, 3000, 1000, 257, 3] {
            let y = Tensor::full([n], S::store(2.5)).softmax(0);
            let sum: f64 = y.iter().map(|y| f64::from(y.load())).sum();
            let ulps = S::FORMAT.distance(sum, 1.0, 0.0, 0.0);
            assert!(ulps <= 0.5, "{n} logits: {sum}, {ulps} ulps");
        }
        let y = Tensor::full([4096], S::store(2.5)).softmax(0);
        assert_eq!(y, Tensor::full([4096], S::store(1.0 / 4096.0)));
        assert_eq!(y.sum().load(), 1.0);
    }

    pub fn sums_accumulate_in_f32<S: Half>() {
        // In half precision the sum would stop at 256 or 2048, where adding 1 changes nothing.
        let ones = Tensor::full([2, 4096], S::store(1.0));
        assert_eq!(ones.sum().load(), 8192.0);
        assert_eq!(ones.sum_axis(1), Tensor::full([2], S::store(4096.0)));
        assert_eq!(ones.mean_keep(1), Tensor::full([2, 1], S::store(1.0)));
        let columns = ones.reshaped([4096, 2]).unwrap();
        assert_eq!(
            ones.matmul(&columns),
            Tensor::full([2, 2], S::store(4096.0))
        );
        // Three times the largest number of f16 is infinite there; the mean is not.
        let large = Tensor::full([3], f16::MAX);
        assert_eq!((large.sum(), large.mean()), (f16::INFINITY, f16::MAX));
        // 1 + 1e4 - 1e4 is 0 in eight digits.
        let x: Tensor<S> = Tensor::from([1.0f32, 1e4, -1e4]).narrow();
        assert_eq!(x.sum().load(), 1.0);
    }

    pub fn shapes_that_do_not_fit_are_refused_in_the_same_words<S: Half>() {
        let x = Tensor::full([2, 3], S::store(1.0));
        let f = x.widen();
        let (softmax, matmul, sum) = (x.try_softmax(2), x.try_matmul(&x), x.try_sum_axis(5));
        assert_eq!(softmax.unwrap_err(), f.try_softmax(2).unwrap_err());
        assert_eq!(matmul.unwrap_err(), f.try_matmul(&f).unwrap_err());
        assert_eq!(sum.unwrap_err(), f.try_sum_axis(5).unwrap_err());
    }

    /// The rows of the golden file, rounded to half precision; the same op on double-doubles is exact.
    /// Half an ulp of the type is allowed, plus what f32 is allowed.
    pub fn values_and_gradients_are_rounded_once_from_f32<S: Half>() {
        let (mut worst, mut as_golden) = (BTreeMap::new(), 0);
        for r in read("softmax", "f32") {
            let (axis, id) = (r.axis(), r.id());
            let [x, g] = ["x", "g"].map(|key| r.tensor::<f32>(key).narrow::<S>());
            if g.iter().any(|g| g.load().is_infinite()) {
                continue; // g is beyond the type's range
            }
            let [wide_x, wide_g] = [&x, &g].map(|t| t.widen().map(Elem::widen));
            let softmax = run(&Op::Softmax(axis), &wide_x, &wide_g, &wide_g);
            let (log, lse) = (wide_x.log_softmax(axis), wide_x.logsumexp_axis(axis));
            as_golden += same_as_golden(&r, &x, &g, &softmax);
            let tape = Tape::<f32>::default();
            let leaf = tape.var(x.widen());
            let vjp = leaf.softmax(axis).vjp(g.widen()).wrt(leaf).narrow();
            let sizes = sizes(axis, &wide_x, &softmax.y, &wide_g);
            let tops = wide_x.max_axis(axis).map(Elem::primal);
            for (name, found, exact, ulps, sizes) in [
                ("softmax", x.softmax(axis), &softmax.y, 2.5, &[][..]),
                ("vjp", vjp, &softmax.vjp, 5.0, &sizes),
                ("log", x.log_softmax(axis), &log, 2.5, &[]),
                ("lse", x.logsumexp_axis(axis), &lse, 1.5, tops.data()),
            ] {
                for (k, (found, exact)) in found.iter().zip(exact.iter()).enumerate() {
                    let (found, exact) = (f64::from(found.load()), exact.primal());
                    if !exact.is_finite() {
                        // x is beyond the type's range, and infinite.
                        assert!(
                            found == exact || found.is_nan() && exact.is_nan(),
                            "{id}[{k}]"
                        );
                        continue;
                    }
                    let size = sizes
                        .get(k)
                        .map_or(exact.abs(), |size| size.abs().max(exact.abs()));
                    let of_f32 = ulps * F32.ulp(size) / S::FORMAT.ulp(exact);
                    let share = S::FORMAT.distance(found, exact, 0.0, 0.0) / (0.5 + of_f32);
                    assert!(
                        share <= 1.0,
                        "{name} of {id}[{k}]: {found:e}, exact {exact:e}"
                    );
                    let (count, max): &mut (usize, f64) = worst.entry(name).or_default();
                    (*count, *max) = (*count + 1, max.max(share));
                }
            }
        }
        println!(
            "{}: count and largest error of 1 allowed: {worst:.4?}",
            S::FORMAT.name
        );
        assert!(worst.values().all(|(count, _)| *count > 150));
        assert!(as_golden > 100, "{as_golden}");
    }
}

/// Checks that the reference is the file's where half precision leaves the row unchanged; returns
/// how many results that were.
fn same_as_golden<S: Half>(r: &Record, x: &Tensor<S>, g: &Tensor<S>, found: &Results<Dd>) -> usize {
    let same_x = x.widen() == r.tensor("x");
    let same_g = g.widen() == r.tensor("g");
    let results = [
        ("y", &found.y, same_x),
        ("vjp", &found.vjp, same_x && same_g),
    ];
    let same = results.iter().filter(|(_, _, same)| *same);
    same.map(|(key, found, _)| {
        let exact = r.exact(key).unwrap().hi;
        for (found, hi) in found.iter().zip(&exact) {
            let ulps = F64.distance(found.primal(), *hi, 0.0, 0.0);
            assert!(ulps <= 1.0, "{key} of {}: {found}, golden {hi:e}", r.id());
        }
        exact.len()
    })
    .sum()
}

/// The size of the terms of `y_i ((g_i - g_m) - Σ (g_j - g_m) y_j)`.
fn sizes(axis: isize, x: &Tensor<Dd>, y: &Tensor<Dd>, g: &Tensor<Dd>) -> Vec<f64> {
    let rows = x.shape().rows(axis.rem_euclid(x.rank() as isize) as usize);
    let [x, y, g] = [x, y, g].map(|t| t.map(Elem::primal).into_vec());
    let mut sizes = vec![0.0; x.len()];
    for start in rows.starts() {
        let row = || rows.row(start);
        let top = row().reduce(|a, b| if x[b] > x[a] { b } else { a });
        let c = top.map_or(0.0, |top| g[top]);
        let sum: f64 = row().map(|j| y[j] * (g[j] - c).abs()).sum();
        row().for_each(|j| sizes[j] = y[j] * (g[j] - c).abs().max(sum));
    }
    sizes
}
