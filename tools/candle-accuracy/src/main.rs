//! Answers `tools/peers_accuracy.py` with what candle computes: a request a line on stdin, an answer
//! a line on stdout. Numbers are strings, so that infinities and NaN pass; measuring is Python's job.
//!
//! ```text
//! {"op": "softmax", "dtype": "f32", "axis": 0, "inputs": [{"shape": [2], "data": ["40.0", "0.0"]}], "g": {..}}
//! {"y": ["1.0", ..], "grads": [["0.0", ..]]}    or    {"missing": "why"}
//! ```

use std::io::{BufRead, Write};

use candle_core::{DType, Device, Error, Result, Tensor, Var};
use candle_nn::{loss, ops};
use serde_json::{Value, json};

fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = answer(&request).unwrap_or_else(|e| json!({"missing": e.to_string()}));
        writeln!(out, "{answer}").unwrap();
        out.flush().unwrap();
    }
}

/// The value of the op, and its gradients for the cotangent `g`.
fn answer(request: &Value) -> Result<Value> {
    let dtype = match request["dtype"].as_str() {
        Some("f32") => DType::F32,
        _ => DType::F64,
    };
    let inputs = request["inputs"].as_array().unwrap().iter();
    let x: Vec<Var> = inputs
        .map(|x| Var::from_tensor(&tensor(x, dtype)?))
        .collect::<Result<_>>()?;
    let y = apply(request, &x)?;
    // There is no argument for a cotangent: the gradient of Σ y g has it.
    let g = tensor(&request["g"], dtype)?.reshape(y.shape())?;
    let Ok(store) = (&y * g)?.sum_all()?.backward() else {
        return Ok(json!({"y": numbers(&y)?})); // some ops have a value only
    };
    let grads = x.iter().map(|x| match store.get(x) {
        Some(gradient) => numbers(gradient),
        None => numbers(&x.zeros_like()?),
    });
    let grads: Vec<Value> = grads.collect::<Result<_>>()?;
    Ok(json!({"y": numbers(&y)?, "grads": grads}))
}

fn tensor(value: &Value, dtype: DType) -> Result<Tensor> {
    let list = |key: &str| value[key].as_array().unwrap().iter();
    let shape: Vec<usize> = list("shape")
        .map(|n| n.as_u64().unwrap() as usize)
        .collect();
    let data = list("data").map(|x| x.as_str().unwrap().parse().unwrap());
    Tensor::from_vec(data.collect::<Vec<f64>>(), shape, &Device::Cpu)?.to_dtype(dtype)
}

fn numbers(x: &Tensor) -> Result<Value> {
    let data = x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(data.iter().map(|x| format!("{x:e}")).collect())
}

fn apply(request: &Value, x: &[Var]) -> Result<Tensor> {
    let op = request["op"].as_str().unwrap();
    let (a, b) = (x[0].as_tensor(), x.get(1).map(|b| b.as_tensor()));
    let axis = || {
        request["axis"]
            .as_i64()
            .unwrap()
            .rem_euclid(a.rank() as i64) as usize
    };
    let attr = |key: &str| match &request["attrs"][key] {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap_or(f64::NAN),
    };
    let missing = || Error::Msg(format!("candle has no {op}"));
    let Some(b) = b else {
        return match op {
            "softmax" => ops::softmax(a, axis()),
            "log_softmax" => ops::log_softmax(a, axis()),
            "logsumexp" => a.log_sum_exp(axis()),
            "cross_entropy" => {
                let labels = request["labels"].as_array().unwrap().iter();
                let labels = labels.map(|n| n.as_u64().unwrap() as u32).collect();
                loss::cross_entropy(a, &Tensor::from_vec(labels, a.dim(0)?, a.device())?)
            }
            "neg" => a.neg(),
            "exp" => a.exp(),
            "ln" => a.log(),
            "sqrt" => a.sqrt(),
            "recip" => a.recip(),
            "square" => a.sqr(),
            "sin" => a.sin(),
            "cos" => a.cos(),
            "tanh" => a.tanh(),
            "sigmoid" => ops::sigmoid(a),
            "silu" => a.silu(),
            "gelu_erf" => a.gelu_erf(),
            "gelu_tanh" => a.gelu(),
            "erf" => a.erf(),
            "relu" => a.relu(),
            "abs" => a.abs(),
            "sign" => a.sign(),
            "floor" => a.floor(),
            "leaky_relu" => ops::leaky_relu(a, attr("alpha")),
            "elu" => a.elu(attr("alpha")),
            "clamp" if attr("min").is_nan() || attr("max").is_nan() => Err(missing()),
            "clamp" => a.clamp(attr("min"), attr("max")),
            "powf" | "powi" => a.powf(attr("exponent")),
            _ => Err(missing()),
        };
    };
    match op {
        "add" => a.broadcast_add(b),
        "sub" => a.broadcast_sub(b),
        "mul" => a.broadcast_mul(b),
        "div" => a.broadcast_div(b),
        "pow" => a.broadcast_pow(b),
        "maximum" => a.broadcast_maximum(b),
        "minimum" => a.broadcast_minimum(b),
        _ => Err(missing()),
    }
}
