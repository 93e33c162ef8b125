//! `Outcome`: turns the losses of rows into the output, and its cotangent into theirs.

use super::options::{LossOptions, Reduction};
use crate::error::Error;
use crate::kernel::{self, Elem, Rows};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// The weights of the rows, and how the weighted losses become the output.
#[derive(Clone, Debug)]
pub(crate) struct Outcome<T> {
    form: Form,
    /// One weight for each row; `None` if all are 1. A row of weight 0 is left out.
    weights: Option<Vec<T>>,
    /// What a mean divides by.
    total: T,
}

/// How the losses of rows become the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Rows,
    Sum,
    Mean,
}

impl Form {
    /// The form that the options ask for, of a loss that is one number.
    pub(crate) fn of(options: &LossOptions) -> Self {
        match options.reduction {
            Reduction::Mean => Self::Mean,
            Reduction::Sum => Self::Sum,
        }
    }
}

impl<T: Elem> Outcome<T> {
    /// All rows have the same weight.
    pub(crate) fn even(form: Form, rows: usize) -> Self {
        Self {
            form,
            weights: None,
            total: T::of(rows as f64),
        }
    }

    /// Each row has the weight of its class, or 0 if it has none, and a mean divides by their sum.
    pub(crate) fn of_labels(form: Form, labels: &[Option<u32>], of_classes: Option<&[T]>) -> Self {
        if of_classes.is_none() && labels.iter().all(Option::is_some) {
            return Self::even(form, labels.len());
        }
        let weight = |label: &Option<u32>| match (label, of_classes) {
            (None, _) => T::zero(),
            (Some(class), Some(weights)) => weights[*class as usize],
            (Some(_), None) => T::one(),
        };
        let weights: Vec<T> = labels.iter().map(weight).collect();
        // Pairwise, since a sum in order stops growing where a weight is half a digit: in `f32` at 2^24.
        let mut total = [T::of(labels.iter().flatten().count() as f64)];
        if of_classes.is_some() {
            kernel::sum_axis(Rows::last(1, weights.len()), &weights, &mut total);
        }
        Self {
            form,
            weights: Some(weights),
            total: total[0],
        }
    }

    /// The same for losses that are already weighted: rows count fully or not at all.
    pub(crate) fn weighted_before(mut self, labels: &[Option<u32>]) -> Self {
        let counts = |label: &Option<u32>| match label {
            Some(_) => T::one(),
            None => T::zero(),
        };
        if self.weights.is_some() {
            self.weights = Some(labels.iter().map(counts).collect());
        }
        self
    }

    /// The same in wider elements.
    pub(crate) fn widen(&self) -> Outcome<T::Wide> {
        Outcome {
            form: self.form,
            weights: widen(self.weights.as_deref()),
            total: self.total.widen(),
        }
    }

    /// The shape of the output, given the shape of the rows' losses.
    pub(crate) fn shape(&self, rows: Shape) -> Shape {
        match self.form {
            Form::Rows => rows,
            Form::Sum | Form::Mean => Shape::scalar(),
        }
    }

    /// Whether a row is left out, whatever it holds.
    pub(crate) fn skips(&self, row: usize) -> bool {
        self.weights.as_ref().is_some_and(|w| w[row].is_zero())
    }

    /// The output from the losses of the rows, by elementary ops.
    pub(crate) fn composed<'t>(&self, losses: Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>> {
        let weighted = match &self.weights {
            Some(w) => losses * Tensor::new(losses.shape(), w.clone()).expect("one a row"),
            None => losses,
        };
        match self.form {
            Form::Rows => weighted,
            Form::Sum => weighted.sum_axis(..),
            Form::Mean => weighted.sum_axis(..) / self.total,
        }
    }

    /// The output from the losses of the rows, or its tangent from theirs.
    pub(crate) fn gather(&self, losses: &[T], y: &mut [T]) {
        let weighted: Option<Vec<T>> = self.weights.as_ref().map(|weights| {
            let weigh = |(&loss, &weight): (&T, &T)| match weight.is_zero() {
                true => weight,
                false => weight * loss,
            };
            losses.iter().zip(weights).map(weigh).collect()
        });
        let terms = weighted.as_deref().unwrap_or(losses);
        let all = Rows::last(1, terms.len());
        match self.form {
            Form::Rows => y.copy_from_slice(terms),
            Form::Sum => kernel::sum_axis(all, terms, y),
            Form::Mean => {
                kernel::sum_axis(all, terms, y);
                if y[0].is_finite() {
                    y[0] /= self.total;
                } else {
                    // The sum may have overflowed where the mean does not.
                    let terms: Vec<T> = terms.iter().map(|&term| term / self.total).collect();
                    kernel::sum_axis(all, &terms, y);
                }
            }
        }
    }

    /// The cotangents of the rows' losses from that of the output.
    pub(crate) fn spread(&self, g: &[T], rows: usize) -> Vec<T> {
        if let (None, Form::Sum | Form::Mean) = (&self.weights, self.form) {
            let share = match self.form {
                Form::Mean if !g[0].is_zero() => g[0] / self.total,
                _ => g[0],
            };
            return vec![share; rows];
        }
        let of_row = |row: usize| {
            let g = match self.form {
                Form::Rows => g[row],
                Form::Sum | Form::Mean => g[0],
            };
            let g = match &self.weights {
                Some(weights) if weights[row].is_zero() => T::zero(),
                Some(weights) => g * weights[row],
                None => g,
            };
            match self.form {
                Form::Mean if !g.is_zero() => g / self.total,
                _ => g,
            }
        };
        (0..rows).map(of_row).collect()
    }

    /// Writes 0 into all rows that are left out.
    pub(crate) fn clear(&self, rows: Rows, gx: &mut [T]) {
        for (row, start) in rows.starts().enumerate() {
            if self.skips(row) {
                rows.row(start).for_each(|at| gx[at] = T::zero());
            }
        }
    }
}

/// The options' class weights as elements.
///
/// # Errors
/// If there is not one for each class.
pub(crate) fn class_weights<T: Elem>(
    op: &'static str,
    options: &LossOptions,
    classes: usize,
) -> Result<Option<Vec<T>>, Error> {
    let Some(weights) = &options.weights else {
        return Ok(None);
    };
    if weights.len() != classes {
        let text = format!("{} weights for {classes} classes", weights.len());
        return Err(Error::argument(op, text));
    }
    Ok(Some(weights.iter().map(|&w| T::of(w)).collect()))
}

/// The options' label smoothing as an element.
///
/// # Errors
/// If it is not between 0 and 1.
pub(crate) fn smoothing<T: Elem>(op: &'static str, options: &LossOptions) -> Result<T, Error> {
    let epsilon = options.label_smoothing;
    if (0.0..=1.0).contains(&epsilon) {
        return Ok(T::of(epsilon));
    }
    let text = format!("label smoothing {epsilon} is not between 0 and 1");
    Err(Error::argument(op, text))
}

/// Numbers in the wider type.
pub(crate) fn widen<T: Elem>(numbers: Option<&[T]>) -> Option<Vec<T::Wide>> {
    numbers.map(|numbers| numbers.iter().map(|x| x.widen()).collect())
}
