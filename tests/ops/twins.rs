//! What rules tell the ledger: twins that are the same function, and why their pullbacks read what they
//! read.

use std::fmt::Debug;

use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::rule::Keeps;
use wengert::{NodeKind, Tape};

/// Ops whose composed form is only for checks: some only move elements, where one node saves nothing, and
/// the forms of the others hold all products at once or are made for the pivots of the samples.
const WITHOUT: [&str; 17] = [
    "at",
    "broadcast_to",
    "cholesky",
    "concat",
    "diagonal",
    "gather",
    "index_select",
    "linear_solve",
    "log_abs_det",
    "matmul",
    "matmul_t",
    "pad",
    "permute",
    "slice",
    "solve_triangular",
    "stack",
    "where_",
];

/// Compares fused rules with the twins they name.
#[derive(Default)]
struct Twins {
    found: usize,
    missing: Vec<&'static str>,
}

impl Visitor for Twins {
    fn op<S: Spec>(&mut self) {
        let (mut named, mut composed) = (false, false);
        for seed in 0..8 {
            let sample = S::sample(&mut Draw::new(seed));
            let tape = Tape::new();
            let x: Vec<_> = sample.inputs.iter().map(|x| tape.var(x.clone())).collect();
            let _ = S::fused(&x, &sample.with);
            named |= twins_agree(&tape, S::NAME, &sample);
            composed |= S::composed(&x, &sample.with).is_some();
        }
        self.found += usize::from(named);
        if named != (composed && !WITHOUT.contains(&S::NAME)) {
            self.missing.push(S::NAME);
        }
    }
}

/// Compares each rule on the tape with the twin it names, and returns whether the op itself names one. Not generic, so
/// that it is compiled once.
fn twins_agree(tape: &Tape, name: &str, sample: &dyn Debug) -> bool {
    let mut named = false;
    for node in tape
        .nodes()
        .iter()
        .filter(|node| node.kind() == NodeKind::Op)
    {
        let operands: Vec<_> = node.inputs().map(|input| input.value()).collect();
        let Some(twin) = node.rule().unwrap().twin(&operands) else {
            continue;
        };
        let found = twin.value();
        assert_eq!(found.shape(), node.shape(), "{name}");
        for (a, b) in found.iter().zip(node.value().iter()) {
            let same = (a - b).abs() <= 1e-12 * (1.0 + b.abs()) || a.is_nan() && b.is_nan();
            assert!(same, "{name}: {a} and {b} at {sample:?}");
        }
        named |= node.op() == name;
    }
    named
}

#[test]
fn every_fused_rule_names_a_twin_that_is_the_same_function() {
    let mut twins = Twins::default();
    visit(&mut twins);
    assert!(twins.missing.is_empty(), "{:?}", twins.missing);
    assert!(twins.found > 40, "{} twins", twins.found);
}

/// Compares what rules declare that their pullbacks read with the words that say why.
struct Reasons(usize);

impl Visitor for Reasons {
    fn op<S: Spec>(&mut self) {
        let sample = S::sample(&mut Draw::new(1));
        let tape = Tape::new();
        let x: Vec<_> = sample.inputs.iter().map(|x| tape.var(x.clone())).collect();
        let _ = S::fused(&x, &sample.with);
        self.0 += reasons(&tape, S::NAME, S::GRADIENT);
    }
}

/// How many nodes of the op explain by its formula what they read, which all must.
fn reasons(tape: &Tape, name: &str, gradient: &str) -> usize {
    let mut found = 0;
    for node in tape.nodes().iter().filter(|node| node.op() == name) {
        let (keeps, why) = (node.keeps().unwrap(), node.why().unwrap());
        assert_eq!(why, gradient);
        let reads = |symbols: &[&str]| {
            let mut words = why.split(|c: char| !c.is_ascii_alphabetic());
            words.any(|word| symbols.contains(&word))
        };
        // An op that keeps nothing passes: it may need no more than the cotangent.
        let named = [
            !keeps.inputs || reads(&["x", "a", "b"]),
            !keeps.output || reads(&["y"]),
            keeps.residual == why.contains("kept"),
        ];
        assert_eq!(named, [true; 3], "{name}, which keeps {keeps}: {why}");
        found += 1;
    }
    found
}

#[test]
fn every_rule_says_by_its_formula_why_it_reads_what_it_reads() {
    let mut reasons = Reasons(0);
    visit(&mut reasons);
    assert!(reasons.0 > 80, "{} ops", reasons.0);
}

#[test]
fn a_rule_that_says_nothing_is_described_by_what_it_keeps() {
    assert_eq!(Keeps::NOTHING.why(), "the cotangent is enough");
    assert_eq!(Keeps::INPUTS_AND_OUTPUT.why(), "slopes from x and y");
    assert_eq!(
        Keeps::OUTPUT.and_residual().why(),
        "slopes from y and statistics kept"
    );
    let tape = Tape::new();
    let x = tape.var(wengert::Tensor::from([1.0, 2.0]));
    let _ = x.inspect_cotangent(|_| ());
    let nodes = tape.nodes();
    assert_eq!(nodes.get(0).unwrap().why(), None);
    assert_eq!(nodes.get(1).unwrap().why(), Some("the cotangent is enough"));
}
