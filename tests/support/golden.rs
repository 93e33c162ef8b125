//! The golden records of the ops: exact results with their gradients and second order.
#![allow(dead_code)] // each test binary uses its part

use serde_json::Value;
use wengert::{Dual, Elem, Tape, Tensor, Var};

/// One record of `tests/golden/ops_*.jsonl`.
pub struct Record {
    pub id: String,
    pub op: String,
    pub extreme: bool,
    pub attrs: Value,
    pub inputs: Vec<Tensor<f64>>,
    pub out: Tensor<f64>,
    /// Absent where the op has no gradient.
    pub derivatives: Option<Derivatives>,
}

/// What differentiation must give: gradients for the cotangent `g`, and their derivative along `v`.
pub struct Derivatives {
    pub g: Tensor<f64>,
    pub grads: Vec<Tensor<f64>>,
    pub v: Vec<Tensor<f64>>,
    pub hvp: Vec<Tensor<f64>>,
}

pub fn read(file: &str) -> Vec<Record> {
    let path = format!("tests/golden/{file}");
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .map(|line| record(&serde_json::from_str(line).unwrap()))
        .collect()
}

fn record(value: &Value) -> Record {
    let derivatives = value.get("g").map(|g| Derivatives {
        g: tensor(g),
        grads: tensors(&value["grads"]),
        v: tensors(&value["v"]),
        hvp: tensors(&value["hvp"]),
    });
    Record {
        id: value["id"].as_str().unwrap().to_string(),
        op: value["op"].as_str().unwrap().to_string(),
        extreme: value["tags"]
            .as_array()
            .unwrap()
            .iter()
            .any(|tag| tag == "extreme"),
        attrs: value["attrs"].clone(),
        inputs: tensors(&value["inputs"]),
        out: tensor(&value["out"]),
        derivatives,
    }
}

fn tensors(value: &Value) -> Vec<Tensor<f64>> {
    value.as_array().unwrap().iter().map(tensor).collect()
}

/// A number; the files hold it as a string that parses exactly.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap(),
    }
}

pub fn tensor(value: &Value) -> Tensor<f64> {
    let data = value["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect();
    Tensor::new(integers(&value["shape"]), data).unwrap()
}

pub fn integers(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap() as usize)
        .collect()
}

/// An op applied to handles, for any element type.
pub trait Apply {
    fn apply<'t, T: Elem>(&self, record: &Record, x: &[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>;
}

/// What the tape gives for a record.
pub struct Results {
    pub out: Tensor<f64>,
    pub grads: Vec<Tensor<f64>>,
    pub jvp_gap: f64,
    pub hvp: Vec<Tensor<f64>>,
}

/// Value, gradients by the reverse walk, the gap between JVP and VJP, and the gradients' derivative
/// by dual numbers.
pub fn evaluate(record: &Record, op: &impl Apply) -> Results {
    let tape = Tape::new();
    let x: Vec<_> = record.inputs.iter().map(|x| tape.var(x.clone())).collect();
    let y = op.apply(record, &x);
    let mut results = Results {
        out: y.value(),
        grads: Vec::new(),
        jvp_gap: 0.0,
        hvp: Vec::new(),
    };
    let Some(d) = &record.derivatives else {
        return results;
    };
    let pulled = y.vjp(d.g.clone());
    results.grads = x.iter().map(|&x| pulled.wrt(x)).collect();

    let walk = x
        .iter()
        .zip(&d.v)
        .fold(tape.forward(), |w, (&x, v)| w.along(x, v.clone()));
    let pushed = walk.walk().of(y);
    let dot = |a: &Tensor<f64>, b: &Tensor<f64>| -> (f64, f64) {
        let terms = a.iter().zip(b.iter()).map(|(a, b)| a * b);
        terms.fold((0.0, 0.0), |(s, m), t| (s + t, m + t.abs()))
    };
    let left = dot(&pushed, &d.g);
    let sides = results.grads.iter().zip(&d.v).map(|(g, v)| dot(g, v));
    let right = sides.fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let size = left.1.max(right.1);
    results.jvp_gap = if size > 0.0 {
        (left.0 - right.0).abs() / size
    } else {
        0.0
    };

    let tape = Tape::<Dual<f64>>::default();
    let lift = |x: &Tensor<f64>, v: &Tensor<f64>| {
        let data = x
            .iter()
            .zip(v.iter())
            .map(|(&x, &v)| Dual::new(x, v))
            .collect();
        tape.var(Tensor::new(x.shape(), data).unwrap())
    };
    let x: Vec<_> = record
        .inputs
        .iter()
        .zip(&d.v)
        .map(|(x, v)| lift(x, v))
        .collect();
    let pulled = op.apply(record, &x).vjp(d.g.map(Dual::constant));
    results.hvp = x
        .iter()
        .map(|&x| pulled.wrt(x).map(|g| g.tangent))
        .collect();
    results
}

impl Record {
    /// The record with every number rounded to `f32`; its results no longer belong to its inputs.
    pub fn rounded(mut self) -> Self {
        let round = |x: f64| f64::from(x as f32);
        for (_, attr) in self.attrs.as_object_mut().into_iter().flatten() {
            // Axes and sizes stay the integers that they are.
            if attr.is_string() || attr.is_f64() {
                *attr = Value::String(round(number(attr)).to_string());
            }
        }
        let d = self.derivatives.as_mut().unwrap();
        for x in (self.inputs.iter_mut()).chain(&mut d.v).chain([&mut d.g]) {
            *x = x.map(round);
        }
        self
    }

    /// The results in the file, in the form of [`evaluate_in`].
    pub fn exact<T: Elem>(&self) -> Orders<T> {
        let d = self.derivatives.as_ref().unwrap();
        let lists = [std::slice::from_ref(&self.out), &d.grads, &d.hvp];
        lists.map(|list| list.iter().map(|x| x.map(T::of)).collect())
    }
}

/// Value, gradients and the gradients' derivative, in this order.
pub type Orders<T> = [Vec<Tensor<T>>; 3];

/// Value, gradients and the gradients' derivative in any element type.
pub fn evaluate_in<T: Elem>(record: &Record, op: &impl Apply) -> Orders<T> {
    let (y, grads) = differentiate(record, op, |x, _| T::of(x));
    let (_, duals) = differentiate(record, op, |x, v| Dual::new(T::of(x), T::of(v)));
    let hvp = duals.iter().map(|g| g.map(|g| g.tangent)).collect();
    [vec![y], grads, hvp]
}

/// Value and gradients at inputs made of a record's inputs and directions.
pub fn differentiate<T: Elem>(
    record: &Record,
    op: &impl Apply,
    input: fn(f64, f64) -> T,
) -> (Tensor<T>, Vec<Tensor<T>>) {
    let d = record.derivatives.as_ref().unwrap();
    let tape = Tape::<T>::default();
    let lift = |(x, v): (&Tensor<f64>, &Tensor<f64>)| {
        let data = x.iter().zip(v.iter()).map(|(&x, &v)| input(x, v));
        tape.var(Tensor::new(x.shape(), data.collect()).unwrap())
    };
    let x: Vec<_> = record.inputs.iter().zip(&d.v).map(lift).collect();
    let y = op.apply(record, &x);
    let pulled = y.vjp(d.g.map(T::of));
    (y.value(), x.iter().map(|&x| pulled.wrt(x)).collect())
}

/// The distance in ulps of the expected number; NaN equals NaN, and an infinity itself.
pub fn ulps(found: f64, expected: f64) -> f64 {
    if found == expected || (found.is_nan() && expected.is_nan()) {
        return 0.0;
    }
    if !found.is_finite() || !expected.is_finite() {
        return f64::INFINITY;
    }
    let size = expected.abs().max(f64::MIN_POSITIVE);
    let ulp = f64::from_bits(size.to_bits() & 0x7FF0_0000_0000_0000) * f64::EPSILON;
    (found - expected).abs() / ulp
}

/// The largest distance in ulps, and where it is.
pub fn worst(found: &Tensor<f64>, expected: &Tensor<f64>) -> (f64, String) {
    assert_eq!(found.shape(), expected.shape());
    let pairs = found.iter().zip(expected.iter()).enumerate();
    pairs.fold((0.0, String::new()), |worst, (k, (&a, &b))| {
        let distance = ulps(a, b);
        if distance > worst.0 {
            (distance, format!("element {k}: {a:e}, exact {b:e}"))
        } else {
            worst
        }
    })
}

/// The largest difference, relative to the largest expected number.
pub fn relative(found: &Tensor<f64>, expected: &Tensor<f64>) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let size = expected
        .iter()
        .map(|x| x.abs())
        .filter(|x| x.is_finite())
        .fold(0.0, f64::max);
    let gap = |(&a, &b): (&f64, &f64)| match (a - b).abs() {
        _ if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        gap => gap / size.max(f64::MIN_POSITIVE),
    };
    found
        .iter()
        .zip(expected.iter())
        .map(gap)
        .fold(0.0, f64::max)
}
