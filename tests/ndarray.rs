//! Arrays of the `ndarray` crate: elements keep their places, whatever their order in memory.

use ndarray::{Array, Array2, Array3, ArrayD, Axis, array, s};
use proptest::prelude::*;
use wengert::{Tape, Tensor};

/// Elements by their indices.
fn numbered(shape: (usize, usize, usize)) -> Array3<f64> {
    Array::from_shape_fn(shape, |(i, j, k)| (100 * i + 10 * j + k) as f64)
}

/// Checks that each element of the tensor is the array's at the same place.
fn assert_same(tensor: &Tensor<f64>, array: &ArrayD<f64>) {
    assert_eq!(&tensor.shape()[..], array.shape());
    assert_eq!(tensor.ndarray(), array.view());
    assert!(tensor.iter().eq(array.iter()));
}

#[test]
fn an_array_in_row_major_order_is_taken_over() {
    let array = numbered((2, 3, 4));
    let (place, expected) = (array.as_ptr(), array.clone().into_dyn());
    let tensor = Tensor::from(array);
    assert_eq!(tensor.data().as_ptr(), place);
    assert_same(&tensor, &expected);
    let back = ArrayD::from(tensor);
    assert_eq!(back.as_ptr(), place);
    assert_eq!(back, expected);
}

#[test]
fn a_part_of_an_array_is_that_part_alone() {
    for range in [0..1, 1..2, 0..2, 1..1] {
        let array = numbered((2, 3, 4));
        let part = array.slice_move(s![range, .., ..]);
        let expected = part.clone().into_dyn();
        assert_same(&Tensor::from(part), &expected);
    }
}

#[test]
fn shapes_without_elements_or_without_axes_are_kept() {
    let none = Array2::<f64>::zeros((0, 3));
    assert_eq!(Tensor::from(&none).shape(), [0, 3]);
    assert_eq!(Tensor::from(none).ndarray().shape(), [0, 3]);
    let one = Tensor::from(ndarray::arr0(7.0));
    assert_eq!((one.rank(), one.item()), (0, 7.0));
    assert_eq!(ArrayD::from(one), ndarray::arr0(7.0).into_dyn());
    let large = Array2::<f64>::zeros((1 << 60, 0));
    let refused = std::panic::catch_unwind(|| Tensor::from(large));
    assert!(refused.is_err());
}

#[test]
fn what_shares_its_elements_keeps_them() {
    let tensor = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let array = ArrayD::from(tensor.clone());
    assert_same(&tensor, &array);
}

#[test]
fn a_gradient_comes_back_as_an_array() {
    let x = array![[1.0, 2.0], [3.0, 4.0]];
    let tape = Tape::new();
    let var = tape.var(Tensor::from(&x));
    let gradient = ArrayD::from((var * var).sum().backward().wrt(var));
    assert_eq!(gradient, (2.0 * x).into_dyn());
}

proptest! {
    #[test]
    fn elements_keep_their_places(
        shape in (0usize..4, 0usize..4, 0usize..4),
        axes in Just([0, 1, 2]).prop_shuffle(),
        turned in proptest::array::uniform3(any::<bool>()),
        step in 1isize..3,
    ) {
        let mut array = numbered(shape).permuted_axes(axes);
        for (axis, _) in turned.iter().enumerate().filter(|(_, turned)| **turned) {
            array.invert_axis(Axis(axis));
        }
        let array = array.slice_move(s![..;step, .., ..]);
        let expected = array.clone().into_dyn();
        assert_same(&Tensor::from(&array), &expected);
        assert_same(&Tensor::from(&array.view()), &expected);
        let tensor = Tensor::from(array);
        assert_same(&tensor, &expected);
        prop_assert_eq!(ArrayD::from(tensor), expected);
    }
}
