//! What a tape can tell: what is a mistake, where a NaN was born, what is kept, what flows through it.

use std::sync::mpsc::channel;

use wengert::{Random, Tape, Tensor};

fn main() {
    println!("1. Lint: a classifier with four mistakes\n");
    let tape = Tape::new();
    let mut random = Random::new(1);
    let x: Tensor<f64> = random.normal([8, 4], 0.0, 1.0);
    let labels = [0, 1, 2, 0, 1, 2, 0, 1];
    let w = tape.var(random.normal([4, 3], 0.0, 0.5));
    let b = tape.var(Tensor::from([0.1, 0.2, 0.3]));
    let gain = tape.var(Tensor::from([1.5]));
    let shift = tape.var(Tensor::zeros([3]));
    let logits = tape.constant(x.clone()).matmul(w) + b.detach() + shift;
    let steps = (logits.detach() * gain).floor();
    let penalty = shift.square().sum_keep(0).sqrt().sum();
    let loss = (logits + steps).softmax(1).cross_entropy(1, labels) + penalty;
    for lint in loss.lint() {
        println!("{lint}\n");
    }

    println!("2. Birth certificate of a NaN\n");
    let tape = Tape::new().with_lines();
    let p = tape.var(Tensor::from([0.5, 0.5, 0.0]));
    let rate = tape.var(0.0);
    let entropy = -(p * p.ln()).sum();
    let penalty = rate.ln() * rate;
    let loss = entropy + penalty;
    println!("loss {loss}");
    println!("{}\n", loss.diagnose());
    println!("With where_ the unused branch is out of the way:");
    let some = p.value().map(|p| p > 0.0);
    let entropy = -(p * p.where_(&some, 1.0).ln()).sum();
    println!("entropy {entropy:.6}, {}\n", entropy.diagnose());

    println!("3. Ledger: one step of a small network\n");
    let tape = Tape::new();
    let mut layers = Vec::new();
    for sizes in [[4, 16], [16, 3]] {
        layers.push(tape.var(random.normal(sizes, 0.0, 0.5)));
    }
    let (send, seen) = channel();
    let hidden = tape.constant(x).matmul(layers[0]).relu();
    let hidden = hidden.inspect_cotangent(move |g| {
        let largest = g.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        send.send(largest)
            .expect("the receiver lives as long as the tape");
    });
    let loss = hidden.matmul(layers[1]).cross_entropy(1, labels);
    let mut grads = loss.backward();
    println!("{}\n", tape.ledger());

    println!("4. What passes by\n");
    println!(
        "largest cotangent of the hidden layer {:.4}",
        seen.recv().expect("one a walk")
    );
    let norm = grads.clip_by_global_norm(&layers, 0.25);
    println!(
        "global norm {norm:.4}, clipped to {:.4}",
        grads.global_norm(&layers)
    );
}
