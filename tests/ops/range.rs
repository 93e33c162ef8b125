//! No result is infinite or NaN where the exact one is a number: at both ends of the range of each type,
//! where intermediate results are larger than their own.

use crate::sweep::Function;
use wengert::{Elem, Tape, Tensor, Var};

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
    // The loss itself is beyond the largest number, but its gradient is not.
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
    // e^x and its kin: slopes of e^720 and 2^1030, and equally small ones.
    let e = |x: f64, g: f64| g * (x / 2.0).exp() * (x / 2.0).exp();
    near(pulled(&|x| x[0].exp(), [720.0], 1e-10)[0], e(720.0, 1e-10));
    near(
        pulled(&|x| x[0].exp(), [-800.0], 1e300)[0],
        e(-800.0, 1e300),
    );
    near(
        pulled(&|x| x[0].expm1(), [720.0], 1e-10)[0],
        e(720.0, 1e-10),
    );
    near(
        pulled(&|x| x[0].sinh(), [-720.0], 1e-10)[0],
        e(720.0, 0.5e-10),
    );
    near(
        pulled(&|x| x[0].cosh(), [-720.0], 1e-10)[0],
        -e(720.0, 0.5e-10),
    );
    let two = 2f64.powi(930) * 2f64.ln();
    near(pulled(&|x| x[0].exp2(), [1030.0], 2f64.powi(-100))[0], two);
    near(pulled(&|x| x[0].square(), [-1.5e308], 0.25)[0], -0.75e308);
    // Powers: the slopes are -1.5e500, -0.3e390, 3.5e500 and 3e-400.
    near(pulled(&|x| x[0].powf(-1.5), [1e-200], 1e-300)[0], -1.5e200);
    near(pulled(&|x| x[0].powf(-0.3), [1e-300], 1e-200)[0], -0.3e190);
    near(pulled(&|x| x[0].powf(3.5), [1e200], 1e-300)[0], 3.5e200);
    near(pulled(&|x| x[0].powf(3.0), [1e-200], 1e300)[0], 3e-100);
    near(pulled(&|x| x[0].powf(3.0), [-1e200], 1e-300)[0], 3e100);
    near(pulled(&|x| x[0].powf(4.0), [-1e200], 1e-305)[0], -4e295);
    let power: Function<'_, f64> = &|x| x[0].pow(x[1]);
    let [base, exponent] = pulled(power, [1e200, 3.0], 1e-305);
    near(base, 3e95);
    near(exponent, 600.0 * 10f64.ln() / 3.0 * 1e295);
    assert!(pulled(power, [-1e200, 3.5], 1e-305)[0].is_nan());
    assert_eq!(pulled(power, [1e200, 0.0], 1.0)[0], 0.0);
    assert_eq!(pulled(&|x| x[0].powf(0.5), [0.0], 1.0)[0], f64::INFINITY);
    // A pole stays a pole, and a factor of 0 gives 0.
    assert_eq!(pulled(&|x| x[0].recip(), [0.0], 1.0), [f64::NEG_INFINITY]);
    assert_eq!(pulled(&|x| x[0].recip(), [0.0], 0.0), [0.0]);
    assert_eq!(pulled(&|x| x[0].powi(0), [0.0], 1.0), [0.0]);
}

/// The same for scalar handles, whose slopes a fold would multiply before the cotangent arrives.
fn pulled_scalars<const N: usize>(
    f: &dyn for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    x: [f64; N],
    g: f64,
) -> [f64; N] {
    let tape = Tape::new();
    let handles = x.map(|x| tape.var(x));
    let y = f(handles);
    let grads = y.chain(y.value() * g, g).backward();
    handles.map(|x| grads.wrt(x))
}

#[test]
fn a_scalar_handle_keeps_the_factors_of_a_slope_beyond_the_range() {
    let near = |found: f64, exact: f64| {
        let close = (found / exact - 1.0).abs() < 1e-14;
        assert!(close, "{found:e} for {exact:e}");
    };
    near(
        pulled_scalars(&|[x]| x.recip(), [1e-200], 1e-300)[0],
        -1e100,
    );
    near(pulled_scalars(&|[x]| x.recip(), [1e200], 1e300)[0], -1e-100);
    near(
        pulled_scalars(&|[x]| x.rsqrt(), [1e-300], 1e-200)[0],
        -0.5e250,
    );
    near(
        pulled_scalars(&|[x]| x.powi(-2), [1e-150], 1e-200)[0],
        -2e250,
    );
    near(pulled_scalars(&|[x]| x.powi(3), [1e-200], 1e300)[0], 3e-100);
    near(
        pulled_scalars(&|[x]| x.powf(3.0), [-1e200], 1e-300)[0],
        3e100,
    );
    let e = |x: f64, g: f64| g * (x / 2.0).exp() * (x / 2.0).exp();
    near(
        pulled_scalars(&|[x]| x.exp(), [720.0], 1e-10)[0],
        e(720.0, 1e-10),
    );
    near(
        pulled_scalars(&|[x]| x.exp(), [-800.0], 1e300)[0],
        e(-800.0, 1e300),
    );
    near(
        pulled_scalars(&|[x]| x.sinh(), [-720.0], 1e-10)[0],
        e(720.0, 0.5e-10),
    );
    near(
        pulled_scalars(&|[x]| x.square(), [-1.5e308], 0.25)[0],
        -0.75e308,
    );
    near(
        pulled_scalars(&|[a, b]| a / b, [1e-310, 1e-310], 1e-10)[0],
        1e-10 / 1e-310,
    );
    near(
        pulled_scalars(&|[a, b]| a / b, [1.0, 1e-200], 1e-250)[1],
        -1e150,
    );
    near(
        pulled_scalars(&|[a, b]| a / b, [1e-100, 1e200], 1e300)[1],
        -1e-200,
    );
    near(pulled_scalars(&|[x]| 1.0 / x, [1e-200], 1e-300)[0], -1e100);
    near(pulled_scalars(&|[x]| 1.0 / x, [1e200], 1e300)[0], -1e-100);
    near(
        pulled_scalars(&|[a, b]| a.pow(b), [1e200, 3.0], 1e-305)[0],
        3e95,
    );
    // Twice, with slopes as far beyond one end of the range as beyond the other.
    near(
        pulled_scalars(&|[x]| x.recip().recip(), [1e300], 1.0)[0],
        1.0,
    );
    near(
        pulled_scalars(&|[x]| x.recip().recip(), [1e-300], 1.0)[0],
        1.0,
    );
    // Poles stay poles, and zeros zeros.
    assert_eq!(
        pulled_scalars(&|[x]| x.recip(), [0.0], 1.0),
        [f64::NEG_INFINITY]
    );
    assert_eq!(pulled_scalars(&|[x]| x.square(), [0.0], 1.0), [0.0]);
    assert_eq!(
        pulled_scalars(&|[x]| x.exp(), [f64::NEG_INFINITY], 1.0),
        [0.0]
    );
    // A slope within the range records nothing.
    let tape = Tape::new();
    let x = tape.var(2.0);
    let before = tape.scalar_nodes();
    let y = (1.0 / x).exp().powi(-3).recip();
    assert_eq!((tape.scalar_nodes(), y.value() > 0.0), (before, true));
}

#[test]
fn gradients_of_losses_survive_the_largest_differences() {
    let zeros = Tensor::from([0.0; 4]);
    let y = both::<f64>(&[1.2e308; 4], |x| x.mse(&zeros));
    close(y, f64::INFINITY, &[0.6e308; 4]);
    // The difference itself overflows.
    let opposite = Tensor::from([-1.7e308; 8]);
    let y = both::<f64>(&[1.7e308; 8], |x| x.mse(&opposite) * 0.5);
    close(y, f64::INFINITY, &[0.425e308; 8]);
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.2e308; 4]));
    let loss = x.mse(&zeros);
    let pushed = tape.forward().along(x, Tensor::from([1.0, 0.0, 0.0, 0.0]));
    close((pushed.walk().of(loss), vec![]), 0.6e308, &[]);
}

#[test]
fn the_gradient_of_a_norm_that_overflows_is_a_number() {
    let y = both::<f64>(&[1.5e308, -1.5e308, 0.0], |x| x.norm());
    close(y, f64::INFINITY, &[0.5f64.sqrt(), -(0.5f64.sqrt()), 0.0]);
    let y = both::<f32>(&[3e38, 3e38], |x| x.norm());
    close(y, f64::INFINITY, &[0.5f64.sqrt(); 2]);
    // An infinite element gives the limits.
    let (y, gradient) = both::<f64>(&[f64::INFINITY, 1.0], |x| x.norm());
    assert!(y == f64::INFINITY && gradient[0].is_nan() && gradient[1] == 0.0);
    let y = both::<f64>(&[1.5e308, -1.5e308], |x| x.std(0));
    close(y, 1.5e308, &[0.5, -0.5]);
}

#[test]
fn a_running_product_comes_back_into_the_range() {
    let tape = Tape::new();
    let numbers = [1e200, 1e200, 1e-300, 2.0];
    let x = tape.var(Tensor::from(numbers));
    let y = x.cumprod(0);
    let exact = [1e200, f64::INFINITY, 1e100, 2e100];
    close((0.0, y.value().into_vec()), 0.0, &exact);
    let gradient = y.at([3]).backward().wrt(x).into_vec();
    close((0.0, gradient), 0.0, &numbers.map(|x| 2e100 / x));
    // Along x itself the logarithmic derivatives are 1, 2, 3 and 4.
    let pushed = tape.forward().along(x, x.value()).walk().of(y).into_vec();
    let times = [1e200, f64::INFINITY, 3e100, 8e100];
    close((0.0, pushed), 0.0, &times);
    // Cotangents of extreme sizes, and zeros among the elements.
    let x = tape.var(Tensor::from([[1e-200, 1.0], [1.0, 0.0], [1e200, 1e300]]));
    let g = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1e200, 1e200]]);
    let gradient = x.cumprod(0).vjp(g).wrt(x);
    let exact = [f64::INFINITY, 0.0, 1e200, f64::INFINITY, 1.0, 0.0];
    close((0.0, gradient.into_vec()), 0.0, &exact);
}
