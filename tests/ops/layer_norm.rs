//! Layer normalization: rows at the ends of the range and far from 0, conventions, invariances.

use proptest::prelude::*;
use wengert::{Dd, Dual, Elem, Random, Tape, Tensor};

/// Value and gradient along the last axis, for a cotangent.
fn both<T: Elem>(x: &Tensor<T>, eps: T, g: &Tensor<T>) -> [Tensor<T>; 2] {
    let tape = Tape::<T>::default();
    let x = tape.var(x.clone());
    let y = x.layer_norm(-1, eps);
    [y.value(), y.vjp(g.clone()).wrt(x)]
}

fn size<T: Elem>(x: &Tensor<T>) -> f64 {
    x.iter().fold(0.0, |m: f64, x| m.max(x.primal().abs()))
}

/// How far value and gradient are from those of the same numbers in double-double, in ulps of the largest term: that of
/// the gradient is a deviation of g from its mean, over the root, and cancels with another.
fn off<T: Elem<Wide = Dd>>(x: &Tensor<T>, eps: T, g: &Tensor<T>) -> [f64; 2] {
    let wide = |x: &Tensor<T>| x.map(T::widen);
    let found = both(x, eps, g).map(|x| wide(&x));
    let exact = both(&wide(x), eps.widen(), &wide(g));
    let (g, root) = (wide(g), (wide(x).var(0) + eps.widen()).sqrt());
    let mean = g.mean();
    let largest = [size(&exact[0]), size(&g.map(|g| (g - mean) / root))];
    [0, 1].map(|k| size(&(&found[k] - &exact[k])) / largest[k] / T::epsilon().primal())
}

/// `[-3, -1, 1, 3]` in a unit: the mean is 0, the variance 5.
fn at_unit<T: Elem>(unit: f64, of_g: f64) {
    let tensor = |x: [f64; 4], unit| Tensor::from(x.map(|x| T::of(x * unit)));
    let (x, g) = ([-3.0, -1.0, 1.0, 3.0], [1.0, 0.0, 0.0, 0.0]);
    let [y, gx] = both(&tensor(x, unit), T::zero(), &tensor(g, of_g));
    for k in 0..4 {
        let exact = x[k] / 5f64.sqrt();
        let slope = (g[k] - 0.25 + x[k] * 3.0 / 20.0) / 5f64.sqrt() * (of_g / unit);
        for (found, exact) in [(y[[k]], exact), (gx[[k]], slope)] {
            let limit =
                4.0 * T::epsilon().primal().max(f64::EPSILON) * exact.abs().max(of_g / unit * 0.1);
            let gap = (found.primal() - exact).abs();
            assert!(gap <= limit, "{found} for {exact} at {unit:e} and {of_g:e}");
        }
    }
}

#[test]
fn rows_at_the_ends_of_the_range_are_normalized() {
    let two = |power: i32| 2f64.powi(power);
    let units = [
        0, 300, -300, 600, -600, 1000, -1000, 1022, -1022, -1060, -1074,
    ];
    for power in units {
        at_unit::<f64>(two(power), two(power.clamp(-1000, 1000)));
        at_unit::<Dd>(two(power.max(-800)), two(power.clamp(-800, 800)));
    }
    // A deviation times y is beyond the range where the gradient is not.
    at_unit::<f64>(1e10, 1.5e308);
    at_unit::<f64>(1e-200, 1e-300);
    for power in [0, 40, -40, 70, -70, 126, -126, -149] {
        at_unit::<f32>(two(power), two(power.clamp(-100, 126)));
    }
    // The difference from the mean is beyond the largest number.
    let x = Tensor::from([1.7e308, -1.7e308, -1.7e308]);
    let [y, gx] = both(&x, 1e-5, &Tensor::from([0.0, 1.7e308, -1.7e308]));
    let exact = Tensor::from([2.0, -1.0, -1.0]).map(|x: f64| x / 2f64.sqrt());
    assert!(size(&(&y - &exact)) < 1e-15, "{y}");
    let slope = 3.0 / 8f64.sqrt();
    let exact = Tensor::from([0.0, slope, -slope]);
    assert!(size(&(&gx - &exact)) < 1e-15, "{gx}");
}

#[test]
fn eps_counts_beside_squares_of_any_size() {
    // Far below eps, y is the deviation divided by its root; a deviation alone need not be far below.
    let x = Tensor::from([-1e-300, 1e-300]);
    let [y, gx] = both(&x, 0.25, &Tensor::from([1.0, 0.0]));
    assert_eq!(y, Tensor::from([-2e-300, 2e-300]));
    assert_eq!(gx, Tensor::from([1.0, -1.0]));
    let unit = 2f64.powi(-530);
    let x = Tensor::from([-unit, unit]);
    let [y, _] = both(&x, unit * unit * 3.0, &x);
    assert_eq!(y, Tensor::from([-0.5, 0.5]));
    let x = Tensor::from([-1e155, 1e155]);
    let [y, _] = both(&x, 1.5e308, &x);
    let exact = 1.0 / (1.0f64 + 1.5e-2).sqrt();
    assert!((y[[1]] - exact).abs() < 1e-15, "{y}");
    // Equal elements, with an eps whose square root is a number though it is hardly one itself.
    for x in [0.1f64, 1e300, 5e-324] {
        let [y, gx] = both(
            &Tensor::full([3], x),
            4e-320,
            &Tensor::from([2e-160, 0.0, -2e-160]),
        );
        assert_eq!(y, Tensor::zeros([3]));
        assert!((gx[[0]] - 1.0).abs() < 1e-3 && gx[[1]] == 0.0, "{gx}");
    }
}

#[test]
fn a_large_mean_costs_no_digits() {
    let mut random = Random::new(4);
    for n in [2, 3, 10, 100, 1000] {
        let g: Tensor<f64> = random.uniform([n], -1.0, 1.0);
        let noise: Tensor<f64> = random.uniform([n], -1.0, 1.0);
        for offset in [0.0, 1e4, 1e8, 1e12] {
            let ulps = off(&noise.map(|x| x + offset), 1e-5, &g);
            assert!(
                ulps[0] < 3.0 && ulps[1] < 6.0,
                "{ulps:?} at {offset} and {n}"
            );
            // A large constant in the cotangent costs none either.
            let ulps = off(&noise, 1e-5, &g.map(|g| g + offset));
            assert!(ulps[1] < 6.0, "{ulps:?} at {offset} in g and {n}");
        }
        let narrow = |x: &Tensor<f64>, offset: f64| x.map(|x| (x + offset) as f32);
        for offset in [0.0, 1e2, 1e4, 1e5] {
            let ulps = off(&narrow(&noise, offset), 1e-5, &narrow(&g, 0.0));
            assert!(
                ulps[0] < 3.0 && ulps[1] < 6.0,
                "{ulps:?} at {offset} and {n}"
            );
        }
    }
}

#[test]
fn equal_elements_give_zero_in_value_jvp_and_second_order() {
    for x in [0.0, 0.1, -1e300, 5e-324, 1.7e308] {
        for n in [1, 3, 200] {
            let (x, g) = (Tensor::full([n], x), Random::new(1).uniform([n], -1.0, 1.0));
            assert_eq!(both(&x, 0.0, &g), [Tensor::zeros([n]), Tensor::zeros([n])]);
            let tape = Tape::new();
            let leaf = tape.var(x.clone());
            let y = leaf.layer_norm(0, 0.0);
            let pushed = tape.forward().along(leaf, g.clone()).walk().of(y);
            assert_eq!(pushed, Tensor::zeros([n]));
            let lifted: Tensor<_> = x
                .iter()
                .zip(g.iter())
                .map(|(&x, &g)| Dual::new(x, g))
                .collect();
            for part in both(&lifted, Dual::constant(0.0), &g.map(Dual::constant)) {
                assert!(part.iter().all(|x| x.primal == 0.0 && x.tangent == 0.0));
            }
            // With eps the row has a slope, 1/√eps; that of a row of one element is 0.
            let [y, gx] = both(&x, 0.25, &g);
            assert_eq!(y, Tensor::zeros([n]));
            let expected = g.map(|x| (x - g.mean()) * 2.0);
            assert!(size(&(gx - expected)) < 1e-15);
        }
    }
}

#[test]
fn a_constant_cotangent_gives_exactly_zero() {
    for n in [2, 3, 7, 100, 5000] {
        let x: Tensor<f64> = Random::new(2).uniform([n], -1.0, 1.0);
        for g in [1.0, 0.1, -1e300, 1e-310] {
            let [_, gx] = both(&x, 1e-5, &Tensor::full([n], g));
            assert_eq!(gx, Tensor::zeros([n]), "{g} and {n}");
        }
    }
}

#[test]
fn a_row_with_nan_or_an_infinity_is_nan_and_its_neighbours_are_untouched() {
    let ordinary = [1.0, 2.0, 4.0];
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let x = Tensor::from([[1.0, bad, 2.0], ordinary]);
        let [y, gx] = both(&x, 1e-5, &Tensor::from([ordinary, ordinary]));
        let alone = both(&Tensor::from(ordinary), 1e-5, &Tensor::from(ordinary));
        for (found, alone) in [y, gx].iter().zip(&alone) {
            assert!(found.data()[..3].iter().all(|x| x.is_nan()), "{found}");
            assert_eq!(found.data()[3..], *alone.data());
        }
        let g = Tensor::from([[1.0, bad, 2.0], ordinary]);
        let [_, gx] = both(&Tensor::from([ordinary, ordinary]), 1e-5, &g);
        assert!(gx.data()[..3].iter().all(|x| x.is_nan()), "{gx}");
        assert_eq!(gx.data()[3..], *alone[1].data());
    }
}

#[test]
fn empty_axes_give_empty_results() {
    for (shape, axis) in [([2, 0, 3], 1), ([0, 2, 3], 2), ([2, 3, 0], 0)] {
        let x: Tensor<f64> = Tensor::zeros(shape);
        assert_eq!(x.layer_norm(axis, 0.0), x);
        let tape = Tape::new();
        let leaf = tape.var(x.clone());
        let y = leaf.layer_norm(axis, 1e-5);
        assert_eq!(y.vjp(x.clone()).wrt(leaf), x);
        assert_eq!(tape.forward().along(leaf, x.clone()).walk().of(y), x);
    }
}

/// Large tensors are taken through the passes in parts, which must not show.
#[test]
fn a_row_has_the_same_bits_alone_and_in_a_batch() {
    let mut random = Random::new(3);
    let [x, g]: [Tensor<f32>; 2] = [0; 2].map(|_| random.uniform([300, 37, 2], -1.0, 1.0));
    for axis in [1, 2] {
        let tape = Tape::<f32>::default();
        let run = |x: &Tensor<f32>, g: &Tensor<f32>, axis: usize| {
            let x = tape.var(x.clone());
            let y = x.layer_norm(axis, 1e-5);
            [y.value(), y.vjp(g.clone()).wrt(x)]
        };
        let whole = run(&x, &g, axis);
        for k in 0..300 {
            let alone = run(&x.slice(k), &g.slice(k), axis - 1);
            for (whole, alone) in whole.iter().zip(&alone) {
                assert_eq!(whole.slice(k), *alone, "{k} along {axis}");
            }
        }
    }
}

#[test]
fn an_axis_or_eps_that_does_not_fit_is_an_error() {
    let x: Tensor<f64> = Tensor::zeros([2, 3]);
    let text = |axis: isize, eps: f64| x.try_layer_norm(axis, eps).unwrap_err().to_string();
    assert!(text(2, 1e-5).starts_with("layer_norm: axis 2"));
    for eps in [-1e-5, f64::NAN, f64::INFINITY] {
        let expected =
            format!("layer_norm: eps is {eps}; it must be 0 or a positive, finite number");
        assert_eq!(text(0, eps), expected);
        let tape = Tape::new();
        let error = tape.var(x.clone()).try_layer_norm(1, eps).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    crate::panics!(
        x.layer_norm(1, -1.0),
        "layer_norm: eps is -1; it must be 0 or a positive, finite number"
    );
}

/// A row of whole multiples of 2^-20, not all equal, and a cotangent.
fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let row = |n| {
        (
            prop::collection::vec(-1 << 20..1i32 << 20, n),
            prop::collection::vec(-1.0..1.0f64, n),
        )
    };
    let exact = |(x, g): (Vec<i32>, _)| {
        (
            x.iter()
                .map(|&x| f64::from(x) / f64::from(1 << 20))
                .collect(),
            g,
        )
    };
    let spread = |(x, _): &(Vec<f64>, Vec<f64>)| x.iter().any(|&other| (other - x[0]).abs() > 0.01);
    (2..40usize)
        .prop_flat_map(row)
        .prop_map(exact)
        .prop_filter("all elements are close", spread)
}

proptest! {
    /// Without eps, a shift of the row changes nothing, a positive factor divides the gradient, and the gradient has
    /// no part along ones or along y.
    #[test]
    fn shifts_and_positive_factors_do_not_show(
        (x, g) in rows(), shift in -1 << 20..1i32 << 20, power in -200..200i32, factor in 0.1..10.0f64,
    ) {
        let (x, g) = (Tensor::from(x), Tensor::from(g));
        let [y, gx] = both(&x, 0.0, &g);
        let (of_y, of_gx) = (size(&y), size(&gx).max(size(&g) / x.std(0)));
        let same = |moved: &Tensor<f64>, scale: f64, ulps: f64| {
            let [z, gz] = both(moved, 0.0, &g);
            let off = [size(&(&z - &y)) / of_y, size(&(gz.map(|g| g * scale) - &gx)) / of_gx];
            let limit = ulps * f64::EPSILON;
            prop_assert!(off.iter().all(|&off| off <= limit), "{off:?} for {moved}");
            Ok(())
        };
        same(&x.map(|x| x + f64::from(shift)), 1.0, 8.0)?;
        same(&x.map(|x| x * 2f64.powi(power)), 2f64.powi(power), 0.0)?;
        same(&x.map(|x| x * factor), factor, 8.0 + 4.0 * size(&x) / x.std(0))?;
        let n = x.len() as f64;
        prop_assert!(gx.sum().abs() <= 4.0 * n * of_gx * f64::EPSILON);
        prop_assert!((&gx * &y).sum().abs() <= 8.0 * n * of_gx * of_y * f64::EPSILON);
    }
}
