//! No derivative is infinite or NaN where the exact one is a number: the largest cotangents and tangents on
//! every elementwise op over its whole domain. `range.rs` has the special cases.

use num_traits::Float;
use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::{Dd, Dual, Duals, Elem, Tape, Tensor};

use crate::sweep::{self, Function};

/// Cotangents and tangents of the largest size, on every elementwise op over its whole domain.
struct Large {
    wrong: Vec<String>,
}

impl Large {
    fn at_ends<S: Spec, T: Elem>(&mut self) {
        let with = S::sample(&mut Draw::new(1)).with;
        let x = sweep::inputs::<S, T>(3);
        self.check(S::NAME, &x, &|x| S::fused(x, &with), &|x| {
            S::fused(x, &with)
        });
    }

    /// Compares with double-double numbers, which have the range of `f64`; a slope is exact enough there.
    fn check<T: Elem>(
        &mut self,
        name: &str,
        x: &[Tensor<T>],
        f: Function<'_, T>,
        wide: Function<'_, Dd>,
    ) {
        let largest = T::max_value();
        let [pulled, pushed] = derivatives(f, x, largest);
        let exact: Vec<_> = x.iter().map(|x| x.map(|x| Dd::from(x.primal()))).collect();
        let [slopes, _] = derivatives(wide, &exact, Dd::ONE);
        for k in 0..x.len() {
            for (i, slope) in slopes[k].iter().enumerate() {
                // Half an ulp is left for the slope's rounding.
                let finite = slope.hi().abs() <= 1.0 - 4.0 * T::epsilon().primal();
                for (kind, found) in [("VJP", &pulled[k]), ("JVP", &pushed[k])] {
                    if finite && !found.data()[i].is_finite() {
                        let at: Vec<_> = x.iter().map(|x| x.data()[i].primal()).collect();
                        self.wrong
                            .push(format!("{name} at {at:?}: {kind} is {}", found.data()[i]));
                    }
                }
            }
        }
    }
}

/// VJP and JVP of every operand for one number everywhere.
fn derivatives<T: Elem>(f: Function<'_, T>, x: &[Tensor<T>], size: T) -> [Vec<Tensor<T>>; 2] {
    let tape = Tape::<T>::default();
    let handles: Vec<_> = x.iter().map(|x| tape.var(x.clone())).collect();
    let y = f(&handles);
    let pulled = y.vjp(y.value().map(|_| size));
    let pushed = handles.iter().zip(x);
    let pushed = pushed.map(|(&h, x)| tape.forward().along(h, x.map(|_| size)).walk().of(y));
    [
        handles.iter().map(|&x| pulled.wrt(x)).collect(),
        pushed.collect(),
    ]
}

impl Visitor for Large {
    fn op<S: Spec>(&mut self) {
        if sweep::is_elementwise::<S>() {
            self.at_ends::<S, f64>();
            self.at_ends::<S, f32>();
        }
    }
}

#[test]
fn the_largest_cotangents_and_tangents_overflow_only_where_the_result_does() {
    let mut large = Large { wrong: Vec::new() };
    visit(&mut large);
    assert!(large.wrong.is_empty(), "{}", large.wrong.join("\n"));
}

#[test]
fn a_gate_that_is_closed_stops_an_infinite_cotangent() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([-1.0, 4.0]));
    let zero = Tensor::from([0.0]);
    let opened = [
        x.relu().sqrt(),
        x.clamp(0.0, 9.0).sqrt(),
        x.maximum(&zero).sqrt(),
        x.leaky_relu(0.0).sqrt(),
    ];
    for y in opened {
        assert_eq!(y.sum().backward().wrt(x), Tensor::from([0.0, 0.25]));
    }
    let x = tape.var(-1.0);
    let zero = wengert::Var::from(0.0);
    let closed = [
        x.relu().sqrt(),
        x.clamp(0.0, 9.0).ln(),
        x.maximum(zero).recip(),
        x.floor().log1p(),
    ];
    for y in closed {
        assert_eq!(y.backward().wrt(x), 0.0);
    }
}

#[test]
fn tangents_of_dual_numbers_survive_slopes_beyond_the_range() {
    let near = |found: f64, exact: f64| assert!((found / exact - 1.0).abs() < 1e-14, "{found:e}");
    let e = (-400f64).exp();
    near(Float::recip(Dual::new(1e-200, 1e-300)).tangent, -1e100);
    near(Float::exp(Dual::new(-800.0, 1e300)).tangent, e * 1e300 * e);
    let power = Float::powf(Duals::new(1e-200, [1e-250]), Duals::constant(-1.0));
    near(power.tangents[0], -1e150);
}

#[test]
fn a_mean_and_a_product_survive_terms_beyond_the_range() {
    let tape = Tape::<f32>::default();
    let near = |found: f32, exact: f32| assert!((found / exact - 1.0).abs() < 1e-6, "{found:e}");
    let x = tape.var(Tensor::from([56.47, -2.25e19, 5.6e15]));
    let loss = x.mse(Tensor::from([-5.2, 56.5, 1.1]));
    near(
        loss.value(),
        2.25e19 / 3.0 * 2.25e19 + 5.6e15 / 3.0 * 5.6e15,
    );
    let x = tape.var(Tensor::from([5.79e34, 1.63, 3.18e34]));
    let y = x.prod();
    let walk = tape.forward().along(x, Tensor::from([1.0, -8.4e-33, 1.0]));
    let others = [1.63 * 3.18e34, -5.79e34 * 8.4e-33 * 3.18e34, 5.79e34 * 1.63];
    near(walk.walk().of(y), others.iter().sum());
}
