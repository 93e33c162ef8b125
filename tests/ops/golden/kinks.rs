//! The conventions at kinks, ties and zeros, where other systems disagree with each other.

use crate::records::number;
use serde_json::Value;
use wengert::transform::{hessian, sparse};
use wengert::{Dual, Elem, Level, Tape, Tensor, Var};

fn numbers<T: Elem>(value: &Value) -> Vec<T> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|x| T::of(number(x))).collect()
}

fn same<T: Elem>(found: &Tensor<T>, expected: &[T]) -> bool {
    let pairs = found.iter().zip(expected);
    found.len() == expected.len()
        && pairs
            .into_iter()
            .all(|(&a, &b)| a == b || (a.is_nan() && b.is_nan()))
}

type Handle<'t, T> = Var<'t, Tensor<T>>;

fn unary<'t, T: Elem>(op: &str, attrs: &Value, x: Handle<'t, T>) -> Option<Handle<'t, T>> {
    let attr = |name: &str| T::of(number(&attrs[name]));
    let axis = || attrs["axis"].as_i64().unwrap() as isize;
    let ddof = || attrs["ddof"].as_u64().unwrap() as usize;
    Some(match op {
        "relu" => x.relu(),
        "leaky_relu" => x.leaky_relu(attr("alpha")),
        "elu" => x.elu(attr("alpha")),
        "abs" => x.abs(),
        "sign" => x.sign(),
        "sqrt" => x.sqrt(),
        "powf" => x.powf(attr("exponent")),
        "cbrt" => x.cbrt(),
        "clamp" => x.clamp(attr("min"), attr("max")),
        "norm_l2" => x.norm_axis(axis()),
        "std" => x.std_axis(axis(), ddof()),
        "var" => x.var_axis(axis(), ddof()),
        "max" => x.max_axis(axis()),
        "min" => x.min_axis(axis()),
        "prod" => x.prod_axis(axis()),
        "cumprod" => x.cumprod(axis()),
        // The branch that was not taken has a NaN slope and gets exactly 0, which our walks skip, so its
        // gradient is 0, not NaN.
        "where_sqrt" => {
            let positive = x.value().map(|x| x > T::zero());
            x.sqrt().where_(&positive, Tensor::zeros([2]))
        }
        _ => return None,
    })
}

#[test]
fn kinks_follow_the_conventions() {
    for level in Level::all() {
        level.force(follow_the_conventions::<f64>);
        level.force(follow_the_conventions::<f32>);
    }
}

/// Every expected slope is a number of both types, or the attribute itself, so none may be off.
fn follow_the_conventions<T: Elem>() {
    let text = std::fs::read_to_string("tests/golden/ops_kinks.jsonl").unwrap();
    assert_eq!(text.lines().count(), 27);
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let op = record["op"].as_str().unwrap();
        let tape = Tape::<T>::default();
        if op == "argmax" {
            let x = Tensor::from(numbers::<T>(&record["x"]));
            assert_eq!(x.argmax(0).item() as u64, record["out"].as_u64().unwrap());
        } else if let Some(a) = record.get("a") {
            let (a, b) = (numbers::<T>(a), numbers::<T>(&record["b"]));
            let (a, b) = (tape.var(Tensor::from(a)), tape.var(Tensor::from(b)));
            let y = match op {
                "maximum" => a.maximum(b),
                "minimum" => a.minimum(b),
                "pow" => a.pow(b),
                "atan2" => a.atan2(b),
                other => panic!("no op {other}"),
            };
            let grads = y.vjp(Tensor::ones(y.shape()));
            let expected = [numbers(&record["grad_a"]), numbers(&record["grad_b"])];
            assert!(
                same(&grads.wrt(a), &expected[0]),
                "{record}: {}",
                grads.wrt(a)
            );
            assert!(
                same(&grads.wrt(b), &expected[1]),
                "{record}: {}",
                grads.wrt(b)
            );
        } else {
            let x = tape.var(Tensor::from(numbers(&record["x"])));
            let y = unary(op, &record["attrs"], x).unwrap_or_else(|| panic!("no op {op}"));
            let grads = y.vjp(Tensor::ones(y.shape()));
            let expected = match op {
                "where_sqrt" => vec![T::zero(), T::of(0.25)],
                _ => numbers(&record["grad"]),
            };
            assert!(same(&grads.wrt(x), &expected), "{record}: {}", grads.wrt(x));
        }
    }
}

/// Two equal numbers count by half each, in the value of dual numbers too: otherwise a Hessian would not be symmetric.
#[test]
fn ties_of_two_move_as_their_slopes_say() {
    for k in 0..2 {
        let tape = Tape::<Dual<f64>>::default();
        let own = |i| Dual::new(1.0, if i == k { 1.0 } else { 0.0 });
        let [a, b] = [0, 1].map(|i| tape.var(own(i)));
        assert_eq!(a.maximum(b).value().tangent, 0.5, "maximum, operand {k}");
        assert_eq!(a.minimum(b).value().tangent, 0.5, "minimum, operand {k}");
    }
    for x in [0.0, -1e-310, f64::MAX, f64::NEG_INFINITY] {
        let tape = Tape::<Dual<f64>>::default();
        let [a, b] = [1.0, 3.0].map(|t| tape.var(Dual::new(x, t)));
        for y in [a.maximum(b).value(), a.minimum(b).value()] {
            assert_eq!((y.primal, y.tangent), (x, 2.0));
        }
    }
}

#[test]
fn a_hessian_at_a_tie_is_that_of_the_reduction() {
    let x = Tensor::from([1.0, 1.0]);
    let expected = Tensor::from([[0.5, 0.5], [0.5, 0.5]]);
    type Twice<'t> = Var<'t, Tensor<Dual<f64>>>;
    let reduced = hessian(|x: Twice<'_>| x.max().powi(2), &x);
    assert_eq!(reduced, expected);
    let of_two = hessian(
        |x: Twice<'_>| x.slice(..1).maximum(x.slice(1..)).sum().powi(2),
        &x,
    );
    assert_eq!(of_two, expected);
    let sparse = sparse::hessian(|x| x[0].maximum(x[1]).powi(2), &[1.0, 1.0]);
    assert_eq!(sparse.to_dense(), expected);
}
