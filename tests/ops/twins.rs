//! The twins that rules name for the ledger: each is the same function as its rule.

use wengert::ops::{Draw, Spec, Visitor, visit};
use wengert::{NodeKind, Tape};

/// What a fused rule says its twin is, against the twin itself.
struct Twins(Vec<&'static str>);

impl Visitor for Twins {
    fn op<S: Spec>(&mut self) {
        for seed in 0..8 {
            let sample = S::sample(&mut Draw::new(seed));
            let tape = Tape::new();
            let x: Vec<_> = sample.inputs.iter().map(|x| tape.var(x.clone())).collect();
            let y = S::fused(&x, &sample.with);
            let nodes = tape.nodes();
            for node in nodes.iter().filter(|node| node.kind() == NodeKind::Op) {
                let operands: Vec<_> = node.inputs().map(|input| input.value()).collect();
                let Some(twin) = node.rule().unwrap().twin(&operands) else {
                    continue;
                };
                let found = twin.value();
                assert_eq!(found.shape(), node.shape(), "{}", S::NAME);
                for (a, b) in found.iter().zip(node.value().iter()) {
                    let same = (a - b).abs() <= 1e-12 * (1.0 + b.abs()) || a.is_nan() && b.is_nan();
                    assert!(same, "{}: {a} and {b} at {sample:?}", S::NAME);
                }
                if !self.0.contains(&node.op()) {
                    self.0.push(node.op());
                }
            }
            drop(nodes);
            let _ = y;
        }
    }
}

#[test]
fn every_twin_that_a_rule_names_is_the_same_function() {
    let mut twins = Twins(Vec::new());
    visit(&mut twins);
    let named = [
        "var",
        "std",
        "norm",
        "softmax",
        "log_softmax",
        "logsumexp",
        "cross_entropy",
        "cross_entropy_soft",
        "masked_softmax",
        "softmax_scaled",
        "mse",
        "bce_with_logits",
    ];
    for op in named {
        assert!(twins.0.contains(&op), "{op} names no twin: {:?}", twins.0);
    }
}
