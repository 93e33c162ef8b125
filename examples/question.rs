//! The question with which this crate began, answered step by step.
//!
//! A beginner who was writing a first network in numpy asked what `exp(x) / sum(exp(x), axis=0)` does
//! and which arguments its derivative needs, and wanted a clear implementation. The posted answer is
//! wrong in five ways, which are shown here; the checks of this crate reject it.

use std::fmt::Display;

use wengert::{Random, Tape, Tensor, Var, check};

fn main() {
    what_softmax_does();
    what_its_derivative_is();
    why_the_upstream_gradient_is_needed();
    what_the_posted_answer_gets_wrong();
    a_network_that_learns();
}

/// The lines of a text, indented.
fn indented(text: impl Display) -> String {
    let text = text.to_string();
    text.lines().map(|line| format!("      {line}\n")).collect()
}

fn what_softmax_does() {
    println!("1. What exp(x) / sum(exp(x), axis=0) does\n");
    let x = Tensor::from([1.0, 2.0, 3.0]);
    let e = x.exp();
    let total: f64 = e.iter().sum();
    println!("   x               = {x}");
    println!("   exp(x)          = {e:.4}       exp is applied to every element");
    println!("   sum(exp(x))     = {total:.4}");
    println!(
        "   exp(x) / sum    = {:.4}       one number divides every element: broadcasting",
        &e / total
    );
    println!("   They are positive and sum to 1: yes, probabilities.\n");

    let m = Tensor::from([[1.0, 4.0], [2.0, 4.0], [3.0, 4.0]]);
    println!("   On a matrix axis=0 sums down each column, so each column is a distribution:");
    print!("   x =\n{}", indented(&m));
    print!(
        "   softmax(0) =\n{}",
        indented(format!("{:.4}", m.softmax(0)))
    );
    println!("   With one example in each row, as batches usually are, you want axis=1:");
    print!(
        "   softmax(1) =\n{}",
        indented(format!("{:.4}", m.softmax(1)))
    );
    println!("   The axis is never implicit here, because this is where the mistakes are made.\n");
}

fn what_its_derivative_is() {
    println!("2. The derivative\n");
    println!(
        "   Every output depends on every input, so the derivative is a matrix, the Jacobian:"
    );
    println!("   dy_i/dx_j = y_i (1 if i = j else 0) - y_i y_j\n");
    let x = Tensor::from([1.0, 2.0, 3.0]);
    println!("   y = {:.4}", x.softmax(0));
    print!("   J =\n{}", indented(format!("{:.4}", jacobian(&x))));
    println!("   Each row sums to 0: adding a constant to all of x changes nothing.\n");
}

/// The Jacobian, one backward walk for each output.
fn jacobian(x: &Tensor<f64>) -> Tensor<f64> {
    let n = x.len();
    let tape = Tape::new();
    let handle = tape.var(x.clone());
    let y = handle.softmax(0);
    let mut jacobian = Tensor::zeros([n, n]);
    for i in 0..n {
        let row = y.at([i]).backward().wrt(handle);
        jacobian.data_mut()[i * n..][..n].copy_from_slice(row.data());
    }
    jacobian
}

fn why_the_upstream_gradient_is_needed() {
    println!("3. Which arguments the derivative needs\n");
    println!(
        "   A loss L follows the softmax. The chain rule asks for dL/dx = Jᵀ g, where g = dL/dy is"
    );
    println!("   what the layers above hand down. So the function takes y (or x) AND g:");
    println!("   dL/dx_i = y_i (g_i - Σ_j g_j y_j)          no matrix is ever built\n");
    let tape = Tape::new();
    let x = tape.var(Tensor::from([1.0, 2.0, 3.0]));
    let y = x.softmax(0).watch();
    let loss = -(y.at([2]).ln());
    let grads = loss.backward();
    println!("   L = -ln y_2, so g = {:.4}", grads.wrt(y));
    println!(
        "   dL/dx = {:.4} = y - [0, 0, 1], with y = {:.4}\n",
        grads.wrt(x),
        y.value()
    );
}

/// The posted function, line by line: minus exp(x) / denominator² times the sum of exp over the
/// entries that differ from it in value.
fn posted(x: &Tensor<f64>) -> Vec<f64> {
    let denominator: f64 = x.iter().map(|x| x.exp()).sum();
    x.iter()
        .map(|&x_i| {
            let others = x.iter().filter(|&&other| other != x_i);
            let factor: f64 = others.map(|other| other.exp()).sum();
            -x_i.exp() / (denominator * denominator) * factor
        })
        .collect()
}

fn what_the_posted_answer_gets_wrong() {
    println!("4. The posted answer\n");
    let x = Tensor::from([1.0, 2.0, 3.0]);
    let (given, right) = (posted(&x), jacobian(&x));
    println!(
        "   sign:         it gives {:+.4} for dy_0/dx_0, which is {:+.4}",
        given[0],
        right[[0, 0]]
    );
    println!(
        "   off-diagonal: it gives 3 numbers where there are 9; dy_0/dx_2 = {:+.4} is missing",
        right[[0, 2]]
    );

    let tie = Tensor::from([2.0, 2.0]);
    println!(
        "   ties:         for x = [2, 2] it gives {:+.4}, which is {:+.4}: equal entries are skipped",
        posted(&tie)[0],
        jacobian(&tie)[[0, 0]]
    );

    let large = Tensor::from([800.0, 0.0]);
    println!(
        "   overflow:     for x = [800, 0] it gives {:?}; softmax is {}",
        posted(&large),
        large.softmax(0)
    );

    println!(
        "   matrices:     the loop goes over rows, `if other==x` compares two of them, and numpy raises"
    );
    println!(
        "                 a ValueError; besides, each column would need a Jacobian of its own"
    );

    println!("\n   What the checks say of it, wrapped as an op whose value is right:\n");
    let report = check::compare(answered, composed, &x);
    assert!(!report.agrees() && report.value.agrees());
    println!("{}", indented(report));
    let difference = check::difference(|x| answered(x[0]), &[&x]);
    assert!(!difference.passed());
    println!("{}", indented(difference));

    println!("   and of the rule of this crate:\n");
    let report = check::compare(|x| x.softmax(0), composed, &x);
    report.assert_agrees();
    println!("{}", indented(report));
    let difference = check::difference(|x| x[0].softmax(0), &[&x]);
    difference.assert_passed();
    println!("{}", indented(difference));
}

/// Softmax with the posted function as its derivative, as a network would have to use it.
fn answered(x: Var<'_, Tensor<f64>>) -> Var<'_, Tensor<f64>> {
    x.tape().custom(
        "posted softmax",
        [x],
        |[x]| x.softmax(0),
        |[x], _, g| [Tensor::from(posted(x)) * g],
    )
}

/// Softmax from elementary ops, for comparison.
fn composed(x: Var<'_, Tensor<f64>>) -> Var<'_, Tensor<f64>> {
    let e = (x - x.max_keep(0)).exp();
    e / e.sum_keep(0)
}

/// A two-layer network that learns exclusive or.
fn a_network_that_learns() {
    println!("5. A network that learns XOR with it\n");
    let inputs = Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let labels = [0, 1, 1, 0];
    let mut random = Random::new(4);
    let mut w1: Tensor<f64> = random.normal([2, 8], 0.0, 1.0);
    let mut b1 = Tensor::zeros([8]);
    let mut w2: Tensor<f64> = random.normal([8, 2], 0.0, 1.0);
    let mut b2 = Tensor::zeros([2]);
    let mut tape = Tape::new();
    for step in 0..=500 {
        tape.reset();
        let [v1, c1] = [&w1, &b1].map(|p| tape.var(p.clone()));
        let [v2, c2] = [&w2, &b2].map(|p| tape.var(p.clone()));
        let hidden = (tape.constant(inputs.clone()).matmul(v1) + c1).tanh();
        let logits = hidden.matmul(v2) + c2;
        let loss = logits.cross_entropy(1, labels);
        let grads = loss.backward();
        w1 -= grads.wrt(v1) * 0.5;
        b1 -= grads.wrt(c1) * 0.5;
        w2 -= grads.wrt(v2) * 0.5;
        b2 -= grads.wrt(c2) * 0.5;
        if step % 100 == 0 {
            println!(
                "   step {step:>3}: loss {loss:.6}, classes {}",
                logits.value().argmax(1)
            );
        }
    }
}
