//! Causal attention in ordinary expressions: scores and weights exist for one head at a time.
//!
//! `cargo run --release --example attention` computes the gradients of queries, keys and values at several lengths,
//! once with all intermediates on the tape and once in the tape's usual way, and compares memory, time and bits.

use std::time::{Duration, Instant};

use wengert::{Random, Tape, Tensor};

const SEQUENCES: usize = 2;
const HEADS: usize = 8;
const WIDTH: usize = 64;

/// The gradients, and what they took.
struct Run {
    gradients: [Tensor<f32>; 3],
    /// Bytes on the tape beyond its leaves, and of cotangents in the walk beyond the gradients.
    kept: usize,
    walk: usize,
    time: Duration,
}

/// Gradients of `softmax(q kᵀ / √width) v`, where a query sees no later key.
fn attend(tape: &mut Tape<f32>, leaves: &[Tensor<f32>; 3], g: &Tensor<f32>) -> Run {
    let n = leaves[0].shape()[2];
    let causal = (0..n * n).map(|at| at % n <= at / n).collect();
    let causal = Tensor::new([n, n], causal).expect("n n entries");
    let root = (WIDTH as f32).sqrt();

    tape.reset();
    let clock = Instant::now();
    let [q, k, v] = leaves.each_ref().map(|x| tape.var(x.clone()));
    let weights = (q / root).matmul_t(k).masked_softmax(-1, &causal);
    let gradients = weights.matmul(v).vjp(g.clone());
    let gradients = [q, k, v].map(|x| gradients.wrt(x));
    let time = clock.elapsed();

    let own = 3 * size_of_val(g.data());
    Run {
        gradients,
        kept: tape.bytes() - own,
        walk: tape.last_walk().expect("there was one").peak - own,
        time,
    }
}

fn main() {
    let mebibytes = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!("{SEQUENCES} sequences, {HEADS} heads of width {WIDTH}, causal, f32; MiB beyond");
    println!("queries, keys, values and their gradients\n");
    println!("        all at once            a head at a time");
    println!("length    kept    walk    time    kept    walk    time");
    let mut random = Random::new(7);
    let mut at_once = Tape::default().with_blocks(usize::MAX);
    let mut by_heads = Tape::default();
    for n in [128, 256, 512, 1024] {
        let mut number = || random.normal([SEQUENCES, HEADS, n, WIDTH], 0.0, 1.0);
        let leaves = [number(), number(), number()];
        let g = number();
        print!("{n:>6}");
        let runs = [&mut at_once, &mut by_heads].map(|tape| {
            // The first run has to allocate its buffers.
            attend(tape, &leaves, &g);
            attend(tape, &leaves, &g)
        });
        for run in &runs {
            print!(
                "  {:>6.1}  {:>6.1}  {:>3} ms",
                mebibytes(run.kept),
                mebibytes(run.walk),
                run.time.as_millis()
            );
        }
        println!();
        let [at_once, by_heads] = runs;
        assert!(
            at_once.gradients == by_heads.gradients,
            "the gradients are the same to the last bit"
        );
    }
    println!("\nall gradients are the same to the last bit");
}
