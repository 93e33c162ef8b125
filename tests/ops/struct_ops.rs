//! What is special to the ops that move, join and multiply tensors: shared buffers, NaN that must
//! not leak, and what must not take quadratic time.

use wengert::{Dual, Tape, Tensor, Var, s};

fn zeros(shape: &[usize]) -> Tensor<f64> {
    Tensor::zeros(shape)
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

    // The square root at 0 has an infinite slope, which the guard keeps out, in second order too.
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
        (x.matmul_t(x), a.matmul_t(&a)),
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
