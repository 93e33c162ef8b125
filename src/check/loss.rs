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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loss {
    /// Which side: `fused` or `composed`.
    pub side: &'static str,
    /// The step in words, for instance `exp` or `the pullback of div and sum to exp`.
    pub step: String,
    /// The user's line of the operation.
    pub line: &'static Location<'static>,
    /// The error of what enters the step, in ulps; at least the half ulp of one rounding.
    pub entering: f64,
    /// The error of what leaves it, in ulps.
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
            "{} loses in {} ({}): what enters is right to {} ulps, what leaves to {} (cancellation factor {})",
            self.side,
            self.step,
            self.line,
            short(self.entering),
            short(self.leaving),
            short(self.factor())
        )
    }
}

/// One side of a comparison, step by step: how far each value and each cotangent is off.
pub(super) struct Trace<'a, T: Elem> {
    side: &'static str,
    recording: &'a Recording<T>,
    values: Vec<f64>,
    cotangents: Vec<f64>,
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
                    _ => 0.0,
                })
                .collect(),
        }
    }

    /// The operation in which the value lost its digits, if it did.
    pub(super) fn of_value(&self) -> Option<Loss> {
        let output = self.recording.output.index();
        let nodes = self.recording.tape.nodes.borrow();
        let lost = |k: usize| 2.0 * self.values[k] >= self.values[output];
        let at = (0..=output).find(|&k| lost(k) && matches!(nodes[k].kind, Kind::Op { .. }))?;
        let entering = self.entering(&nodes[at]);
        self.loss(name(&nodes[at]), nodes[at].line, entering, self.values[at])
    }

    /// The pullback in which the cotangent of one input lost its digits, if it did.
    pub(super) fn of_gradient(&self, input: usize) -> Option<Loss> {
        let input = self.recording.inputs[input].index();
        let nodes = self.recording.tape.nodes.borrow();
        let last = self.recording.output.index();
        // In the order of the walk, which runs through the list from its end.
        let at = (0..last)
            .rev()
            .find(|&k| k >= input && 2.0 * self.cotangents[k] >= self.cotangents[input])?;
        let readers = (at + 1..=last).filter(|&k| match &nodes[k].kind {
            Kind::Op { inputs, .. } => inputs.iter().any(|id| id.index() == at),
            _ => false,
        });
        let readers: Vec<usize> = readers.collect();
        let entering = readers.iter().map(|&k| {
            let operands = self.entering(&nodes[k]);
            operands.max(self.values[k]).max(self.cotangents[k])
        });
        let entering = entering.fold(0.5, f64::max);
        let names: Vec<String> = readers.iter().map(|&k| name(&nodes[k])).collect();
        let step = format!(
            "the pullback of {} to {}",
            names.join(" and "),
            name(&nodes[at])
        );
        let line = readers.first().map_or(nodes[at].line, |&k| nodes[k].line);
        self.loss(step, line, entering, self.cotangents[at])
    }

    /// How far the operands of a node are off, at least the half ulp of one rounding.
    fn entering(&self, node: &Node<T>) -> f64 {
        let Kind::Op { inputs, .. } = &node.kind else {
            return 0.5;
        };
        let errors = inputs.iter().map(|id| self.values[id.index()]);
        errors.fold(0.5, f64::max)
    }

    fn loss(
        &self,
        step: String,
        line: &'static Location<'static>,
        entering: f64,
        leaving: f64,
    ) -> Option<Loss> {
        (leaving > USUAL).then_some(Loss {
            side: self.side,
            step,
            line,
            entering,
            leaving,
        })
    }
}

/// How far a tensor is from the exact one at its worst element, in ulps.
fn off<T: Elem>(found: &Tensor<T>, exact: &Tensor<T::Wide>) -> f64 {
    let of_part = |k: usize| {
        let around = scale(exact, k);
        let pairs = found.iter().zip(exact.iter());
        let errors = pairs.map(move |(&a, &b)| distance(a, b, k, around));
        errors.fold(0.0, f64::max)
    };
    (0..T::PARTS).map(of_part).fold(0.0, f64::max)
}

/// What a node is called in a sentence.
fn name<T: Elem>(node: &Node<T>) -> String {
    match &node.kind {
        Kind::Op { rule, .. } => rule.name().into(),
        Kind::Leaf => "the input".into(),
        Kind::Constant => "a constant".into(),
        Kind::Pack { .. } => "scalars".into(),
    }
}
