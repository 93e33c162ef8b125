//! What is special to the ops that move, join and multiply tensors: words of refusal, shared
//! buffers, what does not leak, and what must not take quadratic time.

use std::sync::Mutex;

use wengert::{Dual, Error, Tape, Tensor, Var, s};

fn zeros(shape: &[usize]) -> Tensor<f64> {
    Tensor::zeros(shape)
}

#[test]
fn bad_input_is_refused_in_clear_words_and_the_tape_stays_usable() {
    let tape = Tape::new();
    let other = Tape::new();
    let [a, b, c] = [&[2, 3][..], &[4, 5], &[3]].map(|shape| tape.var(zeros(shape)));
    let none = tape.var(Tensor::scalar(1.0));
    let stray = other.var(zeros(&[3]));
    let batch = tape.var(zeros(&[2, 2, 3]));
    let index = Tensor::from([[0, 1], [2, 3]]);
    let refused: [(Result<Var<'_, Tensor<f64>>, Error>, &str); 36] = [
        (
            a.try_matmul(b),
            "matmul: inner sizes 3 and 4 differ ([2, 3] and [4, 5])",
        ),
        (
            a.try_matmul(zeros(&[2])),
            "matmul: inner sizes 3 and 2 differ ([2, 3] and [2])",
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
            "permute: axis 2 is no axis of [2, 3]; use -2 to 1",
        ),
        (
            a.try_swap_axes(0, -3),
            "swap_axes: axis -3 is no axis of [2, 3]; use -2 to 1",
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
            "unsqueeze: axis 3 is no axis of [1, 2, 3]; use -3 to 2",
        ),
        (
            a.try_squeeze(0),
            "squeeze: axis 0 of [2, 3] has size 2; only an axis of size 1 can go",
        ),
        (
            none.try_squeeze(0),
            "squeeze: axis 0 is no axis of [], which has no axes",
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
            a.try_slice((.., 2..-2)),
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
            "index_select: axis 0 is no axis of [], which has no axes",
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
            "stack: axis 3 is no axis of [1, 2, 3]; use -3 to 2",
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
    let scalars: [(Result<Var<'_, f64>, Error>, &str); 4] = [
        (
            a.try_dot(c),
            "dot: takes two vectors, of 1 axis each, got shape [2, 3]",
        ),
        (
            c.try_dot(zeros(&[4])),
            "dot: inner sizes 3 and 4 differ ([3] and [4])",
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
        "one_hot: label 3 of row 1 is no class; there are 3 classes, counted from 0"
    );
    assert_eq!(tape.tensor_nodes(), 0, "nothing refused was recorded");
    let grads = a.matmul(c).sum().backward();
    assert_eq!(grads.wrt(a), zeros(&[2, 3]));
}

#[test]
fn a_panic_names_the_line_of_the_user() {
    static LINE: Mutex<Option<(String, u32)>> = Mutex::new(None);
    let tape = Tape::new();
    let a = tape.var(zeros(&[2, 3]));
    let index = Tensor::from([[9]]);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let at = info.location().map(|l| (l.file().to_owned(), l.line()));
        *LINE.lock().unwrap() = at;
    }));
    let plain = a.value();
    let here = line!();
    let calls: [&dyn Fn(); 20] = [
        &|| drop(a.matmul(zeros(&[2]))),
        &|| drop(a.dot(zeros(&[2]))),
        &|| drop(a.outer(zeros(&[2]))),
        &|| drop(a.permute([0])),
        &|| drop(a.swap_axes(0, 7)),
        &|| drop(a.reshape([4])),
        &|| drop(a.unsqueeze(7)),
        &|| drop(a.squeeze(0)),
        &|| drop(a.broadcast_to([4])),
        &|| drop(a.slice(0..7)),
        &|| drop(a.at([7, 7])),
        &|| drop(a.index_select(0, [7])),
        &|| drop(a.gather(0, &index)),
        &|| drop(a.scatter_add(0, &index, 1.0)),
        &|| drop(Var::concat(&[a], 7)),
        &|| drop(Var::stack(&[a], 7)),
        &|| drop(a.pad([(0, 0)], 0.0)),
        &|| drop(a.where_(&Tensor::from([true; 7]), 0.0)),
        &|| drop(plain.matmul(&plain)),
        &|| drop(plain.slice(7)),
    ];
    for (k, call) in calls.iter().enumerate() {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
        assert!(panicked.is_err(), "call {k}");
        let at = LINE.lock().unwrap().take();
        assert_eq!(at, Some((file!().to_owned(), here + 2 + k as u32)));
    }
    std::panic::set_hook(before);
}

#[test]
fn what_where_leaves_out_never_reaches_a_gradient() {
    let tape = Tape::new();
    let a = tape.var(Tensor::from([1.0, 2.0, f64::NAN]));
    let b = tape.var(Tensor::scalar(f64::INFINITY));
    let y = a.where_(&Tensor::from([true, true, false]), b);
    let grads = y.vjp(Tensor::from([1.0, f64::NAN, 3.0]));
    assert!(grads.wrt(a)[[1]].is_nan());
    assert_eq!((grads.wrt(a)[[0]], grads.wrt(a)[[2]]), (1.0, 0.0));
    assert_eq!(grads.wrt(b), Tensor::scalar(3.0), "NaN stays with a");

    // The square root at 0 has an infinite slope; the guard keeps it out, in second order too.
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Tensor::from([Dual::new(4.0, 1.0), Dual::new(0.0, 1.0)]));
    let kept = x.value().map(|x| x.primal > 0.0);
    let y = x.sqrt().where_(&kept, Dual::constant(0.0)).sum();
    let gradient = y.backward().wrt(x);
    assert_eq!(gradient.map(|d| d.primal), Tensor::from([0.25, 0.0]));
    assert_eq!(
        gradient.map(|d| d.tangent),
        Tensor::from([-1.0 / 32.0, 0.0])
    );
}

#[test]
fn slices_read_as_ranges_do() {
    let tape = Tape::new();
    let x = tape.var(Tensor::arange(24).reshape([2, 3, 4]));
    let n = 2;
    assert_eq!(x.slice(0).shape(), [3, 4]);
    assert_eq!(x.slice((.., 0..n)).shape(), [2, 2, 4]);
    assert_eq!(x.slice((.., ..=-1, 1..=2)).shape(), [2, 3, 2]);
    assert_eq!(x.slice([0..1, 1..2]).shape(), [1, 1, 4]);
    assert_eq!(x.slice((.., .., ..0)).shape(), [2, 3, 0]);
    assert_eq!(x.slice((2.., 3..)).shape(), [0, 0, 4]);
    let backward = x.slice((-1, s(..).step(-1), s(1..).step(2))).value();
    assert_eq!(
        backward,
        Tensor::from([[21.0, 23.0], [17.0, 19.0], [13.0, 15.0]])
    );
    assert_eq!(
        x.slice((1, 2, s(..4).step(-3))).value(),
        Tensor::from([23.0, 20.0])
    );
    let plain = x.value();
    assert_eq!(plain.slice((1, 2, 3)).item(), 23.0);
}

#[test]
fn reshaping_shares_the_buffer_forth_and_back() {
    let tape = Tape::new();
    let x = tape.var(zeros(&[2, 3]));
    let views = [
        x.reshape([6]),
        x.flatten(),
        x.unsqueeze(1),
        x.slice(..),
        x.unsqueeze(0).permute([1, 0, 2]),
        x.broadcast_to([1, 2, 3]),
    ];
    for y in views {
        assert_eq!(y.value().data().as_ptr(), x.value().data().as_ptr());
        let g = y.value();
        let gx = y.vjp(g.clone()).wrt(x);
        assert_eq!(gx.data().as_ptr(), g.data().as_ptr());
    }
}

#[test]
fn a_cotangent_is_added_to_in_place_but_not_where_it_is_shared() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let first = x.at([0, 0]);
    let row = x.slice(1);
    let flat = x.flatten().watch();
    let picked = x.index_select(0, [1, 1]).watch();
    // Both operands of one product are x, after x has received something.
    let square = x.matmul(x);
    let loss = first + row.sum() * 10.0 + flat.sum() * 100.0 + picked.sum() * 1000.0;
    let grads = (loss + square.sum() * 0.0).backward();
    assert_eq!(
        grads.wrt(x),
        Tensor::from([[101.0, 100.0], [2110.0, 2110.0]])
    );
    assert_eq!(grads.wrt(flat), Tensor::full([4], 100.0), "not added to");
    assert_eq!(grads.wrt(picked), Tensor::full([2, 2], 1000.0));
    let grads = (square.sum() + x.at([1, 0])).backward();
    // d/dx Σ(xx) = g xᵀ + xᵀ g with g all ones.
    assert_eq!(grads.wrt(x), Tensor::from([[7.0, 11.0], [10.0, 13.0]]));
}

#[test]
fn reading_every_element_by_itself_takes_one_pass() {
    // Quadratic time would be 10^10 steps.
    let n = 100_000;
    let tape = Tape::with_capacity(3 * n, 3 * n);
    let x = tape.var(Tensor::<f64>::arange(n));
    let y = (0..n).map(|i| x.at([i])).reduce(|a, b| a + b).unwrap();
    assert_eq!(y.backward().wrt(x), Tensor::ones([n]));
    let rows: Vec<_> = (0..n).map(|i| x.slice(i..=i)).collect();
    let y = Var::concat(&rows, 0);
    assert_eq!(y.vjp(x.value()).wrt(x), x.value());
    let y = tape.stack(&x.scalars());
    assert_eq!(y.vjp(x.value()).wrt(x), x.value());
}

#[test]
fn plain_tensors_give_what_handles_give() {
    let tape = Tape::new();
    let (a, b) = (Tensor::arange(6).reshape([2, 3]), Tensor::arange(3));
    let (x, v) = (tape.var(a.clone()), tape.var(b.clone()));
    let index = Tensor::from([[0, 2], [1, 1]]);
    let mask = Tensor::from([true, false, true]);
    let source = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let pairs = [
        (x.matmul(v), a.matmul(&b)),
        (v.outer(v), b.outer(&b)),
        (x.transpose(), a.transpose()),
        (x.permute([1, 0]), a.permute([1, 0])),
        (x.swap_axes(0, -1), a.swap_axes(0, -1)),
        (x.reshape([3, 2]), a.reshape([3, 2])),
        (x.flatten(), a.flatten()),
        (x.unsqueeze(-1).squeeze(-1), a.unsqueeze(-1).squeeze(-1)),
        (v.broadcast_to([2, 3]), b.broadcast_to([2, 3])),
        (x.slice((.., 1)), a.slice((.., 1))),
        (x.index_select(1, [2, 2]), a.index_select(1, [2, 2])),
        (x.gather(1, &index), a.gather(1, &index)),
        (
            x.scatter_add(1, &index, &source),
            a.scatter_add(1, &index, &source),
        ),
        (Var::concat(&[x, x], -1), Tensor::concat(&[&a, &a], -1)),
        (
            Var::stack(&[v, v], 1),
            Tensor::stack(&[b.clone(), b.clone()], 1),
        ),
        (x.pad([(1, 0), (0, 1)], 7.0), a.pad([(1, 0), (0, 1)], 7.0)),
        (x.where_(&mask, v), a.where_(&mask, &b)),
    ];
    for (k, (handle, plain)) in pairs.into_iter().enumerate() {
        assert_eq!(handle.value(), plain, "pair {k}");
    }
    assert_eq!(v.dot(v).value(), b.dot(&b));
}

#[test]
fn a_recording_of_moved_tensors_runs_again() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let y = x
        .flatten()
        .slice(1..)
        .dot(x.transpose().flatten().slice(..-1));
    let (x, y) = (x.id().unwrap(), y.id().unwrap());
    for new in [Tensor::from([[5.0, 6.0], [7.0, 8.0]]), Tensor::eye(2)] {
        tape.replay([(x, new.clone())]).unwrap();
        let [a, b, c, d] = *new.data() else {
            unreachable!()
        };
        assert_eq!(tape.handle(y).value(), b * a + c * c + d * b);
        let gradient = tape.handle(y).backward().wrt(tape.handle(x));
        assert_eq!(gradient, Tensor::from([[b, a + d], [2.0 * c, b]]));
    }
}
