//! The bodies that the compiler vectorizes for `f64`, against double-double.

use std::f64::consts::FRAC_PI_2;

use wengert::{Dd, Elem, Random, Tape, Tensor, Var};

/// An op of one operand.
type One<T> = for<'t> fn(Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>>;

/// The error of a number in units in the last place of an `f64`.
fn off(found: f64, exact: Dd) -> f64 {
    let exponent = exact.hi().abs().max(f64::MIN_POSITIVE).log2().floor();
    let rest = Dd::new(found) - exact;
    rest.hi().abs() / (exponent - 52.0).exp2()
}

/// Checks that value and slope are within the bounds.
fn hold(name: &str, x: &[f64], bounds: [f64; 2], short: One<f64>, long: One<Dd>) {
    fn run<T: Elem>(x: &[f64], op: One<T>) -> [Tensor<T>; 2] {
        let tape = Tape::<T>::default();
        let a = tape.var(x.iter().map(|&x| T::of(x)).collect());
        let y = op(a);
        [y.value(), y.vjp(Tensor::ones([x.len()])).wrt(a)]
    }
    let (found, exact) = (run(x, short), run(x, long));
    for (k, bound) in bounds.into_iter().enumerate() {
        let errors = found[k].iter().zip(exact[k].iter());
        let errors = errors.map(|(&found, &exact)| off(found, exact));
        let most = errors.zip(x).fold(
            (0.0, 0.0),
            |most, (off, &x)| {
                if off <= most.0 { most } else { (off, x) }
            },
        );
        println!("{name}, order {k}: {:.4} at {:e}", most.0, most.1);
        assert!(most.0 <= bound, "{name}, order {k}: off by {most:?}");
    }
}

/// Arguments of all sizes up to where the long reduction begins, and the numbers nearest to multiples of π/2.
fn arguments() -> Vec<f64> {
    let mut random = Random::new(11);
    let mut x = Vec::new();
    for size in [1e-300, 1e-8, 1e-3, 1.0, 4.0, 100.0, 1e4, 1_048_576.0] {
        let some: Tensor<f64> = random.uniform([100_000], -size, size);
        x.extend_from_slice(some.data());
    }
    for k in 1..30_000_u32 {
        let zero = f64::from(k * 37 % 660_000) * FRAC_PI_2;
        x.extend((0..7).map(|step| f64::from_bits(zero.to_bits() + step - 3)));
    }
    x.retain(|x| x.abs() <= 1_048_576.0);
    x
}

#[test]
fn sine_and_cosine_of_an_f64_are_within_three_fifths_of_a_unit() {
    let x = arguments();
    hold("sin", &x, [0.6; 2], |x| x.sin(), |x| x.sin());
    hold("cos", &x, [0.6; 2], |x| x.cos(), |x| x.cos());
}

/// Arguments of long reductions, infinities and NaN, among ordinary ones.
#[test]
fn arguments_beyond_the_short_reduction_are_those_of_scalars() {
    let x = [
        0.0,
        -0.0,
        5e-324,
        -1e-310,
        1.0,
        1_048_577.0,
        -1e22,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        2.0,
    ];
    // Enough of them to fill vectors.
    let many: Tensor<f64> = x.iter().copied().cycle().take(x.len() * 9).collect();
    let tape = Tape::<f64>::default();
    let a = tape.var(many);
    for (sin, y) in [(true, a.sin()), (false, a.cos())] {
        let gx = y.vjp(Tensor::ones([x.len() * 9])).wrt(a);
        let both = y.value();
        for (k, (&y, &gx)) in both.iter().zip(gx.iter()).enumerate() {
            let x = x[k % x.len()];
            let expected = if sin {
                [x.sin(), x.cos()]
            } else {
                [x.cos(), -x.sin()]
            };
            for (found, expected) in [y, gx].into_iter().zip(expected) {
                let near = off(found, Dd::new(expected)) <= 1.0
                    && found.is_sign_positive() == expected.is_sign_positive();
                assert!(
                    near || found.is_nan() && expected.is_nan(),
                    "at {x:e}: {found:e}, not {expected:e}"
                );
            }
        }
    }
}
