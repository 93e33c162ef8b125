//! What varies in the checks of the losses over classes.

use super::outcome::Form;
use super::{LossOptions, Reduction};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample};
use crate::tensor::Tensor;
use crate::var::Var;

/// A label that is not a class in any sample.
const IGNORED: usize = 9;

/// Labels and options of one check.
#[derive(Clone, Debug)]
pub struct Classes {
    pub(crate) axis: isize,
    pub(crate) labels: Vec<usize>,
    pub(crate) options: LossOptions,
    /// One loss for each row instead of the options' reduction.
    rows: bool,
}

impl Classes {
    /// Logits and labels, with random options.
    pub(crate) fn sample(draw: &mut Draw, smoothing: &[f64]) -> Sample<Self> {
        let shape = draw.filled_shape(1);
        let axis = draw.axis(&shape);
        let n = shape[axis.rem_euclid(shape.rank() as isize) as usize];
        // The first row counts, so that a mean is a number.
        let label = |row| match row > 0 && draw.below(4) == 0 {
            true => IGNORED,
            false => draw.below(n),
        };
        let labels = (0..shape.elements() / n).map(label).collect();
        let mut options = LossOptions::new().ignore_index(IGNORED as i64);
        if draw.below(2) == 0 {
            let weights: Vec<f64> = (0..n).map(|j| 0.5 + 0.25 * j as f64).collect();
            options = options.weights(weights);
        }
        if draw.below(2) == 0 {
            options = options.reduction(Reduction::Sum);
        }
        options = options.label_smoothing(draw.pick(smoothing));
        let rows = draw.below(3) == 0;
        let with = Self {
            axis,
            labels,
            options,
            rows,
        };
        Sample::new(vec![draw.values(shape, -5.0, 5.0)], with)
    }

    pub(crate) fn form(&self) -> Form {
        match self.rows {
            true => Form::Rows,
            false => Form::of(&self.options),
        }
    }

    /// The loss from log-probabilities, by elementary ops. All constants are exact.
    pub(crate) fn composed<'t, T: Elem>(&self, z: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
        let shape = z.shape();
        let axis = self.axis.rem_euclid(shape.rank() as isize) as usize;
        let rows = shape.rows(axis);
        let weight = |j: usize| self.options.weights.as_ref().map_or(1.0, |w| w[j]);
        let (mut own, mut even) = (Tensor::zeros(&shape), Tensor::zeros(&shape));
        let mut total = 0.0;
        for (start, &label) in rows.starts().zip(&self.labels) {
            if label == IGNORED {
                continue;
            }
            total += weight(label);
            for (j, at) in rows.row(start).enumerate() {
                even.data_mut()[at] = T::of(weight(j));
                if j == label {
                    own.data_mut()[at] = T::of(weight(j));
                }
            }
        }
        let epsilon = self.options.label_smoothing;
        let own = z * own * T::of(1.0 - epsilon);
        let even = z * even * T::of(epsilon) / T::of(rows.n as f64);
        let loss = -(own + even).sum_axis(axis);
        match self.form() {
            Form::Rows => loss,
            Form::Sum => loss.sum_axis(..),
            Form::Mean => loss.sum_axis(..) / T::of(total),
        }
    }
}
