//! The same functions as one node: the softmax family over scalar handles, and the mixture as tensors.

use wengert::{Gradients, Tape, Tensor, Var, scalar};

use crate::chains::{LogSumExp, SoftmaxLoss};
use crate::drive::{Record, Subject, differentiate};
use crate::mixture::{MASS, Mixture, POINTS, SCALE};
use crate::workload::Workload;

/// A function of scalar handles that computes as one node what a workload writes out.
pub struct Wide<W> {
    name: &'static str,
    composed: W,
    function: Function,
}

type Function = for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>;

impl Wide<SoftmaxLoss> {
    /// K4 by a fused softmax, whose outputs are all scalars.
    pub fn softmax_loss(n: usize) -> Self {
        Self {
            name: "K4fused",
            composed: SoftmaxLoss::new(n),
            function: |x| -scalar::softmax(x)[x.len() / 3].ln(),
        }
    }
}

impl Wide<LogSumExp> {
    /// K5 by a fused log-sum-exp.
    pub fn log_sum_exp(n: usize) -> Self {
        Self {
            name: "K5fused",
            composed: LogSumExp::new(n),
            function: |x| scalar::logsumexp(x),
        }
    }
}

impl<'t> Record<'t> for Function {
    type Outputs = [Var<'t, f64>; 1];

    fn record(self, x: &[Var<'t, f64>]) -> Self::Outputs {
        [self(x)]
    }
}

impl<W: Workload> Subject for Wide<W> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn size(&self) -> usize {
        Workload::size(&self.composed)
    }

    fn inputs(&self) -> &[f64] {
        Workload::inputs(&self.composed)
    }

    fn outputs(&self) -> usize {
        1
    }

    fn operations(&self) -> usize {
        Workload::operations(&self.composed)
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.composed.eval(x).as_ref()[0]
    }

    fn gradient(&self, tape: &mut Tape, gradient: &mut [f64], recorded: &mut dyn FnMut()) -> f64 {
        let x = Subject::inputs(self);
        differentiate(tape, x, gradient, recorded, self.function)
    }
}

/// K3 by tensor operations: one matrix product for all points and components.
pub struct MixtureTensors {
    mixture: Mixture,
    /// The points, each followed by a 1.
    points: Tensor<f64>,
    /// For each entry of a triangular factor its position among the parameters, followed by one 0.
    places: Tensor<usize>,
}

impl MixtureTensors {
    pub fn new(size: usize) -> Self {
        let mixture = Mixture::new(size);
        let d = mixture.dimension;
        let rows = mixture.points.chunks(d);
        let points: Vec<f64> = rows
            .flat_map(|point| point.iter().copied().chain([1.0]))
            .collect();
        let points = Tensor::new([POINTS, d + 1], points).expect("d + 1 numbers a point");
        let before = |a: usize| a * d - a * (a + 1) / 2;
        let place = |a: usize, b: usize| match a.cmp(&b) {
            std::cmp::Ordering::Equal => a,
            std::cmp::Ordering::Less => d + before(a) + b - a - 1,
            std::cmp::Ordering::Greater => d * (d + 1) / 2,
        };
        let places = (0..d).flat_map(|a| (0..d).map(move |b| place(a, b)));
        Self {
            points,
            places: places.collect(),
            mixture,
        }
    }

    /// The leaves: weights, means, factors.
    fn leaves<'t>(&self, tape: &'t Tape) -> [Var<'t, Tensor<f64>>; 3] {
        let (d, k) = (self.mixture.dimension, self.mixture.components);
        let x = Subject::inputs(self);
        let leaf = |shape: &[usize], x: &[f64]| {
            tape.var(Tensor::new(shape, x.to_vec()).expect("the sizes are those of the parameters"))
        };
        let (weights, rest) = x.split_at(k);
        let (means, factors) = rest.split_at(k * d);
        [
            leaf(&[k], weights),
            leaf(&[k, d], means),
            leaf(&[k, d * (d + 1) / 2], factors),
        ]
    }

    fn record<'t>(&self, leaves: [Var<'t, Tensor<f64>>; 3]) -> Var<'t, f64> {
        let [weights, means, factors] = leaves;
        let tape = weights.tape();
        let (d, k) = (self.mixture.dimension, self.mixture.components);
        let logs = factors.slice((.., ..d));
        let (diagonals, below) = (logs.exp(), factors.slice((.., d..)));
        let log_determinants = logs.sum_axis(1);

        // Each component's Q as [component, row, column], then all of them side by side.
        let zeros = tape.constant(Tensor::zeros([k, 1]));
        let matrices = Var::concat(&[diagonals, below, zeros], 1)
            .index_select(1, self.places.clone())
            .reshape([k, d, d]);
        let side_by_side = matrices.permute([1, 0, 2]).reshape([d, k * d]);
        let shift = means
            .reshape([k, 1, d])
            .matmul(matrices)
            .reshape([1, k * d]);
        let scaled = tape
            .constant(self.points.clone())
            .matmul(Var::concat(&[side_by_side, -shift], 0));
        let distances = scaled.square().reshape([POINTS, k, d]).sum_axis(2);
        let terms = (weights + log_determinants) - distances * 0.5;
        let likelihood = terms.logsumexp_axis(1).sum();

        let squares = diagonals.square().sum() + below.square().sum();
        let prior = squares * (0.5 * SCALE * SCALE) - log_determinants.sum() * MASS;
        likelihood - weights.logsumexp() * POINTS as f64 + prior + self.mixture.constant()
    }
}

impl Subject for MixtureTensors {
    fn name(&self) -> &'static str {
        "K3tensor"
    }

    fn size(&self) -> usize {
        Workload::size(&self.mixture)
    }

    fn inputs(&self) -> &[f64] {
        Workload::inputs(&self.mixture)
    }

    fn outputs(&self) -> usize {
        1
    }

    fn operations(&self) -> usize {
        Workload::operations(&self.mixture)
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.mixture.eval(x)[0]
    }

    fn gradient(&self, tape: &mut Tape, gradient: &mut [f64], recorded: &mut dyn FnMut()) -> f64 {
        tape.reset();
        let leaves = self.leaves(tape);
        let y = self.record(leaves);
        recorded();
        let gradients: Gradients<'_, f64> = y.backward();
        let mut rest = gradient;
        for leaf in leaves {
            let part = gradients.wrt(leaf);
            let (here, after) = rest.split_at_mut(part.data().len());
            here.copy_from_slice(part.data());
            rest = after;
        }
        y.value()
    }
}
