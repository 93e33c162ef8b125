//! K6L: a two-layer LSTM over a text, the LSTM of ADBench (github.com/microsoft/ADBench), whose gates
//! have a weight for each unit.

use num_traits::Float;

use crate::workload::{Draw, Workload, real, sum};

const LAYERS: usize = 2;
const LETTERS: usize = 1024;
const WIDTH: usize = 14;

/// Weights, the initial state, and a text of one-hot letters.
pub struct Lstm {
    x: Vec<f64>,
    state: Vec<f64>,
    text: Vec<f64>,
}

impl Lstm {
    pub fn new() -> Self {
        let mut draw = Draw::new(6);
        let mut units = |n: usize| (0..n).map(|_| draw.unit()).collect::<Vec<_>>();
        let x = units(8 * LAYERS * WIDTH + 3 * WIDTH);
        let state = units(2 * LAYERS * WIDTH);
        let text = units(LETTERS * WIDTH)
            .iter()
            .map(|&x| if x < 0.5 { 0.0 } else { 1.0 })
            .collect();
        Self { x, state, text }
    }
}

impl Workload for Lstm {
    const NAME: &'static str = "K6L";
    type Outputs<F: Float> = [F; 1];

    fn inputs(&self) -> &[f64] {
        &self.x
    }

    fn operations(&self) -> usize {
        (LETTERS - 1) * (26 * WIDTH * LAYERS + 8 * WIDTH + 1) + 1
    }

    fn eval<F: Float>(&self, x: &[F]) -> [F; 1] {
        let (layers, outer) = x.split_at(8 * LAYERS * WIDTH);
        let (input, output) = outer.split_at(WIDTH);
        let mut states: Vec<F> = self.state.iter().map(|&x| real(x)).collect();
        let (mut read, mut written) = (vec![x[0]; WIDTH], vec![x[0]; WIDTH]);
        let mut loss = None;
        for (letter, next) in self.text.chunks(WIDTH).zip(self.text.chunks(WIDTH).skip(1)) {
            for i in 0..WIDTH {
                read[i] = real::<F>(letter[i]) * input[i];
            }
            let below = &mut read;
            for (gates, state) in layers.chunks(8 * WIDTH).zip(states.chunks_mut(2 * WIDTH)) {
                layer(gates, state, below);
            }
            for i in 0..WIDTH {
                written[i] = below[i] * output[i] + output[WIDTH + i];
            }
            let total = sum(written.iter().map(|y| y.exp())) + real(2.0);
            let log_total = total.ln();
            for i in 0..WIDTH {
                let hit = real::<F>(next[i]) * (written[i] - log_total);
                loss = Some(loss.map_or(hit, |loss| loss + hit));
            }
        }
        let count = (LETTERS - 1) * WIDTH;
        [-loss.expect("a text has letters") / real(count as f64)]
    }
}

/// One step of one layer: replaces the output of the layer below with its own.
fn layer<F: Float>(gates: &[F], state: &mut [F], below: &mut [F]) {
    let (weights, biases) = gates.split_at(4 * WIDTH);
    let (hidden, cells) = state.split_at_mut(WIDTH);
    for i in 0..WIDTH {
        let gate = |x: F, g: usize| x * weights[g * WIDTH + i] + biases[g * WIDTH + i];
        let forget = sigmoid(gate(below[i], 0));
        let ingate = sigmoid(gate(hidden[i], 1));
        let outgate = sigmoid(gate(below[i], 2));
        let change = gate(hidden[i], 3).tanh();
        cells[i] = cells[i] * forget + ingate * change;
        hidden[i] = outgate * cells[i].tanh();
        below[i] = hidden[i];
    }
}

#[inline]
fn sigmoid<F: Float>(x: F) -> F {
    F::one() / (F::one() + (-x).exp())
}
