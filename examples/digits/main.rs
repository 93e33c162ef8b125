//! The main job: a network that reads handwritten digits, and a report on its own gradients.
//!
//! Trains 64-96-48-10 with ReLU, softmax and cross entropy on 1437 of 1797 images, tests it on the
//! rest, and then compares the fused loss with the same loss composed of elementary ops, in the
//! gradient at the logits and in that of the first weight matrix. Drawings go to `target/`.

mod data;
mod draw;
mod network;

use std::error::Error;

use indicatif::{ProgressBar, ProgressStyle};
use wengert::{Random, Tape, Tensor, Var, check};

use data::Digits;
use network::{Adam, Network};

const SEED: u64 = 12;
const EPOCHS: usize = 40;
const BATCH: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = Random::new(SEED);
    let (train, test) = Digits::read(include_str!("../data/digits.csv"))?.split(0.8, &mut random);
    let mut network = Network::new(&[64, 96, 48, 10], &mut random);
    let mut adam = Adam::new(&network, 2e-3);

    let bar = ProgressBar::new(EPOCHS as u64).with_style(ProgressStyle::with_template(
        "{bar:30} epoch {pos}/{len}  {msg}",
    )?);
    let mut tape = Tape::<f32>::default();
    let mut curve = Vec::new();
    for epoch in 0..EPOCHS {
        let mut total = 0.0;
        let order = random.permutation(train.len());
        for batch in order.chunks(BATCH) {
            let (images, labels) = train.batch(batch);
            tape.reset();
            let parameters = network.enter(&tape);
            let logits = Network::logits(tape.constant(images), &parameters);
            let loss = logits.cross_entropy(1, &labels);
            total += loss.value() * labels.len() as f32;
            let grads = loss.backward();
            adam.step(&mut network, |k| grads.wrt(parameters[k]));
        }
        // A rate that falls to zero settles the last epochs.
        adam.rate = 2e-3 * (1.0 - (epoch + 1) as f32 / EPOCHS as f32);
        curve.push(total / train.len() as f32);
        bar.set_message(format!("loss {:.5}", total / train.len() as f32));
        bar.inc(1);
    }
    bar.finish();

    let (images, labels) = test.batch(&(0..test.len()).collect::<Vec<_>>());
    let logits = network.evaluate(&images);
    let guesses = logits.argmax(1);
    let right = guesses.iter().zip(&labels).filter(|(a, b)| a == b).count();
    let accuracy = right as f64 / labels.len() as f64;
    println!(
        "loss after the first epoch {:.4}, after the last {:.6}",
        curve[0],
        curve[EPOCHS - 1]
    );
    println!(
        "test accuracy {:.2} % ({right} of {} images)\n",
        100.0 * accuracy,
        labels.len()
    );

    judge_logits(&logits, &labels);
    judge_first_weights(&network, &images, &labels);

    draw::loss_curve("target/digits-loss.svg", &curve)?;
    draw::confusion("target/digits-confusion.svg", guesses.data(), &labels)?;
    // The image that the network is least sure of shows the most.
    let y = logits.softmax(1);
    let unsure = least_sure(&y);
    let row = Tensor::from(&logits.data()[unsure * 10..][..10]);
    draw::jacobian("target/digits-jacobian.svg", &jacobian(&row))?;
    println!(
        "drawn: target/digits-loss.svg, target/digits-confusion.svg, target/digits-jacobian.svg"
    );

    if accuracy < 0.97 {
        return Err(format!("test accuracy {accuracy:.4} is below 0.97").into());
    }
    Ok(())
}

/// The mean cross entropy with the crate's fused rule.
fn fused<'t>(logits: Var<'t, Tensor<f32>>, labels: &[usize]) -> Var<'t, Tensor<f32>> {
    logits.cross_entropy(1, labels).tensor()
}

/// The same from elementary ops, as one would write it in numpy.
fn composed<'t>(logits: Var<'t, Tensor<f32>>, labels: &[usize]) -> Var<'t, Tensor<f32>> {
    let e = (logits - logits.max_keep(1)).exp();
    let y = e / e.sum_keep(1);
    let mut picked = Tensor::zeros(logits.shape());
    for (row, &label) in labels.iter().enumerate() {
        picked[[row, label]] = -1.0 / labels.len() as f32;
    }
    (y.ln() * picked).sum().tensor()
}

fn judge_logits(logits: &Tensor<f32>, labels: &[usize]) {
    println!("The gradient at the logits of the test images:");
    let report = check::compare(|x| fused(x, labels), |x| composed(x, labels), logits);
    println!("{report}\n");
    report.assert_agrees();
}

fn judge_first_weights(network: &Network, images: &Tensor<f32>, labels: &[usize]) {
    println!("The gradient of the first weight matrix, through the whole network:");
    let report = check::compare(
        |w| fused(network.logits_with_first(images, w), labels),
        |w| composed(network.logits_with_first(images, w), labels),
        &network.parameters[0],
    );
    println!("{report}\n");
    report.assert_agrees();
}

/// The row whose largest probability is smallest.
fn least_sure(y: &Tensor<f32>) -> usize {
    let sure = y
        .data()
        .chunks(10)
        .map(|row| row.iter().copied().fold(0.0, f32::max));
    let least = sure.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
    least.map_or(0, |(row, _)| row)
}

/// The Jacobian of softmax at one row of logits.
fn jacobian(row: &Tensor<f32>) -> Tensor<f32> {
    row.softmax_jacobian(0)
}
