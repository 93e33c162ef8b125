//! Elementwise and binary ops against results that are correct to the last bit.

use std::collections::BTreeMap;

use crate::records::{self, Apply, Record, number};
use crate::sweep;
use wengert::{Dd, Elem, Tensor, Var};

/// Writes the dispatch by name once for tensors and once for scalars: the methods are the same.
macro_rules! dispatch {
    ($record:expr, $x:expr, $t:ident) => {{
        let (record, x) = ($record, $x);
        let attr = |name: &str| $t::of(number(&record.attrs[name]));
        let bound = |name: &str, open: f64| match &record.attrs[name] {
            serde_json::Value::Null => $t::of(open),
            value => $t::of(number(value)),
        };
        match record.op.as_str() {
            "neg" => -x[0],
            "exp" => x[0].exp(),
            "ln" => x[0].ln(),
            "log2" => x[0].log2(),
            "log10" => x[0].log10(),
            "exp2" => x[0].exp2(),
            "log1p" => x[0].log1p(),
            "expm1" => x[0].expm1(),
            "sqrt" => x[0].sqrt(),
            "rsqrt" => x[0].rsqrt(),
            "recip" => x[0].recip(),
            "square" => x[0].square(),
            "cbrt" => x[0].cbrt(),
            "sin" => x[0].sin(),
            "cos" => x[0].cos(),
            "tan" => x[0].tan(),
            "asin" => x[0].asin(),
            "acos" => x[0].acos(),
            "atan" => x[0].atan(),
            "sinh" => x[0].sinh(),
            "cosh" => x[0].cosh(),
            "tanh" => x[0].tanh(),
            "asinh" => x[0].asinh(),
            "acosh" => x[0].acosh(),
            "atanh" => x[0].atanh(),
            "sigmoid" => x[0].sigmoid(),
            "log_sigmoid" => x[0].log_sigmoid(),
            "softplus" => x[0].softplus(),
            "silu" => x[0].silu(),
            "gelu_erf" => x[0].gelu(),
            "gelu_tanh" => x[0].gelu_tanh(),
            "erf" => x[0].erf(),
            "erfc" => x[0].erfc(),
            "relu" => x[0].relu(),
            "abs" => x[0].abs(),
            "sign" => x[0].sign(),
            "floor" => x[0].floor(),
            "leaky_relu" => x[0].leaky_relu(attr("alpha")),
            "elu" => x[0].elu(attr("alpha")),
            "clamp" => x[0].clamp(bound("min", f64::NEG_INFINITY), bound("max", f64::INFINITY)),
            "powf" => x[0].powf(attr("exponent")),
            "powi" => x[0].powi(number(&record.attrs["exponent"]) as i32),
            "add" => x[0] + x[1],
            "sub" => x[0] - x[1],
            "mul" => x[0] * x[1],
            "div" => x[0] / x[1],
            "pow" => x[0].pow(x[1]),
            "atan2" => x[0].atan2(x[1]),
            "hypot" => x[0].hypot(x[1]),
            "maximum" => x[0].maximum(x[1]),
            "minimum" => x[0].minimum(x[1]),
            other => panic!("no op {other}"),
        }
    }};
}

struct Op;

impl Apply for Op {
    fn apply<'t, T: Elem>(&self, record: &Record, x: &[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> {
        dispatch!(record, x, T)
    }
}

fn scalar<'t, T: Elem>(record: &Record, x: &[Var<'t, T>]) -> Var<'t, T> {
    dispatch!(record, x, T)
}

fn records() -> Vec<Record> {
    ["ops_elementwise.jsonl", "ops_binary.jsonl"]
        .into_iter()
        .flat_map(records::read)
        .filter(|record| record.op != "where")
        .collect()
}

/// Ulps allowed for value, gradient and second order, also where textbook formulas lose everything.
const BOUNDS: [f64; 3] = [4.0, 8.0, 16.0];

#[test]
fn values_gradients_and_second_order_are_right_to_a_few_ulps() {
    let mut table: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in records() {
        let found = records::evaluate(&record, &Op);
        let d = record
            .derivatives
            .as_ref()
            .expect("elementwise records have derivatives");
        let mut note = |order: usize, found: &Tensor<f64>, expected: &Tensor<f64>| {
            // Sums over broadcast axes cancel; they must be within 1e-13 of the largest result.
            if order > 0
                && record
                    .inputs
                    .iter()
                    .any(|x| x.shape() != record.out.shape())
            {
                let gap = records::relative(found, expected);
                if gap > 1e-13 {
                    wrong.push(format!("{} order {order}: off by {gap:e}", record.id));
                }
                return;
            }
            let (ulps, place) = records::worst(found, expected);
            let max = &mut table.entry(record.op.clone()).or_default()[order];
            *max = max.max(ulps);
            if ulps > BOUNDS[order] {
                wrong.push(format!(
                    "{} order {order}: {ulps:.1} ulps, {place}",
                    record.id
                ));
            }
        };
        note(0, &found.out, &record.out);
        for k in 0..record.inputs.len() {
            note(1, &found.grads[k], &d.grads[k]);
            note(2, &found.hvp[k], &d.hvp[k]);
        }
        if found.jvp_gap > 1e-14 {
            wrong.push(format!(
                "{}: JVP and VJP differ by {:e}",
                record.id, found.jvp_gap
            ));
        }
    }
    print("f64", &table);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The largest errors of each op; `tools/peers_accuracy.py` reads these lines.
fn print(element: &str, table: &BTreeMap<String, [f64; 3]>) {
    println!("    op            value  gradient  second order  (max ulps)");
    for (op, [value, gradient, second]) in table {
        println!("{element} {op:<12} {value:>6.2} {gradient:>9.2} {second:>13.2}");
    }
}

/// The records' inputs rounded to f32; the same op on double-double numbers gives the exact results there.
#[test]
fn in_f32_values_gradients_and_second_order_are_right_to_a_few_ulps() {
    let mut table: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in records().into_iter().map(Record::rounded) {
        let maxima = table.entry(record.op.clone()).or_default();
        let found = records::evaluate_in::<f32>(&record, &Op);
        let exact = records::evaluate_in::<Dd>(&record, &Op);
        for (order, (found, exact)) in found.iter().zip(&exact).enumerate() {
            for (found, exact) in found.iter().zip(exact) {
                // Sums over broadcast axes cancel; the test in f64 compares them with their size.
                if order > 0 && found.shape() != record.out.shape() {
                    continue;
                }
                for (&found, &exact) in found.iter().zip(exact.iter()) {
                    let ulps = sweep::distance(found, exact, 0.0);
                    maxima[order] = maxima[order].max(ulps);
                    if ulps.is_nan() || ulps > BOUNDS[order] {
                        wrong.push(format!(
                            "{} order {order}: {ulps:.1} ulps, {found:e} and {exact:e}",
                            record.id
                        ));
                    }
                }
            }
        }
    }
    print("f32", &table);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Inputs from the least to the largest number, in both tails of every function.
#[test]
fn at_both_ends_of_the_range_results_are_right_to_a_few_ulps() {
    let mut wrong = Vec::new();
    let records = records::read("ops_range.jsonl");
    assert!(records.len() > 35, "{} records", records.len());
    for record in records {
        let d = record.derivatives.as_ref().unwrap();
        let found = records::evaluate_in::<f64>(&record, &Op);
        let exact = [std::slice::from_ref(&record.out), &d.grads, &d.hvp];
        for (order, (found, exact)) in found.iter().zip(exact).enumerate() {
            let pairs = found
                .iter()
                .zip(exact)
                .flat_map(|(a, b)| a.iter().zip(b.iter()));
            for (i, (&found, &exact)) in pairs.enumerate() {
                // Where the exact derivative overflows, ours must only not be finite.
                let overflow = order > 0 && exact.is_infinite() && !found.is_finite();
                let ulps = records::ulps(found, exact);
                if !overflow && (ulps.is_nan() || ulps > BOUNDS[order]) {
                    let i = i % record.out.len();
                    let at: Vec<_> = record.inputs.iter().map(|x| x.data()[i]).collect();
                    wrong.push(format!(
                        "{} order {order} at {at:?}: {found:e}, exact {exact:e}",
                        record.op
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ops that the crate's vector kernels compute for tensors, and the system's library for scalars.
const BULK: [&str; 11] = [
    "exp",
    "expm1",
    "ln",
    "log1p",
    "sigmoid",
    "log_sigmoid",
    "silu",
    "softplus",
    "tanh",
    "elu",
    "atan",
];

#[test]
fn scalars_equal_tensors_bit_for_bit() {
    for record in records() {
        // The last bits of those kernels may differ, and a gradient is made of two such numbers.
        let apart = if BULK.contains(&&*record.op) { 4 } else { 0 };
        let same = |a: f64, b: f64| {
            let apart = if b.abs() < f64::MIN_POSITIVE {
                0
            } else {
                apart
            };
            a == b || a.is_nan() && b.is_nan() || a.to_bits().abs_diff(b.to_bits()) <= apart
        };
        if record
            .inputs
            .iter()
            .any(|x| x.shape() != record.out.shape())
        {
            continue;
        }
        let found = records::evaluate(&record, &Op);
        let d = record
            .derivatives
            .as_ref()
            .expect("elementwise records have derivatives");
        for k in 0..record.out.len() {
            let tape = wengert::Tape::new();
            let x: Vec<_> = record
                .inputs
                .iter()
                .map(|x| tape.var(x.data()[k]))
                .collect();
            let y = scalar(&record, &x);
            let (value, expected) = (y.value(), found.out.data()[k]);
            assert_eq!(value.is_sign_negative(), expected.is_sign_negative());
            assert!(
                same(value, expected),
                "{}: {value:e} and {expected:e}",
                record.id
            );
            let grads = y.backward();
            for (x, found) in x.iter().zip(&found.grads) {
                // The cotangent comes last in both forms: slope * g.
                let expected = found.data()[k];
                let gradient = match d.g.data()[k] {
                    0.0 => 0.0,
                    g => grads.wrt(*x) * g,
                };
                let same = same(gradient, expected);
                assert!(same, "{}: {gradient:e} and {expected:e}", record.id);
            }
        }
    }
}
