//! No result is infinite or NaN where the exact one is a number: at both ends of the range of each type,
//! for every elementwise op and for the reductions whose intermediate results are larger than their own.

use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::{Dd, Elem, Tape, Tensor, Var};

use crate::sweep;

type Function<'a, T> = &'a dyn for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>;

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

/// Value and gradient of a function of one vector.
fn both<T: Elem>(
    x: &[f64],
    f: impl for<'t> Fn(Var<'t, Tensor<T>>) -> Var<'t, T>,
) -> (f64, Vec<f64>) {
    let tape = Tape::<T>::default();
    let x = tape.var(x.iter().map(|&x| T::of(x)).collect::<Tensor<T>>());
    let y = f(x);
    let gradient = y.backward().wrt(x);
    (
        y.value().primal(),
        gradient.iter().map(|g| g.primal()).collect(),
    )
}

#[track_caller]
fn close((found, gradient): (f64, Vec<f64>), expected: f64, slopes: &[f64]) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs() || a == b;
    assert!(near(found, expected), "{found:e}, exact {expected:e}");
    let all = gradient.iter().zip(slopes).all(|(&a, &b)| near(a, b));
    assert!(
        all && gradient.len() == slopes.len(),
        "{gradient:?}, exact {slopes:?}"
    );
}

#[test]
fn norms_and_deviations_survive_squares_out_of_range() {
    for unit in [1e200, 1e-200] {
        let x = [3.0 * unit, -4.0 * unit];
        close(both::<f64>(&x, |x| x.norm()), 5.0 * unit, &[0.6, -0.8]);
        close(both::<f64>(&x, |x| x.std(0)), 3.5 * unit, &[0.5, -0.5]);
        close(
            both::<f64>(&x, |x| x.at([0]).hypot(x.at([1]))),
            5.0 * unit,
            &[0.6, -0.8],
        );
    }
    for unit in [1e30, 1e-30] {
        let x = [3.0 * unit, -4.0 * unit];
        close(both::<f32>(&x, |x| x.norm()), 5.0 * unit, &[0.6, -0.8]);
        close(both::<f32>(&x, |x| x.std(0)), 3.5 * unit, &[0.5, -0.5]);
        close(
            both::<f32>(&x, |x| x.at([0]).hypot(x.at([1]))),
            5.0 * unit,
            &[0.6, -0.8],
        );
    }
}

#[test]
fn the_slopes_of_a_hypotenuse_that_overflows_are_numbers() {
    let y = both::<f64>(&[1.5e308, 1.5e308], |x| x.at([0]).hypot(x.at([1])));
    close(y, f64::INFINITY, &[0.5f64.sqrt(); 2]);
}

#[test]
fn means_survive_sums_out_of_range() {
    close(
        both::<f64>(&[1.5e308; 3], |x| x.mean()),
        1.5e308,
        &[1.0 / 3.0; 3],
    );
    close(both::<f32>(&[3e38; 3], |x| x.mean()), 3e38, &[1.0 / 3.0; 3]);
    let targets = Tensor::from([0.0; 3]);
    close(
        both::<f64>(&[1e154; 3], |x| x.mse(&targets)),
        1e308,
        &[2e154 / 3.0; 3],
    );
    // The loss itself is beyond the largest number, its gradient is not.
    close(
        both::<f64>(&[1e200; 3], |x| x.mse(&targets)),
        f64::INFINITY,
        &[2e200 / 3.0; 3],
    );
    close(
        both::<f64>(&[2e154, 0.0], |x| x.var(0)),
        1e308,
        &[1e154, -1e154],
    );
}

#[test]
fn the_order_of_factors_does_not_matter_to_a_product() {
    let x = [1e200, 1e200, 1e-300, 1e-200, 5.0];
    close(
        both::<f64>(&x, |x| x.prod()),
        5e-100,
        &[5e-300, 5e-300, 5e200, 5e100, 1e-100],
    );
    let zero = [1e200, 0.0, 1e200, 1e-300];
    close(
        both::<f64>(&zero, |x| x.prod()),
        0.0,
        &[0.0, 1e100, 0.0, 0.0],
    );
    let x = [1e30, 1e30, 1e-35, 1e-25, 5.0];
    close(
        both::<f32>(&x, |x| x.prod()),
        5.0,
        &[5e-30, 5e-30, 5e35, 5e25, 1.0],
    );
    // The same along an axis that is not the last.
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1e200, 2.0], [1e200, 3.0], [1e-300, 4.0]]));
    let y = x.prod_axis(0);
    assert!((y.value()[[0]] / 1e100 - 1.0).abs() < 1e-14);
    assert_eq!(y.value()[[1]], 24.0);
}

#[test]
fn losses_of_logits_survive_the_largest_ones() {
    for t in [0.0, 0.5, 1.0] {
        let targets = Tensor::from([t]);
        for x in [1e308, -1e308] {
            let exact = if x > 0.0 { (1.0 - t) * x } else { -t * x };
            let slope = if x > 0.0 { 1.0 - t } else { -t };
            close(
                both::<f64>(&[x], |x| x.bce_with_logits(&targets)),
                exact,
                &[slope],
            );
        }
    }
    close(
        both::<f64>(&[1e308], |x| x.softplus().at([0])),
        1e308,
        &[1.0],
    );
    close(
        both::<f64>(&[-1e308], |x| x.softplus().at([0])),
        0.0,
        &[0.0],
    );
    close(
        both::<f64>(&[-1e308], |x| x.log_sigmoid().at([0])),
        -1e308,
        &[1.0],
    );
}

#[test]
fn gates_have_their_limits_at_infinity() {
    macro_rules! at {
        ($($name:ident)*) => {[$(|x| {
            let tape = Tape::new();
            let x = tape.var(x);
            let y = x.$name();
            (y.value(), y.backward().wrt(x))
        }),*]};
    }
    let functions: [fn(f64) -> (f64, f64); 3] = at!(silu gelu gelu_tanh);
    for f in functions {
        assert_eq!(f(f64::INFINITY), (f64::INFINITY, 1.0));
        assert_eq!(f(f64::NEG_INFINITY), (0.0, 0.0));
        assert!(f(f64::NAN).0.is_nan() && f(f64::NAN).1.is_nan());
    }
}

/// The gradient of each operand for the cotangent `g`, all plain numbers in tensors of one element.
fn pulled<const N: usize>(f: Function<'_, f64>, x: [f64; N], g: f64) -> [f64; N] {
    let tape = Tape::new();
    let handles = x.map(|x| tape.var(Tensor::from([x])));
    let grads = f(&handles).vjp(Tensor::from([g]));
    handles.map(|x| grads.wrt(x).item())
}

#[test]
fn a_slope_beyond_the_range_does_not_take_the_product_with_it() {
    let near = |found: f64, exact: f64| {
        let close = (found / exact - 1.0).abs() < 1e-14;
        assert!(close, "{found:e} for {exact:e}");
    };
    // 1/x: the slope is -1e400, and -1e-400.
    near(pulled(&|x| x[0].recip(), [1e-200], 1e-300)[0], -1e100);
    near(pulled(&|x| x[0].recip(), [1e200], 1e300)[0], -1e-100);
    near(pulled(&|x| x[0].rsqrt(), [1e-300], 1e-200)[0], -0.5e250);
    near(pulled(&|x| x[0].powi(-2), [1e-150], 1e-200)[0], -2e250);
    near(pulled(&|x| x[0].powi(3), [1e-200], 1e300)[0], 3e-100);
    near(pulled(&|x| x[0].powi(4), [1e-150], 1e300)[0], 4e-150);
    let quotient: Function<'_, f64> = &|x| x[0] / x[1];
    near(pulled(quotient, [1e-310, 1e-310], 1e-10)[0], 1e-10 / 1e-310);
    near(pulled(quotient, [1.0, 1e-200], 1e-250)[1], -1e150);
    near(pulled(quotient, [1e-100, 1e200], 1e300)[1], -1e-200);
    // A pole stays one, and what is not asked for stays 0.
    assert_eq!(pulled(&|x| x[0].recip(), [0.0], 1.0), [f64::NEG_INFINITY]);
    assert_eq!(pulled(&|x| x[0].recip(), [0.0], 0.0), [0.0]);
    assert_eq!(pulled(&|x| x[0].powi(0), [0.0], 1.0), [0.0]);
}
