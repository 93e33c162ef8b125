//! What the ops that move, join and multiply tensors refuse, in which words, and at which line.

use crate::panics;
use crate::panics::panic_of;
use wengert::{Error, Random, Shape, Tape, Tensor, Var, s};

fn zeros(shape: &[usize]) -> Tensor<f64> {
    Tensor::zeros(shape)
}

fn lose<V>(_: V) {}

/// What was tried, and the text of the error.
type Refused<'t, V> = (Result<Var<'t, V>, Error>, &'static str);

#[test]
fn bad_input_is_refused_in_clear_words_and_the_tape_stays_usable() {
    let tape = Tape::new();
    let other = Tape::new();
    let [a, b, c] = [&[2, 3][..], &[4, 5], &[3]].map(|shape| tape.var(zeros(shape)));
    let none = tape.var(Tensor::scalar(1.0));
    let stray = other.var(zeros(&[3]));
    let batch = tape.var(zeros(&[2, 2, 3]));
    let index = Tensor::from([[0, 1], [2, 3]]);
    let two = 2; // clippy would refuse the range of literals before the crate does
    let refused: [Refused<'_, Tensor<f64>>; 39] = [
        (
            a.try_matmul(b),
            "matmul: inner sizes 3 and 4 differ ([2, 3] and [4, 5]); the left operand needs as many columns as the right one has rows",
        ),
        (
            a.try_matmul(zeros(&[2])),
            "matmul: inner sizes 3 and 2 differ ([2, 3] and [2]); the left operand needs as many columns as the right one has rows",
        ),
        (
            a.try_matmul(1.0),
            "matmul: takes operands with at least 1 axis, got shape []",
        ),
        (
            batch.try_matmul(zeros(&[3, 3, 4])),
            "matmul: batch axes [2] and [3] do not broadcast ([2, 2, 3] and [3, 3, 4]); sizes before the last two must be equal or 1",
        ),
        (
            c.try_matmul(stray),
            "matmul: the handle belongs to another tape; record both operands on one tape, or pass the other's value()",
        ),
        (
            a.try_matmul_t(b),
            "matmul_t: inner sizes 3 and 5 differ ([2, 3] and [4, 5]); rows of both operands need the same length",
        ),
        (
            a.try_matmul_t(c),
            "matmul_t: takes a right operand with at least 2 axes, got shape [3]",
        ),
        (
            batch.try_matmul_t(zeros(&[3, 4, 3])),
            "matmul_t: batch axes [2] and [3] do not broadcast ([2, 2, 3] and [3, 4, 3]); sizes before the last two must be equal or 1",
        ),
        (
            a.try_outer(c),
            "outer: takes two vectors, of 1 axis each, got shape [2, 3]",
        ),
        (
            a.try_permute([0]),
            "permute: 1 axes for shape [2, 3]; name each of its axes once",
        ),
        (
            a.try_permute([0, 0]),
            "permute: axis 0 of [2, 3] is named twice",
        ),
        (
            a.try_permute([0, 2]),
            "permute: axis 2 is not an axis of [2, 3]; use -2 to 1",
        ),
        (
            a.try_swap_axes(0, -3),
            "swap_axes: axis -3 is not an axis of [2, 3]; use -2 to 1",
        ),
        (
            a.try_reshape([4]),
            "reshape: 6 elements do not fill shape [4], which holds 4",
        ),
        (
            a.try_reshape([usize::MAX, 2]),
            "reshape: 6 elements do not fill shape [18446744073709551615, 2], which holds 18446744073709551615",
        ),
        (
            a.try_unsqueeze(3),
            "unsqueeze: axis 3 is not an axis of [1, 2, 3]; use -3 to 2",
        ),
        (
            a.try_squeeze(0),
            "squeeze: axis 0 of [2, 3] has size 2; only an axis of size 1 can go",
        ),
        (
            none.try_squeeze(0),
            "squeeze: axis 0 is not an axis of [], which has no axes",
        ),
        (
            a.try_broadcast_to([3, 3]),
            "broadcast_to: shape [2, 3] does not broadcast to [3, 3]; from the last axis on, its sizes must be equal or 1",
        ),
        (
            a.try_broadcast_to([3]),
            "broadcast_to: shape [2, 3] does not broadcast to [3]; from the last axis on, its sizes must be equal or 1",
        ),
        (
            a.try_slice(1..3),
            "slice: range 1..3 reaches outside axis 0 of [2, 3], which has 2 entries",
        ),
        (
            a.try_slice((.., -4..)),
            "slice: range -4.. reaches outside axis 1 of [2, 3], which has 3 entries",
        ),
        (
            a.try_slice((.., usize::MAX..)),
            "slice: range 9223372036854775807.. reaches outside axis 1 of [2, 3], which has 3 entries",
        ),
        (
            a.try_slice((0, 3)),
            "slice: entry 3 is outside axis 1 of [2, 3], which has 3 entries",
        ),
        (
            a.try_slice((.., 2..-two)),
            "slice: range 2..-2 of axis 1 of [2, 3] ends before it starts; to go backward give it a negative step",
        ),
        (
            a.try_slice(s(..).step(0)),
            "slice: the step of axis 0 is 0; give 1 or more, or a negative one to go backward",
        ),
        (
            a.try_slice((.., .., ..)),
            "slice: 3 ranges for shape [2, 3]; give one for each axis at most",
        ),
        (
            a.try_index_select(-1, [0, 3]),
            "index_select: index 3 is outside axis 1 of [2, 3], which has 3 entries",
        ),
        (
            none.try_index_select(0, [0]),
            "index_select: axis 0 is not an axis of [], which has no axes",
        ),
        (
            a.try_gather(1, &index),
            "gather: index 3 is outside axis 1 of [2, 3], which has 3 entries",
        ),
        (
            a.try_gather(1, &Tensor::from([0])),
            "gather: an index of shape [1] does not fit [2, 3] along axis 1; it needs as many axes, and no larger sizes beside that axis",
        ),
        (
            b.try_scatter_add(0, &index, zeros(&[1, 2])),
            "scatter_add: a source of shape [1, 2] does not cover an index of shape [2, 2]; it needs as many axes, and no smaller sizes",
        ),
        (
            Var::try_concat(&[a, b], 0),
            "concat: part 1 of shape [4, 5] does not continue [2, 3] along axis 0; the other sizes must be equal",
        ),
        (
            Var::<Tensor<f64>>::try_concat(&[], 0),
            "concat: there are no parts; give at least one",
        ),
        (
            Var::try_concat(&[c, stray], 0),
            "concat: the handle belongs to another tape; record both operands on one tape, or pass the other's value()",
        ),
        (
            Var::try_stack(&[a, b], 0),
            "stack: part 1 has shape [4, 5] and part 0 has [2, 3]; they must be equal",
        ),
        (
            Var::try_stack(&[a], 3),
            "stack: axis 3 is not an axis of [1, 2, 3]; use -3 to 2",
        ),
        (
            a.try_pad([(1, 1)], 0.0),
            "pad: 1 pairs (before, after) for shape [2, 3]; give one for each axis",
        ),
        (
            a.try_where_(&Tensor::from([true, false]), c),
            "where_: shapes [2, 3] and [2] do not broadcast; trailing sizes must be equal or 1",
        ),
    ];
    for (result, text) in refused {
        assert_eq!(result.unwrap_err().to_string(), text);
    }
    let scalars: [Refused<'_, f64>; 4] = [
        (
            a.try_dot(c),
            "dot: takes two vectors, of 1 axis each, got shape [2, 3]",
        ),
        (
            c.try_dot(zeros(&[4])),
            "dot: inner sizes 3 and 4 differ ([3] and [4]); both vectors need the same length",
        ),
        (
            a.try_at([0]),
            "at: 1 indices for shape [2, 3]; give one for each axis",
        ),
        (
            a.try_at([0, 3]),
            "at: index 3 is outside axis 1 of [2, 3], which has 3 entries",
        ),
    ];
    for (result, text) in scalars {
        assert_eq!(result.unwrap_err().to_string(), text);
    }
    let elsewhere = other.var(1.0);
    assert_eq!(
        tape.try_stack(&[elsewhere]).unwrap_err().to_string(),
        "stack: the handle belongs to another tape; record both operands on one tape, or pass the other's value()"
    );
    assert_eq!(
        Tensor::<f64>::one_hot([0, 3], 3).unwrap_err().to_string(),
        "one_hot: label 3 of row 1 is not a class; there are 3 classes, counted from 0"
    );
    assert_eq!(tape.tensor_nodes(), 0, "nothing refused was recorded");
    let grads = a.matmul(c).sum().backward();
    assert_eq!(grads.wrt(a), zeros(&[2, 3]));
}

#[test]
fn a_panic_names_the_line_of_the_user() {
    let tape = Tape::new();
    let a = tape.var(zeros(&[2, 3]));
    let index = Tensor::from([[9]]);
    let plain = a.value();
    let here = line!();
    let calls: [&dyn Fn(); 22] = [
        &|| lose(a.matmul(zeros(&[2]))),
        &|| lose(a.matmul_t(zeros(&[2, 2]))),
        &|| lose(a.dot(zeros(&[2]))),
        &|| lose(a.outer(zeros(&[2]))),
        &|| lose(a.permute([0])),
        &|| lose(a.swap_axes(0, 7)),
        &|| lose(a.reshape([4])),
        &|| lose(a.unsqueeze(7)),
        &|| lose(a.squeeze(0)),
        &|| lose(a.broadcast_to([4])),
        &|| lose(a.slice(0..7)),
        &|| lose(a.at([7, 7])),
        &|| lose(a.index_select(0, [7])),
        &|| lose(a.gather(0, &index)),
        &|| lose(a.scatter_add(0, &index, 1.0)),
        &|| lose(Var::concat(&[a], 7)),
        &|| lose(Var::stack(&[a], 7)),
        &|| lose(a.pad([(0, 0)], 0.0)),
        &|| lose(a.where_(&Tensor::from([true; 7]), 0.0)),
        &|| lose(plain.matmul(&plain)),
        &|| lose(plain.matmul_t(&plain.transpose())),
        &|| lose(plain.slice(7)),
    ];
    for (k, call) in calls.iter().enumerate() {
        let (_, file, line) = panic_of(call);
        assert_eq!((file.as_str(), line), (file!(), here + 2 + k as u32));
    }
}

#[test]
fn what_no_memory_holds_is_refused() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0]));
    let none = |shape: [usize; 2]| tape.var(zeros(&shape));
    let large = 1 << 40;
    let refused: [Refused<'_, Tensor<f64>>; 4] = [
        (
            x.try_broadcast_to([1 << 32, 1 << 32]),
            "broadcast_to: a tensor of shape [4294967296, 4294967296] does not fit into any memory; check the sizes",
        ),
        (
            none([large, 0]).try_matmul(none([0, large])),
            "matmul: a tensor of shape [1099511627776, 1099511627776] does not fit into any memory; check the sizes",
        ),
        (
            x.try_pad([(usize::MAX, 1)], 0.0),
            "pad: 18446744073709551615 before and 1 after an axis of 1 are more than can be counted",
        ),
        (
            x.try_pad([(1 << 60, 1)], 0.0),
            "pad: a tensor of shape [1152921504606846978] does not fit into any memory; check the sizes",
        ),
    ];
    for (refused, text) in refused {
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
    assert!(Tensor::<f64>::one_hot([0], usize::MAX).is_err());
    let here = line!();
    let calls: [&dyn Fn(); 9] = [
        &|| lose(Tensor::<f64>::zeros([large, large])),
        &|| lose(Tensor::full([1 << 63], 1u8)),
        &|| lose(Tensor::<f64>::eye(large)),
        &|| lose(Tensor::<f64>::from_fn([usize::MAX], |_| 0.0)),
        &|| lose(Tensor::<f64>::arange(usize::MAX)),
        &|| lose(Tensor::<f64>::linspace(0.0, 1.0, usize::MAX)),
        &|| lose(Random::new(1).normal::<f64>([usize::MAX], 0.0, 1.0)),
        &|| lose(Random::new(1).uniform::<f64>([usize::MAX], 0.0, 1.0)),
        &|| lose(Random::new(1).below(0)),
    ];
    let names = [
        "zeros", "full", "eye", "from_fn", "arange", "linspace", "normal", "uniform", "below",
    ];
    for (k, (call, name)) in calls.iter().zip(names).enumerate() {
        let (text, file, line) = panic_of(call);
        assert_eq!((file.as_str(), line), (file!(), here + 2 + k as u32));
        assert_eq!(text.split(':').next(), Some(name), "{text}");
    }
}

#[test]
fn a_step_that_is_not_taken_may_be_any_number() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let y = x.slice(s(..).step(isize::MAX));
    assert_eq!(y.value(), Tensor::from([[1.0, 2.0, 3.0]]));
}

#[test]
fn shapes_without_elements_whose_other_sizes_overflow_are_refused() {
    let large = 1usize << 33;
    for shape in [[large, large, 0], [0, large, large], [1 << 62, 1, 0]] {
        let text =
            format!("a tensor of shape {shape:?} does not fit into any memory; check the sizes");
        let refused = [
            Tensor::new(shape, Vec::<f64>::new()),
            Tensor::from(vec![0.0; 0]).reshaped(shape),
        ];
        for (refused, op) in refused.into_iter().zip(["Tensor::new", "reshaped"]) {
            assert_eq!(refused.unwrap_err().to_string(), format!("{op}: {text}"));
        }
    }
    let tape = Tape::new();
    let none = tape.var(Tensor::<f64>::zeros([1, 0]));
    assert!(none.try_broadcast_to([1 << 62, 0]).is_err());
    assert!(none.try_broadcast_to([1 << 20, 0]).is_ok());
}

#[test]
fn positions_of_axes_that_a_shape_lacks_are_refused() {
    let (matrix, number) = (Shape::from([2, 3]), Shape::scalar());
    let outside = |op: &str| format!("{op}: axis 2 is outside shape [2, 3]; use 0 to 1");
    panics!(matrix.rows(2), outside("rows"));
    panics!(matrix.with(2, 1), outside("with"));
    panics!(matrix.without(2), outside("without"));
    panics!(
        matrix.inserted(3, 1),
        "inserted: axis 3 is outside shape [2, 3]; use 0 to 2"
    );
    panics!(
        number.rows(0),
        "rows: there is no axis 0 in shape [], which has no axes"
    );
    panics!(
        number.inserted(1, 1),
        "inserted: axis 1 is outside shape []; use 0"
    );
    assert_eq!(matrix.inserted(2, 1), [2, 3, 1]);
}
