//! Cotangents where a slope is subnormal, or so small or large that it is 0 or infinite: digits and range are those of
//! the product, in tensors and in scalar handles, compared with numbers of unlimited range.

use crate::big::{Big, logarithm, number, power};
use num_traits::FloatConst;
use wengert::{Dd, Dual, Elem, Random, Tape, Tensor, Var};

/// The range of a type: the exponents of its least normal number and its digits.
#[derive(Clone, Copy)]
struct Range {
    least: i64,
    digits: i64,
}

impl Range {
    fn of<T: Elem>() -> Self {
        Self {
            least: T::min_positive_value().primal().log2() as i64,
            digits: 1 - T::epsilon().primal().log2() as i64,
        }
    }

    /// A number whose logarithm is evenly spread over the range, subnormal numbers included.
    fn any(self, random: &mut Random) -> f64 {
        let (low, high) = ((self.least - self.digits) as f64, (1 - self.least) as f64);
        let size = (low + (high - low) * random.unit()).exp2();
        if random.below(2) == 0 { size } else { -size }
    }

    /// A number up to the logarithm of about the square of the range's end.
    fn logarithm(self, random: &mut Random) -> f64 {
        (2.0 * random.unit() - 1.0) * 2.1 * (2 - self.least) as f64 * f64::LN_2()
    }
}

/// A function of tensors.
type Function<T> = for<'t> fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>;

/// An op: on tensors, on scalars, operands, and its exact slopes.
struct Case<T: Elem> {
    name: &'static str,
    operands: usize,
    tensors: Function<T>,
    scalars: for<'t> fn(&[Var<'t, T>]) -> Var<'t, T>,
    draw: fn(Range, &mut Random) -> [f64; 2],
    slope: fn([Dd; 2], usize) -> Option<Big>,
}

macro_rules! case {
    ($name:literal, $n:literal, |$x:ident| $op:expr, $draw:expr, $slope:expr) => {
        Case {
            name: $name,
            operands: $n,
            tensors: |$x| $op,
            scalars: |$x| $op,
            draw: $draw,
            slope: $slope,
        }
    };
}

/// Bases and exponents: of any sizes, with powers within reach, bases near 1, exponents that are whole or nearly 0.
fn bases(range: Range, random: &mut Random) -> [f64; 2] {
    let a = range.any(random);
    match random.below(6) {
        0 => [a, range.any(random)],
        1 => [a.abs(), range.logarithm(random) / a.abs().ln()],
        2 => [a, (range.logarithm(random) / a.abs().ln()).round()],
        3 => {
            let away = (-(range.digits as f64) * random.unit()).exp2();
            let near = if a > 0.0 { 1.0 - away } else { 1.0 + away };
            [near, range.logarithm(random) / near.ln()]
        }
        4 => [
            a.abs(),
            (range.least as f64 - 20.0 * random.unit()).exp2() * a.signum(),
        ],
        _ => [a.abs(), 2.0 * random.unit() - 1.0],
    }
}

fn cases<T: Elem>() -> Vec<Case<T>> {
    let any: fn(Range, &mut Random) -> [f64; 2] = |range, random| [range.any(random), 0.0];
    let positive: fn(Range, &mut Random) -> [f64; 2] =
        |range, random| [range.any(random).abs(), 0.0];
    let exponent: fn(Range, &mut Random) -> [f64; 2] =
        |range, random| [range.logarithm(random), 0.0];
    let two: fn(Range, &mut Random) -> [f64; 2] =
        |range, random| [range.any(random), range.any(random)];
    macro_rules! whole {
        ($name:literal, $n:literal) => {
            case!($name, 1, |x| x[0].powi($n), any, |[x, _], _| {
                power(Dd::new(f64::from($n)), x, Dd::new(f64::from($n) - 1.0))
            })
        };
    }
    macro_rules! fixed {
        ($name:literal, $e:literal) => {
            case!($name, 1, |x| x[0].powf(T::of($e)), any, |[x, _], _| {
                power(Dd::new($e), x, Dd::new($e) - Dd::ONE)
            })
        };
    }
    /// Near 1, where so high a power stays within the range.
    macro_rules! high {
        ($name:literal, $n:literal) => {
            case!(
                $name,
                1,
                |x| x[0].powi($n),
                |range, random| [(range.logarithm(random) / f64::from($n)).exp(), 0.0],
                |[x, _], _| power(Dd::new(f64::from($n)), x, Dd::new(f64::from($n) - 1.0))
            )
        };
    }
    vec![
        case!("recip", 1, |x| x[0].recip(), any, |[x, _], _| {
            let per = number(-1.0).over(Big::new(x));
            Some(per.over(Big::new(x)))
        }),
        case!("rsqrt", 1, |x| x[0].rsqrt(), positive, |[x, _], _| {
            power(Dd::new(-0.5), x, Dd::new(-1.5))
        }),
        case!("square", 1, |x| x[0].square(), any, |[x, _], _| {
            Some(Big::new(x).times(number(2.0)))
        }),
        whole!("powi(2)", 2),
        whole!("powi(3)", 3),
        whole!("powi(4)", 4),
        whole!("powi(5)", 5),
        whole!("powi(7)", 7),
        whole!("powi(-1)", -1),
        whole!("powi(-2)", -2),
        whole!("powi(-5)", -5),
        high!("powi(1000)", 1000),
        high!("powi(-99999)", -99_999),
        high!("powi(2000000000)", 2_000_000_000),
        fixed!("powf(-1.5)", -1.5),
        fixed!("powf(0.5)", 0.5),
        fixed!("powf(2.5)", 2.5),
        fixed!("powf(3)", 3.0),
        case!("ln", 1, |x| x[0].ln(), positive, |[x, _], _| {
            Some(number(1.0).over(Big::new(x)))
        }),
        case!("atan", 1, |x| x[0].atan(), any, |[x, _], _| {
            // Far out, 1 is negligible beside the square, which could leave the range.
            let size = Big::new(x);
            let far = x.hi().abs() > 1e40;
            let square = if far {
                size.times(size)
            } else {
                Big::new(Dd::ONE + x * x)
            };
            Some(number(1.0).over(square))
        }),
        case!("exp", 1, |x| x[0].exp(), exponent, |[x, _], _| {
            Some(Big::exp(x))
        }),
        case!("expm1", 1, |x| x[0].expm1(), exponent, |[x, _], _| {
            Some(Big::exp(x))
        }),
        case!("exp2", 1, |x| x[0].exp2(), exponent, |[x, _], _| {
            Some(Big::exp(x * Dd::LN_2()).times(Big::new(Dd::LN_2())))
        }),
        case!("sinh", 1, |x| x[0].sinh(), exponent, |[x, _], _| {
            let large = x.abs() > Dd::new(100.0);
            let far = Big::exp(x.abs()).times(number(0.5));
            Some(if large { far } else { Big::new(x.cosh()) })
        }),
        case!("cosh", 1, |x| x[0].cosh(), exponent, |[x, _], _| {
            let large = x.abs() > Dd::new(100.0);
            let far = Big::exp(x.abs()).times(number(0.5 * x.hi().signum()));
            Some(if large { far } else { Big::new(x.sinh()) })
        }),
        case!("div", 2, |x| x[0] / x[1], two, |[a, b], k| {
            // A value that is subnormal, but not 0, has few digits, and so has the slope of b.
            let y = (a.hi() / b.hi()).abs();
            if k == 1 && y != 0.0 && y < T::min_positive_value().primal() {
                return None;
            }
            let [a, b] = [a, b].map(Big::new);
            let per = number(1.0).over(b);
            Some(match k {
                0 => per,
                _ => a.times(number(-1.0)).times(per).times(per),
            })
        }),
        case!("pow", 2, |x| x[0].pow(x[1]), bases, |[a, b], k| {
            match k {
                0 => power(b, a, b - Dd::ONE),
                _ if a < Dd::ZERO => None,
                _ => power(logarithm(a), a, b),
            }
        }),
    ]
}

/// Operands, a cotangent that often leads back into the range, and the exact result, where there is one.
fn samples<T: Elem>(case: &Case<T>, k: usize, n: usize) -> Vec<([T; 2], T, Big)> {
    let range = Range::of::<T>();
    let random = &mut Random::new(5);
    let mut found = Vec::new();
    for _ in 0..n {
        let x = (case.draw)(range, random).map(T::of);
        let wide = x.map(|x| Dd::new(x.primal()));
        let mut g = range.any(random);
        let target = range.any(random);
        if !wide.iter().all(|x| x.is_finite()) || wide[0].hi() == 0.0 {
            continue;
        }
        let Some(slope) = (case.slope)(wide, k) else {
            continue;
        };
        let back = number(target).over(slope);
        if random.below(4) > 0 && back.e.abs() < -range.least {
            g = back.m.hi() * 2f64.powi(back.e as i32);
        }
        let g = T::of(g);
        if g.is_finite() && !g.is_zero() && slope.m.is_finite() {
            found.push((x, g, slope.times(number(g.primal()))));
        }
    }
    found
}

/// The largest error, and where.
struct Worst {
    ulps: f64,
    at: String,
}

impl Worst {
    fn see<T: Elem>(&mut self, found: T, (x, g, exact): &([T; 2], T, Big)) {
        let range = Range::of::<T>();
        let ulps = match found.is_nan() {
            true => f64::INFINITY,
            false => exact.ulps(found.primal(), range.digits, range.least),
        };
        if ulps > self.ulps {
            self.ulps = ulps;
            let exact = exact.m.hi() * 2f64.powi(exact.e.clamp(-1100, 1100) as i32);
            self.at = format!(
                "{:e}, {:e}, g = {:e}: {:e}, exact {exact:e}",
                x[0].primal(),
                x[1].primal(),
                g.primal(),
                found.primal()
            );
        }
    }
}

fn measure<T: Elem>(n: usize, bound: f64, found: fn(&Case<T>, usize, usize) -> Worst) {
    let mut wrong = Vec::new();
    for case in cases::<T>() {
        for k in 0..case.operands {
            let Worst { ulps, at } = found(&case, k, n);
            let line = format!(
                "{} of {}, operand {k}: {ulps:.2} at {at}",
                case.name,
                std::any::type_name::<T>()
            );
            println!("{line}");
            if ulps > bound {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn of_tensors<T: Elem>(case: &Case<T>, k: usize, n: usize) -> Worst {
    let samples = samples(case, k, n);
    let tape = Tape::<T>::default();
    let operand = |k: usize| tape.var(samples.iter().map(|s| s.0[k]).collect::<Tensor<T>>());
    let x: Vec<_> = (0..case.operands).map(operand).collect();
    let g = samples.iter().map(|s| s.1).collect::<Tensor<T>>();
    let found = (case.tensors)(&x).vjp(g).wrt(x[k]);
    let mut worst = Worst {
        ulps: 0.0,
        at: String::new(),
    };
    for (&found, sample) in found.iter().zip(&samples) {
        worst.see(found, sample);
    }
    worst
}

fn of_scalars<T: Elem>(case: &Case<T>, k: usize, n: usize) -> Worst {
    let mut worst = Worst {
        ulps: 0.0,
        at: String::new(),
    };
    let mut tape = Tape::<T>::default();
    for sample in samples(case, k, n) {
        tape.reset();
        let x = sample.0.map(|x| tape.var(x));
        let y = (case.scalars)(&x[..case.operands]);
        let found = y.chain(y.value(), sample.1).backward().wrt(x[k]);
        worst.see(found, &sample);
    }
    worst
}

#[test]
fn a_tensors_cotangent_has_its_digits_whatever_the_size_of_the_slope() {
    measure::<f64>(20_000, 8.0, of_tensors);
    measure::<f32>(20_000, 8.0, of_tensors);
}

#[test]
fn a_scalars_cotangent_has_its_digits_whatever_the_size_of_the_slope() {
    measure::<f64>(8_000, 8.0, of_scalars);
    measure::<f32>(8_000, 8.0, of_scalars);
}

/// A quotient may be 0 because it is too small, and is told from one whose numerator is 0.
#[test]
fn a_quotient_that_vanishes_is_told_from_a_quotient_of_0() {
    const N: usize = 600;
    let number = |k: usize| if k.is_multiple_of(3) { 0.0 } else { 1e-200 };
    let cotangent = |k: usize| if k.is_multiple_of(5) { 0.0 } else { 1e300 };
    let check = |k: usize, found: f64| {
        if number(k) == 0.0 || cotangent(k) == 0.0 {
            assert_eq!(found, 0.0, "at {k}");
        } else {
            assert!((found / -1e-300 - 1.0).abs() < 1e-14, "{found:e} at {k}");
        }
    };
    let g = Tensor::from_fn([2, N], |k| cotangent(k % N));
    let b = Tensor::full([2, N], 1e200);
    // Numerators: two rows, one row for both, and one number for each row.
    let full = Tensor::from_fn([2, N], |k| number(k % N));
    let shared = Tensor::from_fn([N], number);
    for a in [full, shared] {
        let tape = Tape::new();
        let (a, b) = (tape.var(a), tape.var(b.clone()));
        let gb = (a / b).vjp(g.clone()).wrt(b);
        gb.iter().enumerate().for_each(|(k, &gb)| check(k % N, gb));
    }
    let tape = Tape::new();
    let (a, b) = (tape.var(Tensor::from([[0.0], [1e-200]])), tape.var(b));
    let gb = (a / b).vjp(g).wrt(b);
    for (k, &gb) in gb.iter().enumerate() {
        if k < N {
            assert_eq!(gb, 0.0);
        } else if cotangent(k - N) != 0.0 {
            assert!((gb / -1e-300 - 1.0).abs() < 1e-14, "{gb:e} at {k}");
        }
    }
}

#[test]
fn what_makes_a_product_vanish_comes_before_what_could_overflow() {
    let tape = Tape::new();
    let [a, b] = [f64::MAX, f64::INFINITY].map(|x| tape.var(Tensor::from([x])));
    let grads = (a / b).vjp(Tensor::from([-f64::MAX]));
    assert_eq!([grads.wrt(a).item(), grads.wrt(b).item()], [0.0, 0.0]);
    // The second order of a power whose fourth root, even, is out of range.
    let tape = Tape::<Dual<f64>>::default();
    let a = tape.var(Tensor::from([Dual::new(-3.2e-193, 1.0)]));
    let b = tape.var(Tensor::from([Dual::constant(5e21)]));
    let slope = a.pow(b).vjp(Tensor::ones([1])).wrt(a).item();
    assert_eq!([slope.primal, slope.tangent], [0.0, 0.0]);
}
