//! Plain tensors: construction, indexing, broadcasting, comparison.

use approx::{assert_abs_diff_eq, assert_relative_eq, assert_relative_ne, assert_ulps_eq};
use proptest::prelude::*;
use wengert::ops::Draw;
use wengert::{Dd, Dual, Random, Shape, Tensor};

#[test]
fn nested_arrays_have_one_reading() {
    let x = Tensor::from([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]);
    assert_eq!(x.shape(), [2, 2, 2]);
    assert_eq!(x[[1, 0, 1]], 6.0);
    assert_eq!(Tensor::from([true, false]).shape(), [2]);
    assert_eq!(Tensor::from(vec![1usize, 2, 3]).len(), 3);
    assert_eq!(Tensor::scalar(2.5f32).item(), 2.5);
}

#[test]
fn constructors_give_what_they_say() {
    assert_eq!(
        Tensor::<f64>::eye(2),
        Tensor::from([[1.0, 0.0], [0.0, 1.0]])
    );
    assert_eq!(Tensor::<f64>::arange(3), Tensor::from([0.0, 1.0, 2.0]));
    assert_eq!(Tensor::full([2], 7.0), Tensor::from([7.0, 7.0]));
    let line = Tensor::linspace(-1.0, 1.0, 5);
    assert_eq!(line, Tensor::from([-1.0, -0.5, 0.0, 0.5, 1.0]));
    assert_eq!(Tensor::linspace(3.0, 9.0, 1), Tensor::from([3.0]));
    let thirds = Tensor::linspace(0.1, 0.7, 4);
    assert_eq!((thirds[[0]], thirds[[3]]), (0.1, 0.7));
}

#[test]
fn writing_copies_what_others_share() {
    let x = Tensor::from([1.0, 2.0]);
    let mut y = x.clone();
    y[[0]] = 9.0;
    assert_eq!((x[[0]], y[[0]]), (1.0, 9.0));
}

#[test]
fn axes_of_size_zero_are_legal() {
    let x = Tensor::<f64>::zeros([0, 3]);
    assert_eq!((&x + &Tensor::ones([3])).shape(), [0, 3]);
    assert_eq!((&x * &Tensor::ones([1, 1])).shape(), [0, 3]);
    assert_eq!(x, x.clone());
}

#[test]
fn approx_compares_elements_and_shapes() {
    let x = Tensor::from([1.0, 2.0]);
    let near = Tensor::from([1.0 + 1e-15, 2.0]);
    assert_relative_eq!(x, near, max_relative = 1e-14);
    assert_abs_diff_eq!(x, near, epsilon = 1e-14);
    assert_ulps_eq!(x, near, max_ulps = 8);
    assert_relative_ne!(x, Tensor::from([[1.0, 2.0]]));
    assert_relative_ne!(x, Tensor::from([1.0, 2.1]));
}

#[test]
fn random_streams_are_reproducible_and_plausible() {
    let x: Tensor<f64> = Random::new(5).normal([20_000], 1.0, 2.0);
    let mean = x.iter().sum::<f64>() / 20_000.0;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
    assert!(
        (mean - 1.0).abs() < 0.06 && (variance - 4.0).abs() < 0.2,
        "{mean} {variance}"
    );
    let u: Tensor<f32> = Random::new(5).uniform([1000], -1.0, 1.0);
    assert!(u.iter().all(|&u| (-1.0..1.0).contains(&u)));
    // The first output of splitmix64 for seed 0, from the reference implementation.
    assert_eq!(Random::new(0).bits(), 0xE220_A839_7B1D_CDAF);
    let mut order = Random::new(1).permutation(50);
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}

/// A quarter of these draws, which are below `high` in `f64`, round to `high` in `f32`.
#[test]
fn a_uniform_number_is_below_the_end_in_its_own_type() {
    let (low, high) = (1.0, 1.0 + f64::from(f32::EPSILON) * 2.0);
    let x: Tensor<f32> = Random::new(1).uniform([100], low, high);
    assert!(x.iter().all(|&x| (low..high).contains(&f64::from(x))));
    let x = Draw::new(1).values([100], low, high);
    assert!(x.iter().all(|x| (low..high).contains(x)));
    let x: Tensor<f64> = Random::new(1).uniform([100], 1.0, 1.0 + f64::EPSILON);
    assert_eq!(x, Tensor::ones([100]));
    // Where no number of the type is in between, or the interval is empty, drawing ends nevertheless.
    let x: Tensor<f32> = Random::new(1).uniform([10], 1.0 + 7e-8, 1.0 + 8e-8);
    assert_eq!(x, Tensor::full([10], 1.0 + f32::EPSILON));
    let x: Tensor<f64> = Random::new(1).uniform([10], 2.0, 2.0);
    assert_eq!(x, Tensor::full([10], 2.0));
}

/// `end - start` is 3.4e308, which is infinite.
#[test]
fn an_interval_may_be_longer_than_the_largest_number() {
    let line = Tensor::linspace(-1.7e308, 1.7e308, 5);
    assert_eq!(
        line,
        Tensor::from([-1.7e308, -8.5e307, 0.0, 8.5e307, 1.7e308])
    );
    assert_eq!(
        Tensor::linspace(-1.7e308, 1.7e308, 1),
        Tensor::from([-1.7e308])
    );
    let draws: Tensor<f64> = Random::new(1).uniform([1000], -1.7e308, 1.7e308);
    assert!(draws.iter().all(|x| (-1.7e308..1.7e308).contains(x)));
    let (below, above) = (draws.min(), draws.max());
    assert!(below < -1.6e308 && above > 1.6e308, "{below} to {above}");
}

/// The numbers are those of the `libm` crate, a port of musl's functions; glibc's differ in the last digit of one.
#[test]
fn normal_numbers_are_the_same_on_every_machine() {
    let x: Tensor<f64> = Random::new(4).normal([4], 0.0, 1.0);
    let expected = [
        0.8289821350136993,
        -1.9771677307257216,
        -0.856762714163747,
        -2.135572840871562,
    ];
    assert_eq!(x, Tensor::from(expected));
}

#[test]
fn double_doubles_are_elements_too() {
    let x = Tensor::from([Dd::from(1.0), Dd::from(3.0)]);
    let third = (&x / &Tensor::scalar(Dd::from(3.0)))[[0]];
    assert!((third * Dd::from(3.0) - Dd::from(1.0)).hi().abs() < 1e-31);
}

/// Every position of a shape, in row-major order.
fn positions(shape: &Shape) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &n| {
        let longer = |p: &Vec<usize>| {
            (0..n)
                .map(|i| p.iter().copied().chain([i]).collect())
                .collect::<Vec<_>>()
        };
        all.iter().flat_map(longer).collect()
    })
}

/// The element of `x` that stands at a position of a shape that `x` broadcasts to.
fn broadcast_element(x: &Tensor<f64>, position: &[usize]) -> f64 {
    let skip = position.len() - x.rank();
    let place = x
        .shape()
        .iter()
        .zip(&position[skip..])
        .fold(0, |place, (&n, &i)| place * n + if n == 1 { 0 } else { i });
    x.data()[place]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn broadcasting_equals_indexing(seed: u64) {
        let mut draw = Draw::new(seed);
        let pair = draw.pair(-4.0, 4.0);
        let found = &pair[0] - &pair[1];
        let shape = pair[0].shape().broadcast("test", pair[1].shape()).unwrap();
        prop_assert_eq!(found.shape(), &shape);
        for (place, position) in positions(&shape).into_iter().enumerate() {
            let expected = broadcast_element(&pair[0], &position) - broadcast_element(&pair[1], &position);
            prop_assert_eq!(found.data()[place], expected);
        }
    }

    #[test]
    fn the_sum_over_axes_equals_adding_by_hand(seed: u64) {
        let mut draw = Draw::new(seed);
        let x = draw.one(-4.0, 4.0).remove(0);
        let axes = draw.axes(x.shape());
        let kept: Vec<usize> = (0..x.rank()).filter(|k| !axes.contains(&(*k as isize))).collect();
        let sum = x.clone().sum_axis(&axes[..]);
        let mut expected = vec![0.0; sum.len()];
        for (place, position) in positions(x.shape()).into_iter().enumerate() {
            let to = kept.iter().fold(0, |to, &k| to * x.shape()[k] + position[k]);
            expected[to] += x.data()[place];
        }
        for (a, b) in sum.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }
}

#[test]
fn a_multiple_is_added_in_place_and_not_to_what_shares_the_elements() {
    let mut x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let before = x.clone();
    x.add_scaled(2.0, &Tensor::from([[1.0, 0.0], [-1.0, 0.5]]));
    assert_eq!(x, Tensor::from([[3.0, 2.0], [1.0, 5.0]]));
    assert_eq!(before, Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let refused = x.try_add_scaled(1.0, &Tensor::ones([2])).unwrap_err();
    assert!(refused.to_string().starts_with("add_scaled: "), "{refused}");
    assert_eq!(x, Tensor::from([[3.0, 2.0], [1.0, 5.0]]));
}

#[test]
fn a_multiple_of_a_long_tensor_is_added_once_to_each_element() {
    let number = |k: usize| k as f64;
    let mut x = Tensor::from_fn([300_001], |k| -number(k));
    x.add_scaled(3.0, &Tensor::from_fn([300_001], number));
    assert!(x.iter().enumerate().all(|(k, &x)| x == 2.0 * number(k)));
}

#[test]
#[should_panic(expected = "add_scaled")]
fn a_multiple_of_another_shape_is_not_added() {
    Tensor::from([1.0, 2.0]).add_scaled(1.0, &Tensor::from([[1.0, 2.0]]));
}

#[test]
fn operators_in_place_broadcast_to_the_left() {
    let mut x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let before = x.clone();
    x += &Tensor::from([10.0, 20.0]);
    x -= Tensor::from([[1.0, 1.0], [2.0, 2.0]]);
    x *= 2.0;
    x /= Tensor::scalar(4.0);
    assert_eq!(x, Tensor::from([[5.0, 10.5], [5.5, 11.0]]));
    assert_eq!(before, Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
}

#[test]
#[should_panic(expected = "add_assign: shape [2, 2] does not broadcast to [2]")]
fn what_is_larger_does_not_fit_in_place() {
    let mut x = Tensor::from([1.0, 2.0]);
    x += Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
}

#[test]
fn elements_are_read_one_by_one_or_not_at_all() {
    let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(x.get(&[1, 0]), Some(&3.0));
    assert_eq!((x.get(&[2, 0]), x.get(&[1])), (None, None));
    let mut sum = 0.0;
    for x in &x {
        sum += x;
    }
    assert_eq!((sum, Vec::from(x)), (10.0, vec![1.0, 2.0, 3.0, 4.0]));
}

#[test]
fn plain_numbers_suit_tensors_of_dual_numbers() {
    let x = Tensor::from([Dual::new(1.0, 2.0)]);
    assert_eq!((&x * 3.0 - 1.0)[[0]], Dual::new(2.0, 6.0));
    let y = x.pad([(0, 1)], 3.0);
    assert_eq!(y, Tensor::from([x[[0]], Dual::constant(3.0)]));
    assert_eq!(x.try_pad([(1, 0)], 3.0).unwrap()[[0]], y[[1]]);
}
