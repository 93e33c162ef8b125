//! Elementwise ops and reductions on every level of kernels that this machine has: the same bits on each, at every length
//! around those of vectors, in every layout, and near the results of the scalar forms. A few functions of `f32` fuse
//! products with sums where the level does: there the bits of all such levels are the same.

use crate::sweep::{self, Function, Scalar};
use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::{Elem, Level, Random, Tape, Tensor, Var};

/// The bits of numbers; all NaN are alike.
fn bits<T: Elem>(x: &[T]) -> Vec<u64> {
    let one = |x: &T| match x.is_nan() {
        true => u64::MAX,
        false => x.primal().to_bits(),
    };
    x.iter().map(one).collect()
}

/// Value and cotangents of an op.
fn run<T: Elem>(op: Function<'_, T>, x: &[Tensor<T>]) -> Vec<Tensor<T>> {
    let tape = Tape::<T>::default();
    let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
    let y = op(&handles);
    let g = y
        .value()
        .map(|y| if y < T::zero() { T::of(-1.5) } else { T::one() });
    let grads = y.vjp(g);
    let mut found = vec![y.value()];
    found.extend(handles.iter().map(|&x| grads.wrt(x)));
    found
}

/// Everything that must be the same, on every level.
fn on_all_levels<T: Elem>(what: &str, f: impl Fn() -> Vec<Tensor<T>>) -> Vec<Tensor<T>> {
    let first = Level::Portable.force(&f);
    for level in Level::all() {
        let found = level.force(&f);
        for (k, (found, first)) in found.iter().zip(&first).enumerate() {
            assert_eq!(found.shape(), first.shape(), "{what}");
            let (a, b) = (bits(found.data()), bits(first.data()));
            let differ = a.iter().zip(&b).position(|(a, b)| a != b);
            assert_eq!(differ, None, "{what}, result {k} on {level} and portable");
        }
    }
    first
}

fn part<T: Clone>(x: &Tensor<T>, start: usize, n: usize) -> Tensor<T> {
    Tensor::new([n], x.data()[start..start + n].to_vec()).unwrap()
}

/// How far results with and without fused multiply-adds may be apart, in ulps.
const APART: f64 = 2.0;

/// Results that were rounded differently are close, and equal where one is 0, infinite or NaN.
fn are_close<T: Elem>(what: &str, found: &[T], first: &[T]) {
    for (k, (&a, &b)) in found.iter().zip(first).enumerate() {
        let size = b.primal().abs().max(T::min_positive_value().primal());
        let unit = size.log2().floor().exp2() * T::epsilon().primal();
        let off = (a.primal() - b.primal()).abs() / unit;
        let close = a.same(b) || off <= APART;
        assert!(close, "{what}, element {k}: {a} and {b}, {off} ulps apart");
    }
}

/// A part of the operands gives a part of the results, on every level, and all levels give the same.
fn lengths<T: Elem>(name: &str, op: Function<'_, T>, x: &[Tensor<T>]) {
    let fuses = sweep::FUSING.contains(&name) && T::FUSES;
    let wholes: Vec<_> = Level::all()
        .iter()
        .map(|level| level.force(|| run(op, x)))
        .collect();
    for (level, whole) in Level::all().iter().zip(&wholes) {
        for (k, (whole, first)) in whole.iter().zip(&wholes[0]).enumerate() {
            let what = format!("{name}, result {k} on {level} and portable");
            match fuses {
                true => are_close(&what, whole.data(), first.data()),
                false => assert_eq!(bits(whole.data()), bits(first.data()), "{what}"),
            }
        }
        // The levels beyond the first fuse.
        let fused = wholes.get(1).filter(|_| *level != Level::Portable);
        for (whole, fused) in whole.iter().zip(fused.into_iter().flatten()) {
            assert_eq!(bits(whole.data()), bits(fused.data()), "{name} on {level}");
        }
    }
    let lanes = 64 / size_of::<T>();
    let around = (0..=3 * lanes + 1).chain([31, 32, 33, 100, 257]);
    // Some elements alone, too.
    for (k, n) in around.chain([1; 20]).enumerate() {
        let start = 37 * k % (x[0].len() - n);
        let x: Vec<_> = x.iter().map(|x| part(x, start, n)).collect();
        for (level, whole) in Level::all().iter().zip(&wholes) {
            let found = level.force(|| run(op, &x));
            for (found, whole) in found.iter().zip(whole) {
                let expected = bits(part(whole, start, n).data());
                let what = format!("{name}, {n} elements from {start} on {level}");
                assert_eq!(bits(found.data()), expected, "{what}");
            }
        }
    }
}

/// The scalar form, which is the plain formula over the system's functions.
fn scalars<T: Elem>(name: &str, op: Function<'_, T>, scalar: Scalar<'_, T>, x: &[Tensor<T>]) {
    let [value, slope] = [0, 1].map(|k| run(op, x)[k].clone());
    let epsilon = T::epsilon().primal();
    for (i, &x) in x[0].iter().enumerate() {
        let tape = Tape::<T>::default();
        let handle = tape.var(x);
        let y = scalar(&[handle]).expect("an elementwise op has a scalar form");
        let sign = if y.value() < T::zero() { -1.5 } else { 1.0 };
        let g = y.backward().wrt(handle).primal() * sign;
        let pairs = [(value.data()[i], y.value().primal()), (slope.data()[i], g)];
        for (order, (found, plain)) in pairs.into_iter().enumerate() {
            let found = found.primal();
            // A slope beyond the range, from which a rule may still get a number, or a product beyond it.
            let outside = plain == 0.0 || plain.is_nan() || plain.abs() > T::max_value().primal();
            if order == 1 && outside {
                continue;
            }
            let least = T::min_positive_value().primal();
            let near_a_zero = if x.primal().abs() < 3.0 { 1.0 } else { 0.0 };
            let bound = 8.0 * epsilon * plain.abs().max(near_a_zero).max(least);
            let same = found == plain || (found.is_nan() && plain.is_nan());
            let close = same || (found - plain).abs() <= bound;
            assert!(
                close,
                "{name} at {x}, order {order}: {found:e}, plain {plain:e}"
            );
        }
    }
}

/// Elementwise ops over their whole domain.
struct Lengths;

impl Lengths {
    fn of<S: Spec, T: Elem>() {
        let with = S::sample(&mut Draw::new(1)).with;
        let x = sweep::inputs::<S, T>(1);
        lengths(S::NAME, &|x| S::fused(x, &with), &x);
    }
}

impl Visitor for Lengths {
    fn op<S: Spec>(&mut self) {
        if sweep::is_elementwise::<S>() {
            Self::of::<S, f32>();
            Self::of::<S, f64>();
        }
    }
}

struct Scalars;

impl Scalars {
    fn of<S: Spec, T: Elem>() {
        let with = S::sample(&mut Draw::new(1)).with;
        let x = sweep::inputs::<S, T>(2);
        let scalar: Scalar<'_, T> = &|x| S::scalar(x, &with);
        scalars(S::NAME, &|x| S::fused(x, &with), scalar, &x);
    }
}

impl Visitor for Scalars {
    fn op<S: Spec>(&mut self) {
        if sweep::is_elementwise::<S>() && S::sample(&mut Draw::new(1)).inputs.len() == 1 {
            Self::of::<S, f32>();
            Self::of::<S, f64>();
        }
    }
}

#[test]
fn every_elementwise_op_has_the_same_bits_on_every_level_and_at_every_length() {
    visit(&mut Lengths);
}

#[test]
fn every_op_of_one_operand_is_close_to_its_scalar_form() {
    visit(&mut Scalars);
}

type Two<T> = for<'t> fn(Var<'t, Tensor<T>>, Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>>;

/// Value, and cotangents of both operands.
fn pair<T: Elem>(a: &Tensor<T>, b: &Tensor<T>, op: Two<T>) -> Vec<Tensor<T>> {
    let tape = Tape::<T>::default();
    let (a, b) = (tape.var(a.clone()), tape.var(b.clone()));
    let y = op(a, b);
    let g = Random::new(3).uniform(y.shape(), -1.0, 1.0);
    let grads = y.vjp(g);
    vec![y.value(), grads.wrt(a), grads.wrt(b)]
}

fn layouts<T: Elem>() {
    let ops: [Two<T>; 5] = [
        |a, b| a + b,
        |a, b| a - b,
        |a, b| a * b,
        |a, b| a / b,
        |a, b| a.maximum(b),
    ];
    for n in [1, 2, 7, 8, 16, 17, 50, 130] {
        let shapes: [(&[usize], &[usize]); 8] = [
            (&[5, n], &[n]),
            (&[5, n], &[5, 1]),
            (&[5, n], &[]),
            (&[], &[5, n]),
            (&[n], &[5, n]),
            (&[5, 1], &[5, n]),
            (&[3, 1, n], &[4, 1]),
            (&[3, 4, n], &[3, 1, n]),
        ];
        for (a, b) in shapes {
            let out = a.len().max(b.len());
            let mut random = Random::new(n as u64);
            let (a, b): (Tensor<T>, Tensor<T>) =
                (random.uniform(a, 0.5, 2.0), random.uniform(b, 0.5, 2.0));
            let zeros = &(&a * &Tensor::scalar(T::zero())) + &(&b * &Tensor::scalar(T::zero()));
            assert_eq!(zeros.rank(), out);
            let (full_a, full_b) = (&a + &zeros, &b + &zeros);
            for (k, op) in ops.into_iter().enumerate() {
                let what = format!("op {k} of {:?} and {:?}", a.shape(), b.shape());
                let found = on_all_levels(&what, || pair(&a, &b, op));
                let full = on_all_levels(&what, || pair(&full_a, &full_b, op));
                assert_eq!(found[0], full[0], "{what}");
                for (x, (found, full)) in
                    [&a, &b].into_iter().zip(found[1..].iter().zip(&full[1..]))
                {
                    if x.len() == zeros.len() {
                        assert_eq!(bits(found.data()), bits(full.data()), "{what}");
                        continue;
                    }
                    // The sum over the axes that were broadcast, one element at a time.
                    let tape = Tape::<T>::default();
                    let leaf = tape.var(x.clone());
                    let spread = leaf + tape.constant(zeros.clone());
                    let sums = (spread * tape.constant(full.clone()))
                        .sum()
                        .backward()
                        .wrt(leaf);
                    for (&found, &sum) in found.iter().zip(sums.iter()) {
                        let bound = 40.0 * T::epsilon().primal() * zeros.len() as f64;
                        assert!(
                            (found - sum).primal().abs() < bound,
                            "{what}: {found} {sum}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn operands_that_broadcast_give_what_full_ones_give_on_every_level() {
    layouts::<f32>();
    layouts::<f64>();
}

type One<T> = for<'t> fn(Var<'t, Tensor<T>>, isize) -> Var<'t, Tensor<T>>;

/// The name of a reduction, and the reduction on numbers and on wide ones.
type Reduction<T> = (&'static str, One<T>, One<<T as Elem>::Wide>);

fn reductions<T: Elem>() {
    let ops: [Reduction<T>; 5] = [
        ("sum", |x, k| x.sum_keep(k), |x, k| x.sum_keep(k)),
        ("mean", |x, k| x.mean_keep(k), |x, k| x.mean_keep(k)),
        ("max", |x, k| x.max_keep(k), |x, k| x.max_keep(k)),
        ("min", |x, k| x.min_keep(k), |x, k| x.min_keep(k)),
        ("norm", |x, k| x.norm_keep(k), |x, k| x.norm_keep(k)),
    ];
    let lanes = 64 / size_of::<T>();
    let lengths = (1..=3 * lanes + 1).chain([127, 128, 129, 500, 1025, 5000]);
    for n in lengths {
        for (axis, shape) in [
            (-1, vec![n]),
            (-1, vec![3, n]),
            (0, vec![n, 3]),
            (1, vec![2, n, 17]),
        ] {
            // Few distinct numbers, so that there are ties.
            let mut random = Random::new(n as u64);
            let x: Tensor<T> = random
                .uniform(shape, -8.0, 8.0)
                .map(|x: T| (x + x).round() * T::of(0.3));
            for (name, op, wide) in ops {
                let what = format!("{name} along {axis} of {:?}", x.shape());
                let found = on_all_levels(&what, || reduced(&x, axis, op));
                let exact = reduced(&x.map(T::widen), axis, wide);
                for (found, exact) in found.iter().zip(&exact) {
                    for (&found, &exact) in found.iter().zip(exact.iter()) {
                        // Sums in blocks: a few ulps of the sum of sizes.
                        let size = exact.primal().abs().max(if name == "sum" {
                            4.0 * n as f64
                        } else {
                            2.4
                        });
                        let bound = 3.0 * T::epsilon().primal() * size;
                        let off = (found.widen() - exact).primal().abs();
                        assert!(off <= bound, "{what}: {found}, exact {exact}");
                    }
                }
            }
        }
    }
}

fn reduced<T: Elem>(x: &Tensor<T>, axis: isize, op: One<T>) -> Vec<Tensor<T>> {
    let tape = Tape::<T>::default();
    let x = tape.var(x.clone());
    let y = op(x, axis);
    let g = Tensor::full(y.shape(), T::of(0.75));
    let gx = y.vjp(g).wrt(x);
    vec![y.value(), gx]
}

#[test]
fn reductions_are_right_and_the_same_on_every_level() {
    reductions::<f32>();
    reductions::<f64>();
}

/// Among cotangents and values of 0, which are right as they are, a cotangent whose slope has left the range is found.
#[test]
fn what_leaves_the_range_among_zeros_is_found() {
    const N: usize = 600;
    let far = |k: usize| k % 7 == 6;
    let x = |other: fn(usize) -> f64, this: f64| -> Tensor<f64> {
        Tensor::from_fn([N], |k| if far(k) { this } else { other(k) })
    };
    let g = x(|k| (k % 2) as f64, 1e300);
    let check = |what: &str, found: &Tensor<f64>, expected: f64| {
        for (k, (&found, &g)) in found.iter().zip(g.iter()).enumerate() {
            if far(k) {
                let off = (found / expected - 1.0).abs();
                assert!(off < 1e-10, "{what} at {k}: {found:e} for {expected:e}");
            } else if g == 0.0 {
                assert_eq!(found, 0.0, "{what} at {k}");
            }
        }
    };
    let tape = Tape::new();
    let low = tape.var(x(|k| k as f64 / 100.0, -740.0));
    // Good to the digits that the sum of the two exponents leaves.
    let shifted = (-740.0 + 300.0 * std::f64::consts::LN_10).exp();
    check("exp", &low.exp().vjp(g.clone()).wrt(low), shifted);
    // Half of the numerators are 0, too.
    let (a, b) = (
        tape.var(x(|k| (k % 4 / 2) as f64, 1.0)),
        tape.var(x(|k| 1.0 + k as f64, 1e200)),
    );
    let grads = (a / b).vjp(g.clone());
    check("a of a / b", &grads.wrt(a), 1e100);
    check("b of a / b", &grads.wrt(b), -1e-100);
    let base = tape.var(x(|k| (k % 3) as f64, 1e-120));
    for n in 4..8 {
        let expected = f64::from(n) * 10f64.powi(300 - 120 * (n - 1));
        if expected > 1e-300 {
            check("powi", &base.powi(n).vjp(g.clone()).wrt(base), expected);
        }
    }
}

/// A cotangent of NaN or infinity is not lost either, where a value of 0 settles finite ones.
#[test]
fn a_quotient_of_0_passes_on_what_is_no_number() {
    for g in [f64::NAN, f64::INFINITY] {
        let tape = Tape::new();
        let (a, b) = (
            tape.var(Tensor::zeros([600])),
            tape.var(Tensor::full([600], 2.0)),
        );
        let gb = (a / b).vjp(Tensor::full([600], g)).wrt(b);
        assert!(gb.iter().all(|gb| gb.is_nan()), "{g}");
    }
}
