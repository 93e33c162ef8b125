//! The softmax family against exact results: value, VJP, JVP and second order, in f32 and f64.

#[path = "support/rows.rs"]
mod rows;

use rows::{Exact, F32, F64, Format, Record, Table, Unit, number, numbers, read};
use wengert::{Dual, Elem, LossOptions, Tape, Tensor, Var};

/// What is applied to the rows of a record.
#[derive(Clone)]
enum Op {
    Softmax(isize),
    LogSoftmax(isize),
    LogSumExp(isize),
    Masked(isize, Tensor<bool>),
    Scaled(isize, f64),
}

impl Op {
    fn apply<'t, T: Elem>(&self, x: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
        match self {
            Op::Softmax(axis) => x.softmax(*axis),
            Op::LogSoftmax(axis) => x.log_softmax(*axis),
            Op::LogSumExp(axis) => x.logsumexp_axis(*axis),
            Op::Masked(axis, mask) => x.masked_softmax(*axis, mask),
            Op::Scaled(axis, temperature) => x.softmax_scaled(*axis, T::of(*temperature)),
        }
    }
}

/// Everything that the tape gives for a cotangent `g` and a direction `v`.
struct Results<T> {
    y: Tensor<T>,
    vjp: Tensor<T>,
    jvp: Tensor<T>,
    hvp: Tensor<T>,
}

fn run<T: Elem>(op: &Op, x: &Tensor<T>, g: &Tensor<T>, v: &Tensor<T>) -> Results<T> {
    let tape = Tape::<T>::default();
    let leaf = tape.var(x.clone());
    let y = op.apply(leaf);
    let jvp = tape.forward().along(leaf, v.clone()).walk().of(y);
    let g = Tensor::new(y.shape(), g.data().to_vec()).unwrap();
    let vjp = y.vjp(g.clone()).wrt(leaf);

    let duals = Tape::<Dual<T>>::default();
    let both = x.iter().zip(v.iter());
    let lifted = both.map(|(&x, &v)| Dual::new(x, v)).collect();
    let lifted = duals.var(Tensor::new(x.shape(), lifted).unwrap());
    let pulled = op.apply(lifted).vjp(g.map(Dual::constant)).wrt(lifted);
    for (once, twice) in vjp.iter().zip(pulled.iter()) {
        let same = *once == twice.primal || (once.is_nan() && twice.primal.is_nan());
        let close = (once.primal() - twice.primal.primal()).abs() <= 1e-3 * once.primal().abs();
        assert!(same || close, "{once} and {twice} for {x}");
    }
    Results {
        y: y.value(),
        vjp,
        jvp,
        hvp: pulled.map(|g| g.tangent),
    }
}

/// The size of the terms of `y_i ((g_i - g_m) - Σ (g_j - g_m) y_j)` from the values, row by row, and
/// the same without the centring.
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
            let [sizes, _] = sizes(r.axis(), &x, &y, &v);
            let sizes: Vec<f64> = sizes.iter().map(|size| size * mass).collect();
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
        // The pushforward is the pullback's adjoint; on one row it is <vjp, v> for g = 1.
        assert_eq!(found.jvp.shape(), found.y.shape());
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
        // The terms are (x_j - x_m) gx_j / T.
        let xs = x.value().map(Elem::primal);
        let top = xs.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
        let terms = xs.iter().zip(&exact("vjp").hi);
        let terms = terms.map(|(x, gx)| ((x - top) * gx / r.number("T")).abs());
        let size = terms.filter(|term| term.is_finite()).fold(0.0, f64::max);
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
        let count = each.shape().len() as f64;
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
            let Exact { cscale, .. } = &exact_vjp;
            table.measure_at(&name("vjp"), id, &vjp, &exact_vjp, cscale);
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

/// Conventions, from the same records in both precisions: value, VJP, JVP, second order.
fn conventions<T: Elem>(dtype: &str) {
    let same = |found: &[T], expected: &[f64], what: &str| {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, &hi) in found.iter().zip(expected) {
            let found = found.primal();
            let close = (found - hi).abs() <= 1e-6 * hi.abs();
            let equal = found == hi || (found.is_nan() && hi.is_nan());
            assert!(equal || close, "{what}: {found}, exact {hi}");
        }
    };
    for r in read("special", dtype) {
        if r.has("op") {
            conventions_of_losses::<T>(&r, &same);
            continue;
        }
        let [x, g] = ["x", "g"].map(|key| r.tensor::<T>(key));
        let list = |key: &str| r.out(key).map(numbers);
        let rules = [
            ("softmax", Op::Softmax(r.axis())),
            ("log_softmax", Op::LogSoftmax(r.axis())),
        ];
        for (name, op) in rules {
            let found = run(&op, &x, &g, &g);
            let what = |form: &str| format!("{} {name} {form}", r.id());
            if let Some(y) = list(name) {
                same(found.y.data(), &y, &what("value"));
            }
            let Some(vjp) = list(&format!("{name}_vjp")) else {
                continue;
            };
            same(found.vjp.data(), &vjp, &what("vjp"));
            if name == "softmax" {
                // The Jacobian is symmetric.
                same(found.jvp.data(), &vjp, &what("jvp"));
            }
            for (second, first) in found.hvp.iter().zip(&vjp) {
                assert_eq!(second.is_nan(), first.is_nan(), "{}", what("hvp"));
            }
        }
        let tape = Tape::<T>::default();
        let leaf = tape.var(x.clone());
        if let Some(lse) = r.out("logsumexp") {
            let y = leaf.logsumexp_axis(r.axis());
            let expected = lse
                .as_array()
                .map_or_else(|| vec![number(lse)], |_| numbers(lse));
            same(y.value().data(), &expected, r.id());
            if let Some(grad) = list("logsumexp_grad") {
                let ones = Tensor::ones(y.shape());
                same(y.vjp(ones).wrt(leaf).data(), &grad, r.id());
            }
        }
        if r.has("logsumexp_shape") {
            let shape = leaf.logsumexp_axis(r.axis()).shape();
            assert_eq!(
                shape.to_vec(),
                rows::integers(r.out("logsumexp_shape").unwrap())
            );
        }
    }
}

fn conventions_of_losses<T: Elem>(r: &Record, same: &impl Fn(&[T], &[f64], &str)) {
    let tape = Tape::<T>::default();
    let x = tape.var(r.tensor::<T>("x"));
    let list = |key: &str| numbers(r.out(key).unwrap());
    let mut loss = None;
    match r.text("op") {
        "cross_entropy" => loss = Some(x.cross_entropy(r.axis(), r.integers("labels"))),
        "cross_entropy_soft" => {
            loss = Some(x.cross_entropy_soft(r.axis(), r.tensor::<T>("targets")));
        }
        "masked_softmax" => {
            let mask: Vec<bool> = r.integers("mask").iter().map(|&m| m == 1).collect();
            let mask = Tensor::new(r.shape(), mask).unwrap();
            let [x, g] = ["x", "g"].map(|key| r.tensor::<T>(key));
            let found = run(&Op::Masked(r.axis(), mask), &x, &g, &g);
            same(found.y.data(), &list("softmax"), r.id());
            same(found.vjp.data(), &list("softmax_vjp"), r.id());
            same(found.jvp.data(), &list("softmax_vjp"), r.id());
            assert!(
                found.hvp.iter().all(|second| second.is_finite()),
                "{}",
                r.id()
            );
        }
        op => panic!("{op} is not known"),
    }
    if let Some(loss) = loss {
        same(&[loss.value()], &[number(r.out("loss").unwrap())], r.id());
        same(loss.backward().wrt(x).data(), &list("grad"), r.id());
    }
}

/// Largest and mean error: the goals of the design where it has some.
const GOALS_F32: &[(&str, f64, f64)] = &[];

const GOALS_F64: &[(&str, f64, f64)] = &[];

fn table<T: Elem>(format: Format) -> Table {
    let mut table = Table::new(format);
    measure::<T>(&mut table);
    measure_special_forms::<T>(&mut table);
    measure_long::<T>(&mut table);
    table
}

#[test]
fn results_in_f32_are_within_the_goals() {
    table::<f32>(F32).judge(GOALS_F32);
}

#[test]
fn results_in_f64_are_within_the_goals() {
    table::<f64>(F64).judge(GOALS_F64);
}

#[test]
fn conventions_hold_in_every_mode() {
    conventions::<f32>("f32");
    conventions::<f64>("f64");
}
