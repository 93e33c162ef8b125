//! The clock: records and walks a workload on a reused tape, and reports what that took.
//!
//! The rule is that of the peers' programs: the least of many samples of at least a millisecond.

use std::fmt;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use wengert::{Tape, Var};

use crate::workload::Workload;

/// What can be measured.
pub trait Subject {
    fn name(&self) -> &'static str;
    fn size(&self) -> usize;
    fn inputs(&self) -> &[f64];
    fn outputs(&self) -> usize;
    fn operations(&self) -> usize;

    /// The first output in plain numbers.
    fn value(&self, x: &[f64]) -> f64;

    /// Records on the reset tape, calls `recorded`, walks, writes one gradient after the other, and returns the
    /// first output.
    ///
    /// No clock is read inside: three readings take as long as half of K7, and the C++ programs read none either.
    fn gradient(&self, tape: &mut Tape, gradient: &mut [f64], recorded: &mut dyn FnMut()) -> f64;
}

/// Records a function of scalar handles and walks, as [`Subject::gradient`] does.
pub fn differentiate<Y: for<'t> Record<'t>>(
    tape: &mut Tape,
    x: &[f64],
    gradient: &mut [f64],
    recorded: &mut dyn FnMut(),
    function: Y,
) -> f64 {
    tape.reset();
    let handles = tape.vars(x);
    let y = function.record(&handles);
    recorded();
    let outputs = y.as_ref().iter();
    for (y, gradient) in outputs.zip(gradient.chunks_mut(x.len())) {
        let gradients = y.backward();
        for (entry, &x) in gradient.iter_mut().zip(&handles) {
            *entry = gradients.wrt(x);
        }
    }
    y.as_ref()[0].value()
}

/// A function of scalar handles.
pub trait Record<'t> {
    type Outputs: AsRef<[Var<'t, f64>]>;
    fn record(self, x: &[Var<'t, f64>]) -> Self::Outputs;
}

impl<'t, W: Workload> Record<'t> for &W {
    type Outputs = W::Outputs<Var<'t, f64>>;

    #[inline]
    fn record(self, x: &[Var<'t, f64>]) -> Self::Outputs {
        self.eval(x)
    }
}

impl<W: Workload> Subject for W {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn size(&self) -> usize {
        Workload::size(self)
    }

    fn inputs(&self) -> &[f64] {
        Workload::inputs(self)
    }

    fn outputs(&self) -> usize {
        size_of::<W::Outputs<f64>>() / size_of::<f64>()
    }

    fn operations(&self) -> usize {
        Workload::operations(self)
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.eval(x).as_ref()[0]
    }

    fn gradient(&self, tape: &mut Tape, gradient: &mut [f64], recorded: &mut dyn FnMut()) -> f64 {
        differentiate(tape, Workload::inputs(self), gradient, recorded, self)
    }
}

/// The result of a measurement, written as one line of JSON with the fields of the peers' programs.
pub struct Report {
    pub workload: &'static str,
    pub size: usize,
    pub operations: usize,
    pub primal_us: f64,
    pub gradient_us: f64,
    pub median_us: f64,
    pub record_us: f64,
    pub reverse_us: f64,
    pub first_us: f64,
    pub fresh_us: f64,
    pub bytes: usize,
    pub value: f64,
    pub gradient: Vec<f64>,
}

impl Report {
    /// Measures for about three times `budget`.
    pub fn of(subject: &dyn Subject, budget: Duration) -> Self {
        let x = subject.inputs();
        let (primal_us, _) = sample(budget, || {
            black_box(subject.value(black_box(x)));
        });
        let mut gradient = vec![0.0; x.len() * subject.outputs()];
        let mut tape = Tape::new();
        let start = Instant::now();
        let value = subject.gradient(&mut tape, &mut gradient, &mut || ());
        let first_us = microseconds(start.elapsed());
        let bytes = tape.bytes();

        let (gradient_us, median_us) = sample(budget, || {
            subject.gradient(&mut tape, black_box(&mut gradient), &mut || ());
        });
        let [mut record_us, mut reverse_us] = [f64::INFINITY; 2];
        for _ in 0..if gradient_us > 1e5 { 3 } else { 30 } {
            let start = Instant::now();
            let mut recorded = start;
            subject.gradient(&mut tape, &mut gradient, &mut || recorded = Instant::now());
            reverse_us = reverse_us.min(microseconds(recorded.elapsed()));
            record_us = record_us.min(microseconds(recorded - start));
        }
        let (fresh_us, _) = sample(budget / 2, || {
            tape = Tape::new();
            subject.gradient(&mut tape, black_box(&mut gradient), &mut || ());
        });
        Self {
            workload: subject.name(),
            size: subject.size(),
            operations: subject.operations(),
            primal_us,
            gradient_us,
            median_us,
            record_us,
            reverse_us,
            first_us,
            fresh_us,
            bytes,
            value,
            gradient,
        }
    }

    /// Nanoseconds per operation, recorded and walked.
    pub fn ns_per_op(&self) -> f64 {
        1e3 * self.gradient_us / self.operations as f64
    }

    /// Bytes on the tape per operation.
    pub fn bytes_per_op(&self) -> f64 {
        self.bytes as f64 / self.operations as f64
    }

    /// One number that tells gradients apart, computed as in the peers' programs.
    pub fn checksum(&self) -> f64 {
        let weighted = self.gradient.iter().enumerate();
        weighted.map(|(i, g)| g * (1.0 + (i % 7) as f64)).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = self.gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let fields = [
            ("n", self.size.to_string()),
            ("primal_us", format!("{:.4}", self.primal_us)),
            ("grad_us", format!("{:.4}", self.gradient_us)),
            ("ratio", format!("{:.3}", self.gradient_us / self.primal_us)),
            ("bytes_per_op", format!("{:.2}", self.bytes_per_op())),
            ("peak_rss_mb", format!("{:.1}", peak_memory())),
            ("ops", self.operations.to_string()),
            ("ns_per_op", format!("{:.3}", self.ns_per_op())),
            ("record_us", format!("{:.3}", self.record_us)),
            ("reverse_us", format!("{:.3}", self.reverse_us)),
            ("grad_median_us", format!("{:.4}", self.median_us)),
            ("first_us", format!("{:.2}", self.first_us)),
            ("fresh_us", format!("{:.3}", self.fresh_us)),
            ("tape_mb", format!("{:.3}", self.bytes as f64 / 1048576.0)),
            ("y", format!("{:.15e}", self.value)),
            ("gchk", format!("{:.13e}", self.checksum())),
            ("gmax", format!("{largest:.6e}")),
        ];
        let name = self.workload;
        write!(f, "{{\"impl\":\"wengert\",\"workload\":\"{name}\"")?;
        for (key, value) in fields {
            write!(f, ",\"{key}\":{value}")?;
        }
        f.write_str("}")
    }
}

/// The least and the median time of a call, in microseconds.
pub fn sample(budget: Duration, mut call: impl FnMut()) -> (f64, f64) {
    let mut time = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        microseconds(start.elapsed()) / calls as f64
    };
    let one = time(1);
    let calls = if one > 1000.0 {
        1
    } else {
        (1000.0 / one.max(0.01)) as usize + 1
    };
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.len() < 3 || (start.elapsed() < budget && samples.len() < 400) {
        samples.push(time(calls));
    }
    samples.sort_by(f64::total_cmp);
    (samples[0], samples[samples.len() / 2])
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The peak memory of this process, in megabytes; 0 where the system does not tell.
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
