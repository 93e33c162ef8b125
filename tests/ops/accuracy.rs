//! `docs/accuracy.md`: the measured error of every op, and that it still holds.
//!
//! `UPDATE_DOCS=1 cargo test --test ops accuracy` measures, and writes the tables and the line in each op's
//! documentation. The published figures are the bounds: a later measurement may exceed one by half,
//! since libraries differ between machines, and none may exceed [`LIMITS`]. So a new op needs no bound.

use std::fs;
use std::path::PathBuf;

use wengert::Level;
use wengert::ops::{Spec, Visitor, visit};

use crate::document::{DOCUMENT, asked_to_write, read, section, write_section};
use crate::sweep::{self, Figures, ORDERS};
use crate::tables::{self, Row};

/// Ulps that no elementwise op, and no other op, may exceed in value, gradient and second order; the
/// value of the others may be a sum of products that are larger than the operands.
const LIMITS: [[f64; 3]; 2] = [[4.0, 8.0, 16.0], [8.0, 8.0, 16.0]];

struct Measure {
    /// The rows of the elementwise ops and of the others.
    rows: [Vec<Row>; 2],
    wrong: Vec<String>,
}

impl Visitor for Measure {
    fn op<S: Spec>(&mut self) {
        let elementwise = sweep::is_elementwise::<S>();
        let figures = match elementwise {
            true => {
                let short: &dyn Fn() -> Figures = &sweep::measure::<S, f32>;
                let short = match sweep::FUSING.contains(&S::NAME) {
                    true => on_every_level(short),
                    false => short(),
                };
                [short, sweep::measure::<S, f64>()]
            }
            false => [
                on_every_level(&sweep::sampled::<S, f32>),
                on_every_level(&sweep::sampled::<S, f64>),
            ],
        };
        self.judge(S::NAME, elementwise, figures);
    }
}

impl Measure {
    fn judge(&mut self, op: &'static str, elementwise: bool, figures: [Figures; 2]) {
        let limits = LIMITS[usize::from(!elementwise)];
        for (element, Figures(figures)) in ["f32", "f64"].into_iter().zip(&figures) {
            for ((figure, order), limit) in figures.iter().zip(ORDERS).zip(limits) {
                if figure.max.is_nan() || figure.max > limit {
                    self.wrong.push(format!(
                        "{op}, {element}: {order} off by {:.2} ulps at {}",
                        figure.max, figure.at
                    ));
                }
            }
        }
        self.rows[usize::from(!elementwise)].push(Row { op, figures });
    }
}

/// The figures of the worst level of kernels, so that they hold on every machine.
fn on_every_level(measure: &dyn Fn() -> Figures) -> Figures {
    let levels = Level::all().iter().map(|level| level.force(measure));
    let worst = levels.reduce(|mut worst, Figures(level)| {
        for (worst, level) in worst.0.iter_mut().zip(level) {
            if level.max > worst.max || level.max.is_nan() {
                *worst = level;
            }
        }
        worst
    });
    worst.expect("there is a portable level")
}

/// The names of the two tables in the document.
const TABLES: [&str; 2] = ["elementwise", "others"];

#[test]
fn no_op_is_farther_off_than_published() {
    let mut measure = Measure {
        rows: [Vec::new(), Vec::new()],
        wrong: Vec::new(),
    };
    visit(&mut measure);
    for (name, rows) in TABLES.into_iter().zip(&measure.rows) {
        if asked_to_write() {
            write_section(name, &tables::print(rows));
        }
        let document = read();
        let published = tables::parse(section(&document, name));
        let ops: Vec<_> = published.iter().map(|row| row.op.as_str()).collect();
        let registry: Vec<_> = rows.iter().map(|row| row.op).collect();
        assert_eq!(
            ops, registry,
            "{DOCUMENT}, table {name}: run `UPDATE_DOCS=1 cargo test --test ops accuracy`"
        );
        for (row, published) in rows.iter().zip(&published) {
            measure.wrong.extend(published.exceeded_by(row));
        }
    }
    if asked_to_write() {
        document_ops(&read(), |path, text, _| fs::write(path, text).unwrap());
    }
    assert!(measure.wrong.is_empty(), "{}", measure.wrong.join("\n"));
}

#[test]
fn the_documentation_of_every_elementwise_op_gives_the_published_figures() {
    if asked_to_write() {
        return; // the other test is about to write both
    }
    let mut files = 0;
    document_ops(&read(), |path, text, line| {
        files += 1;
        let written = fs::read_to_string(path).unwrap();
        assert!(
            written == text && written.contains(&line),
            "{}: under `# Accuracy` should stand\n{line}\nrun `UPDATE_DOCS=1 cargo test --test ops accuracy`",
            path.display()
        );
    });
    assert!(
        files >= 40,
        "{files} files have a method of an elementwise op"
    );
}

/// Calls `f` with the source file of every elementwise method, its text with the published figures in
/// place of the present ones, and the line that gives them.
fn document_ops(document: &str, mut f: impl FnMut(&PathBuf, String, String)) {
    for row in tables::parse(section(document, "elementwise")) {
        let path = PathBuf::from(format!("src/ops/{}.rs", row.op));
        let text = fs::read_to_string(&path).unwrap();
        // The operators have no documentation of their own.
        if !text.contains("elementwise! {") && !text.contains("pairwise! {") {
            continue;
        }
        let line = row.line();
        let lines = text
            .lines()
            .map(|old| match old.starts_with("    /// Measured: ") {
                true => &line[..],
                false => old,
            });
        let text = lines.flat_map(|line| [line, "\n"]).collect();
        f(&path, text, line.clone());
    }
}
