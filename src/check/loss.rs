//! Where a formula loses its digits: every step of a recording is compared with the same step run wide.
//!
//! A tape keeps the result of each operation, so the step at which an error entered can be named. Each
//! side of a comparison is traced against its own wide evaluation, so only rounding makes a difference.

use std::fmt;
use std::panic::Location;

use super::recording::Recording;
use super::report::short;
use super::side::Run;
use super::ulps::{distance, scale};
use crate::kernel::Elem;
use crate::tape::{Kind, Node};
use crate::tensor::Tensor;

/// Losses of up to this many ulps need no explanation: a few operations lose half an ulp each.
const USUAL: f64 = 8.0;

/// The step at which one side lost its digits.
///
/// The errors are those of two tensors, each at its worst entry. `index` is the entry of the result that is
/// explained, `place` the one that leaves the step; in a step that mixes entries, what enters may be off elsewhere.
///
/// # Example
/// ```
/// use wengert::{Tensor, check};
///
/// // 1 - cos x keeps four digits at 1e-6, and all at 1.
/// let report = check::compare(
///     |x| (x * 0.5).sin().square() * 2.0,
///     |x| 1.0 - x.cos(),
///     &Tensor::from([1.0, 1e-6]),
/// );
/// let loss = &report.value.losses[0];
/// assert_eq!((loss.side, loss.step.as_str()), ("composed", "sub"));
/// assert_eq!((&loss.index[..], &loss.place[..]), (&[1][..], &[1][..]));
/// assert!(loss.factor() > 1e9);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loss {
    /// Which side: `fused` or `composed`.
    pub side: &'static str,
    /// The step in words, for instance `exp` or `the pullback of div and sum to exp`.
    pub step: String,
    /// The user's line of the operation.
    pub line: &'static Location<'static>,
    /// The entry of the value or gradient at which this side is furthest off. [`Worst`](super::Worst) may be
    /// another one, since it is where either side is.
    pub index: Vec<usize>,
    /// The entry of what leaves the step that is off by `leaving`.
    pub place: Vec<usize>,
    /// The largest error of what enters the step, in ulps; at least the half ulp of one rounding.
    pub entering: f64,
    /// The largest error of what leaves it, in ulps.
    pub leaving: f64,
}

impl Loss {
    /// The cancellation factor: how many times the relative error grew in this step.
    pub fn factor(&self) -> f64 {
        self.leaving / self.entering
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} loses in {} ({}): what enters is right to {} ulps, what leaves to {} at {:?} (cancellation factor {}); \
             the result is furthest off at {:?}",
            self.side,
            self.step,
            self.line,
            short(self.entering),
            short(self.leaving),
            self.place,
            short(self.factor()),
            self.index
        )
    }
}

/// How far a tensor is off at its worst entry, in ulps, and the entry's place in row-major order.
#[derive(Clone, Copy, Default)]
struct Off {
    ulps: f64,
    at: usize,
}

/// One side of a comparison, step by step: how far each value and each cotangent is off.
pub(super) struct Trace<'a, T: Elem> {
    side: &'static str,
    recording: &'a Recording<T>,
    values: Vec<Off>,
    cotangents: Vec<Off>,
}

impl<'a, T: Elem> Trace<'a, T> {
    /// Compares a recording and its walk with the wide ones.
    pub(super) fn new(side: &'static str, run: &'a Run<T>, wide: &Run<T::Wide>) -> Self {
        run.recording.tape.evaluate_all();
        let nodes = run.recording.tape.nodes.borrow();
        let exact = wide.recording.tape.nodes.borrow();
        let values = nodes.iter().zip(exact.iter());
        let cotangents = run.cotangents.iter().zip(&wide.cotangents);
        Self {
            side,
            recording: &run.recording,
            values: values.map(|(a, b)| off(a.value(), b.value())).collect(),
            cotangents: cotangents
                .map(|pair| match pair {
                    (Some(a), Some(b)) => off(a, b),
                    _ => Off::default(),
                })
                .collect(),
        }
    }

    /// The operation in which the value lost its digits, if it did.
    pub(super) fn of_value(&self) -> Option<Loss> {
        let output = self.recording.output.index();
        let result = self.values[output];
        let nodes = self.recording.tape.nodes.borrow();
        let lost = |k: usize| 2.0 * self.values[k].ulps >= result.ulps;
        let at = (0..=output).find(|&k| lost(k) && matches!(nodes[k].kind, Kind::Op { .. }))?;
        let shape = |k: usize| nodes[k].value().shape();
        (result.ulps > USUAL).then(|| Loss {
            side: self.side,
            step: name(&nodes[at]),
            line: nodes[at].line,
            index: shape(output).index_of(result.at),
            place: shape(at).index_of(self.values[at].at),
            entering: self.entering(&nodes[at]),
            leaving: self.values[at].ulps,
        })
    }

    /// The pullback in which the cotangent of one input lost its digits, if it did.
    pub(super) fn of_gradient(&self, input: usize) -> Option<Loss> {
        let input = self.recording.inputs[input].index();
        let result = self.cotangents[input];
        let nodes = self.recording.tape.nodes.borrow();
        let last = self.recording.output.index();
        // In the order of the walk, which runs through the list from its end.
        let at = (0..last)
            .rev()
            .find(|&k| k >= input && 2.0 * self.cotangents[k].ulps >= result.ulps)?;
        let readers = (at + 1..=last).filter(|&k| match &nodes[k].kind {
            Kind::Op { inputs, .. } => inputs.iter().any(|id| id.index() == at),
            _ => false,
        });
        let readers: Vec<usize> = readers.collect();
        let entering = readers.iter().map(|&k| {
            let operands = self.entering(&nodes[k]);
            operands
                .max(self.values[k].ulps)
                .max(self.cotangents[k].ulps)
        });
        let names: Vec<String> = readers.iter().map(|&k| name(&nodes[k])).collect();
        let shape = |k: usize| nodes[k].value().shape();
        (result.ulps > USUAL).then(|| Loss {
            side: self.side,
            step: format!(
                "the pullback of {} to {}",
                names.join(" and "),
                name(&nodes[at])
            ),
            line: readers.first().map_or(nodes[at].line, |&k| nodes[k].line),
            index: shape(input).index_of(result.at),
            place: shape(at).index_of(self.cotangents[at].at),
            entering: entering.fold(0.5, f64::max),
            leaving: self.cotangents[at].ulps,
        })
    }

    /// How far the operands of a node are off, at least the half ulp of one rounding.
    fn entering(&self, node: &Node<T>) -> f64 {
        let Kind::Op { inputs, .. } = &node.kind else {
            return 0.5;
        };
        let errors = inputs.iter().map(|id| self.values[id.index()].ulps);
        errors.fold(0.5, f64::max)
    }
}

/// How far a tensor is from the exact one: the first of its worst entries, in any part of an element.
fn off<T: Elem>(found: &Tensor<T>, exact: &Tensor<T::Wide>) -> Off {
    let of_part = |k: usize| {
        let around = scale(exact, k);
        let pairs = found.iter().zip(exact.iter());
        let errors = pairs.map(move |(&a, &b)| distance(a, b, k, around));
        let entries = errors.enumerate();
        entries.map(|(at, ulps)| Off { ulps, at })
    };
    (0..T::PARTS)
        .flat_map(of_part)
        .fold(Off::default(), |worst, entry| {
            match entry.ulps > worst.ulps {
                true => entry,
                false => worst,
            }
        })
}

/// What a node is called in a sentence.
fn name<T: Elem>(node: &Node<T>) -> String {
    match &node.kind {
        Kind::Op { rule, .. } => rule.name().into(),
        Kind::Leaf => "the input".into(),
        Kind::Constant => "a constant".into(),
        Kind::Pack(_) => "scalars".into(),
    }
}
