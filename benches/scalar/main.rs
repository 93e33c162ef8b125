//! The scalar workloads: `cargo bench --bench scalar -- [WORKLOAD [N]]`.
//!
//! Given a workload, it prints one line of JSON in the form of the peers' programs, so that both can be
//! measured side by side. Otherwise it measures all workloads and prints a table. `--growth` shows time
//! and memory of K9 from 10^4 to 10^7 steps; `--test` checks values and gradients instead of timing them.
//! `BENCH_MS` is the time for one measurement, 250 by default.

mod chains;
mod drive;
mod formulas;
mod fused;
mod lstm;
mod mixture;
mod verify;
mod workload;

use std::env;
use std::time::Duration;

use drive::{Report, Subject};

/// The rows of the table, and the sizes at which the answers are checked.
const TABLE: &[(&str, usize)] = &[
    ("K1", 10),
    ("K1", 1_000),
    ("K1", 1_000_000),
    ("K2", 1_000),
    ("K2", 1_000_000),
    ("K3", 205),
    ("K3", 1010),
    ("K3", 2025),
    ("K3tensor", 205),
    ("K3tensor", 2025),
    ("K4", 10),
    ("K4", 1_000),
    ("K4fused", 1_000),
    ("K5", 1_000),
    ("K5fused", 1_000),
    ("K5", 1_000_000),
    ("K6", 15),
    ("K6L", 266),
    ("K7", 5),
    ("K8", 10_000_000),
    ("K9", 10_000),
    ("K9", 10_000_000),
];

fn subject(name: &str, size: usize) -> Option<Box<dyn Subject>> {
    Some(match name {
        "K1" => Box::new(chains::Product::new(size)),
        "K2" => Box::new(chains::Rosenbrock::new(size)),
        "K3" => Box::new(mixture::Mixture::new(size)),
        "K3tensor" => Box::new(fused::MixtureTensors::new(size)),
        "K4" => Box::new(chains::SoftmaxLoss::new(size)),
        "K4fused" => Box::new(fused::Wide::softmax_loss(size)),
        "K5" => Box::new(chains::LogSumExp::new(size)),
        "K5fused" => Box::new(fused::Wide::log_sum_exp(size)),
        "K6" => Box::new(formulas::Reprojection),
        "K6L" => Box::new(lstm::Lstm::new()),
        "K7" => Box::new(formulas::BlackScholes),
        "K8" => Box::new(chains::Damped::new(size)),
        "K9" => Box::new(chains::Drift::new(size)),
        _ => return None,
    })
}

fn main() {
    // `cargo bench` adds `--bench` to what the user writes.
    let arguments: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    let budget = env::var("BENCH_MS").ok().and_then(|ms| ms.parse().ok());
    let budget = Duration::from_millis(budget.unwrap_or(250));
    match arguments.first().map(String::as_str) {
        None => table(TABLE, budget),
        Some("--test") => verify::all(),
        Some("--growth") => {
            let sizes = [10_000, 100_000, 1_000_000, 10_000_000];
            table(&sizes.map(|n| ("K9", n)), budget);
        }
        Some(name) => {
            let size = arguments
                .get(1)
                .map_or(1_000, |n| n.parse().expect("the second argument is a size"));
            let subject = subject(name, size)
                .unwrap_or_else(|| panic!("there is no workload {name}; see benches/scalar"));
            println!("{}", Report::of(&*subject, budget));
        }
    }
}

fn table(rows: &[(&'static str, usize)], budget: Duration) {
    println!("workload        n   ns/op  of plain  record us  reverse us   fresh us  bytes/op");
    for &(name, size) in rows {
        let subject = subject(name, size).expect("the table names workloads");
        let report = Report::of(&*subject, budget);
        println!(
            "{:8} {:8} {:7.3} {:9.2} {:10.3} {:11.3} {:10.3} {:9.2}",
            name,
            report.size,
            report.ns_per_op(),
            report.gradient_us / report.primal_us,
            report.record_us,
            report.reverse_us,
            report.fresh_us,
            report.bytes_per_op(),
        );
    }
}
