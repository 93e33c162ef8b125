//! `Report`: what a comparison found, for people and for programs.

use std::fmt;
use std::time::Duration;

use super::loss::Loss;

/// What a comparison of a fused op with its composed twin found.
///
/// `Display` prints it as a table. Each side is judged by a third evaluation in double-double
/// elements, not by the other side: the composed formula is usually the worse one.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Report {
    /// Rust's name of the element type.
    pub element: &'static str,
    /// Which evaluation was the judge.
    pub judge: Judge,
    /// The comparison of the outputs.
    pub value: Section,
    /// The comparison of the gradients, one for each input.
    pub gradients: Vec<Section>,
    /// What the fused side costs.
    pub fused: Cost,
    /// What the composed side costs.
    pub composed: Cost,
}

/// Which evaluation both sides are judged by.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Judge {
    /// The composed expression on wider elements. If the fused one can be run there too, the two are also compared
    /// without the noise of rounding ([`Section::formulas`]).
    Composed,
    /// The fused expression on wider elements, since the composed one cannot be run again.
    Fused(String),
    /// None: neither can be run on wider elements, so the two are only compared with each other.
    Nobody(String),
}

/// The comparison of one tensor: the output, or one gradient.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Section {
    /// What is compared, for instance `gradient 0`.
    pub name: String,
    /// How far the fused side is from the reference.
    pub fused: Distance,
    /// How far the composed side is from the reference.
    pub composed: Distance,
    /// The element where either side is furthest from the reference; `None` if there are no elements.
    pub worst: Option<Worst>,
    /// How much the two formulas differ when both are evaluated wide, relative to the largest number
    /// around: only rounding noise if both are right, more if one is wrong. `None` if they could not both
    /// be evaluated wide.
    pub formulas: Option<f64>,
    /// The bound on `formulas` or, where that is `None`, on `difference`.
    pub bound: f64,
    /// The direct difference of both sides, relative to the largest number around.
    pub difference: f64,
    /// Where a side lost more than a few ulps, and in which step; empty if neither did.
    pub losses: Vec<Loss>,
}

/// Distances from the reference, in ulps of the exact result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Distance {
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

/// One element, with everything that was computed for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worst {
    /// Its position.
    pub index: Vec<usize>,
    /// Which part of a [`Dual`](crate::Dual) element: empty for the primal.
    pub part: String,
    /// What the fused side gives.
    pub fused: f64,
    /// What the composed side gives.
    pub composed: f64,
    /// What is right, to the nearest `f64`.
    pub reference: f64,
    /// The fused side's distance from it, in ulps.
    pub fused_ulps: f64,
    /// The composed side's distance from it, in ulps.
    pub composed_ulps: f64,
}

/// Which side is nearer to the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nearer {
    /// The fused rule.
    Fused,
    /// The composed expression.
    Composed,
    /// Neither by more than half an ulp.
    Both,
}

/// What one side costs, forward and backward together.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cost {
    /// Median time of one recording and one reverse walk on a warm tape, over 5 to 200 runs.
    pub time: Duration,
    /// Recorded nodes: tensor operations and scalar nodes together, scalar leaves included.
    pub nodes: usize,
    /// Bytes kept for the walk.
    pub bytes: usize,
}

impl Report {
    /// Whether fused and composed are the same function with the same gradient, rounding aside.
    pub fn agrees(&self) -> bool {
        self.sections().all(Section::agrees)
    }

    /// All comparisons: the value, then the gradients.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        std::iter::once(&self.value).chain(&self.gradients)
    }

    /// Panics at the caller's line if the two sides are not the same function.
    ///
    /// # Panics
    /// If a value or a gradient differs by more than rounding; the message is the report.
    #[track_caller]
    pub fn assert_agrees(&self) {
        assert!(
            self.agrees(),
            "fused and composed differ by more than rounding\n{self}"
        );
    }

    /// Panics at the caller's line unless the fused side is within `ulps` of the exact result everywhere.
    ///
    /// # Panics
    /// If the two sides differ by more than rounding, or an element is further off.
    #[track_caller]
    pub fn assert_within(&self, ulps: f64) {
        self.assert_agrees();
        let worst = self.sections().map(|s| s.fused.max).fold(0.0, f64::max);
        assert!(
            worst <= ulps,
            "fused is off by {worst:.1} ulps, {ulps} are allowed\n{self}"
        );
    }
}

impl Section {
    /// Whether both sides compute the same function, rounding aside.
    pub fn agrees(&self) -> bool {
        self.formulas.unwrap_or(self.difference) <= self.bound
    }

    /// Which side is nearer to the truth, each judged at its own worst element.
    pub fn nearer(&self) -> Nearer {
        let (fused, composed) = (self.fused.max, self.composed.max);
        if fused + 0.5 < composed {
            Nearer::Fused
        } else if composed + 0.5 < fused {
            Nearer::Composed
        } else {
            Nearer::Both
        }
    }
}

impl fmt::Display for Nearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fused => "fused",
            Self::Composed => "composed",
            Self::Both => "equal",
        })
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Composed => f.write_str("judged by the composed expression in double-double"),
            Self::Fused(why) => {
                write!(
                    f,
                    "judged by the fused expression in double-double (composed: {why})"
                )
            }
            Self::Nobody(why) => write!(f, "compared with each other only ({why})"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "fused against composed, {}, {}",
            self.element, self.judge
        )?;
        writeln!(
            f,
            "{:<12} {:>22} {:>22} {:>9}   formulas",
            "", "fused max (mean) ulps", "composed max (mean)", "nearer"
        )?;
        for section in self.sections() {
            let agreement = match (section.agrees(), section.formulas) {
                (true, Some(d)) => format!("the same to {d:.0e}"),
                (true, None) => format!("within {:.0e} of each other", section.difference),
                (false, d) => format!("DIFFER by {:.1e}", d.unwrap_or(section.difference)),
            };
            writeln!(
                f,
                "{:<12} {:>22} {:>22} {:>9}   {agreement}",
                section.name,
                section.fused.to_string(),
                section.composed.to_string(),
                section.nearer()
            )?;
        }
        for section in self.sections() {
            if let Some(w) = &section.worst {
                writeln!(
                    f,
                    "worst {} at {:?}{}: fused {:e} ({} ulps), composed {:e} ({} ulps), exact {:e}",
                    section.name,
                    w.index,
                    w.part,
                    w.fused,
                    short(w.fused_ulps),
                    w.composed,
                    short(w.composed_ulps),
                    w.reference
                )?;
            }
            for loss in &section.losses {
                writeln!(f, "  {loss}")?;
            }
        }
        let (a, b) = (&self.fused, &self.composed);
        writeln!(
            f,
            "{:<12} {:>22} {:>22}",
            "time",
            micros(a.time),
            micros(b.time)
        )?;
        writeln!(f, "{:<12} {:>22} {:>22}", "nodes", a.nodes, b.nodes)?;
        write!(f, "{:<12} {:>22} {:>22}", "bytes kept", a.bytes, b.bytes)
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", short(self.max), short(self.mean))
    }
}

/// A number of ulps, printed in few characters.
pub(super) fn short(ulps: f64) -> String {
    if ulps < 1000.0 {
        format!("{ulps:.2}")
    } else {
        format!("{ulps:.1e}")
    }
}

fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}
