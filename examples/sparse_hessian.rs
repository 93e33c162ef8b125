//! The Hessian of a discretised problem in 100,000 unknowns, from a few products, and a Newton step.
//!
//! A soap film between two rings is the curve `u(x)` that minimises the area `Σ h u √(1 + (Δu/h)²)`. The
//! solution is that of a hanging chain, `u = c cosh((x - 1/2) / c)`. The Hessian is tridiagonal, but the
//! program is not told so.
//!
//! `cargo run --release --example sparse_hessian`

use std::time::Instant;

use wengert::transform::sparse::{self, Csr};
use wengert::{Dual, Tape, Var};

const UNKNOWNS: usize = 100_000;

type Number<'t> = Var<'t, Dual<f64>>;

/// The area of a film through the heights `u`, with both ends at 1, over an interval of length 1.
fn area<'t>(u: &[Number<'t>]) -> Number<'t> {
    let h = 1.0 / (u.len() + 1) as f64;
    let number = |x: f64| Dual::constant(x);
    let ring = Number::number(number(1.0));
    let strip = |left: Number<'t>, right: Number<'t>| {
        let slope = (right - left) * number(1.0 / h);
        let middle = (left + right) * number(0.5 * h);
        middle * (slope * slope + number(1.0)).sqrt()
    };
    let inner: Number<'t> = u.windows(2).map(|pair| strip(pair[0], pair[1])).sum();
    inner + strip(ring, u[0]) + strip(u[u.len() - 1], ring)
}

fn gradient(u: &[f64]) -> Vec<f64> {
    let tape = Tape::<Dual<f64>>::default();
    let handles: Vec<_> = u.iter().map(|&u| tape.var(Dual::constant(u))).collect();
    let grads = area(&handles).backward();
    handles.iter().map(|&u| grads.wrt(u).primal).collect()
}

/// Solves a tridiagonal system by elimination.
fn solve(h: &Csr<f64>, b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let (mut diagonal, mut x) = (vec![0.0; n], b.to_vec());
    diagonal[0] = h.get(0, 0);
    for i in 1..n {
        let factor = h.get(i, i - 1) / diagonal[i - 1];
        diagonal[i] = h.get(i, i) - factor * h.get(i - 1, i);
        x[i] -= factor * x[i - 1];
    }
    x[n - 1] /= diagonal[n - 1];
    for i in (0..n - 1).rev() {
        x[i] = (x[i] - h.get(i, i + 1) * x[i + 1]) / diagonal[i];
    }
    x
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The height in the middle of the exact curve, from `cosh(1/2c) c = 1`.
fn exact_middle() -> f64 {
    let c = (0..60).fold((0.5, 1.0), |(low, high), _| {
        let c: f64 = 0.5 * (low + high);
        if c * (0.5 / c).cosh() < 1.0 {
            (c, high)
        } else {
            (low, c)
        }
    });
    c.0
}

fn main() {
    // The first guess, a shallow parabola, has the right ends.
    let at = |k: usize| (k + 1) as f64 / (UNKNOWNS + 1) as f64;
    let mut u: Vec<f64> = (0..UNKNOWNS)
        .map(|k| 1.0 - 0.5 * at(k) * (1.0 - at(k)))
        .collect();

    let clock = Instant::now();
    let mut plan = sparse::Hessian::of(area, &u);
    let planned = clock.elapsed();
    let clock = Instant::now();
    let h = plan.at(area, &u);
    let found = clock.elapsed();
    let entries = plan.pattern().len();
    println!("{UNKNOWNS} unknowns");
    println!(
        "pattern      {entries} entries, {} a row at most",
        plan.pattern().longest_row()
    );
    println!(
        "plan         {} colours, found in {planned:.0?}",
        plan.colours()
    );
    println!(
        "Hessian      {} products and one that verifies, {found:.0?}",
        plan.colours()
    );
    let dense = found.as_secs_f64() / (plan.colours() + 1) as f64 * UNKNOWNS as f64;
    println!(
        "column by column it would be {UNKNOWNS} products, some {:.0} minutes, and {} GB\n",
        dense / 60.0,
        UNKNOWNS / 1000 * UNKNOWNS / 1000 * 8 / 1000
    );
    assert!(entries <= 3 * UNKNOWNS + 2 && plan.colours() <= 4);
    assert_eq!(h.rows(), UNKNOWNS);

    println!("Newton's method");
    for iteration in 1..=6 {
        let g = gradient(&u);
        let h = plan.at(area, &u);
        let step = solve(&h, &g);
        let product = h.matvec(&step);
        let residual: Vec<f64> = product.iter().zip(&g).map(|(a, b)| a - b).collect();
        println!(
            "{iteration}: |gradient| {:.2e}, |step| {:.2e}, |H step - gradient| / |gradient| {:.1e}",
            norm(&g),
            norm(&step) / (UNKNOWNS as f64).sqrt(),
            norm(&residual) / norm(&g)
        );
        u.iter_mut().zip(&step).for_each(|(u, s)| *u -= s);
    }
    let (middle, exact) = (u[UNKNOWNS / 2], exact_middle());
    println!("\nheight in the middle {middle:.9}, of the exact curve {exact:.9}");
    assert!((middle - exact).abs() < 1e-8);
}
