//! Reductions and running sums and products against exact results, first and second order.
//!
//! `tests/golden/` holds copies of files made with 900-bit arithmetic; every number in them is text.

use serde_json::Value;
use wengert::{Dual, Elem, Level, Tensor, Var};

use super::judge::Judge;
use crate::records::{self, Apply, Record};

const OPS: [&str; 12] = [
    "sum",
    "mean",
    "prod",
    "var",
    "std",
    "max",
    "min",
    "norm_l2",
    "norm_l1",
    "logsumexp",
    "cumsum",
    "cumprod",
];

fn records() -> Vec<Record> {
    let records = records::read("ops_tensor.jsonl").into_iter();
    records.filter(|r| OPS.contains(&&*r.op)).collect()
}

/// The axes of a record; those of a rank for `null`.
fn axes(attrs: &Value, rank: usize) -> Vec<isize> {
    match &attrs["axis"] {
        Value::Null => (0..rank as isize).collect(),
        Value::Array(list) => list.iter().map(|a| a.as_i64().unwrap() as isize).collect(),
        axis => vec![axis.as_i64().unwrap() as isize],
    }
}

/// Calls the op of a record on a handle or a plain tensor.
macro_rules! call {
    ($record:ident, $x:expr, $rank:expr) => {{
        let (attrs, x) = (&$record.attrs, $x);
        let axes = axes(attrs, $rank);
        let axes = &axes[..];
        let ddof = attrs["ddof"].as_u64().unwrap_or(0) as usize;
        let keep = attrs["keepdims"].as_bool().unwrap_or(false);
        match ($record.op.as_str(), keep) {
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
            ("logsumexp", false) => x.logsumexp_axis(axes),
            ("logsumexp", true) => x.logsumexp_keep(axes),
            (other, _) => panic!("no op {other}"),
        }
    }};
}

struct Op;

impl Apply for Op {
    fn apply<'t, T: Elem>(&self, record: &Record, x: &[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> {
        let x = x[0];
        let y = call!(record, x, x.rank());
        let plain = on_tensor(record, &x.value());
        assert!(same(&plain, &y.value()), "{}: {plain}", record.id);
        y
    }
}

fn on_tensor<T: Elem>(record: &Record, x: &Tensor<T>) -> Tensor<T> {
    call!(record, x, x.rank())
}

fn same<T: Elem>(a: &Tensor<T>, b: &Tensor<T>) -> bool {
    let mut pairs = a.iter().zip(b.iter());
    a.shape() == b.shape() && pairs.all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

const JUDGE: Judge = Judge {
    count: (12, 65),
    bounds: |_| [4.0, 8.0, 16.0],
};

#[test]
fn in_f64_values_gradients_and_second_order_match_the_golden_ones() {
    JUDGE.by_golden(&records(), &Op);
}

#[test]
fn in_f32_they_match_those_in_double_double() {
    JUDGE.by_double_double(records(), &Op);
}

#[test]
fn in_double_double_they_are_the_golden_ones() {
    let bounds = |_: &str| [0.5; 3];
    Judge { bounds, ..JUDGE }.of_double_double(&records(), &Op);
}

fn duals_have_the_primals<T: Elem>() {
    // Real numbers have kernels of their own in logsumexp, so its last bits may differ.
    for record in records().iter().filter(|r| r.op != "logsumexp") {
        let [y, grads, _] = records::evaluate_in::<T>(record, &Op);
        let dual = |x, v| Dual::new(T::of(x), T::of(v));
        let (dual, duals) = records::differentiate(record, &Op, dual);
        let pairs = y
            .iter()
            .chain(&grads)
            .zip([&dual].into_iter().chain(&duals));
        for (real, dual) in pairs {
            assert!(same(real, &dual.map(|x| x.primal)), "{}", record.id);
        }
    }
}

#[test]
fn dual_numbers_have_the_real_results_as_primals() {
    for level in Level::all() {
        level.force(duals_have_the_primals::<f64>);
        level.force(duals_have_the_primals::<f32>);
    }
}

fn indices_match<T: Elem>() {
    let records = records::read("ops_tensor.jsonl").into_iter();
    let records: Vec<_> = records.filter(|r| r.op == "argmax").collect();
    for record in &records {
        let axis = record.attrs["axis"].as_i64().unwrap() as isize;
        let x = record.inputs[0].map(T::of);
        let expected = record.out.map(|i| i as usize);
        assert_eq!(x.argmax(axis), expected, "{}", record.id);
        assert_eq!((-&x).argmin(axis), expected, "{}", record.id);
    }
    assert_eq!(records.len(), 4);
}

#[test]
fn indices_match_the_golden_ones() {
    for level in Level::all() {
        level.force(indices_match::<f64>);
        level.force(indices_match::<f32>);
    }
}
