//! Double-doubles that are far from 1: the ends of `f64`'s range, and beyond.

use std::cmp::Ordering;

use num_traits::{Float, ToPrimitive};
use proptest::prelude::*;

use super::Dd;

fn read(text: &str) -> Dd {
    text.parse().expect("the text is a number")
}

fn two(power: i32) -> Dd {
    Dd::ONE.scale(power)
}

/// A double-double from 1 to 2, or its negative.
fn mantissa() -> impl Strategy<Value = Dd> {
    let parts = (1.0..2.0, -1.0..1.0, any::<bool>());
    parts.prop_map(|(high, low, negative): (f64, f64, bool)| {
        let size = Dd::from_parts(high, low * f64::EPSILON / 4.0);
        if negative { -size } else { size }
    })
}

proptest! {
    #[test]
    fn every_f64_comes_back(bits: u64) {
        let x = f64::from_bits(bits);
        let back = Dd::new(x);
        prop_assert!(back.hi().to_bits() == bits || x.is_nan() && back.is_nan());
        prop_assert_eq!(back.lo(), 0.0);
    }

    #[test]
    fn a_power_of_two_changes_no_digit(
        x in mantissa(),
        y in mantissa(),
        j in -2000..2000i32,
        k in -2000..2000i32,
        apart in 0..150i32,
    ) {
        prop_assert_eq!(x.scale(j) * y.scale(k), (x * y).scale(j + k));
        prop_assert_eq!(x.scale(j) / y.scale(k), (x / y).scale(j - k));
        let y = y.scale(-apart);
        prop_assert_eq!(x.scale(k) + y.scale(k), (x + y).scale(k));
        prop_assert_eq!(x.scale(k) % y.scale(k), (x % y).scale(k));
        prop_assert_eq!(x.scale(k).hypot(y.scale(k)), x.hypot(y).scale(k));
        prop_assert_eq!(x.abs().scale(2 * k).sqrt(), x.abs().sqrt().scale(k));
        prop_assert_eq!(x.scale(3 * k).cbrt(), x.cbrt().scale(k));
        prop_assert_eq!(x.scale(k).partial_cmp(&y.scale(k)), x.partial_cmp(&y));
        prop_assert_eq!(x.scale(k).scale(-k), x);
    }

    #[test]
    fn far_numbers_are_read_as_they_are_printed(x in mantissa(), power in -1_000_000..1_000_000i32) {
        let x = x.scale(power);
        let error = read(&x.to_string()) / x - Dd::ONE;
        prop_assert!(error.abs().hi() < 1e-30);
        // Within the range of f64, 60 digits are exact enough to bring the same number back.
        if power.abs() < 1000 {
            prop_assert_eq!(read(&format!("{x:.60e}")), x);
        }
    }
}

#[test]
fn what_f64_loses_on_the_way_is_kept() {
    let [x, y, z] = [1e200, 3e300, 1e250].map(Dd::new);
    assert_eq!((x * y / z / y * z).hi(), 1e200);
    let one = Dd::new(1000.0).exp() * Dd::new(-1000.0).exp();
    assert!((one - Dd::ONE).abs().hi() < 1e-31);
    assert!((Dd::new(2000.0).cosh().ln() + Dd::new(2.0).ln() - Dd::new(2000.0)).hi() < 1e-27);
    let third = Dd::new(1e-310) / Dd::new(3.0);
    assert!(
        ((third + third + third) / Dd::new(1e-310) - Dd::ONE)
            .abs()
            .hi()
            < 1e-31
    );
}

#[test]
fn hi_is_rounded_once_into_subnormal_numbers() {
    let least = f64::from_bits(1);
    let units = |n: f64, low: f64| Dd::from_parts(n, low).scale(-1074).hi() / least;
    assert_eq!([0.5, 1.5, 2.5].map(|n| units(n, 0.0)), [0.0, 2.0, 2.0]);
    assert_eq!([0.5, 1.5, 2.5].map(|n| units(n, 1e-20)), [1.0, 2.0, 3.0]);
    assert_eq!([0.5, 1.5, 2.5].map(|n| units(n, -1e-20)), [0.0, 1.0, 2.0]);
    assert_eq!(units(-2.5, -1e-20), -3.0);
    assert_eq!((units(0.49, 0.0), units(0.25, 0.0)), (0.0, 0.0));
    // The last of 52 bits is a tie of 53, and rounding may end at the smallest normal number.
    let odd = 1.0 + f64::EPSILON;
    let near = |low: f64| Dd::from_parts(odd, low).scale(-1023).hi();
    assert_eq!(near(0.0), two(-1023).hi());
    assert_eq!(near(1e-20), two(-1023).hi() + least);
    assert_eq!(
        Dd::new(2.0 - f64::EPSILON).scale(-1023).hi(),
        f64::MIN_POSITIVE
    );
    assert!((-two(-5000)).hi().is_sign_negative() && (-two(-5000)).lo() == 0.0);
}

#[test]
fn both_parts_are_exact_in_the_range_of_f64() {
    for power in [-900, -401, 401, 900] {
        let x = Dd::from_parts(1.5, 1e-20).scale(power);
        let unit = 2f64.powi(power);
        assert_eq!((x.hi(), x.lo()), (1.5 * unit, 1e-20 * unit));
        assert_eq!(Dd::from_parts(x.hi(), x.lo()), x);
    }
    let top = Dd::new(f64::MAX);
    assert_eq!((top + top).hi(), f64::INFINITY);
    assert_eq!((top + top).lo(), 0.0);
    // Just below 2^1024 the nearest f64 is infinite, as f64's own rounding has it.
    assert_eq!((two(1024) - two(950)).hi(), f64::INFINITY);
    assert_eq!((two(1024) - two(970) - two(900)).hi(), f64::INFINITY);
    assert_eq!((two(1024) - two(970) - two(960)).hi(), f64::MAX);
}

#[test]
fn the_order_is_that_of_the_numbers() {
    let mut rising = vec![
        Dd::ZERO,
        Dd::MIN_POSITIVE,
        two(-5000),
        two(-1074),
        two(-401),
    ];
    rising.extend([
        two(-400),
        Dd::ONE,
        Dd::from_parts(1.0, 1e-20),
        two(400),
        two(401),
    ]);
    rising.extend([
        Dd::from_parts(1.0, 1e-20).scale(401),
        two(5000),
        Dd::MAX,
        Dd::INFINITY,
    ]);
    let falling: Vec<Dd> = rising[1..].iter().rev().map(|&x| -x).collect();
    let all: Vec<Dd> = falling.into_iter().chain(rising).collect();
    for (i, x) in all.iter().enumerate() {
        for (j, y) in all.iter().enumerate() {
            assert_eq!(x.partial_cmp(y), Some(i.cmp(&j)), "{x} and {y}");
            assert_eq!(x.max(*y), all[i.max(j)]);
        }
        assert_eq!(x.partial_cmp(&Dd::NAN), None);
    }
    assert_eq!((-Dd::ZERO).partial_cmp(&Dd::ZERO), Some(Ordering::Equal));
}

#[test]
fn beyond_the_range_are_infinity_and_0() {
    assert_eq!(
        (Dd::MAX * Dd::new(2.0), Dd::MIN * Dd::MAX),
        (Dd::INFINITY, Dd::NEG_INFINITY)
    );
    let below = -Dd::MIN_POSITIVE / Dd::new(2.0);
    assert!(below == Dd::ZERO && below.is_sign_negative());
    assert_eq!(
        (Dd::MAX + Dd::ONE, Dd::MAX + Dd::MAX),
        (Dd::MAX, Dd::INFINITY)
    );
    assert_eq!(Dd::MIN_POSITIVE.recip() * Dd::MIN_POSITIVE, Dd::ONE);
    assert_eq!(
        (Dd::MAX.exp(), Dd::MIN.exp(), Dd::MAX.exp2()),
        (Dd::INFINITY, Dd::ZERO, Dd::INFINITY)
    );
    assert_eq!(Dd::new(6.94e8).exp(), Dd::INFINITY);
    assert_eq!(
        (Dd::MAX.powf(Dd::MAX), Dd::MAX.powf(Dd::MIN)),
        (Dd::INFINITY, Dd::ZERO)
    );
    assert!(Dd::MIN_POSITIVE.is_normal() && two(-1074).is_normal() && !Dd::ZERO.is_normal());
    assert!(two(1024).sin().is_nan() && two(1023).sin().is_finite());
}

#[test]
fn far_numbers_are_rounded_to_integers() {
    let x = Dd::from_parts(1.0, 0.75 * 2f64.powi(-600)).scale(600);
    assert_eq!(
        (x.floor(), x.trunc(), x.ceil()),
        (two(600), two(600), two(600) + Dd::ONE)
    );
    assert_eq!((x.round(), (-x).floor()), (x.ceil(), -x.ceil()));
    assert_eq!((x.fract(), two(5000).fract()), (Dd::new(0.75), Dd::ZERO));
    let tiny = -two(-700);
    assert_eq!((tiny.floor(), tiny.fract()), (-Dd::ONE, tiny));
    assert!(tiny.ceil() == Dd::ZERO && tiny.ceil().is_sign_negative());
    assert_eq!((tiny.round(), (-tiny).ceil()), (Dd::ZERO, Dd::ONE));
}

#[test]
fn far_numbers_are_converted_by_their_size() {
    assert_eq!(two(-500).to_f32(), Some(0.0));
    assert_eq!((-two(500)).to_f32(), Some(f32::NEG_INFINITY));
    let least = f32::from_bits(1);
    let tie = Dd::from_parts(2.5, 1e-30).scale(-149);
    assert_eq!(
        (tie.hi() as f32, tie.to_f32()),
        (2.0 * least, Some(3.0 * least))
    );
    assert_eq!((two(-500).to_i64(), two(500).to_i128()), (Some(0), None));
    assert_eq!(Float::integer_decode(two(-1074)), (2, -1075, 1));
}

#[test]
fn text_of_far_numbers_has_31_digits() {
    let texts = [
        (
            two(1_000_000_000),
            "4.612976001169069393116119221037e301029995",
        ),
        (
            Dd::MIN_POSITIVE,
            "2.167797967616934002171204510536e-301029996",
        ),
        (
            -Dd::new(1.25).scale(-1075),
            "-3.087910286507790901103554955426e-324",
        ),
        (
            two(123_456_789),
            "4.543170558802696801122117464338e37164196",
        ),
    ];
    for (x, text) in texts {
        assert_eq!(format!("{x}"), text);
        assert_eq!(format!("{x:e}"), text);
    }
    assert!(
        (read("1e400") / (read("1e200") * read("1e200")) - Dd::ONE)
            .abs()
            .hi()
            < 1e-31
    );
    assert_eq!(
        format!("{} {:.3}", read("1e400"), -read("1.23456e400")),
        "1e400 -1.235e400"
    );
    assert_eq!(
        format!("{:.3} {:.2e}", read("1e-400"), read("1e-400")),
        "0.000 1.00e-400"
    );
    assert_eq!(
        (read("1e301029995").is_finite(), read("1e301029997")),
        (true, Dd::INFINITY)
    );
    assert_eq!(
        (read("-1e-301029997"), read("0e5000")),
        (Dd::ZERO, Dd::ZERO)
    );
    assert!(read("-1e-400") < Dd::ZERO && read("-1e-400").hi() == 0.0);
}
