//! Sparse Hessians of functions that hold a fixed point: the marks pass through its equation.

use wengert::transform::*;
use wengert::{Dual, Random, Tensor, Var, s};

#[test]
fn a_sparse_hessian_sees_through_a_fixed_point() {
    // f = √(ab) + c²
    let (a, b, c) = (2f64, 1f64, 3f64);
    let h = sparse::hessian(
        |x| fixed_point(|y, a| (y + a / y) * 0.5, 1.0, x[0] * x[1]) + x[2] * x[2],
        &[a, b, c],
    );
    assert_eq!(h.pattern().len(), 5);
    let mixed = 0.25 / (a * b).sqrt();
    let exact = [
        [-mixed * b / a, mixed, 0.0],
        [mixed, -mixed * a / b, 0.0],
        [0.0, 0.0, 2.0],
    ];
    for (row, exact) in exact.iter().enumerate() {
        for (column, exact) in exact.iter().enumerate() {
            let found = h.get(row, column);
            assert!((found - exact).abs() < 1e-15, "{row}, {column}: {found}");
        }
    }
}

#[test]
fn what_a_fixed_point_is_linear_in_makes_no_entries() {
    // f = 2a + b²
    let h = sparse::hessian(
        |x| fixed_point(|y, a| y * 0.5 + a, 0.0, x[0]) + x[1] * x[1],
        &[2.0, 1.0],
    );
    let entries: Vec<_> = h.triplets().collect();
    assert_eq!(entries, [(1, 1, 2.0)]);
}

#[test]
fn the_sparse_hessian_of_a_layer_at_rest_is_the_dense_one() {
    macro_rules! energy {
        () => {
            |(w, b)| {
                let start = &Tensor::<f64>::zeros([3]);
                let y = fixed_point(|y, (w, b)| w.matmul(y).tanh() + b, start, (w, b));
                (y * y).sum()
            }
        };
    }
    let mut random = Random::new(1);
    let w: Tensor<f64> = random.uniform([3, 3], -0.5, 0.5);
    let b: Tensor<f64> = random.uniform([3], -0.5, 0.5);
    let h = sparse::hessian(energy!(), (&w, &b));
    for k in 0..12 {
        let unit = |first: usize| move |i: usize| f64::from(u8::from(first + i == k));
        let (tw, tb) = (
            Tensor::from_fn([3, 3], unit(0)),
            Tensor::from_fn([3], unit(9)),
        );
        let (hw, hb) = hvp(energy!(), (&w, &b), (&tw, &tb));
        for (row, exact) in hw.iter().chain(hb.iter()).enumerate() {
            assert!((h.get(row, k) - exact).abs() < 1e-14, "{row}, {k}");
        }
    }
}

#[test]
fn marks_reach_every_state_however_many_steps_that_takes() {
    // Each state follows the one before, so the mark of x arrives at the last in step 150. All states are 1 from
    // the start. f = (1 + 0.9^149 (e^a - 1)) b
    fn last<'t>(x: &[Var<'t, Dual<f64>>]) -> Var<'t, Dual<f64>> {
        let y = fixed_point(
            |y, a| {
                let first = a.tensor().reshape([1]).exp();
                Var::concat(&[first, y.slice(s(..-1)) * 0.9 + 0.1], 0)
            },
            &Tensor::<f64>::ones([150]),
            x[0],
        );
        y.at([149]) * x[1]
    }
    let h = sparse::hessian(last, &[0.0, 2.0]);
    let slope = 0.9f64.powi(149);
    assert!((h.get(0, 0) / slope - 2.0).abs() < 1e-12);
    assert!((h.get(0, 1) / slope - 1.0).abs() < 1e-12);
}

#[test]
fn a_nan_among_the_tangents_leaves_the_gradient_alone() {
    let (gradient, product) = grad_and_hvp(
        |x| fixed_point(|y, a| (y + a / y) * 0.5, 1.0, x),
        4.0,
        f64::NAN,
    );
    assert_eq!(gradient, 0.25);
    assert!(product.is_nan());
}
