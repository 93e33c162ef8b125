//! The tables of `docs/accuracy.md`: printed from measurements, and read back.

use std::fmt::Write;

use super::sweep::{Figures, ORDERS};

/// By what factor a published figure may be exceeded, since libraries differ between machines.
const MARGIN: f64 = 1.5;

/// What was measured of one op, in f32 and in f64.
pub struct Row {
    pub op: &'static str,
    pub figures: [Figures; 2],
}

/// What the document says of one op: the maxima of value, gradient and second order in f32, then those
/// in f64.
pub struct Published {
    pub op: String,
    max: [[f64; 3]; 2],
}

pub fn print(rows: &[Row]) -> String {
    let mut table = String::from(
        "| op | element | value | at | gradient | at | second order | at |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        for (element, Figures(figures)) in ["f32", "f64"].into_iter().zip(&row.figures) {
            write!(table, "| `{}` | {element} ", row.op).unwrap();
            for figure in figures {
                write!(
                    table,
                    "| {:.2} ({:.2}) | {} ",
                    figure.max, figure.mean, figure.at
                )
                .unwrap();
            }
            table.push_str("|\n");
        }
    }
    table
}

/// Reads a table that [`print`] has written.
pub fn parse(table: &str) -> Vec<Published> {
    let rows: Vec<Vec<&str>> = (table.lines().skip(2))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let max = |cell: &str| -> f64 { cell.split(' ').next().unwrap().parse().unwrap() };
    rows.chunks(2)
        .map(|row| Published {
            op: row[0][1].trim_matches('`').to_string(),
            max: [0, 1].map(|k| [3, 5, 7].map(|cell| max(row[k][cell]))),
        })
        .collect()
}

impl Published {
    /// The figures that a new measurement exceeds.
    pub fn exceeded_by(&self, row: &Row) -> Vec<String> {
        let mut wrong = Vec::new();
        for (k, element) in ["f32", "f64"].into_iter().enumerate() {
            for (order, name) in ORDERS.into_iter().enumerate() {
                let (found, published) = (&row.figures[k].0[order], self.max[k][order]);
                // Half of the last published digit comes on top.
                if found.max > MARGIN * published + 0.005 {
                    wrong.push(format!(
                        "{}, {element}: {name} off by {:.2} ulps at {}, published are {published}",
                        self.op, found.max, found.at
                    ));
                }
            }
        }
        wrong
    }

    /// The line in the op's documentation.
    pub fn line(&self) -> String {
        // "Within" must hold, so the last digit is rounded up; published figures have two places. Adding 0 makes -0
        // positive.
        let [single, double] = self
            .max
            .map(|max| max.map(|x| (x * 10.0 - 1e-6).ceil().max(0.0) / 10.0 + 0.0));
        if [single, double].iter().all(|max| max[..2] == [0.0; 2]) {
            return "    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md."
                .to_string();
        }
        format!(
            "    /// Measured: value within {:.1} ulps in f32 and {:.1} in f64, gradient {:.1} and {:.1}; see docs/accuracy.md.",
            single[0], double[0], single[1], double[1]
        )
    }
}
