//! Lint: each mistake with its text and line, and nothing where there is no mistake.

use wengert::inspect::{Lint, LintKind};
use wengert::{LossOptions, Random, Tape, Tensor, Var};

/// Kind, line and text of each lint.
fn found(lints: &[Lint]) -> Vec<(LintKind, u32, &str)> {
    let line = |lint: &Lint| {
        let line = lint.line.expect("tensor nodes have a line");
        assert_eq!(line.file(), file!());
        line.line()
    };
    lints
        .iter()
        .map(|lint| (lint.kind, line(lint), lint.text.as_str()))
        .collect()
}

fn logits(tape: &Tape) -> Var<'_, Tensor<f64>> {
    tape.var(Tensor::from([[2.0, 1.0, 0.0], [0.0, 3.0, -1.0]]))
}

#[test]
fn softmax_before_a_loss_that_takes_logits() {
    let tape = Tape::new();
    let x = logits(&tape);
    let line = line!() + 1;
    let y = x.softmax(1).reshape([2, 3]);
    let loss = y.cross_entropy(1, [0, 1]);
    let text = format!(
        "cross_entropy takes logits and got the output of softmax ({}:{line}): softmax is applied twice, which flattens loss and gradient; pass the logits",
        file!()
    );
    let expected = [(LintKind::ActivatedLogits, line + 1, text.as_str())];
    assert_eq!(found(&tape.lint()), expected);
    assert_eq!(found(&loss.lint()), expected);
    assert_eq!(
        loss.lint()[0].to_string(),
        format!("{}:{}: {text}", file!(), line + 1)
    );
    // A loss that does not read it is not blamed for it.
    assert_eq!(x.sum().lint(), []);
    let line = line!() + 1;
    let loss = x.sigmoid().bce_with_logits(Tensor::ones([2, 3]));
    let text = format!(
        "bce_with_logits takes logits and got the output of sigmoid ({}:{line}): sigmoid is applied twice, which flattens loss and gradient; pass the logits",
        file!()
    );
    assert_eq!(
        found(&loss.lint()),
        [(LintKind::ActivatedLogits, line, text.as_str())]
    );
    // Soft targets may come from a softmax; only the logits may not.
    assert_eq!(x.cross_entropy_soft(1, x.softmax(1)).lint(), []);
}

#[test]
fn the_logarithm_of_a_softmax_and_nll_of_probabilities() {
    let tape = Tape::new();
    let x = logits(&tape);
    let line = line!() + 1;
    let loss = x.softmax(1).ln().nll_loss(1, [0, 1]);
    let text = format!(
        "ln got the output of softmax ({}:{line}): where a probability rounds to 0 this is -inf and its gradient NaN; use log_softmax",
        file!()
    );
    assert_eq!(
        found(&loss.lint()),
        [(LintKind::LnOfSoftmax, line, text.as_str())]
    );
    let line = line!() + 1;
    let loss = x.softmax(1).nll_loss(1, [0, 1]);
    let text = format!(
        "nll_loss takes log-probabilities and got the output of softmax ({}:{line}); use log_softmax, or cross_entropy of the logits",
        file!()
    );
    assert_eq!(
        found(&loss.lint()),
        [(LintKind::NllOfProbabilities, line, text.as_str())]
    );
    assert_eq!(x.log_softmax(1).nll_loss(1, [0, 1]).lint(), []);
}

#[test]
fn probabilities_that_are_passed_as_logits() {
    let tape = Tape::new();
    let e = logits(&tape).exp();
    let p = e / e.sum_keep(1); // a softmax by hand
    let line = line!() + 1;
    let loss = p.cross_entropy(1, [0, 1]);
    let text = "cross_entropy takes logits and got probabilities: all numbers are within 0 and 1 and rows sum to 1; pass the logits, or the negative logarithm at the label is the loss";
    assert_eq!(
        found(&loss.lint()),
        [(LintKind::ProbabilitiesAsLogits, line, text)]
    );
    // Numbers within 0 and 1 whose rows do not sum to 1 may be logits.
    let x = tape.var(Tensor::from([[0.9, 0.2, 0.1], [0.1, 0.8, 0.3]]));
    assert_eq!(
        found(&x.cross_entropy(1, [0, 1]).lint()).len(),
        1,
        "the other leaf alone"
    );
    assert_eq!(x.cross_entropy(1, [0, 1]).lint()[0].kind, LintKind::CutPath);
}

#[test]
fn a_leaf_that_the_loss_does_not_depend_on_and_what_cut_the_path() {
    let tape = Tape::new();
    let line = line!() + 1;
    let w = tape.var(Tensor::from([1.0, 2.0]));
    let v = tape.var(Tensor::from([3.0, 4.0]));
    let unused = tape.var(Tensor::from([5.0]));
    let dead = tape.var(Tensor::from([6.0]));
    let _ = dead.exp() * 2.0;
    let loss = (w * v.exp().detach()).sum();
    let start = "the output does not depend on this leaf: ";
    let off = "what value() or argmax() takes off the tape has no gradient";
    let texts = [
        format!(
            "{start}its path is cut at {}:{}, where a value goes on as a constant (detach, or value() as an operand)",
            file!(),
            line + 5
        ),
        format!("{start}no tensor operation reads it; {off}"),
        format!(
            "{start}its path ends in mul at {}:{}, which the output does not read; {off}",
            file!(),
            line + 4
        ),
    ];
    let expected: Vec<_> = (0..3)
        .map(|k| (LintKind::CutPath, line + 1 + k as u32, texts[k].as_str()))
        .collect();
    assert_eq!(found(&loss.lint()), expected);
    assert_eq!(tape.lint(), [], "without an output nothing is unused");
    // A leaf that is entered later belongs to another output.
    let later = tape.var(Tensor::from([7.0]));
    assert_eq!(loss.lint().len(), 3);
    // As an operand, a value is a constant.
    let line = line!() + 1;
    let loss = (w * later.value()).sum();
    let lints = loss.lint();
    assert!(
        lints
            .last()
            .unwrap()
            .text
            .contains(&format!("cut at {}:{line}", file!()))
    );
    let _ = unused;
}

#[test]
fn a_leaf_behind_an_op_without_a_gradient() {
    let tape = Tape::new();
    let line = line!() + 1;
    let x = tape.var(Tensor::from([0.5, -1.5]));
    let hard = (x * 2.0).floor();
    let text = format!(
        "the gradient of this leaf is 0: every path to the output goes through floor at {}:{}; straight_through would pass one",
        file!(),
        line + 1
    );
    assert_eq!(
        found(&hard.sum().lint()),
        [(LintKind::FlatPath, line, text.as_str())]
    );
    assert_eq!(
        found(&hard.exp().lint()),
        [(LintKind::FlatPath, line, text.as_str())]
    );
    assert_eq!((hard * x).sum().lint(), [], "there is another path");
    assert_eq!(x.straight_through(|x| x.map(f64::floor)).sum().lint(), []);
}

#[test]
fn scalar_leaves_have_lines_on_a_tape_with_lines() {
    let tape = Tape::new().with_lines();
    let line = line!() + 1;
    let (a, b) = (tape.var(1.0), tape.var(2.0));
    let x = tape.var(Tensor::from([1.0, 2.0]));
    let loss = (x * a).sum() * a;
    let off = "what value() or argmax() takes off the tape has no gradient";
    let text =
        format!("the output does not depend on this leaf: no tensor operation reads it; {off}");
    assert_eq!(
        found(&loss.lint()),
        [(LintKind::CutPath, line, text.as_str())]
    );
    let _ = b;
    let tape = Tape::new();
    let (a, b) = (tape.var(1.0), tape.var(2.0));
    let lints = (a * a * a.exp()).tensor().lint();
    let text = format!(
        "the output does not depend on scalar leaf 1 (its line is known on a tape with_lines()): no tensor operation reads it; {off}"
    );
    assert_eq!(lints.len(), 1);
    assert_eq!((lints[0].to_string(), lints[0].line), (text, None));
    let _ = b;
    let number = Var::<f64>::number(1.0).lint();
    assert_eq!(
        number[0].text,
        "the output is a plain number, which depends on no leaf"
    );
}

#[test]
fn roots_at_zero_where_something_flows() {
    let tape = Tape::new();
    let x = tape.var(Tensor::from([0.0, 4.0]));
    let line = line!() + 1;
    let loss = x.sqrt().sum();
    let text = "sqrt at 0 has an infinite slope; add a small number under the root, or choose the element away with where_";
    assert_eq!(found(&loss.lint()), [(LintKind::RootAtZero, line, text)]);
    // Not chosen: nothing flows into the root at 0.
    let away = x.sqrt().where_(&Tensor::from([false, true]), 0.0).sum();
    assert_eq!(away.lint(), []);
    assert_eq!(
        found(&tape.lint()).len(),
        2,
        "without an output it is not known what flows"
    );
    let tape = Tape::new();
    let x = tape.var(Tensor::from([[0.0, 0.0], [3.0, 4.0]]));
    let line = line!() + 1;
    let loss = x.norm_axis(1).sum() + x.std_axis(1, 0).sum() + (x + 1.0).norm();
    let texts = [
        "norm at 0 has no gradient, 0 is taken; use the sum of squares, or add a small number under a root",
        "std of equal elements has no gradient, 0 is taken; use var, or add a small number under a root",
    ];
    let lints = loss.lint();
    let expected = texts.map(|text| (LintKind::RootAtZero, line, text));
    assert_eq!(found(&lints), expected);
    let line = line!() + 1;
    let loss = x.std_axis(1, 0).sum();
    assert_eq!(
        found(&loss.lint()),
        [(LintKind::RootAtZero, line, texts[1])]
    );
}

#[test]
fn a_mean_of_nothing_and_a_loss_without_a_row_that_counts() {
    let tape = Tape::new();
    let x = tape.var(Tensor::<f64>::zeros([0, 3]));
    let line = line!() + 1;
    let loss = x.mean();
    let text = "mean of nothing (shape [0, 3]) is NaN; look for what left no elements";
    assert_eq!(found(&loss.lint()), [(LintKind::MeanOfNothing, line, text)]);
    let tape = Tape::new();
    let x = logits(&tape);
    let options = LossOptions::new().ignore_index(1);
    let line = line!() + 1;
    let loss = x.cross_entropy_with(1, [1, 1], &options);
    let text = "cross_entropy of nothing (shape [2, 3]) is NaN; look for what left no elements, or ignored every label";
    assert_eq!(found(&loss.lint()), [(LintKind::MeanOfNothing, line, text)]);
    assert_eq!(x.sum().lint(), []);
    let tape = Tape::new();
    let x = tape.var(Tensor::<f64>::zeros([0, 3]));
    let line = line!() + 1;
    let loss = x.cross_entropy_soft(1, Tensor::zeros([0, 3]));
    let text =
        "cross_entropy_soft of nothing (shape [0, 3]) is NaN; look for what left no elements";
    assert_eq!(found(&loss.lint()), [(LintKind::MeanOfNothing, line, text)]);
}

/// The network of the example `digits` has no lint, in training and with a hook.
#[test]
fn a_network_as_it_should_be_has_no_lint() {
    let mut random = Random::new(3);
    let x: Tensor<f32> = random.uniform([32, 64], 0.0, 1.0);
    let labels: Vec<usize> = (0..32).map(|_| random.below(10)).collect();
    let tape = Tape::<f32>::default();
    let layers: Vec<_> = [64, 96, 48, 10]
        .windows(2)
        .map(|w| {
            (
                tape.var(random.normal([w[0], w[1]], 0.0, 0.1)),
                tape.var(Tensor::zeros([w[1]])),
            )
        })
        .collect();
    let mut y = tape.constant(x);
    for (k, (w, b)) in layers.iter().enumerate() {
        let input = if k == 0 { y } else { y.relu() };
        y = input.matmul(*w) + *b;
    }
    let loss = y.inspect_cotangent(|_| {}).cross_entropy(1, &labels);
    assert_eq!(loss.lint(), []);
    assert_eq!(tape.lint(), []);
    assert!(loss.diagnose().is_finite());
    // A loop makes one lint per line, not per iteration.
    let noisy: Vec<_> = (0..5)
        .map(|_| y.softmax(1).cross_entropy(1, &labels))
        .collect();
    assert_eq!(tape.lint().len(), 1);
    assert_eq!(noisy.len(), 5);
}

#[test]
fn a_hundred_thousand_reshapes_neither_recurse_nor_hide_a_softmax() {
    let tape = Tape::new();
    let mut y = logits(&tape).softmax(1);
    for _ in 0..100_000 {
        y = y.reshape([2, 3]);
    }
    let loss = y.cross_entropy(1, [0, 1]);
    for lints in [tape.lint(), loss.lint()] {
        let kinds: Vec<_> = lints.iter().map(|lint| lint.kind).collect();
        assert_eq!(kinds, [LintKind::ActivatedLogits]);
    }
}

#[test]
fn a_hundred_thousand_leaves_are_judged_in_one_pass() {
    let tape = Tape::new();
    let x = tape.vars(&vec![1.0; 100_000]);
    let unread = tape.var(Tensor::from([1.0]));
    let line = line!() + 1;
    let _ = unread.exp();
    let lints = (x[0] * x[1]).lint();
    assert_eq!(lints.len(), 99_999, "one for each leaf but two");
    let ends = |k: usize| {
        format!(
            "the output does not depend on scalar leaf {k} (its line is known on a tape with_lines()): no tensor operation reads it; what value() or argmax() takes off the tape has no gradient"
        )
    };
    assert_eq!(lints.last().unwrap().text, ends(99_999));
    assert!(
        lints[1..]
            .iter()
            .zip(2..)
            .all(|(lint, k)| lint.text == ends(k))
    );
    let text = format!(
        "the output does not depend on this leaf: its path ends in exp at {}:{line}, which the output does not read; what value() or argmax() takes off the tape has no gradient",
        file!()
    );
    assert_eq!(lints[0].text, text);
}
