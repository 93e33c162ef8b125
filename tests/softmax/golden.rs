//! The softmax family against exact results: value, VJP, JVP and second order, in f32 and f64.

use crate::family::{Op, run};
use crate::limits;
use crate::rows::{F32, F64, Format, Table, Unit, read};
use wengert::{Elem, Level, LossOptions, Tape, Tensor};

/// The size of the terms of `y_i ((g_i - g_m) - Σ (g_j - g_m) y_j)`, computed from the values row by
/// row, and the same without centring.
fn sizes<T: Elem>(axis: isize, x: &Tensor<T>, y: &Tensor<T>, g: &Tensor<T>) -> [Vec<f64>; 2] {
    let axis = axis.rem_euclid(x.rank() as isize) as usize;
    let rows = x.shape().rows(axis);
    let mut sizes = [vec![0.0; x.len()], vec![0.0; x.len()]];
    let [x, y, g] = [x, y, g].map(|t| t.map(Elem::primal).into_vec());
    for start in rows.starts() {
        let kept = rows.row(start).filter(|&j| y[j] > 0.0);
        let Some(top) = kept.clone().reduce(|a, b| if x[b] > x[a] { b } else { a }) else {
            continue;
        };
        for (sizes, c) in sizes.iter_mut().zip([g[top], 0.0]) {
            let sum: f64 = kept.clone().map(|j| y[j] * (g[j] - c).abs()).sum();
            for j in kept.clone() {
                sizes[j] = y[j] * (g[j] - c).abs().max(sum);
            }
        }
    }
    sizes
}

/// Softmax in the type's own precision, for the sizes of terms.
fn weights<T: Elem>(axis: isize, x: &Tensor<T>) -> Tensor<T> {
    x.softmax(axis)
}

fn measure<T: Elem>(table: &mut Table) {
    let dtype = table.format.name;
    for r in read("softmax", dtype) {
        let [x, g, v] = ["x", "g", "v"].map(|key| r.tensor::<T>(key));
        let found = run(&Op::Softmax(r.axis()), &x, &g, &v);
        let (id, exact) = (r.id(), |key: &str| r.exact(key));
        table.measure(
            "softmax y",
            id,
            &found.y,
            &exact("y").unwrap(),
            Unit::Result,
        );
        table.measure(
            "softmax vjp",
            id,
            &found.vjp,
            &exact("vjp").unwrap(),
            Unit::Centred,
        );
        table.measure(
            "softmax jvp",
            id,
            &found.jvp,
            &exact("jvp").unwrap(),
            Unit::Centred,
        );
        if let Some(hvp) = exact("hvp") {
            table.measure("softmax hvp", id, &found.hvp, &hvp, Unit::Scale);
        }
        if let Some(jac) = exact("jac") {
            let matrix = x.softmax_jacobian(r.axis());
            table.measure("softmax jacobian", id, &matrix, &jac, Unit::Result);
        }
    }
    for r in read("log_softmax", dtype) {
        let [x, g, v] = ["x", "g", "v"].map(|key| r.tensor::<T>(key));
        let found = run(&Op::LogSoftmax(r.axis()), &x, &g, &v);
        let (id, exact) = (r.id(), |key: &str| r.exact(key));
        table.measure(
            "log_softmax z",
            id,
            &found.y,
            &exact("z").unwrap(),
            Unit::Result,
        );
        table.measure(
            "log_softmax vjp",
            id,
            &found.vjp,
            &exact("vjp").unwrap(),
            Unit::Scale,
        );
        let y = weights(r.axis(), &x);
        if let Some(jvp) = exact("jvp") {
            let largest = v.iter().fold(0.0, |m: f64, v| m.max(v.primal().abs()));
            let sizes = vec![largest; v.len()];
            table.measure_at("log_softmax jvp", id, found.jvp.data(), &jvp, &sizes);
        }
        if let Some(hvp) = exact("hvp") {
            let mass: f64 = g.iter().map(|g| g.primal().abs()).sum();
            // The probability may be subnormal, and then has fewer digits.
            let least = table.format.least() * mass;
            let [sizes, _] = sizes(r.axis(), &x, &y, &v);
            let sizes: Vec<f64> = sizes.iter().map(|s| (s * mass).max(least)).collect();
            table.measure_at("log_softmax hvp", id, found.hvp.data(), &hvp, &sizes);
        }
    }
    for r in read("logsumexp", dtype) {
        let [x, g, v] = ["x", "g", "v"].map(|key| r.tensor::<T>(key));
        let found = run(&Op::LogSumExp(r.axis()), &x, &g, &v);
        let (id, exact) = (r.id(), |key: &str| r.exact(key).unwrap());
        let tops: Vec<f64> = x
            .max_axis(r.axis())
            .iter()
            .map(|m| m.primal().abs())
            .collect();
        table.measure_at("logsumexp y", id, found.y.data(), &exact("lse"), &tops);
        table.measure("logsumexp vjp", id, &found.vjp, &exact("vjp"), Unit::Result);
        let [sizes, _] = sizes(r.axis(), &x, &weights(r.axis(), &x), &v);
        let mass = g.iter().fold(0.0, |m: f64, g| m.max(g.primal().abs()));
        let sizes: Vec<f64> = sizes.iter().map(|size| size * mass).collect();
        table.measure_at("logsumexp hvp", id, found.hvp.data(), &exact("hvp"), &sizes);
        crate::orders::push_as_pulled(&r, found.jvp.data(), table.format);
    }
}

fn measure_special_forms<T: Elem>(table: &mut Table) {
    let dtype = table.format.name;
    for r in read("masked", dtype) {
        let [x, g, v] = ["x", "g", "v"].map(|key| r.tensor::<T>(key));
        let mask: Vec<bool> = r.integers("mask").iter().map(|&m| m == 1).collect();
        let mask = Tensor::new(r.shape(), mask).unwrap();
        let found = run(&Op::Masked(r.axis(), mask), &x, &g, &v);
        let (id, exact) = (r.id(), |key: &str| r.exact(key).unwrap());
        table.measure("masked y", id, &found.y, &exact("y"), Unit::Result);
        let [of_g, _] = sizes(r.axis(), &x, &found.y, &g);
        table.measure_at("masked vjp", id, found.vjp.data(), &exact("vjp"), &of_g);
        let [of_v, _] = sizes(r.axis(), &x, &found.y, &v);
        table.measure_at("masked jvp", id, found.jvp.data(), &exact("jvp"), &of_v);
    }
    for r in read("temperature", dtype) {
        let [x, g, v] = ["x", "g", "v"].map(|key| r.tensor::<T>(key));
        let t = r.number("T");
        let found = run(&Op::Scaled(r.axis(), t), &x, &g, &v);
        let (id, exact) = (r.id(), |key: &str| r.exact(key).unwrap());
        table.measure("scaled y", id, &found.y, &exact("y"), Unit::Result);
        table.measure("scaled vjp", id, &found.vjp, &exact("vjp"), Unit::Centred);
        let [of_v, _] = sizes(r.axis(), &x, &found.y, &v);
        let of_v: Vec<f64> = of_v.iter().map(|size| size / t).collect();
        table.measure_at("scaled jvp", id, found.jvp.data(), &exact("jvp"), &of_v);
        let tape = Tape::<T>::default();
        let (x, t) = (tape.var(x), tape.var(T::of(t)));
        let of_t = x.softmax_scaled(r.axis(), t).vjp(g).wrt(t);
        // The terms are (x_j - x_m) gx_j / T, and gx has terms of its own.
        let xs = x.value().map(Elem::primal);
        let top = xs.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
        let gx = exact("vjp").cscale;
        let terms = xs.iter().zip(&gx).filter(|(_, gx)| **gx > 0.0);
        let terms = terms.map(|(x, gx)| (x - top).abs() * gx / r.number("T"));
        let size = terms.fold(0.0, f64::max);
        table.measure_at("scaled grad_T", id, &[of_t], &exact("grad_T"), &[size]);
    }
    for r in read("cross_entropy", dtype) {
        let (x, labels) = (r.tensor::<T>("x"), r.integers("labels"));
        let (id, exact) = (r.id(), |key: &str| r.exact(key).unwrap());
        let tape = Tape::<T>::default();
        let leaf = tape.var(x.clone());
        let each = leaf.cross_entropy_rows(r.axis(), &labels, &LossOptions::new());
        table.measure(
            "cross_entropy rows",
            id,
            &each.value(),
            &exact("row_loss"),
            Unit::Result,
        );
        let loss = leaf.cross_entropy(r.axis(), &labels);
        table.measure_at(
            "cross_entropy loss",
            id,
            &[loss.value()],
            &exact("loss"),
            &[],
        );
        let grad = loss.backward().wrt(leaf);
        table.measure(
            "cross_entropy grad",
            id,
            &grad,
            &exact("grad"),
            Unit::Result,
        );
        assert_eq!(x.cross_entropy(r.axis(), &labels), loss.value(), "{id}");
    }
    for r in read("cross_entropy_soft", dtype) {
        let [x, targets] = ["x", "targets"].map(|key| r.tensor::<T>(key));
        let (id, exact) = (r.id(), |key: &str| r.exact(key).unwrap());
        let tape = Tape::<T>::default();
        let [x, t] = [x, targets].map(|x| tape.var(x));
        let each = x.cross_entropy_soft_rows(r.axis(), t, &LossOptions::new());
        table.measure(
            "soft rows",
            id,
            &each.value(),
            &exact("row_loss"),
            Unit::Result,
        );
        let loss = x.cross_entropy_soft(r.axis(), t);
        table.measure_at("soft loss", id, &[loss.value()], &exact("loss"), &[]);
        let grads = loss.backward();
        // The terms of `p Σ t - t`; where the label is the maximum the two are nearly equal.
        let (y, t_value) = (weights(r.axis(), &x.value()), t.value());
        let count = each.shape().elements() as f64;
        let mass = &y * &t_value.map(T::abs).sum_keep(r.axis());
        let pairs = mass.iter().zip(t_value.iter());
        let sizes: Vec<f64> = pairs
            .map(|(m, t)| m.primal().max(t.primal().abs()) / count)
            .collect();
        table.measure_at("soft grad", id, grads.wrt(x).data(), &exact("grad"), &sizes);
        table.measure(
            "soft grad_targets",
            id,
            &grads.wrt(t),
            &exact("grad_targets"),
            Unit::Result,
        );
    }
}

fn measure_long<T: Elem>(table: &mut Table) {
    let dtype = table.format.name;
    for file in ["sweep", "longrows"] {
        for r in read(file, dtype) {
            let [x, g] = r.generate::<T>(dtype == "f32");
            let index = r.integers("index");
            let at = |t: &Tensor<T>| -> Vec<T> { index.iter().map(|&i| t.data()[i]).collect() };
            let (id, exact) = (r.id(), |key: &str| r.exact(key));
            let tape = Tape::<T>::default();
            let leaf = tape.var(x.clone());
            let (y, z) = (leaf.softmax(0), leaf.log_softmax(0));
            let name = |what: &str| format!("{file} {what}");
            table.measure_at(&name("y"), id, &at(&y.value()), &exact("y").unwrap(), &[]);
            table.measure_at(&name("z"), id, &at(&z.value()), &exact("z").unwrap(), &[]);
            let top = x.max().primal().abs();
            let lse = [leaf.logsumexp().value()];
            table.measure_at(&name("lse"), id, &lse, &exact("lse").unwrap(), &[top]);
            let exact_vjp = exact("vjp").unwrap();
            let vjp = at(&y.vjp(g.clone()).wrt(leaf));
            table.measure_at(&name("vjp"), id, &vjp, &exact_vjp, &exact_vjp.cscale);
            if let Some(exact) = exact("log_vjp") {
                // The terms are g_i and p_i Σ g, whose own terms are the |g|.
                let mass: f64 = g.iter().map(|g| g.primal().abs()).sum();
                let (y, gs) = (at(&y.value()), at(&g));
                let sizes = y
                    .iter()
                    .zip(&gs)
                    .map(|(y, g)| (y.primal() * mass).max(g.primal().abs()));
                let sizes: Vec<f64> = sizes.collect();
                let log_vjp = at(&z.vjp(g.clone()).wrt(leaf));
                table.measure_at(&name("log_vjp"), id, &log_vjp, &exact, &sizes);
            }
        }
    }
}

/// Measures on every level that this machine has, and publishes the figures on request.
fn judge<T: Elem>(format: Format, limits: &[(&str, f64, f64)]) {
    let measured = Level::all().iter().map(|level| {
        let mut table = Table::new(format);
        level.force(|| {
            measure::<T>(&mut table);
            measure_special_forms::<T>(&mut table);
            measure_long::<T>(&mut table);
        });
        println!("level {level}");
        table.judge(limits);
        (level, table)
    });
    let measured: Vec<_> = measured.collect();
    if crate::document::asked_to_write() {
        let mut text = String::from("| |");
        for (level, _) in &measured {
            text += &format!(" {level} |");
        }
        text += &format!("\n|---|{}\n", "---|".repeat(measured.len()));
        for (name, ..) in limits {
            text += &format!("| {name} |");
            for (_, table) in &measured {
                let (max, mean) = table.figure(name);
                text += &format!(" {max:.2} ({mean:.2}) |");
            }
            text.push('\n');
        }
        crate::document::write_section(&format!("softmax {}", format.name), &text);
    }
}

#[test]
fn results_in_f32_are_within_the_goals() {
    judge::<f32>(F32, limits::F32);
}

#[test]
fn results_in_f64_are_within_the_goals() {
    judge::<f64>(F64, limits::F64);
}
