//! Elementwise ops over their whole domain, measured against double-double numbers at the same input.

use std::fmt::Debug;

use num_traits::Float;
use wengert::ops::{Draw, Spec};
use wengert::{Dual, Elem, Random, Tape, Tensor, Var};

/// What is measured of an op, in this order.
pub const ORDERS: [&str; 3] = ["value", "gradient", "second order"];

/// The errors of one op in one element type: of the value, the gradient and the second order.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub [Figure; 3]);

/// Errors in ulps.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    pub max: f64,
    pub mean: f64,
    /// The input, attributes included, at which `max` was found.
    pub at: String,
    count: f64,
}

impl Figure {
    fn add(&mut self, ulps: f64, at: impl FnOnce() -> String) {
        self.count += 1.0;
        self.mean += (ulps - self.mean) / self.count;
        if ulps > self.max {
            self.max = ulps;
            self.at = at();
        }
    }
}

/// Whether an op maps every element on its own: it has a scalar form and keeps the shape.
pub fn is_elementwise<S: Spec>() -> bool {
    let sample = S::sample(&mut Draw::new(1));
    let tape = Tape::new();
    let scalars: Vec<_> = sample.inputs.iter().map(|_| tape.var(1.0)).collect();
    if S::scalar(&scalars, &sample.with).is_none() {
        return false;
    }
    let x: Vec<_> = (scalars.iter().map(|_| tape.var(Tensor::full([3], 1.0)))).collect();
    S::fused(&x, &sample.with).shape() == [3]
}

/// An op on one type of elements, behind a pointer, so that what follows is compiled once for each
/// type of elements, not for each op.
pub type Function<'a, T> = &'a dyn for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>;

/// The scalar form of an op, if it has one.
pub type Scalar<'a, T> = &'a dyn for<'t> Fn(&[Var<'t, T>]) -> Option<Var<'t, T>>;

/// An op on `T`, on its wider type, and on the dual numbers over both.
struct Op<'a, T: Elem> {
    narrow: (Function<'a, T>, Function<'a, Dual<T>>),
    wide: (Function<'a, T::Wide>, Function<'a, Dual<T::Wide>>),
}

fn with_op<S: Spec, T: Elem>(with: &S::Attributes, f: impl FnOnce(&Op<'_, T>)) {
    f(&Op {
        narrow: (&|x| S::fused(x, with), &|x| S::fused(x, with)),
        wide: (&|x| S::fused(x, with), &|x| S::fused(x, with)),
    });
}

/// The functions that, in `f32`, fuse products with sums on the levels that can: their bits are not the same on all.
pub const FUSING: [&str; 3] = ["exp", "sigmoid", "tanh"];

/// Measures an elementwise op in `T` over its whole domain, with the attributes of its samples.
pub fn measure<S: Spec, T: Elem>() -> Figures {
    let mut figures = Figures::default();
    let mut seen = Vec::new();
    for seed in 0..64 {
        let sample = S::sample(&mut Draw::new(seed));
        let name = format!("{:?}", sample.with);
        if seen.contains(&name) {
            continue;
        }
        let x = inputs::<S, T>(seed);
        let label = if name == "()" {
            String::new()
        } else {
            format!(", {name}")
        };
        with_op::<S, T>(&sample.with, |op| compare(op, &x, &label, &mut figures));
        seen.push(name);
    }
    figures
}

/// Operands of an elementwise op over its whole domain.
pub fn inputs<S: Spec, T: Elem>(seed: u64) -> Vec<Tensor<T>> {
    let random = &mut Random::new(seed);
    match S::sample(&mut Draw::new(seed)).inputs.len() {
        1 => vec![line(random)],
        2 => pairs(random),
        n => panic!("{}: {n} operands", S::NAME),
    }
}

/// Runs the op on `x` in `T` and in double-double and adds every error to `figures`.
fn compare<T: Elem>(op: &Op<'_, T>, x: &[Tensor<T>], label: &str, figures: &mut Figures) {
    let ones = |shape: &[usize]| Tensor::full(shape, 1.0);
    let run = |x: &[Tensor<T::Wide>]| evaluate(op.wide, x, &mut { ones });
    let wide: Vec<_> = x.iter().map(|x| x.map(T::widen)).collect();
    // Half and one and a half times the operand; of two, each alone and both in opposite directions.
    let steps: &[[f64; 2]] = match x.len() {
        1 => &[[0.5, 0.0]],
        _ => &[[0.5, 0.0], [0.0, 0.5], [0.5, -0.5]],
    };
    let near = |step: &[f64; 2], sign: f64| {
        let moved = wide.iter().zip(step).map(|(x, s)| {
            let factor = T::Wide::of(1.0 + sign * s);
            x.map(|x| x * factor)
        });
        run(&moved.collect::<Vec<_>>())
    };
    let exact = run(&wide);
    let around: Vec<_> = steps
        .iter()
        .map(|s| [near(s, -1.0), near(s, 1.0)])
        .collect();
    let found = evaluate(op.narrow, x, &mut { ones });
    let normal = T::min_positive_value().primal();
    for (row, (order, found)) in found.iter().enumerate() {
        for (i, &found) in found.iter().enumerate() {
            let value = exact[0].1.data()[i].primal().abs();
            // Outside the domain there is no derivative.
            if *order > 0 && value.is_nan() {
                continue;
            }
            let exact = exact[row].1.data()[i];
            // A derivative that overflows must only not be finite.
            let overflow = exact.primal().abs() > T::max_value().primal() && !found.is_finite();
            if *order > 0 && (exact.is_nan() || overflow) {
                continue;
            }
            let pairs = around.iter().map(|pair| {
                let [below, above] = [0, 1].map(|k| pair[k][row].1.data()[i].primal().abs());
                below.min(above)
            });
            let around = pairs.fold(0.0, f64::max);
            let mut ulps = distance(found, exact, around);
            // A slope may be computed from the value, which has fewer digits where it is subnormal.
            if *order > 0 && value > 0.0 && value < normal {
                ulps *= value / normal;
            }
            figures.0[*order].add(ulps, || {
                let at: Vec<_> = x.iter().map(|x| brief(x.data()[i].primal())).collect();
                format!("{}{label}", at.join(", "))
            });
        }
    }
}

/// A number in the fewest digits that give it exactly.
fn brief(x: f64) -> String {
    let text = match f64::from(x as f32) == x {
        true => format!("{:e}", x as f32),
        false => format!("{x:e}"),
    };
    text.trim_end_matches("e0").to_string()
}

/// Measures any op in `T` on samples drawn as for its checks, in ulps of the largest number among the
/// result, the operands and the cotangent.
pub fn sampled<S: Spec, T: Elem>() -> Figures {
    let mut figures = Figures::default();
    for seed in 0..48 {
        let sample = S::sample(&mut Draw::new(seed));
        with_op::<S, T>(&sample.with, |op| {
            compare_sample(op, &sample.inputs, seed, &mut figures)
        });
    }
    figures
}

fn compare_sample<T: Elem>(op: &Op<'_, T>, x: &[Tensor<f64>], seed: u64, figures: &mut Figures) {
    let narrow: Vec<Tensor<T>> = x.iter().map(|x| x.map(T::of)).collect();
    let wide: Vec<_> = narrow.iter().map(|x| x.map(T::widen)).collect();
    let [mut one, mut other] = [0; 2].map(|_| Draw::new(!seed));
    let found = evaluate(op.narrow, &narrow, &mut |shape| {
        one.values(shape, -1.0, 1.0)
    });
    let exact = evaluate(op.wide, &wide, &mut |shape| other.values(shape, -1.0, 1.0));
    // Cotangents and tangents are drawn up to 1.
    let entering = x
        .iter()
        .flat_map(|x| x.iter())
        .fold(1.0, |m: f64, x| m.max(x.abs()));
    for ((order, found), (_, exact)) in found.iter().zip(&exact) {
        let sizes = exact.iter().map(|x| x.primal().abs());
        let largest = sizes.fold(entering, f64::max);
        for (&found, &exact) in found.iter().zip(exact.iter()) {
            let ulps = distance(found, exact, largest);
            figures.0[*order].add(ulps, || format!("sample {seed}"));
        }
    }
}

/// The value, the gradient of every operand, and its derivative along every operand, each with its
/// order. Cotangent and tangents come from `direction`, given their shape.
fn evaluate<T: Elem>(
    (f, f_dual): (Function<'_, T>, Function<'_, Dual<T>>),
    x: &[Tensor<T>],
    direction: &mut dyn FnMut(&[usize]) -> Tensor<f64>,
) -> Vec<(usize, Tensor<T>)> {
    let tape = Tape::<T>::default();
    let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
    let y = f(&handles);
    let mut rows = vec![(0, y.value())];
    let g = direction(&y.shape()).map(T::of);
    let pulled = y.vjp(g.clone());
    rows.extend(handles.iter().map(|&x| (1, pulled.wrt(x))));
    for along in 0..x.len() {
        let tape = Tape::<Dual<T>>::default();
        let lift = |(k, x): (usize, &Tensor<T>)| {
            let t = match k == along {
                true => direction(x.shape()),
                false => Tensor::zeros(x.shape()),
            };
            let pairs = x
                .iter()
                .zip(t.iter())
                .map(|(&x, &t)| Dual::new(x, T::of(t)));
            tape.var(Tensor::new(x.shape(), pairs.collect()).unwrap())
        };
        let handles: Vec<_> = x.iter().enumerate().map(lift).collect();
        let pulled = f_dual(&handles).vjp(g.map(Dual::constant));
        rows.extend(
            handles
                .iter()
                .map(|&x| (2, pulled.wrt(x).map(|g| g.tangent))),
        );
    }
    rows
}

/// How far `found` is from `exact`, in ulps of `exact`.
///
/// Infinity counts as the number after the largest. Where the results at half and at one and a half
/// times the input are both larger in size than `exact`, a zero is near, and the unit is that of the
/// smaller one (`around`). No unit is finer than that at 2^-960: below, some ops are farther off.
pub fn distance<T: Elem>(found: T, exact: T::Wide, around: f64) -> f64 {
    if found.is_nan() || exact.is_nan() {
        return if found.is_nan() == exact.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let (epsilon, largest) = (T::epsilon().primal(), T::max_value().primal());
    let end = T::Wide::of(largest * 0.5 * (1.0 + epsilon)) * T::Wide::of(2.0);
    let clip = |x: T::Wide| x.max(-end).min(end);
    let (found, exact) = (clip(found.widen()), clip(exact));
    let least = T::min_positive_value().primal().max(2f64.powi(-960));
    let size = exact.primal().abs().max(around).min(largest).max(least);
    let power = f64::from_bits(size.to_bits() & 0x7FF0_0000_0000_0000);
    ((found - exact) / T::Wide::of(power * epsilon))
        .abs()
        .primal()
}

/// Numbers of every size and both signs, many of them where functions bend.
fn line<T: Elem>(random: &mut Random) -> Tensor<T> {
    let top = T::max_value().primal().ln() * 1.1;
    let mut x: Vec<f64> = Vec::new();
    x.extend((0..800).map(|_| any_size::<T>(random)));
    for reach in [1.0, 4.0, 40.0, top] {
        x.extend((0..500).map(|_| reach * (2.0 * random.unit() - 1.0)));
    }
    x.extend((0..400).map(|_| near_one::<T>(random)));
    x.extend(ends::<T>());
    x.into_iter().map(T::of).collect()
}

/// Pairs of numbers: of any sizes, of one size, and of middling size.
fn pairs<T: Elem>(random: &mut Random) -> Vec<Tensor<T>> {
    let mut x: Vec<[f64; 2]> = Vec::new();
    for _ in 0..800 {
        let (a, b) = (any_size::<T>(random), any_size::<T>(random));
        let ratio = 8.0 * (random.unit() - 0.5);
        let middle = [0; 2].map(|_| 20.0 * (random.unit() - 0.5));
        let power = T::max_value().primal().ln() * (2.2 * random.unit() - 1.1);
        x.extend([[a, b], [a, a * ratio], middle, [near_one::<T>(random), b]]);
        x.push([a.abs(), power / a.abs().ln()]);
    }
    let ends = ends::<T>();
    x.extend(ends.iter().flat_map(|&a| ends.iter().map(move |&b| [a, b])));
    (0..2)
        .map(|k| x.iter().map(|x| T::of(x[k])).collect())
        .collect()
}

/// A number whose logarithm is evenly spread between those of the least and the largest.
fn any_size<T: Elem>(random: &mut Random) -> f64 {
    let (low, high) = (smallest::<T>().log2(), T::max_value().primal().log2());
    let size = (low + (high - low) * random.unit()).exp2();
    if random.below(2) == 0 { size } else { -size }
}

/// ±1 with a difference of any size down to the last bit.
fn near_one<T: Elem>(random: &mut Random) -> f64 {
    let bits = T::epsilon().primal().log2();
    let away = (bits * random.unit()).exp2();
    let x = if random.below(2) == 0 {
        1.0 + away
    } else {
        1.0 - away
    };
    if random.below(2) == 0 { x } else { -x }
}

/// 0, 1 and the ends of the range.
fn ends<T: Elem>() -> Vec<f64> {
    let (normal, largest) = (T::min_positive_value().primal(), T::max_value().primal());
    let sizes = [
        0.0,
        1.0,
        2.0,
        smallest::<T>(),
        normal,
        normal * 4.0,
        largest / 4.0,
        largest,
    ];
    sizes.iter().flat_map(|&x| [x, -x]).collect()
}

/// The smallest number above 0.
fn smallest<T: Elem>() -> f64 {
    T::min_positive_value().primal() * T::epsilon().primal()
}
