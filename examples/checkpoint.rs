//! Memory against recomputation: a recurrence of 10,000 steps, differentiated within several budgets.
//!
//! `cargo run --release --example checkpoint` writes target/checkpoint.svg and prints the table.

use std::path::Path;
use std::time::{Duration, Instant};

use plotters::prelude::*;
use wengert::transform::checkpoint::advances;
use wengert::{Random, Tape, Tensor, Var};

const STEPS: usize = 10_000;
const SIZE: usize = 128;

/// One step of explicit Euler for a ring of coupled pendulums: angles and velocities in one state.
fn step<'t>(x: Var<'t, Tensor<f64>>, stiffness: Var<'t, Tensor<f64>>) -> Var<'t, Tensor<f64>> {
    let (angle, velocity) = (x.at_row(0), x.at_row(1));
    let pull = angle.neighbours() * stiffness - angle.sin();
    let velocity = velocity * 0.9995 + pull * 0.01;
    Var::stack(&[angle + velocity * 0.01, velocity], 0)
}

/// The views by which a step reads its state.
trait Ring: Sized {
    fn at_row(self, row: usize) -> Self;
    fn neighbours(self) -> Self;
}

impl Ring for Var<'_, Tensor<f64>> {
    fn at_row(self, row: usize) -> Self {
        self.slice(row..row + 1).reshape([SIZE])
    }

    /// For each angle, the sum of both neighbours' angles less twice its own.
    fn neighbours(self) -> Self {
        let right = Var::concat(&[self.slice(1..), self.slice(..1)], 0);
        let left = Var::concat(&[self.slice(-1..), self.slice(..-1)], 0);
        right + left - self * 2.0
    }
}

struct Row {
    budget: usize,
    kilobytes: f64,
    runs: usize,
    time: Duration,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut random = Random::new(1);
    let start: Tensor<f64> = random.normal([2, SIZE], 0.0, 0.5);
    let stiffness: Tensor<f64> = random.uniform([SIZE], 0.5, 1.5);

    // Everything on the tape.
    let mut tape = Tape::new();
    let clock = Instant::now();
    let (x, s) = (tape.var(start.clone()), tape.var(stiffness.clone()));
    let y = (0..STEPS).fold(x, |x, _| step(x, s));
    let kept = tape.bytes() as f64 / 1024.0;
    let grads = y.square().sum().backward();
    let plain = [grads.wrt(x), grads.wrt(s)];
    let plain_time = clock.elapsed();
    drop(grads);
    println!("{STEPS} steps of a state of {} KiB\n", 2 * SIZE * 8 / 1024);
    println!("budget  kept in the walk    steps run again      time");
    println!(
        "  none  {kept:>12.0} KiB  {:>16}  {:>6.2} s",
        0,
        plain_time.as_secs_f64()
    );

    let mut rows = Vec::new();
    for budget in [5, 10, 20, 40, 100, 400, 1000] {
        tape.reset();
        let clock = Instant::now();
        let (x, s) = (tape.var(start.clone()), tape.var(stiffness.clone()));
        let y = tape.checkpoint_chain(STEPS, budget, x, &[s], |_, x, s| step(x, s[0]));
        let grads = y.square().sum().backward();
        let found = [grads.wrt(x), grads.wrt(s)];
        let time = clock.elapsed();
        assert_eq!(found, plain, "the gradients are the same to the last bit");
        drop(grads);
        let cost = tape.take_recomputation();
        assert_eq!(cost.runs, advances(STEPS, budget) + STEPS);
        let row = Row {
            budget,
            kilobytes: cost.peak as f64 / 1024.0,
            runs: cost.runs,
            time,
        };
        println!(
            "{:>6}  {:>12.0} KiB  {:>7} = {:>4.1} per step  {:>6.2} s",
            row.budget,
            row.kilobytes,
            row.runs,
            row.runs as f64 / STEPS as f64,
            row.time.as_secs_f64()
        );
        rows.push(row);
    }
    let path = Path::new("target/checkpoint.svg");
    draw(path, &rows, kept)?;
    println!(
        "\nall gradients are the same to the last bit; plotted in {}",
        path.display()
    );
    Ok(())
}

/// Memory over recomputation, both on logarithmic axes.
fn draw(path: &Path, rows: &[Row], kept: f64) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all("target")?;
    let area = SVGBackend::new(path, (760, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let most = rows.iter().map(|row| row.runs).max().unwrap_or(1) as f64 / STEPS as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "10,000 steps: memory against recomputation",
            ("sans-serif", 20),
        )
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (0.8..most * 1.2).log_scale(),
            (20.0..kept * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("times each step is run again")
        .y_desc("KiB kept in the walk")
        .draw()?;
    let point = |row: &Row| (row.runs as f64 / STEPS as f64, row.kilobytes);
    chart.draw_series(LineSeries::new(rows.iter().map(point), &BLUE))?;
    for row in rows {
        let (x, y) = point(row);
        chart.draw_series([Circle::new((x, y), 4, BLUE.filled())])?;
        let label = format!("{} states", row.budget);
        chart.draw_series([Text::new(label, (x * 1.03, y * 1.15), ("sans-serif", 14))])?;
    }
    let everything = [(0.8, kept), (most * 1.2, kept)];
    chart.draw_series(LineSeries::new(everything, &RED))?;
    let label = Text::new(
        "everything on the tape",
        (0.85, kept * 0.7),
        ("sans-serif", 14),
    );
    chart.draw_series([label])?;
    area.present()?;
    Ok(())
}
