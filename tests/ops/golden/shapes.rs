//! The ops that move, join and multiply tensors, against values to 900 bits (tests/golden).

use serde_json::Value;
use wengert::{Dd, Dual, Elem, Shape, Span, Tape, Tensor, Var, s};

/// Relative to the largest output; a sum of few terms is good to some ulps of it.
const FIRST: f64 = 1e-13;
const SECOND: f64 = 1e-12;

#[test]
fn values_gradients_and_second_order_agree_with_golden() {
    let mut seen = std::collections::BTreeMap::new();
    for record in records() {
        let op = record["op"].as_str().unwrap().to_owned();
        let Some(worst) = judge(&record) else {
            continue;
        };
        let entry = seen.entry(op).or_insert((0, [0f64; 3]));
        entry.0 += 1;
        for (sum, new) in entry.1.iter_mut().zip(worst) {
            *sum = sum.max(new);
        }
    }
    println!("{:32} records    value  gradient       hvp", "op");
    for (op, (count, [value, gradient, hvp])) in &seen {
        println!("{op:32} {count:7} {value:8.1e}  {gradient:8.1e}  {hvp:8.1e}");
    }
    let count: usize = seen.values().map(|&(count, _)| count).sum();
    assert_eq!((seen.len(), count), (17, 50), "records that were judged");
}

#[test]
fn single_precision_and_double_double_agree_with_golden_too() {
    for record in records() {
        let (inputs, out) = (tensors(&record["inputs"]), tensor(&record["out"]));
        let narrow = value(&record, &inputs, |x| x as f32);
        let wide = value(&record, &inputs, Dd::from);
        let (Some(narrow), Some(wide)) = (narrow, wide) else {
            continue;
        };
        assert!(error(&narrow, &out) < 1e-5, "{}", record["id"]);
        assert!(error(&wide, &out) < 1e-15, "{}", record["id"]);
    }
}

/// Errors of value, gradients and Hessian-vector products, each checked; `None` for ops tested elsewhere.
fn judge(record: &Value) -> Option<[f64; 3]> {
    let id = record["id"].as_str().unwrap();
    if !known(record) {
        return None;
    }
    let inputs = tensors(&record["inputs"]);
    let (g, out) = (tensor(&record["g"]), tensor(&record["out"]));
    let tape = Tape::new();
    let x: Vec<_> = inputs.iter().map(|x| tape.var(x.clone())).collect();
    let y = run(record, &x)?;
    assert_eq!(y.shape(), *out.shape(), "{id}");
    let value = error(&y.value(), &out);
    let grads = y.vjp(g.clone());
    let found: Vec<_> = x.iter().map(|&x| grads.wrt(x)).collect();
    let gradient = worst(id, &found, &tensors(&record["grads"]));

    let tape = Tape::<Dual<f64>>::default();
    let directions = tensors(&record["v"]);
    let x: Vec<_> = inputs
        .iter()
        .zip(&directions)
        .map(|(x, v)| {
            let pairs = x.iter().zip(v.iter());
            let dual = pairs.map(|(&x, &v)| Dual::new(x, v)).collect();
            tape.var(Tensor::new(x.shape(), dual).unwrap())
        })
        .collect();
    let grads = run(record, &x)?.vjp(g.map(Dual::constant));
    let found: Vec<_> = x.iter().map(|&x| grads.wrt(x).map(|d| d.tangent)).collect();
    let second = worst(id, &found, &tensors(&record["hvp"]));

    assert!(value <= FIRST, "{id}: the value is off by {value:e}");
    assert!(gradient <= FIRST, "{id}: a gradient is off by {gradient:e}");
    assert!(second <= SECOND, "{id}: second order is off by {second:e}");
    Some([value, gradient, second])
}

fn value<T: Elem>(record: &Value, x: &[Tensor<f64>], of: fn(f64) -> T) -> Option<Tensor<T>> {
    let tape = Tape::<T>::default();
    let x: Vec<_> = x.iter().map(|x| tape.var(x.map(of))).collect();
    run(record, &x).map(Var::value)
}

fn known(record: &Value) -> bool {
    let tape = Tape::new();
    let x: Vec<_> = tensors(&record["inputs"])
        .into_iter()
        .map(|x| tape.var(x))
        .collect();
    run(record, &x).is_some()
}

/// The op of a record on any element; `None` if it is not one of those tested here.
fn run<'t, T: Elem>(record: &Value, x: &[Var<'t, Tensor<T>>]) -> Option<Var<'t, Tensor<T>>> {
    let attrs = &record["attrs"];
    let axis = attrs["axis"].as_i64().unwrap_or(0) as isize;
    let first = *x.first()?;
    Some(match record["op"].as_str()? {
        "matmul" => first.matmul(x[1]),
        "transpose" => first.permute(&numbers(&attrs["perm"])[..]),
        "reshape" => first.reshape(sizes(&attrs["shape"])),
        "broadcast_to" => first.broadcast_to(sizes(&attrs["shape"])),
        "slice" => {
            let ranges = attrs["ranges"].as_array()?.iter().map(numbers);
            let spans: Vec<Span> = ranges.map(|r| s(r[0]..r[1]).step(r[2])).collect();
            first.slice(&spans[..])
        }
        "index_select" => first.index_select(axis, sizes(&attrs["index"])),
        "gather" => first.gather(axis, &indices(&attrs["index"])),
        "scatter_add" => first.scatter_add(axis, &indices(&attrs["index"]), x[1]),
        "concat" => Var::concat(x, axis),
        "stack" => Var::stack(x, axis),
        "pad" => {
            let pads = attrs["pads"].as_array()?.iter().map(sizes);
            let pads: Vec<_> = pads.map(|p| (p[0], p[1])).collect();
            first.pad(pads, T::of(attrs["value"].as_f64()?))
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
            z * (variance + T::of(attrs["eps"].as_f64()?)).rsqrt() * x[1] + x[2]
        }
        "composite_entropy_of_softmax" => {
            let p = softmax(first, axis);
            (p * p.ln()).sum_axis(axis).neg()
        }
        "composite_softmax_axis0_seed" => softmax(first, axis),
        _ => return None,
    })
}

fn softmax<T: Elem>(x: Var<'_, Tensor<T>>, axis: isize) -> Var<'_, Tensor<T>> {
    let e = x.exp();
    e / e.sum_keep(axis)
}

/// The largest error of several tensors, each relative to its largest number.
fn worst(id: &str, found: &[Tensor<f64>], expected: &[Tensor<f64>]) -> f64 {
    let pairs = found.iter().zip(expected);
    let each = pairs.map(|(found, expected)| {
        assert_eq!(found.shape(), expected.shape(), "{id}");
        error(found, expected)
    });
    each.fold(0.0, f64::max)
}

/// The largest difference, relative to the largest expected number; absolute where all are 0.
fn error<T: Elem>(found: &Tensor<T>, expected: &Tensor<f64>) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let scale = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
    let pairs = found.iter().zip(expected.iter());
    let worst = pairs.fold(0f64, |m, (f, e)| {
        let off = (f.primal() - e).abs();
        assert!(!off.is_nan(), "a result is NaN");
        m.max(off)
    });
    if scale > 0.0 { worst / scale } else { worst }
}

fn records() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut records = Vec::new();
    for file in ["ops_tensor.jsonl", "ops_binary.jsonl"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let lines = text.lines().map(|l| serde_json::from_str(l).unwrap());
        records.extend(lines.filter(|r: &Value| r["op"] != "argmax"));
    }
    records
}

fn tensors(list: &Value) -> Vec<Tensor<f64>> {
    list.as_array().unwrap().iter().map(tensor).collect()
}

fn tensor(value: &Value) -> Tensor<f64> {
    let data = value["data"].as_array().unwrap().iter();
    let data = data.map(|x| x.as_str().unwrap().parse().unwrap()).collect();
    Tensor::new(sizes(&value["shape"]), data).unwrap()
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
