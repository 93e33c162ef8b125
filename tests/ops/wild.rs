//! No result is infinite or NaN where the exact one is a number: every op of the registry on operands, cotangents and
//! directions of any size the type can hold, judged by numbers whose exponents do not end. Value, VJP and JVP, to first
//! and to second order.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wengert::ops::{Draw, Sample, Spec, Visitor, visit};
use wengert::{Dual, Elem, Random, Shape, Tape, Tensor};

use crate::sweep::Function;

/// On how many samples each op is checked. Some thousands find rarer faults, and take a minute.
const CASES: u64 = 60;

/// Ops that eliminate: of numbers whose sizes differ so much, rounding decides whether a pivot is 0, so one type may
/// find a matrix singular that another does not.
const BY_ROUNDING: [&str; 2] = ["linear_solve", "log_abs_det"];

/// Numbers of either sign and of sizes that are alike, of one power of two, of several, or mixed. A third of the powers
/// are among the largest, where sums of a few numbers leave the range.
fn sized(x: &Tensor<f64>, random: &mut Random, exponents: Range<i32>, largest: f64) -> Tensor<f64> {
    let power = |random: &mut Random| {
        let below = match random.below(3) {
            0 => random.below(12),
            _ => random.below(exponents.len()),
        };
        2f64.powi(exponents.end - 1 - below as i32)
    };
    let (kind, all) = (random.below(4), power(random));
    let sized = x.map(|x| match kind {
        0 => x,
        1 => x * all,
        2 => x * power(random),
        _ if random.below(2) == 0 => x,
        _ => x * power(random),
    });
    sized.map(|x| x.clamp(-largest, largest))
}

/// Numbers of this type that have sizes of all kinds in all parts, subnormal ones among them.
trait Wild: Elem {
    fn wild(x: &Tensor<f64>, random: &mut Random) -> Tensor<Self>;
}

impl Wild for f64 {
    fn wild(x: &Tensor<f64>, random: &mut Random) -> Tensor<Self> {
        sized(x, random, -1070..1024, f64::MAX)
    }
}

impl Wild for f32 {
    fn wild(x: &Tensor<f64>, random: &mut Random) -> Tensor<Self> {
        sized(x, random, -145..128, f32::MAX.into()).map(|x| x as f32)
    }
}

impl Wild for Dual<f64> {
    fn wild(x: &Tensor<f64>, random: &mut Random) -> Tensor<Self> {
        let t = random.uniform(x.shape(), -1.0, 1.0);
        let (x, t) = (f64::wild(x, random), f64::wild(&t, random));
        let both = x.iter().zip(t.iter());
        Tensor::new(x.shape(), both.map(|(&x, &t)| Dual::new(x, t)).collect()).unwrap()
    }
}

/// What an op is computed at.
struct Inputs<'a, T> {
    x: Vec<Tensor<T>>,
    tangents: Vec<Tensor<T>>,
    cotangent: &'a dyn Fn(&Shape) -> Tensor<T>,
}

/// The value, the tangent and the cotangents of an op; `None` if it refuses its operands, a singular matrix for one.
fn results<T: Elem>(f: Function<'_, T>, inputs: Inputs<'_, T>) -> Option<Vec<Tensor<T>>> {
    let run = AssertUnwindSafe(|| {
        let tape = Tape::<T>::default();
        let x: Vec<_> = inputs.x.into_iter().map(|x| tape.var(x)).collect();
        let y = f(&x);
        let grads = y.vjp((inputs.cotangent)(&y.shape()));
        let walk = x.iter().zip(inputs.tangents);
        let walk = walk.fold(tape.forward(), |walk, (&x, t)| walk.along(x, t));
        let mut all = vec![y.value(), walk.walk().of(y)];
        all.extend(x.iter().map(|&x| grads.wrt(x)));
        all
    });
    catch_unwind(run).ok()
}

/// Collects what is lost.
#[derive(Default)]
struct Losses {
    compared: usize,
    refused: usize,
    found: Vec<String>,
}

impl Losses {
    /// Compares the results of an op with those on wider numbers.
    fn compare<T: Wild>(
        &mut self,
        op: &str,
        (seed, sample): (u64, &[Tensor<f64>]),
        f: Function<'_, T>,
        wide: Function<'_, T::Wide>,
    ) {
        let mut random = Random::new(seed);
        let x: Vec<_> = sample.iter().map(|x| T::wild(x, &mut random)).collect();
        let tangents = sample.iter().map(|x| {
            let t = random.uniform(x.shape(), -1.0, 1.0);
            T::wild(&t, &mut random)
        });
        let tangents: Vec<_> = tangents.collect();
        let cotangent = |shape: &Shape| {
            let mut random = Random::new(seed + 1);
            T::wild(&random.uniform(shape, -1.0, 1.0), &mut random)
        };
        let widened = |x: &[Tensor<T>]| x.iter().map(|x| x.map(T::widen)).collect();
        let exact = Inputs {
            x: widened(&x),
            tangents: widened(&tangents),
            cotangent: &|shape| cotangent(shape).map(T::widen),
        };
        let found = Inputs {
            x: x.clone(),
            tangents,
            cotangent: &cotangent,
        };
        let t = std::any::type_name::<T>();
        let (found, exact) = match (results(f, found), results(wide, exact)) {
            (Some(found), Some(exact)) => (found, exact),
            (None, None) => {
                self.refused += 1;
                return;
            }
            _ if BY_ROUNDING.contains(&op) => {
                self.refused += 1;
                return;
            }
            (found, _) => {
                let which = if found.is_none() { "not" } else { "only" };
                self.found.push(format!(
                    "{op} on {t}, sample {seed}: computed {which} on numbers of this type; x = {x:?}"
                ));
                return;
            }
        };
        self.compared += 1;
        for (k, (found, exact)) in found.iter().zip(&exact).enumerate() {
            for (i, (found, &exact)) in found.iter().zip(exact.iter()).enumerate() {
                let exact = T::narrow(exact);
                let lost =
                    |&part: &usize| exact.part(part).is_finite() && !found.part(part).is_finite();
                if let Some(part) = (0..T::PARTS).find(lost) {
                    let result = ["value", "JVP"].get(k).copied().unwrap_or("VJP");
                    self.found.push(format!(
                        "{op} on {t}, sample {seed}: part {part} of {result} {i} is {found}, not {exact}; x = {x:?}"
                    ));
                }
            }
        }
    }
}

impl Visitor for Losses {
    fn op<S: Spec>(&mut self) {
        for seed in 0..CASES {
            let Sample { inputs, with } = S::sample(&mut Draw::new(seed));
            let sample = (seed, &inputs[..]);
            macro_rules! on {
                ($($t:ty)*) => {$(
                    self.compare::<$t>(S::NAME, sample, &|x| S::fused(x, &with), &|x| S::fused(x, &with));
                )*};
            }
            on!(f64 f32 Dual<f64>);
        }
    }
}

#[test]
fn what_leaves_the_range_on_the_way_is_not_lost() {
    let mut losses = Losses::default();
    visit(&mut losses);
    let Losses {
        compared,
        refused,
        found,
    } = losses;
    assert!(
        compared > 9 * refused,
        "{refused} refused, {compared} compared"
    );
    assert!(
        found.is_empty(),
        "{} of {compared}\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn the_tangent_of_a_slope_may_leave_the_range_where_the_slope_does_not() {
    // By mpmath. The slopes are 1.7e154 and 6.4e250, their tangents -1.3e387 and 1.7e376.
    let (x, g) = (Dual::new(8.85e-233, 1.0), Dual::constant(3.8e-205));
    let cbrt = [6.378229787248565e-51, -4.804692871750331e181];
    let (a, b, h) = (
        Dual::new(3.56, 1.0),
        Dual::new(-7.46e-126, 1.0),
        Dual::constant(-2.26e-225),
    );
    let quotient = [1.4457086588705443e26, 3.875894527803068e151];
    let near = |found: Dual<f64>, [primal, tangent]: [f64; 2]| {
        let close = |found: f64, exact: f64| (found / exact - 1.0).abs() < 1e-14;
        assert!(
            close(found.primal, primal) && close(found.tangent, tangent),
            "{found}, exact {primal:e} and {tangent:e}"
        );
    };
    let tape = Tape::<Dual<f64>>::default();
    let v = tape.var(Tensor::from([x]));
    near(v.cbrt().vjp(Tensor::from([g])).wrt(v)[[0]], cbrt);
    let [u, v] = [a, b].map(|x| tape.var(Tensor::from([x])));
    near((u / v).vjp(Tensor::from([h])).wrt(v)[[0]], quotient);
    // On scalar handles a cotangent comes as the slope of what follows.
    let v = tape.var(x);
    let y = v.cbrt();
    near(y.chain(y.value() * g, g).backward().wrt(v), cbrt);
    let (u, v) = (tape.var(a), tape.var(b));
    let y = u / v;
    near(y.chain(y.value() * h, h).backward().wrt(v), quotient);
}

#[test]
fn a_norm_and_a_running_product_have_directions_of_any_size() {
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Tensor::from([
        Dual::new(-5.4e131, 2e251),
        Dual::new(1e131, 1e250),
    ]));
    let g = x.norm().backward().wrt(x);
    let exact = [1.5335103476891937e118, 8.280955877521647e118];
    for (g, exact) in g.iter().zip(exact) {
        assert!(
            (g.tangent / exact - 1.0).abs() < 1e-14,
            "{g}, exact {exact:e}"
        );
    }
    // g_0 + g_1 x_1, with x_1 = 0 + ε: the primal is g_0 alone.
    let x = tape.var(Tensor::from([
        Dual::new(-4.9e171, 1.0),
        Dual::new(0.0, 1.0),
    ]));
    let g = Tensor::from([-1.09e-154, -4e235].map(Dual::constant));
    let gx = x.cumprod(0).vjp(g).wrt(x)[[0]];
    assert_eq!((gx.primal, gx.tangent), (-1.09e-154, -4e235));
}

#[test]
fn products_of_matrices_keep_sums_that_leave_the_range_on_the_way() {
    let tape = Tape::new();
    let a = tape.var(Tensor::from([
        [1e300, -1e300, 2.0],
        [1.0, 2.0, 3.0],
        [f64::INFINITY, 1.0, 1.0],
        [1e300, 1e300, 1.0],
    ]));
    let b = tape.var(Tensor::from([[1e300, 1.0], [1e300, 1.0], [3.0, 1.0]]));
    let infinity = f64::INFINITY;
    let y = Tensor::from([[6.0, 2.0], [3e300, 6.0], [infinity; 2], [infinity, 2e300]]);
    assert_eq!(a.matmul(b).value(), y);
    assert_eq!(a.matmul_t(b.transpose()).value(), y);
    // One row by one column, and a vector.
    let row = tape.var(Tensor::from([1e300, -1e300, 2.0]));
    let column = tape.var(Tensor::from([1e300, 1e300, 3.0]));
    assert_eq!(row.matmul(column).value().item(), 6.0);
    assert_eq!(row.matmul(b).value(), Tensor::from([6.0, 2.0]));

    // The gradient of a matrix that three products share is their sum.
    let a = tape.var(Tensor::new([3, 2, 1, 1], vec![1e300, 7.0, -1e300, 8.0, 5.0, 9.0]).unwrap());
    let b = tape.var(Tensor::new([2, 1, 1], vec![1.0, 1e300]).unwrap());
    let g = Tensor::new([3, 2, 1, 1], vec![1e10, 1.0, 1e10, 1.0, 1.0, 1.0]).unwrap();
    let grads = a.matmul(b).vjp(g);
    assert_eq!(
        grads.wrt(b),
        Tensor::new([2, 1, 1], vec![5.0, 24.0]).unwrap()
    );
}
