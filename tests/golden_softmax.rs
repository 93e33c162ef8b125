//! The softmax family against exact results, in both precisions, along every axis of the records.

#[path = "support/golden.rs"]
mod golden;
#[path = "support/rows.rs"]
mod rows;

use std::collections::BTreeMap;

use golden::integers;
use rows::{Errors, Exact, Measure, lines, tensor};
use serde_json::Value;
use wengert::{Dual, Elem, Tape, Tensor, Var};

type Table = BTreeMap<(String, &'static str), Errors>;

/// Largest ulps for f32 and f64, held against the maximum of all records.
const GOALS: &[(&str, [f64; 2])] = &[
    ("softmax", [2.5, 3.0]),
    ("softmax vjp", [5.0, 7.0]),
    ("softmax jvp", [5.0, 7.0]),
    ("log_softmax", [2.5, 3.0]),
    ("log_softmax vjp", [2.0, 3.0]),
    ("logsumexp vjp", [3.0, 3.0]),
];

/// One op of the family: its name in the table and in the files, and how it is called.
struct Op {
    file: &'static str,
    value: &'static str,
    measures: [Measure; 2],
}

fn apply<'t, T: Elem>(file: &str, x: Var<'t, Tensor<T>>, record: &Value) -> Var<'t, Tensor<T>> {
    let axis = record["axis"].as_i64().unwrap() as isize;
    match file {
        "softmax" => x.softmax(axis),
        "log_softmax" => x.log_softmax(axis),
        "logsumexp" => x.logsumexp_axis(axis),
        "masked" => {
            let mask = record["mask"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m == 1)
                .collect();
            x.masked_softmax(
                axis,
                &Tensor::new(integers(&record["shape"]), mask).unwrap(),
            )
        }
        "temperature" => x.softmax_scaled(axis, T::of(golden::number(&record["T"]))),
        other => panic!("no op {other}"),
    }
}

fn family<T: Elem>(op: &Op, dtype: &'static str, table: &mut Table) {
    for record in lines(op.file).iter().filter(|r| r["dtype"] == dtype) {
        let id = record["id"].as_str().unwrap();
        let out = &record["out"];
        let x: Tensor<T> = tensor(&record["shape"], &record["x"]);
        let tape = Tape::<T>::default();
        let handle = tape.var(x.clone());
        let y = apply(op.file, handle, record);
        let mut note = |name: &str, found: &Tensor<T>, measure: Measure, key: &str| {
            let Some(exact) = out.get(key) else { return };
            let errors = table
                .entry((format!("{}{name}", op.file), dtype))
                .or_default();
            let worst = Exact::read(exact).measure(found.data(), None, measure, errors);
            assert!(worst < 1e4, "{id}: {key} is off by {worst:e} ulps");
        };
        note("", &y.value(), Measure::Result, op.value);
        if record.get("g").is_none() {
            continue;
        }
        let g: Tensor<T> = Tensor::new(
            y.shape(),
            rows::numbers(&record["g"]).into_iter().map(T::of).collect(),
        )
        .unwrap();
        note(" vjp", &y.vjp(g.clone()).wrt(handle), op.measures[0], "vjp");
        let Some(v) = record.get("v") else { continue };
        let v: Tensor<T> = tensor(&record["shape"], v);
        let pushed = tape.forward().along(handle, v.clone()).walk().of(y);
        note(" jvp", &pushed, op.measures[1], "jvp");

        let dual = Tape::<Dual<T>>::default();
        let lifted = x
            .iter()
            .zip(v.iter())
            .map(|(&x, &v)| Dual::new(x, v))
            .collect();
        let handle = dual.var(Tensor::new(x.shape(), lifted).unwrap());
        let y = apply(op.file, handle, record);
        let second = y.vjp(g.map(Dual::constant)).wrt(handle).map(|g| g.tangent);
        // The second order is a product of three small numbers; its fair scale is stored, too.
        note(" second order", &second, Measure::Centred, "hvp");
    }
}

fn print(table: &Table) {
    println!("{:<28} type   max ulps   mean", "");
    for ((name, dtype), errors) in table {
        println!(
            "{name:<28} {dtype}  {:>9.2} {:>6.3}",
            errors.max,
            errors.mean()
        );
    }
}

#[test]
fn the_family_is_right_to_a_few_ulps() {
    use Measure::{Centred, Result, Scale};
    let ops = [
        Op {
            file: "softmax",
            value: "y",
            measures: [Centred, Centred],
        },
        Op {
            file: "log_softmax",
            value: "z",
            measures: [Scale, Scale],
        },
        Op {
            file: "logsumexp",
            value: "lse",
            measures: [Result, Result],
        },
        Op {
            file: "masked",
            value: "y",
            measures: [Centred, Centred],
        },
        Op {
            file: "temperature",
            value: "y",
            measures: [Centred, Centred],
        },
    ];
    let mut table = Table::new();
    for op in &ops {
        family::<f32>(op, "f32", &mut table);
        family::<f64>(op, "f64", &mut table);
    }
    print(&table);
    for (name, goals) in GOALS {
        for (dtype, goal) in ["f32", "f64"].into_iter().zip(goals) {
            let found = table[&((*name).to_string(), dtype)].max;
            assert!(
                found <= *goal,
                "{name} {dtype}: {found:.2} ulps, the goal is {goal}"
            );
        }
    }
}

#[test]
fn long_rows_are_as_right_as_short_ones() {
    fn run<T: Elem>(file: &str, dtype: &'static str, table: &mut Table) {
        for record in lines(file).iter().filter(|r| r["dtype"] == dtype) {
            let (x, g) = rows::generated::<T>(record);
            let at = integers(&record["index"]);
            let out = &record["out"];
            let tape = Tape::<T>::default();
            let x = tape.var(Tensor::from(x));
            let g = Tensor::from(g);
            let y = x.softmax(0);
            let mut note = |name: &str, key: &str, found: &[T], measure: Measure| {
                if let Some(exact) = out.get(key) {
                    let errors = table.entry((format!("{file} {name}"), dtype)).or_default();
                    Exact::read(exact).measure(found, Some(&at), measure, errors);
                }
            };
            note("softmax", "y", y.value().data(), Measure::Result);
            note(
                "softmax vjp",
                "vjp",
                y.vjp(g.clone()).wrt(x).data(),
                Measure::Centred,
            );
            let z = x.log_softmax(0);
            note("log_softmax", "z", z.value().data(), Measure::Result);
            note(
                "log_softmax vjp",
                "log_vjp",
                z.vjp(g).wrt(x).data(),
                Measure::Scale,
            );
        }
    }
    let mut table = Table::new();
    for file in ["sweep", "longrows"] {
        run::<f32>(file, "f32", &mut table);
        run::<f64>(file, "f64", &mut table);
    }
    print(&table);
    for ((name, dtype), errors) in &table {
        let goal = GOALS
            .iter()
            .find(|(op, _)| name.ends_with(op) && name.len() <= op.len() + 9);
        let goal = goal.expect("each has a goal").1[usize::from(*dtype == "f64")];
        assert!(
            errors.max <= goal,
            "{name} {dtype}: {:.2} ulps, the goal is {goal}",
            errors.max
        );
    }
}

#[test]
fn cross_entropy_is_right_to_three_ulps() {
    fn run<T: Elem>(dtype: &'static str, table: &mut Table) {
        for record in lines("cross_entropy")
            .iter()
            .filter(|r| r["dtype"] == dtype)
        {
            let x: Tensor<T> = tensor(&record["shape"], &record["x"]);
            let labels = integers(&record["labels"]);
            let tape = Tape::<T>::default();
            let x = tape.var(x);
            let loss = x.cross_entropy(1, &labels);
            let grad = loss.backward().wrt(x);
            let mut note = |name: &str, key: &str, found: &[T]| {
                let errors = table
                    .entry((format!("cross_entropy {name}"), dtype))
                    .or_default();
                let exact = Exact::read(&record["out"][key]);
                let worst = exact.measure(found, None, Measure::Result, errors);
                assert!(
                    worst <= 3.0,
                    "{}: {key} is off by {worst:.2} ulps",
                    record["id"]
                );
            };
            note("loss", "loss", &[loss.value()]);
            note("gradient", "grad", grad.data());
        }
    }
    let mut table = Table::new();
    run::<f32>("f32", &mut table);
    run::<f64>("f64", &mut table);
    print(&table);
}

#[test]
fn special_rows_follow_the_conventions() {
    fn run<T: Elem>(dtype: &str) {
        for record in lines("special")
            .iter()
            .filter(|r| r["dtype"] == dtype && r.get("op").is_none())
        {
            let id = &record["id"];
            let x: Tensor<T> = tensor(&record["shape"], &record["x"]);
            let axis = record["axis"].as_i64().unwrap() as isize;
            let tape = Tape::<T>::default();
            let x = tape.var(x);
            let g = record.get("g").map(|g| tensor::<T>(&record["shape"], g));
            let same = |key: &str, found: &Tensor<T>| {
                let expected = match record["out"].get(key) {
                    None => return,
                    Some(value @ Value::String(_)) => vec![golden::number(value)],
                    Some(value) => rows::numbers(value),
                };
                for (k, (&a, &b)) in found.iter().zip(&expected).enumerate() {
                    let error = rows::error_of(a, b, 0.0, b.abs());
                    assert!(error <= 3.0, "{id}: {key}[{k}] is {a}, expected {b}");
                }
            };
            let y = x.softmax(axis);
            same("softmax", &y.value());
            let z = x.log_softmax(axis);
            same("log_softmax", &z.value());
            let lse = x.logsumexp_axis(axis);
            same("logsumexp", &lse.value());
            same("logsumexp_grad", &lse.vjp(Tensor::ones(lse.shape())).wrt(x));
            if let Some(g) = g {
                same("softmax_vjp", &y.vjp(g.clone()).wrt(x));
                same("log_softmax_vjp", &z.vjp(g).wrt(x));
            }
        }
    }
    run::<f32>("f32");
    run::<f64>("f64");
}

#[test]
fn the_tail_keeps_every_digit() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([40.0, 0.0]));
    let gx = x.softmax(0).vjp(Tensor::from([1.0, 0.0])).wrt(x);
    assert_eq!(gx[[0]], -gx[[1]]);
    assert!(
        (gx[[0]] / 4.248354255291589e-18 - 1.0).abs() < 4e-16,
        "{:e}",
        gx[[0]]
    );
}
