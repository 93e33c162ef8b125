//! Rows with NaN and infinities, empty rows, masked rows: the conventions, in every mode.

use crate::family::{Op, run};
use crate::rows::{F32, F64, Format, Record, number, numbers, read};
use wengert::{Elem, Level, Tape, Tensor};

/// Conventions, from the same records in both precisions: value, VJP, JVP, second order.
fn conventions<T: Elem>(format: Format) {
    let dtype = format.name;
    // Half above what was measured, 1 and 2, and as good as the goal for losses, 3 ulps.
    let limit = if dtype == "f32" { 1.5 } else { 3.0 };
    let same = |found: &[T], expected: &[f64], what: &str| {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, &hi) in found.iter().zip(expected) {
            let found = found.primal();
            let error = format.distance(found, hi, 0.0, 0.0);
            assert!(
                error <= limit,
                "{what}: {found}, exact {hi}, {error:.2} ulps"
            );
        }
    };
    for r in read("special", dtype) {
        if r.has("op") {
            conventions_of_losses::<T>(&r, &same);
            continue;
        }
        let [x, g] = ["x", "g"].map(|key| r.tensor::<T>(key));
        let list = |key: &str| r.out(key).map(numbers);
        let rules = [
            ("softmax", Op::Softmax(r.axis())),
            ("log_softmax", Op::LogSoftmax(r.axis())),
        ];
        for (name, op) in rules {
            let found = run(&op, &x, &g, &g);
            let what = |form: &str| format!("{} {name} {form}", r.id());
            if let Some(y) = list(name) {
                same(found.y.data(), &y, &what("value"));
            }
            let Some(vjp) = list(&format!("{name}_vjp")) else {
                continue;
            };
            same(found.vjp.data(), &vjp, &what("vjp"));
            if name == "softmax" {
                // The Jacobian is symmetric.
                same(found.jvp.data(), &vjp, &what("jvp"));
            }
            for (second, first) in found.hvp.iter().zip(&vjp) {
                assert_eq!(second.is_nan(), first.is_nan(), "{}", what("hvp"));
            }
        }
        let tape = Tape::<T>::default();
        let leaf = tape.var(x.clone());
        if let Some(lse) = r.out("logsumexp") {
            let y = leaf.logsumexp_axis(r.axis());
            let expected = lse
                .as_array()
                .map_or_else(|| vec![number(lse)], |_| numbers(lse));
            same(y.value().data(), &expected, r.id());
            if let Some(grad) = list("logsumexp_grad") {
                let ones = Tensor::ones(y.shape());
                same(y.vjp(ones).wrt(leaf).data(), &grad, r.id());
            }
        }
        if r.has("logsumexp_shape") {
            let shape = leaf.logsumexp_axis(r.axis()).shape();
            assert_eq!(
                shape.to_vec(),
                crate::rows::integers(r.out("logsumexp_shape").unwrap())
            );
        }
    }
}

fn conventions_of_losses<T: Elem>(r: &Record, same: &impl Fn(&[T], &[f64], &str)) {
    let tape = Tape::<T>::default();
    let x = tape.var(r.tensor::<T>("x"));
    let list = |key: &str| numbers(r.out(key).unwrap());
    let mut loss = None;
    match r.text("op") {
        "cross_entropy" => loss = Some(x.cross_entropy(r.axis(), r.integers("labels"))),
        "cross_entropy_soft" => {
            loss = Some(x.cross_entropy_soft(r.axis(), r.tensor::<T>("targets")));
        }
        "masked_softmax" => {
            let mask: Vec<bool> = r.integers("mask").iter().map(|&m| m == 1).collect();
            let mask = Tensor::new(r.shape(), mask).unwrap();
            let [x, g] = ["x", "g"].map(|key| r.tensor::<T>(key));
            let found = run(&Op::Masked(r.axis(), mask), &x, &g, &g);
            same(found.y.data(), &list("softmax"), r.id());
            same(found.vjp.data(), &list("softmax_vjp"), r.id());
            same(found.jvp.data(), &list("softmax_vjp"), r.id());
            assert!(
                found.hvp.iter().all(|second| second.is_finite()),
                "{}",
                r.id()
            );
        }
        op => panic!("{op} is not known"),
    }
    if let Some(loss) = loss {
        same(&[loss.value()], &[number(r.out("loss").unwrap())], r.id());
        same(loss.backward().wrt(x).data(), &list("grad"), r.id());
    }
}

#[test]
fn conventions_hold_in_every_mode_on_every_level() {
    for level in Level::all() {
        level.force(|| {
            conventions::<f32>(F32);
            conventions::<f64>(F64);
        });
    }
}
