//! The ops that move, join and multiply tensors, against values to 900 bits (tests/golden).

use serde_json::Value;
use wengert::{Elem, Shape, Span, Tensor, Var, s};

use super::judge::Judge;
use crate::records::{self, Apply, Record, number};

const OPS: [&str; 17] = [
    "matmul",
    "transpose",
    "reshape",
    "broadcast_to",
    "slice",
    "index_select",
    "gather",
    "scatter_add",
    "concat",
    "stack",
    "pad",
    "where",
    "composite_mlp_tanh_softmax_ce",
    "composite_attention",
    "composite_layer_norm",
    "composite_entropy_of_softmax",
    "composite_softmax_axis0_seed",
];

fn records() -> Vec<Record> {
    let files = ["ops_tensor.jsonl", "ops_binary.jsonl"];
    let records = files.into_iter().flat_map(records::read);
    records.filter(|r| OPS.contains(&&*r.op)).collect()
}

const JUDGE: Judge = Judge {
    count: (17, 50),
    // A composite is a dozen ops in a chain, each within its own bounds.
    bounds: |op| match op.starts_with("composite_") {
        true => [4.0, 16.0, 32.0],
        false => [4.0, 4.0, 8.0],
    },
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

struct Op;

impl Apply for Op {
    fn apply<'t, T: Elem>(&self, record: &Record, x: &[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> {
        let attrs = &record.attrs;
        let axis = attrs["axis"].as_i64().unwrap_or(0) as isize;
        let first = x[0];
        match record.op.as_str() {
            "matmul" => first.matmul(x[1]),
            "transpose" => first.permute(&numbers(&attrs["perm"])[..]),
            "reshape" => first.reshape(sizes(&attrs["shape"])),
            "broadcast_to" => first.broadcast_to(sizes(&attrs["shape"])),
            "slice" => {
                let ranges = attrs["ranges"].as_array().unwrap().iter().map(numbers);
                let spans: Vec<Span> = ranges.map(|r| s(r[0]..r[1]).step(r[2])).collect();
                first.slice(&spans[..])
            }
            "index_select" => first.index_select(axis, sizes(&attrs["index"])),
            "gather" => first.gather(axis, &indices(&attrs["index"])),
            "scatter_add" => first.scatter_add(axis, &indices(&attrs["index"]), x[1]),
            "concat" => Var::concat(x, axis),
            "stack" => Var::stack(x, axis),
            "pad" => {
                let pads = attrs["pads"].as_array().unwrap().iter().map(sizes);
                let pads: Vec<_> = pads.map(|p| (p[0], p[1])).collect();
                first.pad(pads, T::of(number(&attrs["value"])))
            }
            "where" => first.where_(&indices(&attrs["cond"]).map(|c| c != 0), x[1]),
            "composite_mlp_tanh_softmax_ce" => {
                let z = (first.matmul(x[1]) + x[2]).tanh().matmul(x[3]) + x[4];
                let labels = sizes(&attrs["labels"]);
                let n = labels.len();
                let labels = Tensor::new([n, 1], labels).unwrap();
                let z = z - z.exp().sum_keep(1).ln();
                z.gather(1, &labels).sum_axis(..) * T::of(-1.0) / T::of(n as f64)
            }
            "composite_attention" => {
                let scale = T::of(first.shape()[1] as f64).sqrt();
                softmax(first.matmul(x[1].transpose()) / scale, 1).matmul(x[2])
            }
            "composite_layer_norm" => {
                let n = T::of(first.shape()[1] as f64);
                let z = first - first.sum_keep(1) / n;
                let variance = z.square().sum_keep(1) / n;
                z * (variance + T::of(number(&attrs["eps"]))).rsqrt() * x[1] + x[2]
            }
            "composite_entropy_of_softmax" => {
                let p = softmax(first, axis);
                (p * p.ln()).sum_axis(axis).neg()
            }
            "composite_softmax_axis0_seed" => softmax(first, axis),
            other => panic!("no op {other}"),
        }
    }
}

fn softmax<T: Elem>(x: Var<'_, Tensor<T>>, axis: isize) -> Var<'_, Tensor<T>> {
    let e = x.exp();
    e / e.sum_keep(axis)
}

fn indices(value: &Value) -> Tensor<usize> {
    Tensor::new(Shape::from(sizes(&value["shape"])), sizes(&value["data"])).unwrap()
}

fn sizes(list: &Value) -> Vec<usize> {
    numbers(list).into_iter().map(|i| i as usize).collect()
}

fn numbers(list: &Value) -> Vec<isize> {
    let list = list.as_array().unwrap().iter();
    list.map(|i| i.as_i64().unwrap() as isize).collect()
}
