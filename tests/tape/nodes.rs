//! The tape: recording, walking, folding, watching, replaying, resetting.

use num_traits::{Float, FloatConst, Zero};
use wengert::{Dual, Error, ErrorKind, Random, Tape, Tensor, Var};

fn close(a: f64, b: f64) {
    assert!(
        (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs())),
        "{a} and {b}"
    );
}

#[test]
fn a_scalar_and_a_tensor_share_one_tape() {
    let data = [1.0, 2.0, 3.0, 1.0, 2.0, 9.0];
    let f = |b: f64| data.iter().map(|x| (b * x).tanh() + 1.0).sum::<f64>() * b;
    let tape = Tape::new();
    let x = tape.var(Tensor::new([2, 3], data.to_vec()).unwrap());
    let b = tape.var(0.5);
    let loss = ((x * b).tanh() + 1.0).sum() * b;
    close(loss.value(), f(0.5));
    let grads = loss.backward();
    close(grads.wrt(b), (f(0.5 + 1e-6) - f(0.5 - 1e-6)) / 2e-6);
    close(grads.wrt(x)[[1, 2]], 0.25 / 4.5f64.cosh().powi(2));
}

#[test]
fn scalar_and_tensor_stretches_alternate() {
    // s0 -> tensor -> s1 -> scalar arithmetic -> tensor -> s2
    let f = |a: f64, b: f64| {
        let x = [a * 1.0, a * 2.0];
        let s = x.iter().map(|x| x * x).sum::<f64>();
        let t = s * b + s.sin();
        x.iter().map(|x| (x + t).tanh()).sum::<f64>() * t
    };
    let tape = Tape::new();
    let (a, b) = (tape.var(0.3), tape.var(-0.7));
    let x = a * tape.constant(Tensor::from([1.0, 2.0]));
    let s = (x * x).sum();
    let t = s * b + s.sin();
    let y = (x + t).tanh().sum() * t;
    assert_eq!(y.value(), f(0.3, -0.7));
    let grads = y.backward();
    let h = 1e-6;
    close(
        grads.wrt(a),
        (f(0.3 + h, -0.7) - f(0.3 - h, -0.7)) / (2.0 * h),
    );
    close(
        grads.wrt(b),
        (f(0.3, -0.7 + h) - f(0.3, -0.7 - h)) / (2.0 * h),
    );
    let tangents = tape.forward().along(a, 1.0).walk();
    close(tangents.of(y), grads.wrt(a));
}

#[test]
fn generic_code_differentiates_as_it_is() {
    fn f<F: Float>(x: F) -> F {
        let three = F::from(3.0).unwrap();
        (x * x + three).sqrt().ln() * x.sin().max(F::zero())
    }
    let tape = Tape::new();
    let x = tape.var(1.3);
    let y = f(x);
    assert_eq!(y.value(), f(1.3));
    let slope = y.backward().wrt(x);
    close(slope, (f(1.3 + 1e-6) - f(1.3 - 1e-6)) / 2e-6);
    assert_eq!(slope, f(Dual::new(1.3, 1.0)).tangent);
}

#[test]
fn the_larger_of_a_number_and_nan_is_the_number_as_for_any_float() {
    let tape = Tape::new();
    let (x, nan) = (tape.var(2.0), tape.var(f64::NAN));
    assert_eq!(Float::max(nan, x).value(), 2.0);
    assert_eq!(Float::min(x, nan).backward().wrt(x), 1.0);
    assert!(x.maximum(nan).value().is_nan());
}

#[test]
fn unary_functions_and_constants_record_nothing() {
    let tape = Tape::new();
    let x = tape.var(0.3);
    let y = (2.0 * x.sin() + 1.0).exp() / 3.0 - x * x + Var::<f64>::PI();
    assert_eq!(tape.scalar_nodes(), 1);
    close(
        y.backward().wrt(x),
        (2.0 * 0.3f64.sin() + 1.0).exp() / 3.0 * 2.0 * 0.3f64.cos() - 0.6,
    );
    let z = tape.var(0.5);
    let _ = x * z;
    assert_eq!(tape.scalar_nodes(), 3);
}

#[test]
fn constants_are_not_recorded() {
    let tape = Tape::new();
    let c = tape.constant(Tensor::from([1.0, 2.0]));
    let d = (c * c + 1.0).exp();
    assert_eq!(tape.tensor_nodes(), 0);
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let y = x * Tensor::from([3.0, 4.0]) + d;
    assert_eq!(tape.tensor_nodes(), 2);
    assert_eq!(y.sum().backward().wrt(x), Tensor::from([3.0, 4.0]));
}

#[test]
fn one_tape_answers_several_questions() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let (a, b) = ((x * x).sum(), x.exp().sum());
    let (ga, gb) = (a.backward(), b.backward());
    assert_eq!(ga.wrt(x), Tensor::from([2.0, 4.0]));
    assert_eq!(gb.wrt(x), Tensor::from([1f64.exp(), 2f64.exp()]));
    assert_eq!(a.backward().wrt(x), ga.wrt(x));
}

#[test]
fn an_operand_used_twice_collects_both_shares() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([3.0]));
    let y = x * x * x + x;
    assert_eq!(y.sum().backward().wrt(x), Tensor::from([28.0]));
}

#[test]
fn what_the_output_does_not_depend_on_has_a_zero_gradient() {
    let tape = Tape::new();
    let (x, w) = (tape.var(Tensor::from([1.0, 2.0])), tape.var(3.0));
    let unused = tape.var(Tensor::<f64>::ones([2, 2]));
    let grads = x.sum().backward();
    assert_eq!(grads.wrt(unused), Tensor::zeros([2, 2]));
    assert_eq!(grads.get(unused), None);
    assert_eq!(grads.get(w), None);
    assert_eq!(grads.wrt(w), 0.0);
    assert!(grads.get(x).is_some());
}

#[test]
fn an_infinite_slope_in_an_unused_branch_leaves_no_nan() {
    let tape = Tape::new();
    let (x, w) = (tape.var(0.0), tape.var(2.0));
    let _unused = x.sqrt() * w;
    assert_eq!((x + w).backward().wrt(x), 1.0);
    // The same with an adjoint that is itself infinite, beside a partial of 0.
    let y = x.sqrt();
    assert_eq!((y * w).backward().wrt(x), f64::INFINITY);
}

#[test]
fn an_intermediate_is_watched_beforehand() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    let folded = x.sin();
    let grads = (folded * 3.0).backward();
    assert_eq!(
        grads.try_wrt(folded).unwrap_err().kind(),
        &ErrorKind::Folded { op: "wrt" }
    );
    let late = folded.watch();
    assert!(matches!(
        grads.try_wrt(late).unwrap_err().kind(),
        ErrorKind::NotKept { .. }
    ));

    let t = tape.var(Tensor::from([1.0, 2.0]));
    let inner = t.exp();
    let grads = (inner * inner).sum().backward();
    let error = grads.try_wrt(inner).unwrap_err();
    assert_eq!(
        error.to_string(),
        "wrt: the cotangent of this intermediate (exp) was not kept; call watch() on it before the backward walk"
    );
    let inner = t.exp().watch();
    let grads = (inner * inner).sum().backward();
    assert_eq!(grads.wrt(inner), inner.value() * 2.0);
}

#[test]
fn nothing_flows_through_a_detached_handle() {
    let tape = Tape::new();
    let (x, t) = (tape.var(3.0), tape.var(Tensor::from([1.0, 2.0])));
    assert_eq!((x * x.detach()).backward().wrt(x), 3.0);
    assert_eq!(
        (t * t.detach()).sum().backward().wrt(t),
        Tensor::from([1.0, 2.0])
    );
}

#[test]
fn a_gradient_that_is_given_back_is_the_memory_of_what_comes_next() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0, 3.0]));
    let gradient = x.sin().sum().backward().wrt(x);
    let place = gradient.data().as_ptr();
    tape.reset();
    tape.recycle(gradient);
    // If the memory had been freed, a tensor of the same size would be there now.
    let other = Tensor::<f64>::zeros([3]);
    assert_ne!(other.data().as_ptr(), place);
    let next = tape.var(Tensor::from([4.0, 5.0, 6.0])).sin().value();
    assert_eq!(next.data().as_ptr(), place);
}

#[test]
fn what_a_tape_has_not_lent_or_others_share_is_not_recycled() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let kept = x.exp().sum().backward().wrt(x);
    tape.recycle(kept.clone());
    tape.recycle(Tensor::from([5.0, 6.0]));
    let other = x.exp().sum().backward().wrt(x);
    assert_ne!(other.data().as_ptr(), kept.data().as_ptr());
    assert_eq!(other, kept);
}

#[test]
fn a_reset_tape_is_empty_and_gives_the_same_gradients_again() {
    let mut tape = Tape::new();
    let data: Tensor<f64> = Random::new(1).uniform([100], -1.0, 1.0);
    let mut first = None;
    for _ in 0..3 {
        let x = tape.var(data.clone());
        let grads = (x.tanh() * x).sum().backward();
        let found = grads.wrt(x);
        assert_eq!(*first.get_or_insert(found.clone()), found);
        drop(grads);
        tape.reset();
        assert_eq!(
            (tape.scalar_nodes(), tape.tensor_nodes(), tape.bytes()),
            (0, 0, 0)
        );
    }
}

#[test]
fn a_value_outlives_the_tape() {
    let mut tape = Tape::new();
    let y = tape.var(Tensor::from([1.0, 2.0])).exp().value();
    tape.reset();
    let _ = tape.var(Tensor::from([5.0, 6.0])).exp();
    assert_eq!(y, Tensor::from([1f64.exp(), 2f64.exp()]));
}

#[test]
fn a_tape_may_move_to_another_thread() {
    let tape = Tape::new();
    let slope = std::thread::spawn(move || {
        let x = tape.var(2.0);
        (x * x).backward().wrt(x)
    });
    assert_eq!(slope.join().unwrap(), 4.0);
}

#[test]
fn a_million_nodes_do_not_recurse() {
    let n = 1_000_000;
    let tape = Tape::new();
    let (x, c) = (tape.var(1.0), tape.var(1.0));
    let deep = (0..n).fold(x, |y, _| y * c);
    let grads = deep.backward();
    assert_eq!((grads.wrt(x), grads.wrt(c)), (1.0, n as f64));

    let wide: Vec<_> = (0..n).map(|_| tape.var(1.0)).collect();
    let sum: Var<f64> = wide.iter().sum();
    assert_eq!(sum.value(), n as f64);
    let grads = sum.backward();
    assert!(wide.iter().all(|&x| grads.wrt(x) == 1.0));

    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0]));
    let deep = (0..n).fold(x, |y, _| y + x);
    assert_eq!(deep.sum().backward().wrt(x), Tensor::from([n as f64 + 1.0]));
}

#[test]
fn a_replay_equals_a_fresh_recording_bit_for_bit() {
    fn f<'t>(x: Var<'t, Tensor<f64>>, b: Var<'t, f64>) -> Var<'t, Tensor<f64>> {
        let e = (x * b).tanh().exp();
        (e / e.sum_keep(1) + x * 0.5) * x.sum()
    }
    let mut random = Random::new(3);
    let mut draw = || random.uniform([4, 5], -1.0, 1.0);
    let (first, second) = (draw(), draw());

    let mut tape = Tape::new();
    let (x, b) = (tape.var(first), tape.var(0.3));
    let y = f(x, b);
    let (x, b, y) = (x.id().unwrap(), b.id().unwrap(), y.id().unwrap());
    tape.replay([(x, second.clone())]).unwrap();
    tape.replay([(b, -0.7)]).unwrap();
    let grads = tape.handle(y).vjp(Tensor::ones([4, 5]));

    let fresh = Tape::new();
    let (fx, fb) = (fresh.var(second), fresh.var(-0.7));
    let fy = f(fx, fb);
    assert_eq!(tape.handle(y).value(), fy.value());
    let expected = fy.vjp(Tensor::ones([4, 5]));
    assert_eq!(grads.wrt(tape.handle(x)), expected.wrt(fx));
    assert_eq!(grads.wrt(tape.handle(b)), expected.wrt(fb));
}

#[test]
fn scalar_stretches_are_not_replayed() {
    let refuse = |record: fn(&Tape) -> wengert::Id<f64>, text: &str| {
        let mut tape = Tape::new();
        let id = record(&tape);
        let error = tape.replay([(id, 2.0)]).unwrap_err();
        assert_eq!(error.to_string(), text);
    };
    refuse(
        |tape| {
            let (a, b) = (tape.var(1.0), tape.var(2.0));
            let _ = a * b;
            a.id().unwrap()
        },
        "replay: scalar node 3 was computed from scalars, and scalar nodes keep only slopes; write that stretch with tensor operations",
    );
    let mut tape = Tape::new();
    let a = tape.var(1.0);
    let _ = tape.constant(Tensor::from([1.0])) * a.sin();
    let id = a.id().unwrap();
    let error = tape.replay([(id, 2.0)]).unwrap_err().to_string();
    assert!(
        error.starts_with("replay: a folded scalar handle enters a tensor at tests/tape/nodes.rs:")
    );
}

#[test]
fn a_replay_refuses_what_does_not_fit_and_leaves_the_tape_as_it_was() {
    let mut tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let y = x.exp();
    let sum = y.sum();
    let (x, y, sum) = (x.id().unwrap(), y.id().unwrap(), sum.id().unwrap());
    let before = tape.handle(y).value();
    let shape = tape.replay([(x, Tensor::from([1.0]))]).unwrap_err();
    assert_eq!(
        shape.to_string(),
        "replay: the value for a leaf has shape [1] but [2] is needed"
    );
    let no_leaf = tape
        .replay([(y, Tensor::from([1.0, 2.0]))])
        .unwrap_err()
        .to_string();
    assert!(
        no_leaf.starts_with("replay: the node recorded at tests/tape/nodes.rs:"),
        "{no_leaf}"
    );
    let no_leaf = tape.replay([(sum, 1.0)]).unwrap_err().to_string();
    assert!(
        no_leaf.ends_with("is not a leaf; name leaves only"),
        "{no_leaf}"
    );
    assert_eq!(tape.handle(y).value(), before);
    tape.reset();
    let stale: Result<(), Error> = tape.replay([(x, Tensor::from([1.0, 2.0]))]);
    assert_eq!(
        stale.unwrap_err().kind(),
        &ErrorKind::StaleId { op: "replay" }
    );
}

#[test]
fn hessian_vector_products_come_from_dual_elements() {
    // f = Σ e^x x², so H v = (2 + 4x + x²) e^x v.
    let (x, v) = ([0.5, -1.0], [1.0, 2.0]);
    let tape = Tape::<Dual<f64>>::default();
    let dual: Tensor<_> = x.iter().zip(v).map(|(&x, v)| Dual::new(x, v)).collect();
    let handle = tape.var(dual);
    let grads = (handle.exp() * handle * handle).sum().backward();
    for (g, (x, v)) in grads.wrt(handle).iter().zip(x.into_iter().zip(v)) {
        close(g.tangent, (2.0 + 4.0 * x + x * x) * x.exp() * v);
    }
}

#[test]
fn the_mixed_second_derivative_of_a_power_survives_an_exponent_of_zero() {
    // d²(a^b)/da db = a^(b-1) (1 + b ln a), which is 1/a at b = 0.
    let tape = Tape::<Dual<f64>>::default();
    let (a, b) = (tape.var(Dual::constant(4.0)), tape.var(Dual::new(0.0, 1.0)));
    assert_eq!(a.pow(b).backward().wrt(a).tangent, 0.25);
}

#[test]
fn sums_and_products_of_iterators_differentiate() {
    let tape = Tape::new();
    let x: Vec<_> = [2.0, 3.0, 4.0].map(|x| tape.var(x)).into();
    let sum: Var<f64> = x.iter().copied().sum();
    let product: Var<f64> = x.iter().product();
    assert_eq!((sum.value(), product.value()), (9.0, 24.0));
    let grads = (sum + product).backward();
    assert_eq!(
        [grads.wrt(x[0]), grads.wrt(x[1]), grads.wrt(x[2])],
        [13.0, 9.0, 7.0]
    );
    assert!(Var::<f64>::zero().try_backward().is_err());
}
