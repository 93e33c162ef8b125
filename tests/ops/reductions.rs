//! Reductions and running sums and products: special values, conventions and errors.

use wengert::{Dd, Dual, Elem, Tape, Tensor, Var};

fn size(x: &Tensor<f64>) -> f64 {
    x.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

#[test]
fn rows_without_elements_have_the_neutral_value() {
    let x: Tensor<f64> = Tensor::zeros([2, 0, 3]);
    let zero = Tensor::zeros([2, 3]);
    assert_eq!(x.sum_axis(1), zero);
    assert_eq!(x.norm_axis(1), zero);
    assert_eq!(x.norm_l1_axis(1), zero);
    assert_eq!(x.prod_axis(1), Tensor::ones([2, 3]));
    assert!(x.mean_axis(1).iter().all(|x| x.is_nan()));
    assert!(x.var_axis(1, 0).iter().all(|x| x.is_nan()));
    assert!(x.std_axis(1, 1).iter().all(|x| x.is_nan()));
    assert_eq!(x.cumsum(1), x);
    assert_eq!(x.cumprod(1), x);
    // No rows at all: nothing to choose and nothing to refuse.
    for axis in [0, 2] {
        assert_eq!(x.max_axis(axis).len(), 0);
        assert_eq!(x.argmin(axis).len(), 0);
    }
    let tape = Tape::new();
    let leaf = tape.var(x.clone());
    let y = leaf.mean_axis(1) + leaf.std_axis(1, 0) + leaf.prod_axis(1) + leaf.norm_axis(1);
    assert_eq!(y.sum().backward().wrt(leaf), x);
    let y = leaf.cumsum(1) + leaf.cumprod(-1);
    assert_eq!(y.sum().backward().wrt(leaf), x);
}

#[test]
fn choosing_from_no_elements_is_an_error_that_names_op_and_shape() {
    let x: Tensor<f64> = Tensor::zeros([2, 0, 3]);
    let text = |e: wengert::Error| e.to_string();
    assert_eq!(
        text(x.try_max_axis(-2).unwrap_err()),
        "max: rows of 0 elements have none to choose (shape [2, 0, 3], axes [1]); drop them first"
    );
    assert!(text(x.try_min().unwrap_err()).starts_with("min: "));
    assert!(text(x.try_argmax(1).unwrap_err()).starts_with("argmax: rows of 0 elements"));
    let tape = Tape::new();
    let leaf = tape.var(x);
    assert!(text(leaf.try_min_keep(1).unwrap_err()).starts_with("min: "));
    assert!(text(leaf.try_max().unwrap_err()).starts_with("max: "));
    assert!(text(leaf.try_argmin(1).unwrap_err()).starts_with("argmin: "));
    assert!(text(leaf.try_cumsum(3).unwrap_err()).starts_with("cumsum: axis 3"));
    assert!(text(leaf.try_var_axis([0, -3], 1).unwrap_err()).starts_with("var: axis -3"));
}

#[test]
fn a_panic_shows_the_users_line() {
    let line = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let seen = line.clone();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let Some(place) = info
            .location()
            .filter(|l| l.file().ends_with("reductions.rs"))
        {
            seen.store(place.line(), std::sync::atomic::Ordering::SeqCst);
        }
    }));
    let here = line!() + 1;
    let caught = std::panic::catch_unwind(|| Tensor::<f64>::zeros([0]).max());
    std::panic::set_hook(hook);
    assert!(caught.is_err());
    assert_eq!(line.load(std::sync::atomic::Ordering::SeqCst), here);
}

#[test]
fn the_smallest_index_wins_and_nan_wins_over_all() {
    let n = f64::NAN;
    let x = Tensor::from([
        [1.0, n, 5.0, n],
        [2.0, 2.0, 7.0, 7.0],
        [0.0, -0.0, -1.0, -1.0],
    ]);
    assert_eq!(x.argmax(1), Tensor::from([1, 2, 0]));
    assert_eq!(x.argmin(1), Tensor::from([1, 0, 2]));
    assert_eq!(x.argmax(0), Tensor::from([1, 0, 1, 0]));
    assert_eq!(x.argmin(0), Tensor::from([2, 0, 2, 0]));
}

#[test]
fn a_nan_row_is_nan_and_its_neighbours_are_untouched() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, f64::NAN, 2.0], [1.0, 4.0, 4.0]]));
    for (y, clean) in [
        (x.max_axis(1), [0.0, 0.5, 0.5]),
        (x.min_axis(1), [1.0, 0.0, 0.0]),
    ] {
        assert!(y.value()[[0]].is_nan() && !y.value()[[1]].is_nan());
        let gx = y.sum().backward().wrt(x);
        assert!(gx.data()[..3].iter().all(|x| x.is_nan()), "{gx}");
        assert_eq!(gx.data()[3..], clean);
    }
}

#[test]
fn ties_share_evenly_in_value_jvp_and_second_order() {
    let tape = Tape::<Dual<f64>>::default();
    let pairs = [(2.0, 1.0), (2.0, 4.0), (1.0, 9.0), (2.0, 10.0)].map(|(x, t)| Dual::new(x, t));
    let x = tape.var(pairs.into_iter().collect::<Tensor<_>>());
    assert_eq!(x.max().value().tangent, 5.0);
    let gx = (x.max() * x.max()).backward().wrt(x).map(|g| g.tangent);
    let third = 2.0 * 5.0 / 3.0;
    let expected = Tensor::from([third, third, 0.0, third]);
    assert!(size(&(gx - expected)) < 1e-15);
    assert!(Tensor::from([-0.0f64, -0.0]).max().is_sign_negative());
    let both = Tensor::from([f64::NEG_INFINITY; 2]);
    assert_eq!(both.max(), f64::NEG_INFINITY);
}

#[test]
fn the_norm_neither_overflows_nor_underflows() {
    for unit in [1e200, 1e-200, 1e-320, 1.0, 4e307] {
        let x = Tensor::from([[3.0 * unit, -1.5 * unit, 2.0 * unit], [0.0; 3]]);
        let tape = Tape::new();
        let leaf = tape.var(x.clone());
        let y = leaf.norm_axis(1);
        let expected = Tensor::from([15.25f64.sqrt() * unit, 0.0]);
        let tolerance = (1e-15 * unit).max(5e-324);
        assert!(
            (y.value()[[0]] - expected[[0]]).abs() <= tolerance,
            "{y} {unit}"
        );
        let gx = leaf.norm_axis(1).sum().backward().wrt(leaf);
        let relative = if unit < 1e-310 { 1e-3 } else { 1e-15 };
        for j in 0..3 {
            assert!((gx[[0, j]] - [3.0, -1.5, 2.0][j] / 15.25f64.sqrt()).abs() < relative);
            assert_eq!(gx[[1, j]], 0.0);
        }
        // Along the other axis, where rows are strided.
        assert_eq!(x.norm_axis(0), x.map(f64::abs).max_axis(0));
    }
    let small: Tensor<f32> = Tensor::from([3e-30f32, 4e-30]);
    assert!((small.norm() / 5e-30 - 1.0).abs() < 1e-6);
    let wide = Tensor::from([3e200, 4e200]).map(Dd::of);
    assert!((wide.norm() / Dd::of(5e200) - Dd::of(1.0)).primal().abs() < 1e-15);
    assert_eq!(Tensor::from([1.0, f64::NEG_INFINITY]).norm(), f64::INFINITY);
    assert!(Tensor::from([f64::NAN, f64::INFINITY]).norm().is_nan());
    assert!(Tensor::from([f64::INFINITY, f64::NAN]).norm().is_nan());
}

#[test]
fn means_and_deviations_of_huge_numbers_are_finite() {
    assert_eq!(
        Tensor::from([1.5e308, 1.7e308, 1.6e308, 1.6e308]).mean(),
        1.6e308
    );
    let strided = Tensor::from([[1.7e308, 1.0], [1.7e308, 3.0]]);
    assert_eq!(strided.mean_axis(0), Tensor::from([1.7e308, 2.0]));
    assert_eq!(Tensor::from([f64::INFINITY, 1.0]).mean(), f64::INFINITY);
    assert_eq!(Tensor::from([-1e200, 1e200]).std(0), 1e200);
    assert!((Tensor::from([-1e-200f64, 1e-200]).std(0) / 1e-200 - 1.0).abs() < 1e-15);
    let variance = Tensor::from([1e154f64, -1e154, 1e154, -1e154]).var(0);
    assert!((variance / 1e308 - 1.0).abs() < 1e-15);
}

/// Equal numbers whose mean is not representable: the differences must vanish all the same.
#[test]
fn the_deviation_of_equal_numbers_is_exactly_zero_and_so_is_its_slope() {
    for n in [2, 3, 7, 10, 49, 1000, 4097] {
        for x in [0.1, 1.0 / 3.0, 1e16 / 3.0, 7e-300, 1e300 / 7.0] {
            let tape = Tape::<Dual<f64>>::default();
            let mut elements = Tensor::full([n], Dual::constant(x));
            elements.data_mut()[0].tangent = 1.0;
            let leaf = tape.var(elements);
            let y = leaf.std(1);
            assert_eq!(y.value().primal, 0.0, "{n} times {x}");
            assert_eq!(y.value().tangent, 0.0, "{n} times {x}");
            assert_eq!(leaf.var(0).value().primal, 0.0, "{n} times {x}");
            let gx = y.backward().wrt(leaf);
            assert!(gx.iter().all(|g| g.primal == 0.0 && g.tangent == 0.0));
            assert_eq!(
                Tensor::full([n], Dd::of(x)).std(0).primal(),
                0.0,
                "{n} times {x}"
            );
            let narrow = x.clamp(1e-30, 1e30) as f32;
            assert_eq!(Tensor::full([n], narrow).std(0), 0.0, "{n} times {x}");
        }
    }
}

/// Two neighbouring numbers of f64, with the mean between them.
#[test]
fn a_spread_of_one_ulp_has_its_exact_variance() {
    let (low, high) = (1e8, f64::from_bits(1e8f64.to_bits() + 1));
    let ulp = high - low;
    assert_eq!(Tensor::from([low, high]).var(0), ulp * ulp / 4.0);
    assert_eq!(Tensor::from([low, high]).std(0), ulp / 2.0);
}

#[test]
fn too_few_elements_for_ddof_give_nan_in_value_and_gradient() {
    for ddof in [1, 2, 5] {
        let tape = Tape::new();
        let x = tape.var(Tensor::from([[2.0], [3.0]]));
        for y in [x.var_axis(1, ddof), x.std_axis(1, ddof)] {
            assert!(y.value().iter().all(|y| y.is_nan()));
            assert!(y.sum().backward().wrt(x).iter().all(|g| g.is_nan()));
        }
    }
}

#[test]
fn a_running_sum_loses_nothing_to_its_length() {
    let n = 300_000;
    let x = Tensor::full([n], 0.1);
    let y = x.cumsum(0);
    for j in (0..n).step_by(997) {
        let exact = Dd::of(0.1) * Dd::of((j + 1) as f64);
        assert!(
            ((Dd::of(y[[j]]) - exact) / exact).primal().abs() < 2.3e-16,
            "{j}"
        );
    }
    let strided = Tensor::new([n / 2, 2], x.clone().into_vec())
        .unwrap()
        .cumsum(0);
    assert_eq!(strided[[n / 2 - 1, 1]], y[[n / 2 - 1]]);
    let wild = Tensor::from([1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY, 1.0]).cumsum(0);
    assert_eq!(wild.data()[..3], [1.0, f64::INFINITY, f64::INFINITY]);
    assert!(wild[[3]].is_nan() && wild[[4]].is_nan());
}

/// Long rows of numbers near 1, whose products stay in the range in any order, and of numbers whose products leave it.
#[test]
fn long_products_leave_the_range_only_where_the_result_does() {
    const N: usize = 400;
    for size in [1.25_f32, 1e15] {
        let x = Tensor::from_fn([1, N], |k| if k % 2 == 0 { size } else { size.recip() });
        let tape = Tape::<f32>::default();
        let leaf = tape.var(x.clone());
        let y = leaf.prod_axis(1);
        let gx = y.sum().backward().wrt(leaf);
        let gc = leaf.cumprod(1).sum().backward().wrt(leaf);
        assert!((y.value()[[0]] - 1.0).abs() < 1e-4, "{size:e}");
        for (k, (&x, (&gx, &gc))) in x.iter().zip(gx.iter().zip(gc.iter())).enumerate() {
            assert!((gx * x - 1.0).abs() < 1e-4, "{size:e}, {k}: {gx:e}");
            // Every second product from here on is near 1, the others are near `size`.
            let left = (N - k) as f32;
            let sum = (left / 2.0).floor() + (left / 2.0).ceil() * size;
            let sum = if k % 2 == 0 {
                sum
            } else {
                (left / 2.0).ceil() + (left / 2.0).floor() * size
            };
            assert!(
                (gc * x / sum - 1.0).abs() < 1e-4,
                "{size:e}, {k}: {gc:e}, {sum:e}"
            );
        }
    }
}

#[test]
fn long_products_with_zeros_anywhere_have_exact_exclusive_products() {
    for zeros in [&[][..], &[0], &[5], &[2, 9], &[0, 11], &[1, 2, 3]] {
        let x: Tensor<f64> = (0..24)
            .map(|i| {
                if zeros.contains(&(i / 2)) {
                    0.0
                } else {
                    0.5 + (i % 5) as f64
                }
            })
            .collect();
        let x = x.reshaped([12, 2]).unwrap();
        for axis in [0, 1] {
            let tape = Tape::new();
            let leaf = tape.var(x.clone());
            let gx = leaf.prod_axis(axis).sum().backward().wrt(leaf);
            let gc = leaf.cumprod(axis).sum().backward().wrt(leaf);
            for i in 0..12 {
                for j in 0..2 {
                    let row: Vec<f64> = match axis {
                        0 => (0..12).map(|k| x[[k, j]]).collect(),
                        _ => x.data()[2 * i..2 * i + 2].to_vec(),
                    };
                    let at = if axis == 0 { i } else { j };
                    let without = |to: usize| -> f64 {
                        (0..to).filter(|&k| k != at).map(|k| row[k]).product()
                    };
                    let all = without(row.len());
                    assert!((gx[[i, j]] - all).abs() <= 1e-14 * all.abs());
                    let sum: f64 = (at..row.len()).map(|to| without(to + 1)).sum();
                    assert!((gc[[i, j]] - sum).abs() <= 1e-14 * sum.abs());
                }
            }
        }
    }
}

#[test]
fn a_replay_keeps_the_statistics_of_the_new_rows() {
    fn f(x: Var<'_, Tensor<f64>>) -> Var<'_, Tensor<f64>> {
        x.std_axis(0, 0) + x.var_axis(0, 1) + x.max_axis(0) * x.prod_axis(0)
    }
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 1.0, 4.0]));
    let (x, y) = (x.id().unwrap(), f(x).id().unwrap());
    let next = Tensor::from([2.0, 7.0, 7.0]);
    tape.replay([(x, next.clone())]).unwrap();
    let (x, y) = (tape.handle(x), tape.handle(y));
    let fresh = Tape::new();
    let other = fresh.var(next);
    assert_eq!(y.value(), f(other).value());
    let one = Tensor::scalar(1.0);
    assert_eq!(y.vjp(one.clone()).wrt(x), f(other).vjp(one).wrt(other));
}
