//! S6, a training step, and S7, attention: several ops together, and their memory.

use super::harness::{Harness, labels, squares, tensor};
use wengert::{Tape, Tensor};

/// S6: 784-256-128-10 with ReLU and cross entropy, batch 128, one step of gradient descent.
pub fn training_step(harness: &Harness) {
    let shape = "784-256-128-10/b128";
    if !harness.wants("S6", shape, 0) {
        return;
    }
    let sizes = [784, 256, 128, 10];
    let mut parameters = Vec::new();
    for (layer, size) in sizes.windows(2).enumerate() {
        let bound = (size[0] as f64).powf(-0.5);
        let seed = 10 + layer as u64;
        parameters.push(tensor::<f32>([size[0], size[1]], seed, -bound, bound));
        parameters.push(Tensor::zeros([size[1]]));
    }
    let images = tensor::<f32>([128, sizes[0]], 1, 0.0, 1.0);
    let labels = labels(128, 3, sizes[3]);
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>("S6", shape, |_| {
        tape.reset();
        let p: Vec<_> = parameters.iter().map(|p| tape.var(p.clone())).collect();
        let x = tape.constant(images.clone());
        let h = (x.matmul(p[0]) + p[1]).relu();
        let h = (h.matmul(p[2]) + p[3]).relu();
        let loss = (h.matmul(p[4]) + p[5]).cross_entropy(1, &labels);
        let gradients = loss.backward();
        let value = loss.value();
        let steps: Vec<_> = p.iter().map(|&p| gradients.wrt(p)).collect();
        drop(gradients);
        tape.reset();
        for (p, g) in parameters.iter_mut().zip(steps) {
            p.add_scaled(-0.01, &g);
            tape.recycle(g);
        }
        f64::from(value)
    });
}

/// S7: composed attention of 4 sequences and 8 heads, and the gradients of queries, keys and values.
pub fn attention(harness: &Harness) {
    let shape = "4x8x256x64";
    if !harness.wants("S7", shape, 0) {
        return;
    }
    let [q, k, v, g] = [20, 21, 22, 23].map(|s| tensor::<f32>([4, 8, 256, 64], s, -1.0, 1.0));
    let mut tape = Tape::<f32>::default();
    harness.run::<f32>("S7", shape, |first| {
        tape.reset();
        let leaves = [&q, &k, &v].map(|x| tape.var(x.clone()));
        let [q, k, v] = leaves;
        let weights = q.matmul_t(k).softmax_scaled(-1, 8.0);
        let gradients = weights.matmul(v).vjp(g.clone());
        if first {
            leaves.map(|x| squares(&gradients.wrt(x))).iter().sum()
        } else {
            0.0
        }
    });
}
