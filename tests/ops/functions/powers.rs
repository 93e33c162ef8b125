//! Powers of `f32` tensors: rounded once, values and cotangents, and special numbers as `powf` has them.

use crate::big::{Big, logarithm, number, power};
use wengert::{Dd, Random, Tape, Tensor};

/// Operands and a cotangent.
type Sample = ([f32; 2], f32);

/// A number whose logarithm is evenly spread over the whole range.
fn any(random: &mut Random) -> f32 {
    let x = (277.0 * random.unit() - 149.0).exp2() as f32;
    if random.below(2) == 0 { x } else { -x }
}

/// Bases and exponents whose power is within reach, and cotangents.
fn samples(n: usize) -> Vec<Sample> {
    let random = &mut Random::new(11);
    let one = |random: &mut Random| {
        let a = any(random);
        let reach = (random.unit() - 0.5) as f32 * 400.0;
        let near = 1.0 + (random.unit() as f32 - 0.5) * (-20.0 * random.unit() as f32).exp2();
        let [a, b] = match random.below(6) {
            0 => [a, any(random)],
            1 => [a.abs(), reach / a.abs().ln()],
            2 => [a, (reach / a.abs().ln()).round()],
            3 => [near, reach / near.ln()],
            4 => [-near, (reach / near.ln()).round()],
            _ => [3.0 * random.unit() as f32, 6.0 * random.unit() as f32 - 3.0],
        };
        ([a, b], any(random))
    };
    let drawn = (0..n).map(|_| one(random));
    drawn
        .filter(|(x, _)| x.iter().all(|x| x.is_finite()))
        .collect()
}

/// Value and both cotangents of `a^b` on tensors.
fn found(samples: &[Sample]) -> [Vec<f32>; 3] {
    let tape = Tape::<f32>::default();
    let [a, b] = [0, 1].map(|k| tape.var(samples.iter().map(|s| s.0[k]).collect::<Tensor<f32>>()));
    let y = a.pow(b);
    let grads = y.vjp(samples.iter().map(|s| s.1).collect::<Tensor<f32>>());
    [y.value(), grads.wrt(a), grads.wrt(b)].map(Tensor::into_vec)
}

#[track_caller]
fn check(what: &str, ([a, b], g): Sample, found: f32, exact: Option<Big>) {
    match exact {
        Some(exact) => {
            let off = exact.ulps(f64::from(found), 24, -126);
            assert!(
                off < 0.505,
                "{what} at {a:e}, {b:e}, g = {g:e}: {found:e}, off by {off}"
            );
        }
        None => assert!(found.is_nan(), "{what} at {a:e}, {b:e}: {found:e}"),
    }
}

#[test]
fn powers_of_any_f32_and_their_cotangents_are_rounded_once() {
    let samples = samples(60_000);
    let found = found(&samples);
    for (k, &sample) in samples.iter().enumerate() {
        let ([a, b], g) = sample;
        if a == 0.0 || b == 0.0 {
            continue;
        }
        let [a, b, g] = [a, b, g].map(|x| Dd::new(x.into()));
        let [value, base, exponent] = [0, 1, 2].map(|part| found[part][k]);
        check("value", sample, value, power(Dd::ONE, a, b));
        let of_g = |slope: Big| slope.times(Big::new(g));
        check("base", sample, base, power(b, a, b - Dd::ONE).map(of_g));
        let slope = (a > Dd::ZERO).then(|| power(logarithm(a), a, b).map(of_g));
        check("exponent", sample, exponent, slope.flatten());
    }
    // One exponent for all bases.
    for e in [-1.5, 0.5, 2.5, 3.0, -1000.0, 40.0, 1e-30, 8_388_607.0] {
        let tape = Tape::<f32>::default();
        let x = tape.var(samples.iter().map(|s| s.0[0]).collect::<Tensor<f32>>());
        let y = x.powf(e);
        let gx = y.vjp(samples.iter().map(|s| s.1).collect()).wrt(x);
        let y = y.value();
        for (&([a, _], g), (&y, &gx)) in samples.iter().zip(y.iter().zip(gx.iter())) {
            let (sample, wide) = (([a, e], g), Dd::new(a.into()));
            let e = Dd::new(e.into());
            if a == 0.0 {
                continue;
            }
            check("value of powf", sample, y, power(Dd::ONE, wide, e));
            let slope = power(e, wide, e - Dd::ONE);
            let exact = slope.map(|slope| slope.times(number(g.into())));
            check("slope of powf", sample, gx, exact);
        }
    }
}

/// Whether two numbers are both NaN, or close and of the same sign, that of 0 included.
fn alike(a: f32, b: f32) -> bool {
    let near = a == b || (a / b - 1.0).abs() < 1e-6;
    (a.is_nan() && b.is_nan()) || (near && a.is_sign_negative() == b.is_sign_negative())
}

#[test]
fn special_powers_are_those_of_the_library() {
    let large = [16_777_215.0, 16_777_216.0, 2f32.powi(105), f32::MAX];
    let small = [0.0, 1e-45, 0.5, 1.0, 2.0, 2.5, 3.0, f32::INFINITY, f32::NAN];
    let one_sign = small.into_iter().chain(large);
    let numbers: Vec<f32> = one_sign.flat_map(|x| [x, -x]).collect();
    let pairs = numbers
        .iter()
        .flat_map(|&a| numbers.iter().map(move |&b| [a, b]));
    let pairs: Vec<[f32; 2]> = pairs.collect();
    for g in [1.0, -2.0, 0.0] {
        let samples: Vec<Sample> = pairs.iter().map(|&x| (x, g)).collect();
        let [y, ga, gb] = found(&samples);
        for (k, &[a, b]) in pairs.iter().enumerate() {
            let tape = Tape::<f32>::default();
            let (p, q) = (tape.var(a), tape.var(b));
            let scalar = p.pow(q);
            assert!(alike(y[k], a.powf(b)), "{a:e}^{b:e} = {:e}", y[k]);
            let grads = scalar.backward();
            let expected = [grads.wrt(p), grads.wrt(q)].map(|slope| match g {
                0.0 => 0.0,
                g => slope * g,
            });
            for (which, (found, expected)) in [ga[k], gb[k]].into_iter().zip(expected).enumerate() {
                // The slope alone may overflow, and does not tell the sign at 0 and at infinity.
                let outside = expected.is_infinite() && found.is_finite();
                let end = a == 0.0 || found == 0.0 || a.is_infinite() || b.is_infinite();
                // A subnormal slope has already been rounded.
                let least = (found - expected).abs() < 3e-45;
                let pole = least || end && found.abs() == expected.abs();
                assert!(
                    outside || pole || alike(found, expected),
                    "operand {which} at {a:e}, {b:e}, g = {g:e}: {found:e}, {expected:e}"
                );
            }
            assert!(
                g != 0.0 || (ga[k] == 0.0 && gb[k] == 0.0),
                "{a:e}, {b:e}: a mask"
            );
        }
    }
}
