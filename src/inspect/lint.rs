//! `Lint`: recorded operations that are usually a mistake, with the cure.
//!
//! This module knows ops by name, which the tape does not. A lint is advice and never an error.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::panic::Location;

use super::path::{Ahead, Place, Reach, ahead, line, reach};
use crate::backward::Watch;
use crate::kernel::Elem;
use crate::tape::{Entry, NodeKind, NodeView, Nodes, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// One thing that is usually a mistake; `Display` prints `src/main.rs:12: what it is; the cure`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Lint {
    /// Which mistake.
    pub kind: LintKind,
    /// The user's line; `None` for scalar leaves of a tape without lines.
    pub line: Option<&'static Location<'static>>,
    /// What it is, and the cure.
    pub text: String,
}

/// The mistakes that [`Tape::lint`] and [`Var::lint`] look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LintKind {
    /// A loss that takes logits got the output of a softmax or sigmoid.
    ActivatedLogits,
    /// A loss that takes logits got numbers that are probabilities.
    ProbabilitiesAsLogits,
    /// `nll_loss` got probabilities where it takes their logarithms.
    NllOfProbabilities,
    /// The logarithm of a softmax.
    LnOfSoftmax,
    /// The output does not depend on a leaf.
    CutPath,
    /// The output depends on a leaf only through ops whose gradient is 0. Known of ops on tensors alone: a scalar node
    /// does not say which op it is.
    FlatPath,
    /// A square root, norm or deviation at 0.
    RootAtZero,
    /// A mean, variance or loss of no elements.
    MeanOfNothing,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{}: {}", line.file(), line.line(), self.text),
            None => f.write_str(&self.text),
        }
    }
}

const SOFTMAXES: &[&str] = &["softmax", "masked_softmax", "softmax_scaled"];

/// Ops that pass their elements on unchanged.
const THROUGH: &[&str] = &[
    "reshape",
    "permute",
    "slice",
    "broadcast_to",
    "index_select",
    "inspect_cotangent",
    "map_cotangent",
    "clip_cotangent",
];

impl<T: Elem> Tape<T> {
    /// What is recorded but usually a mistake, each with its line and the cure: softmax before cross
    /// entropy, the logarithm of a softmax, probabilities passed as logits, a root at 0, a mean of
    /// nothing.
    ///
    /// [`lint`](Var::lint) of a loss also finds leaves that the loss does not depend on, and skips what it
    /// does not read. Costs one pass over the tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[2.0, 1.0]]));
    /// let loss = x.softmax(1).cross_entropy(1, [0]);
    /// let lints = tape.lint();
    /// assert_eq!(lints.len(), 1);
    /// assert!(lints[0].text.starts_with("cross_entropy takes logits and got the output of softmax"));
    /// # let _ = loss;
    /// ```
    #[must_use]
    pub fn lint(&self) -> Vec<Lint> {
        let (nodes, mut lints) = (self.nodes(), Vec::new());
        let sources = sources(&nodes);
        for node in nodes.iter() {
            lints.extend(of_node(node, |x| nodes.view(sources[x])));
            lints.extend(root_at_zero(node, |_| true));
        }
        once_a_line(lints)
    }

    /// The lints of what `output` depends on, and of leaves before it that it does not depend on.
    fn lint_of(&self, output: Place, roots: impl FnOnce(&mut Roots<'_, T>)) -> Vec<Lint> {
        let nodes = self.nodes();
        let marks = reach(self, output);
        let read = |node: &NodeView<'_, T>| marks.tensors[node.index()].any;
        let sources = sources(&nodes);
        let of_node = |node| of_node(node, |x| nodes.view(sources[x]));
        let mut lints: Vec<Lint> = nodes.iter().filter(read).filter_map(of_node).collect();
        let at_zero = |node: &NodeView<'_, T>| root_at_zero(*node, |_| true).is_some();
        if nodes.iter().filter(read).any(|node| at_zero(&node)) {
            // Only a walk can tell whether anything flows into the root at 0.
            let mut seen = Roots {
                tape: self,
                cotangents: BTreeMap::new(),
            };
            roots(&mut seen);
            for (k, g) in seen.cotangents {
                lints.extend(root_at_zero(nodes.view(k), |at| !g.data()[at].is_zero()));
            }
        }
        let before = match output {
            Place::Tensor(k) => nodes.view(k).node().mark,
            Place::Scalar(k) => k + 1,
        };
        let ahead = LazyCell::new(|| ahead(self, &marks));
        let of_leaf = |leaf, line| {
            self.of_leaf(leaf, line, marks.at(leaf), || {
                LazyCell::force(&ahead).at(leaf)
            })
        };
        for node in nodes.iter().filter(|node| node.kind() == NodeKind::Leaf) {
            let place = Place::Tensor(node.index());
            if (node.node().mark < before || output == place) && !node.value().is_empty() {
                lints.extend(of_leaf(place, Some(node.line())));
            }
        }
        let numbered = self.scalars.numbered().skip(1);
        for (k, entry) in numbered.take_while(|&(k, _)| k < before) {
            if entry.is_source() && !marks.at(Place::Scalar(k)).live {
                let line = self.scalars.origin(k).map(|origin| origin.line);
                lints.extend(of_leaf(Place::Scalar(k), line));
            }
        }
        once_a_line(lints)
    }

    /// What is wrong with how an output depends on a leaf.
    fn of_leaf(
        &self,
        leaf: Place,
        line: Option<&'static Location<'static>>,
        mark: Reach,
        ahead: impl FnOnce() -> Ahead,
    ) -> Option<Lint> {
        let name = match (leaf, line) {
            (Place::Scalar(k), None) => {
                format!(
                    "scalar leaf {} (its line is known on a tape with_lines())",
                    k - 1
                )
            }
            _ => "this leaf".to_string(),
        };
        let (kind, text) = match mark {
            Reach { live: true, .. } => return None,
            Reach { any: false, .. } => {
                let cut = ahead().cut(self);
                (
                    LintKind::CutPath,
                    format!("the output does not depend on {name}: {cut}"),
                )
            }
            _ => {
                let op = ahead().flat(self);
                let text = format!(
                    "the gradient of {name} is 0: every path to the output goes through {op}; straight_through would pass one"
                );
                (LintKind::FlatPath, text)
            }
        };
        Some(Lint { kind, line, text })
    }
}

impl<T: Elem> Var<'_, T> {
    /// What is usually a mistake in what this scalar depends on, and the leaves that it does not
    /// depend on, with the op that cut the path; see [`Tape::lint`].
    ///
    /// Leaves entered after this scalar are ignored. If a root at 0 is found, a reverse walk tells whether
    /// anything flows into it, so hooks are called once more.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (w, v) = (tape.var(Tensor::from([1.0, 2.0])), tape.var(Tensor::from([3.0, 4.0])));
    /// let loss = (w * v.exp().detach()).sum();
    /// let lints = loss.lint();
    /// assert_eq!(lints.len(), 1);
    /// assert!(lints[0].text.starts_with("the output does not depend on this leaf: its path is cut at"));
    /// ```
    #[must_use]
    pub fn lint(self) -> Vec<Lint> {
        let Some(tape) = self.tape else {
            let text = "the output is a plain number, which depends on no leaf".to_string();
            return vec![Lint {
                kind: LintKind::CutPath,
                line: None,
                text,
            }];
        };
        tape.lint_of(Place::Scalar(self.repr.index), |roots| {
            // If a rule fails, the user's own walk will report it.
            let _ = self.walk(roots);
        })
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// [`lint`](Var::lint) for a tensor.
    #[must_use]
    pub fn lint(self) -> Vec<Lint> {
        self.tape()
            .lint_of(Place::Tensor(self.repr.index()), |roots| {
                // If a rule fails, the user's own walk will report it.
                let _ = self.walk(Tensor::ones(self.shape()), roots);
            })
    }
}

/// Keeps the cotangents of roots that are 0 somewhere.
struct Roots<'t, T: Elem> {
    tape: &'t Tape<T>,
    cotangents: BTreeMap<usize, Tensor<T>>,
}

impl<T: Elem> Watch<T> for &mut Roots<'_, T> {
    fn whole(&mut self, k: usize, g: &Tensor<T>) {
        if root_at_zero(self.tape.nodes().view(k), |_| true).is_some() {
            self.cotangents.insert(k, g.clone());
        }
    }

    fn share(&mut self, _: usize, _: usize, _: &Tensor<T>, _: &Tensor<T>) {}
    fn scatter(&mut self, _: usize, _: usize, _: T, _: T, _: T) {}
    fn scalar(&mut self, _: u32, _: &Entry<T>, _: T) {}
}

/// The lint that a node and its operands alone reveal; `source` is the node whose elements an operand has.
fn of_node<'a, T: Elem>(
    node: NodeView<'a, T>,
    source: impl FnOnce(usize) -> NodeView<'a, T>,
) -> Option<Lint> {
    let op = node.op();
    let x = node.inputs().next()?;
    let from = source(x.index());
    let activated = SOFTMAXES.contains(&from.op());
    let got = || format!("got the output of {} ({})", from.op(), line(from));
    let (kind, text) = match op {
        "cross_entropy" | "cross_entropy_soft" if activated => (
            LintKind::ActivatedLogits,
            format!(
                "{op} takes logits and {}: softmax is applied twice, which flattens loss and gradient; pass the logits",
                got()
            ),
        ),
        "bce_with_logits" if from.op() == "sigmoid" => (
            LintKind::ActivatedLogits,
            format!(
                "{op} takes logits and {}: sigmoid is applied twice, which flattens loss and gradient; pass the logits",
                got()
            ),
        ),
        "nll_loss" if activated => (
            LintKind::NllOfProbabilities,
            format!(
                "{op} takes log-probabilities and {}; use log_softmax, or cross_entropy of the logits",
                got()
            ),
        ),
        "ln" if activated => (
            LintKind::LnOfSoftmax,
            format!(
                "ln {}: where a probability rounds to 0 this is -inf and its gradient NaN; use log_softmax",
                got()
            ),
        ),
        "cross_entropy" | "cross_entropy_soft" if are_probabilities(x.value()) => (
            LintKind::ProbabilitiesAsLogits,
            format!(
                "{op} takes logits and got probabilities: all numbers are within 0 and 1 and rows sum to 1; pass the logits, or the negative logarithm at the label is the loss"
            ),
        ),
        "mean" | "var" | "std" | "mse" | "bce_with_logits" | "cross_entropy"
        | "cross_entropy_soft" | "nll_loss"
            if of_nothing(node, x) =>
        {
            (
                LintKind::MeanOfNothing,
                format!(
                    "{op} of nothing (shape {}) is NaN; look for what left no elements{}",
                    x.shape(),
                    match x.value().is_empty() {
                        true => "",
                        false => ", or ignored every label",
                    }
                ),
            )
        }
        _ => return None,
    };
    Some(Lint {
        kind,
        line: Some(node.line()),
        text,
    })
}

/// For each node, the index of the node whose elements it has.
fn sources<T: Elem>(nodes: &Nodes<'_, T>) -> Vec<usize> {
    let mut sources = Vec::with_capacity(nodes.len());
    for node in nodes.iter() {
        let through = node
            .inputs()
            .next()
            .filter(|_| THROUGH.contains(&node.op()));
        sources.push(through.map_or(node.index(), |x| sources[x.index()]));
    }
    sources
}

/// Whether all numbers are within 0 and 1, and the rows along some axis of size two or more sum to 1.
fn are_probabilities<T: Elem>(x: &Tensor<T>) -> bool {
    let within = |&x: &T| x >= T::zero() && x <= T::one();
    let sums = |axis: usize| {
        let rows = x.shape().rows(axis);
        let limit = 1e-6 + 4.0 * rows.n as f64 * T::epsilon().primal();
        rows.n > 1
            && rows.starts().all(|start| {
                let sum: f64 = rows.row(start).map(|at| x.data()[at].primal()).sum();
                (sum - 1.0).abs() <= limit
            })
    };
    !x.is_empty() && x.iter().all(within) && (0..x.rank()).any(sums)
}

/// Whether a mean is over no elements, or a loss over no row that counts.
fn of_nothing<T: Elem>(node: NodeView<'_, T>, x: NodeView<'_, T>) -> bool {
    if x.value().is_empty() {
        return !node.value().is_empty();
    }
    let loss = matches!(node.op(), "cross_entropy" | "nll_loss") && node.shape().rank() == 0;
    loss && node.value().item().is_nan() && x.value().iter().all(|x| x.is_finite())
}

/// A root with a 0 that `counts`.
fn root_at_zero<T: Elem>(node: NodeView<'_, T>, counts: impl Fn(usize) -> bool) -> Option<Lint> {
    let x = node.inputs().next().filter(|x| x.shape().elements() > 0)?;
    let zero = |(at, y): (usize, &T)| *y == T::zero() && counts(at);
    let text = match node.op() {
        "sqrt" if node.value().iter().enumerate().any(zero) => {
            "sqrt at 0 has an infinite slope; add a small number under the root, or choose the element away with where_"
        }
        "rsqrt" if x.value().iter().enumerate().any(zero) => {
            "rsqrt at 0 is infinite; add a small number under the root"
        }
        "norm" if node.value().iter().enumerate().any(zero) => {
            "norm at 0 has no gradient, 0 is taken; use the sum of squares, or add a small number under a root"
        }
        "std" if node.value().iter().enumerate().any(zero) => {
            "std of equal elements has no gradient, 0 is taken; use var, or add a small number under a root"
        }
        _ => return None,
    };
    let (kind, line) = (LintKind::RootAtZero, Some(node.line()));
    Some(Lint {
        kind,
        line,
        text: text.into(),
    })
}

/// Each lint once, in order: a line in a loop is one mistake.
fn once_a_line(mut lints: Vec<Lint>) -> Vec<Lint> {
    let mut seen = HashSet::new();
    lints.retain(|lint| seen.insert(lint.clone()));
    lints
}
