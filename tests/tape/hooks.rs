//! Gradients replaced, observed and limited: straight-through estimates, hooks, clipping.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use crate::panics::panic_of;
use wengert::check;
use wengert::{Dual, Tape, Tensor, Var};

#[test]
fn straight_through_has_the_gradient_of_the_identity_to_every_order() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([0.4, 1.7]));
    let y = x.straight_through(|x| x.map(f64::round));
    assert_eq!(y.value(), Tensor::from([0.0, 2.0]));
    let loss = (y * y * y).sum();
    assert_eq!(loss.backward().wrt(x), Tensor::from([0.0, 12.0]));
    let tangents = tape.forward().along(x, Tensor::from([1.0, 10.0])).walk();
    assert_eq!(tangents.of(y), Tensor::from([1.0, 10.0]));
    // Second order: 6 y t, though the derivative of `round` is 0.
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Tensor::from([Dual::new(0.4, 1.0), Dual::new(1.7, 1.0)]));
    let y = x.straight_through(|x| x.map(|v| Dual::constant(v.primal.round())));
    let hv = (y * y * y).sum().backward().wrt(x).map(|g| g.tangent);
    assert_eq!(hv, Tensor::from([0.0, 12.0]));
    let s = tape.var(Dual::new(1.7, 1.0));
    let y = s.straight_through(|v| Dual::constant(v.primal.round()));
    assert_eq!((y * y * y).backward().wrt(s).tangent, 12.0);
}

#[test]
fn straight_through_refuses_a_change_of_shape_at_the_users_line() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let found = panic_of(|| {
        let _ = x.straight_through(|_| Tensor::zeros([3]));
    });
    let line = line!() - 2;
    let text = format!(
        "straight_through: the output has shape [3] but [2] is needed (recorded at tests/tape/hooks.rs:{line})"
    );
    assert_eq!(found, (text, file!().to_string(), line));
    assert!(x.try_straight_through(|_| Tensor::zeros([3])).is_err());
}

#[test]
fn a_detached_value_is_a_constant_to_every_order() {
    let tape = Tape::<Dual<f64>>::default();
    let x = tape.var(Tensor::from([Dual::new(3.0, 1.0)]));
    let g = (x * x.detach()).sum().backward().wrt(x).data()[0];
    assert_eq!((g.primal, g.tangent), (3.0, 0.0));
    let s = tape.var(Dual::new(3.0, 1.0));
    let g = (s * s.detach()).backward().wrt(s);
    assert_eq!((g.primal, g.tangent), (3.0, 0.0));
    // On plain numbers the buffer is shared.
    let tape = Tape::new();
    let x = tape.var(Tensor::from([3.0]));
    let (a, b) = (x.value(), x.detach().value());
    assert!(std::ptr::eq(a.data(), b.data()));
}

#[test]
fn hooks_see_and_change_the_whole_cotangent() {
    let tape = Tape::new();
    let (send, seen) = channel();
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let y = x
        .square()
        .inspect_cotangent(move |g| send.send(g.clone()).unwrap());
    let grads = (y * 3.0 + y * y).sum().backward();
    assert_eq!(seen.try_recv().unwrap(), Tensor::from([5.0, 11.0])); // 3 + 2 y
    assert!(seen.try_recv().is_err(), "called once a walk");
    assert_eq!(grads.wrt(x), Tensor::from([10.0, 44.0]));
    let z = x.map_cotangent(|g| g * 10.0);
    assert_eq!(
        (z * 2.0).sum().backward().wrt(x),
        Tensor::from([20.0, 20.0])
    );
    // Not called where the output does not depend on the handle.
    let _ = x.sum().backward();
    assert!(seen.try_recv().is_err());
}

#[test]
fn hooks_work_on_scalars_and_pass_plain_numbers_by() {
    let tape = Tape::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (x, w) = (tape.var(3.0), tape.var(2.0));
    let sink = Arc::clone(&seen);
    let y = (x * x).inspect_cotangent(move |g| sink.lock().unwrap().push(g));
    let grads = (y * w + y).backward();
    assert_eq!(*seen.lock().unwrap(), [3.0]);
    assert_eq!((grads.wrt(x), grads.wrt(w)), (18.0, 9.0));
    assert_eq!((x.map_cotangent(|g| -g) * w).backward().wrt(x), -2.0);
    assert_eq!((x.clip_cotangent(0.5) * w).backward().wrt(x), 0.5);
    assert_eq!(Var::number(4.0).map_cotangent(|g: f64| -g).value(), 4.0);
}

#[test]
fn a_check_looks_through_an_inspecting_hook() {
    let x = Tensor::from([0.5, 1.5]);
    let agreement = check::difference(|x| x[0].exp().inspect_cotangent(|_| {}) * x[0], &[&x]);
    agreement.assert_passed();
    assert!(agreement.wide);
    let reversed = check::difference(|x| x[0].map_cotangent(|g| -g), &[&x]);
    assert!(!reversed.passed() && !reversed.wide);
}

#[test]
fn a_cotangent_is_clipped_as_it_passes() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([0.1, 3.0, -3.0]));
    let y = x.clip_cotangent(1.0).square();
    assert_eq!(y.sum().backward().wrt(x), Tensor::from([0.2, 1.0, -1.0]));
    let nan = y.vjp(Tensor::from([f64::NAN, 1.0, 1.0])).wrt(x);
    assert!(nan.data()[0].is_nan() && nan.data()[1] == 1.0);
    let text = "clip_cotangent: the limit is -1; give 0 or more";
    assert_eq!(x.try_clip_cotangent(-1.0).unwrap_err().to_string(), text);
    let found = panic_of(|| {
        let _ = tape.var(1.0).clip_cotangent(-1.0);
    });
    assert_eq!(found, (text.to_string(), file!().to_string(), line!() - 2));
    let error = x
        .map_cotangent(|_| Tensor::zeros([1]))
        .sum()
        .try_backward()
        .unwrap_err();
    assert!(error.to_string().starts_with(
        "map_cotangent: the cotangent of operand 0 has shape [1] but [3] is needed (recorded at"
    ));
}

#[test]
fn gradients_of_mixed_handles_have_one_norm() {
    let tape = Tape::new();
    let (w, v) = (
        tape.var(Tensor::from([2.0, 0.0])),
        tape.var(Tensor::from([[1.0], [2.0]])),
    );
    let (b, unused) = (tape.var(4.0), tape.var(Tensor::from([7.0])));
    let loss = w.square().sum() + (v * 2.0).sum() + b * 4.0;
    let mut grads = loss.backward(); // [4, 0], [2, 2], 4, and nothing
    assert_eq!(grads.global_norm((w, b)), 32f64.sqrt());
    assert_eq!(grads.global_norm(([w, v], b)), 40f64.sqrt());
    assert_eq!(grads.global_norm(vec![unused]), 0.0);
    assert_eq!(grads.clip_by_global_norm(([w, v], b), 100.0), 40f64.sqrt());
    assert_eq!(grads.wrt(b), 4.0);
    assert_eq!(
        grads.clip_by_global_norm(([w, v, unused], b), 1.0),
        40f64.sqrt()
    );
    assert_eq!(grads.wrt(b), 4.0 / 40f64.sqrt());
    assert_eq!(grads.wrt(v), Tensor::full([2, 1], 2.0 / 40f64.sqrt()));
    assert!((grads.global_norm((w, v, b)) - 1.0).abs() < 1e-15);
    grads.clip_by_value(&[w, v][..], 0.1);
    assert_eq!(grads.wrt(w), Tensor::from([0.1, 0.0]));
    assert_eq!(grads.wrt(b), 4.0 / 40f64.sqrt());
}

#[test]
fn a_handle_named_twice_counts_once_in_a_norm() {
    let tape = Tape::new();
    let (a, b) = (tape.var(Tensor::from([1.0, 1.0])), tape.var(1.0));
    let loss = (a * Tensor::from([3.0, 4.0])).sum() + b * 12.0;
    let mut grads = loss.backward();
    assert_eq!(grads.global_norm([a, a]), 5.0);
    assert_eq!(grads.global_norm(((a, b), [a, a], [b])), 13.0);
    assert_eq!(grads.clip_by_global_norm([a, a], 1.0), 5.0);
    assert_eq!(grads.wrt(a), Tensor::from([0.6, 0.8]));
    let stray = Tape::new();
    let other = stray.var(Tensor::from([1.0, 1.0])); // its place is that of a
    assert!(grads.try_global_norm([a, other]).is_err());
}

#[test]
fn a_norm_neither_overflows_nor_is_clipped_where_it_is_not_finite() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 1.0]));
    let mut grads = x.vjp(Tensor::from([3e200, 4e200]));
    let norm = grads.clip_by_global_norm(x, 1e-200);
    assert!((norm / 5e200 - 1.0).abs() < 4e-16, "{norm}");
    let clipped = grads.wrt(x);
    assert!(
        (clipped.data()[0] / 0.6e-200 - 1.0).abs() < 1e-15,
        "{clipped}"
    );
    drop(grads);
    let mut grads = x.vjp(Tensor::from([f64::NAN, 1.0]));
    assert!(grads.clip_by_global_norm(x, 0.5).is_nan());
    assert_eq!(grads.wrt(x).data()[1], 1.0);
    let error = grads.try_clip_by_global_norm(x, f64::NAN).unwrap_err();
    assert_eq!(
        error.to_string(),
        "clip_by_global_norm: the limit is NaN; give 0 or more"
    );
    let error = grads.try_clip_by_value(x, -1.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "clip_by_value: the limit is -1; give 0 or more"
    );
    // An intermediate that was not kept has no gradient to clip.
    let y = x.exp();
    let mut grads = y.sum().backward();
    assert!(grads.try_clip_by_value((x, y), 0.1).is_err());
    assert_eq!(
        grads.wrt(x),
        Tensor::from([1f64.exp(); 2]),
        "nothing was changed"
    );
}
