//! Reductions and running sums and products against exact results, first and second order.
//!
//! `tests/golden/` holds copies of files made with 900-bit arithmetic; every number in them is text.

use serde_json::Value;
use wengert::{Dual, Elem, Tape, Tensor, Var};

/// The bound for value and gradient, relative to the largest number of an output.
const FIRST_ORDER: f64 = 1e-13;
/// The bound for the tangent of the gradient, likewise.
const SECOND_ORDER: f64 = 1e-12;

fn records(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|x| x.as_str().unwrap().parse().unwrap())
        .collect()
}

fn tensor(at: &Value) -> Tensor<f64> {
    let sizes = at["shape"].as_array().unwrap().iter();
    let shape: Vec<usize> = sizes.map(|n| n.as_u64().unwrap() as usize).collect();
    Tensor::new(shape, numbers(&at["data"])).unwrap()
}

/// The axes of a record; those of a rank for `null`.
fn axes(attrs: &Value, rank: usize) -> Vec<isize> {
    match &attrs["axis"] {
        Value::Null => (0..rank as isize).collect(),
        Value::Array(list) => list.iter().map(|a| a.as_i64().unwrap() as isize).collect(),
        axis => vec![axis.as_i64().unwrap() as isize],
    }
}

/// Calls the op of a record on a handle or a plain tensor; `None` if this file does not test it.
macro_rules! call {
    ($record:ident, $x:expr, $rank:expr) => {{
        let (attrs, x) = (&$record["attrs"], $x);
        let axes = axes(attrs, $rank);
        let axes = &axes[..];
        let ddof = attrs["ddof"].as_u64().unwrap_or(0) as usize;
        let keep = attrs["keepdims"].as_bool().unwrap_or(false);
        Some(match ($record["op"].as_str().unwrap(), keep) {
            ("sum", false) => x.sum_axis(axes),
            ("sum", true) => x.sum_keep(axes),
            ("mean", false) => x.mean_axis(axes),
            ("mean", true) => x.mean_keep(axes),
            ("prod", false) => x.prod_axis(axes),
            ("prod", true) => x.prod_keep(axes),
            ("var", false) => x.var_axis(axes, ddof),
            ("var", true) => x.var_keep(axes, ddof),
            ("std", false) => x.std_axis(axes, ddof),
            ("std", true) => x.std_keep(axes, ddof),
            ("max", false) => x.max_axis(axes),
            ("max", true) => x.max_keep(axes),
            ("min", false) => x.min_axis(axes),
            ("min", true) => x.min_keep(axes),
            ("norm_l2", false) => x.norm_axis(axes),
            ("norm_l2", true) => x.norm_keep(axes),
            ("norm_l1", false) => x.norm_l1_axis(axes),
            ("norm_l1", true) => x.norm_l1_keep(axes),
            ("cumsum", _) => x.cumsum(axes[0]),
            ("cumprod", _) => x.cumprod(axes[0]),
            _ => return None,
        })
    }};
}

fn on_handle<'t, T: Elem>(record: &Value, x: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
    call!(record, x, x.rank())
}

fn on_tensor(record: &Value, x: &Tensor<f64>) -> Option<Tensor<f64>> {
    call!(record, x, x.rank())
}

/// The largest difference, in units of the largest expected number; NaN must meet NaN.
fn error(found: &Tensor<f64>, expected: &Tensor<f64>) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let size = expected
        .iter()
        .fold(0.0, |m: f64, x| if x.is_nan() { m } else { m.max(x.abs()) });
    let pairs = found.iter().zip(expected.iter());
    pairs.fold(0.0, |worst, (&a, &b)| match (a.is_nan(), b.is_nan()) {
        (true, true) => worst,
        (true, false) | (false, true) => f64::INFINITY,
        _ if a == b => worst,
        _ => f64::max(worst, (a - b).abs() / size),
    })
}

#[test]
fn values_gradients_and_second_order_match_the_golden_ones() {
    let mut worst: Vec<(String, usize, [f64; 3])> = Vec::new();
    for record in &records("ops_tensor") {
        let x = tensor(&record["inputs"][0]);
        let tape = Tape::new();
        let leaf = tape.var(x.clone());
        let Some(y) = on_handle(record, leaf) else {
            continue;
        };
        let (out, g) = (tensor(&record["out"]), tensor(&record["g"]));
        let gradient = y.vjp(g.clone()).wrt(leaf);
        assert_eq!(
            on_tensor(record, &x).unwrap(),
            y.value(),
            "{}",
            record["id"]
        );

        let (v, hvp) = (tensor(&record["v"][0]), tensor(&record["hvp"][0]));
        let tape = Tape::<Dual<f64>>::default();
        let pairs: Vec<Dual<f64>> = x
            .iter()
            .zip(v.iter())
            .map(|(&x, &v)| Dual::new(x, v))
            .collect();
        let leaf = tape.var(Tensor::new(x.shape(), pairs).unwrap());
        let dual = on_handle(record, leaf)
            .unwrap()
            .vjp(g.map(Dual::constant))
            .wrt(leaf);
        assert_eq!(dual.map(|x| x.primal), gradient, "{}", record["id"]);

        let errors = [
            error(&y.value(), &out),
            error(&gradient, &tensor(&record["grads"][0])),
            error(&dual.map(|x| x.tangent), &hvp),
        ];
        for (error, limit) in errors.iter().zip([FIRST_ORDER, FIRST_ORDER, SECOND_ORDER]) {
            assert!(*error <= limit, "{}: {errors:?}", record["id"]);
        }
        let op = record["op"].as_str().unwrap();
        match worst.iter_mut().find(|(name, ..)| name == op) {
            Some((_, count, w)) => {
                *count += 1;
                w.iter_mut().zip(errors).for_each(|(w, e)| *w = w.max(e));
            }
            None => worst.push((op.into(), 1, errors)),
        }
    }
    assert_eq!(worst.len(), 11, "an op has no record: {worst:?}");
    for (op, count, [value, gradient, second]) in worst {
        println!(
            "{op:8} {count} records: value {value:.1e}, gradient {gradient:.1e}, hvp {second:.1e}"
        );
    }
}

#[test]
fn indices_match_the_golden_ones() {
    let records = records("ops_tensor");
    let mut count = 0;
    for record in records.iter().filter(|r| r["op"] == "argmax") {
        let axis = record["attrs"]["axis"].as_i64().unwrap() as isize;
        let x = tensor(&record["inputs"][0]);
        let expected: Vec<usize> = match &record["out"]["data"] {
            Value::Array(list) => list
                .iter()
                .map(|i| match i {
                    Value::String(text) => text.parse::<f64>().unwrap() as usize,
                    index => index.as_u64().unwrap() as usize,
                })
                .collect(),
            other => panic!("{other}"),
        };
        assert_eq!(x.argmax(axis).data(), &expected[..], "{}", record["id"]);
        assert_eq!((-&x).argmin(axis).data(), &expected[..], "{}", record["id"]);
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn derivatives_at_kinks_are_the_recommended_ones() {
    let mut count = 0;
    for record in &records("ops_kinks") {
        if record["x"].is_null() {
            continue;
        }
        let tape = Tape::new();
        let x = tape.var(numbers(&record["x"]).into_iter().collect::<Tensor<f64>>());
        let Some(y) = on_handle(record, x) else {
            continue;
        };
        let gradient = y.vjp(Tensor::ones(y.shape())).wrt(x);
        let expected: Tensor<f64> = numbers(&record["grad"]).into_iter().collect();
        assert_eq!(error(&gradient, &expected), 0.0, "{record}: {gradient}");
        count += 1;
    }
    assert_eq!(count, 9);
}
