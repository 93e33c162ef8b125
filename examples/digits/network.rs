//! The network and its optimizer.

use wengert::{Random, Tape, Tensor, Var};

/// Fully connected layers with ReLU between them: weights and biases in turn.
pub struct Network {
    pub parameters: Vec<Tensor<f32>>,
}

impl Network {
    /// Layers of the given sizes, with He's initial weights (arXiv:1502.01852).
    pub fn new(sizes: &[usize], random: &mut Random) -> Self {
        let layer = |w: &[usize]| {
            let deviation = (2.0 / w[0] as f64).sqrt();
            [
                random.normal([w[0], w[1]], 0.0, deviation),
                Tensor::zeros([w[1]]),
            ]
        };
        let parameters = sizes.windows(2).flat_map(layer).collect();
        Self { parameters }
    }

    /// Handles of all parameters; the tensors' buffers are shared, not copied.
    pub fn enter<'t>(&self, tape: &'t Tape<f32>) -> Vec<Var<'t, Tensor<f32>>> {
        self.parameters
            .iter()
            .map(|p| tape.var(p.clone()))
            .collect()
    }

    /// The logits of a batch.
    pub fn logits<'t>(
        images: Var<'t, Tensor<f32>>,
        parameters: &[Var<'t, Tensor<f32>>],
    ) -> Var<'t, Tensor<f32>> {
        let mut layers = parameters.chunks(2);
        let first = layers.next().expect("a network has a layer");
        let logits = images.matmul(first[0]) + first[1];
        layers.fold(logits, |x, layer| x.relu().matmul(layer[0]) + layer[1])
    }

    /// The logits as a function of the first weight matrix, everything else held constant.
    pub fn logits_with_first<'t>(
        &self,
        images: &Tensor<f32>,
        first: Var<'t, Tensor<f32>>,
    ) -> Var<'t, Tensor<f32>> {
        let tape = first.tape();
        let mut handles: Vec<_> = self
            .parameters
            .iter()
            .map(|p| tape.constant(p.clone()))
            .collect();
        handles[0] = first;
        Self::logits(tape.constant(images.clone()), &handles)
    }

    /// The logits as plain numbers.
    pub fn evaluate(&self, images: &Tensor<f32>) -> Tensor<f32> {
        let tape = Tape::default();
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|p| tape.constant(p.clone()))
            .collect();
        Self::logits(tape.constant(images.clone()), &parameters).value()
    }
}

/// Adam (Kingma and Ba, arXiv:1412.6980).
pub struct Adam {
    pub rate: f32,
    step: i32,
    moments: Vec<[Vec<f32>; 2]>,
}

impl Adam {
    pub fn new(network: &Network, rate: f32) -> Self {
        let zeros = |p: &Tensor<f32>| [vec![0.0; p.len()], vec![0.0; p.len()]];
        Self {
            rate,
            step: 0,
            moments: network.parameters.iter().map(zeros).collect(),
        }
    }

    /// Moves all parameters one step against their gradients.
    pub fn step(&mut self, network: &mut Network, gradient: impl Fn(usize) -> Tensor<f32>) {
        const DECAY: [f32; 2] = [0.9, 0.999];
        self.step += 1;
        let unbias = DECAY.map(|d| 1.0 / (1.0 - d.powi(self.step)));
        for (k, (p, [mean, square])) in network
            .parameters
            .iter_mut()
            .zip(&mut self.moments)
            .enumerate()
        {
            let g = gradient(k);
            let moments = mean.iter_mut().zip(square);
            for ((p, &g), (m, s)) in p.data_mut().iter_mut().zip(g.iter()).zip(moments) {
                *m += (1.0 - DECAY[0]) * (g - *m);
                *s += (1.0 - DECAY[1]) * (g * g - *s);
                *p -= self.rate * *m * unbias[0] / ((*s * unbias[1]).sqrt() + 1e-8);
            }
        }
    }
}
