//! The drawing, as SVG.

use std::error::Error;

use plotters::prelude::*;

/// The norm of the gradient against the cost so far, for each method.
pub fn courses(path: &str, courses: &[(&str, &[(f64, f64)])]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (720, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let points = || courses.iter().flat_map(|(_, course)| course.iter());
    let price = points().fold(0.0f64, |m, p| m.max(p.0));
    let (low, high) = points().fold((f64::MAX, 0.0f64), |(low, high), p| {
        (low.min(p.1), high.max(p.1))
    });
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .caption("Logistic regression of the digits", ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..price, (low / 2.0..high * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("price in gradients (a Hessian-vector product is two)")
        .y_desc("norm of the gradient")
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .draw()?;
    for ((name, course), colour) in courses.iter().zip([BLUE, RED]) {
        chart
            .draw_series(LineSeries::new(
                course.iter().copied(),
                colour.stroke_width(2),
            ))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
    }
    chart
        .configure_series_labels()
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}
