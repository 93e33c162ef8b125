//! Axes of every integer type, and every form of a list of them.

use crate::panics;
use wengert::{Axes, Axis, SoftmaxJacobian, Tape, Tensor, Var, ops::softmax::composed, transform};

fn numbers() -> Tensor<f64> {
    Tensor::from_fn([2, 3, 4], |at| at as f64)
}

/// A matrix, its softmax and sums along an axis, in both kinds of methods.
fn along(axis: impl Axis) -> [Tensor<f64>; 4] {
    let tape = Tape::new();
    let x = tape.var(numbers());
    [
        numbers().softmax(axis),
        x.softmax(axis).value(),
        numbers().sum_axis(axis),
        x.sum_keep(axis).value(),
    ]
}

#[test]
fn one_axis_is_a_number_of_any_type() {
    let expected = along(2);
    for found in [along(-1), along(2_usize), along(2_isize), along(-1_i32)] {
        assert_eq!(found, expected);
    }
    let x = numbers();
    assert_eq!(along(x.rank() - 1), expected);
    for axis in 0..x.rank() {
        let sum = x.sum_axis(axis);
        assert_eq!(sum.shape(), &x.shape().without(axis));
        assert_eq!(x.unsqueeze(axis).squeeze(axis), x);
        assert_eq!(x.swap_axes(axis, -1).swap_axes(axis, 2_i32), x);
        assert_eq!(Tensor::stack(&[&sum], axis), x.sum_keep(axis));
        assert_eq!(x.shape().axis("test", axis).unwrap(), axis);
    }
}

#[test]
fn each_method_with_one_axis_takes_a_rank_without_a_cast() {
    let tape = Tape::new();
    let x = tape.var(numbers().sum_axis(0));
    let (plain, last) = (x.value(), x.rank() - 1);
    let index = plain.argmax(last).unsqueeze(last);
    let mask = plain.map(|x| x > 3.0);
    assert_eq!(x.argmin(last), plain.argmin(-1));
    assert_eq!(x.cumsum(last).value(), plain.cumsum(-1));
    assert_eq!(x.cumprod(last).value(), plain.cumprod(-1));
    assert_eq!(x.layer_norm(last, 0.5).value(), plain.layer_norm(-1, 0.5));
    assert_eq!(x.log_softmax(last).value(), plain.log_softmax(-1));
    assert_eq!(
        x.softmax_scaled(last, 2.0).value(),
        plain.softmax_scaled(-1, 2.0)
    );
    assert_eq!(
        x.masked_softmax(last, &mask).value(),
        plain.masked_softmax(-1, &mask)
    );
    assert_eq!(x.gather(last, &index).value(), plain.gather(-1, &index));
    assert_eq!(
        x.index_select(last, [1]).value(),
        plain.index_select(-1, [1])
    );
    assert_eq!(
        x.cross_entropy(last, [0, 1, 2]).value(),
        plain.cross_entropy(-1, [0, 1, 2])
    );
    assert_eq!(
        x.nll_loss(last, [0, 1, 2]).value(),
        plain.nll_loss(-1, [0, 1, 2])
    );
    assert_eq!(
        x.cross_entropy_soft(last, x).value(),
        plain.cross_entropy_soft(-1, &plain)
    );
    assert_eq!(
        Var::concat(&[x, x], last).value(),
        Tensor::concat(&[&plain, &plain], -1)
    );
    let source = Tensor::ones([3, 1]);
    let added = x.scatter_add(last, &index, &source).value();
    assert_eq!(added, plain.scatter_add(-1, &index, &source));
    assert_eq!(
        composed::softmax(x, last).value(),
        composed::softmax(x, -1).value()
    );
    let jacobian = SoftmaxJacobian::new(&plain, last).matrix();
    assert_eq!(jacobian, plain.softmax_jacobian(-1));
    let product = |axis: usize| transform::gauss_newton_vp(|x| x * 2.0, &plain, &plain, axis);
    assert_eq!(
        product(last),
        transform::gauss_newton_vp(|x| x * 2.0, &plain, &plain, -1)
    );
}

/// Sums over some axes, and the order of axes that begins with them.
fn over(axes: impl Axes) -> Tensor<f64> {
    let tape = Tape::new();
    let x = tape.var(numbers());
    let sum = x.sum_axis(&axes).value();
    assert_eq!(numbers().sum_axis(&axes), sum);
    assert_eq!(numbers().sum_keep(&axes).reshape(sum.shape()), sum);
    sum
}

#[test]
fn several_axes_are_an_array_a_slice_a_vector_or_a_range() {
    let expected = numbers().sum_axis(0).sum_axis(0);
    let list: Vec<usize> = (0..2).collect();
    assert_eq!(over([0, 1]), expected);
    assert_eq!(over([-3, 1]), expected);
    let borrowed = &[0_usize, 1];
    assert_eq!(over(borrowed), expected);
    assert_eq!(over(&[0_i32, -2][..]), expected);
    assert_eq!(over(&list), expected);
    assert_eq!(over(&list[..]), expected);
    assert_eq!(over(list), expected);
    assert_eq!(over(vec![-2_isize, 0]), expected);
    assert_eq!(over(0..2), expected);
    assert_eq!(over(0..numbers().rank() - 1), expected);
    assert_eq!(over(..-1), expected);
    assert_eq!(over(..=1_usize), expected);
    assert_eq!(over(-3..=-2), expected);
    assert_eq!(over(..), Tensor::from(numbers().sum()));
    assert_eq!(over(0..), Tensor::from(numbers().sum()));
    assert_eq!(over(3..), numbers());
    assert_eq!(over([0_usize; 0]), numbers());
}

#[test]
fn an_order_of_axes_is_a_list_of_any_type() {
    let x = numbers();
    let order = x.permute([2, 0, 1]);
    assert_eq!(order.shape(), [4, 2, 3]);
    assert_eq!(x.permute(vec![2_usize, 0, 1]), order);
    let borrowed = &[-1_i32, 0, 1];
    assert_eq!(x.permute(borrowed), order);
    let reversed: Vec<usize> = (0..x.rank()).rev().collect();
    assert_eq!(x.permute(&reversed), x.transpose());
    assert_eq!(x.permute(..), x);
}

#[test]
fn an_axis_of_any_type_is_refused_in_the_same_words() {
    let tape = Tape::new();
    let x = tape.var(numbers());
    let text = "softmax: axis 3 is not an axis of [2, 3, 4]; use -3 to 2";
    panics!(x.softmax(3), text);
    panics!(x.softmax(3_usize), text);
    panics!(numbers().softmax(3_isize), text);
    panics!(numbers().softmax(x.rank()), text);
    panics!(
        x.softmax(-4_i32),
        "softmax: axis -4 is not an axis of [2, 3, 4]; use -3 to 2"
    );
    panics!(
        x.sum_axis(vec![0, 3_usize]),
        "sum: axis 3 is not an axis of [2, 3, 4]; use -3 to 2"
    );
    panics!(
        x.permute([0, -1, 2]),
        "permute: axis 2 of [2, 3, 4] is named twice"
    );
    // An axis beyond the range of `isize` is cut there rather than wrapped to -1, which is an axis.
    let far = format!(
        "softmax: axis {} is not an axis of [2, 3, 4]; use -3 to 2",
        isize::MAX
    );
    panics!(x.softmax(usize::MAX), far);
    assert_eq!(x.try_softmax(usize::MAX).unwrap_err().to_string(), far);
    assert!(numbers().try_sum_axis([usize::MAX]).is_err());
}

#[test]
fn a_range_that_leaves_the_axes_is_refused() {
    let x = numbers();
    let ends = "its ends lie between 0 and 3, and negative ones count from the end";
    let text =
        |range: &str| format!("sum: {range} is not a range of the 3 axes of [2, 3, 4]; {ends}");
    panics!(x.sum_axis(1..4), text("1..4"));
    panics!(x.sum_axis(..usize::MAX), text("0..9223372036854775807"));
    panics!(x.sum_axis(-4..), text("-4.."));
    let one = 1; // clippy would refuse the range of literals before the crate does
    panics!(x.sum_axis(one..-3), text("1..-3"));
}
