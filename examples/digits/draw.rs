//! The drawings, as SVG.

use std::error::Error;

use plotters::prelude::*;
use wengert::Tensor;

/// The mean loss of each epoch.
pub fn loss_curve(path: &str, losses: &[f32]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (640, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let (low, high) = (
        losses.iter().copied().fold(f32::MAX, f32::min) * 0.8,
        losses.iter().copied().fold(0.0, f32::max) * 1.2,
    );
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .caption("Mean cross entropy of each epoch", ("sans-serif", 18))
        .x_label_area_size(32)
        .y_label_area_size(56)
        .build_cartesian_2d(1..losses.len(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc("loss")
        .draw()?;
    let points = losses.iter().enumerate().map(|(i, &loss)| (i + 1, loss));
    chart.draw_series(LineSeries::new(points, BLUE.stroke_width(2)))?;
    root.present()?;
    Ok(())
}

/// How often each class was taken for each other one.
pub fn confusion(path: &str, guesses: &[usize], labels: &[usize]) -> Result<(), Box<dyn Error>> {
    let mut counts = [[0u32; 10]; 10];
    for (&guess, &label) in guesses.iter().zip(labels) {
        counts[label][guess] += 1;
    }
    let most = counts.iter().flatten().copied().max().unwrap_or(1).max(1);
    cells(
        path,
        "Class (down) and guess (across)",
        10,
        |row, column| {
            let count = counts[row][column];
            (
                f64::from(count) / f64::from(most),
                if count > 0 {
                    count.to_string()
                } else {
                    String::new()
                },
            )
        },
    )
}

/// A Jacobian: red where raising the input raises the output, blue where it lowers it.
pub fn jacobian(path: &str, jacobian: &Tensor<f32>) -> Result<(), Box<dyn Error>> {
    let n = jacobian.shape()[0];
    let most = jacobian
        .iter()
        .fold(f32::MIN_POSITIVE, |m, x| m.max(x.abs()));
    cells(
        path,
        "dy_i / dx_j at the least certain image",
        n,
        |row, column| {
            let x = jacobian[[row, column]];
            (f64::from(x / most), format!("{x:.2}"))
        },
    )
}

/// A square of cells, each with a shade from -1 to 1 and a text.
fn cells(
    path: &str,
    title: &str,
    n: usize,
    cell: impl Fn(usize, usize) -> (f64, String),
) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (560, 600)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(28)
        .y_label_area_size(28)
        .build_cartesian_2d(0.0..n as f64, n as f64..0.0)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(n)
        .y_labels(n)
        .draw()?;
    for (row, column) in (0..n).flat_map(|row| (0..n).map(move |column| (row, column))) {
        let (shade, text) = cell(row, column);
        let fade = (255.0 * (1.0 - shade.abs())) as u8;
        let colour = if shade < 0.0 {
            RGBColor(fade, fade, 255)
        } else {
            RGBColor(255, fade, fade)
        };
        let (x, y) = (column as f64, row as f64);
        chart.draw_series([Rectangle::new(
            [(x, y), (x + 1.0, y + 1.0)],
            colour.filled(),
        )])?;
        chart.draw_series([Text::new(text, (x + 0.25, y + 0.35), ("sans-serif", 13))])?;
    }
    root.present()?;
    Ok(())
}
