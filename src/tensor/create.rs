//! Tensors made from a rule: filled, counted, evenly spaced.

use super::{Shape, Tensor};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;

impl<T: Clone> Tensor<T> {
    /// Every element is `value`.
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        let data = vec![value; shape.len()];
        Self::of_buffer(shape, data)
    }
}

impl<T: Elem> Tensor<T> {
    /// Every element is 0.
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::zero())
    }

    /// Every element is 1.
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::one())
    }

    /// The identity matrix of `n` rows and columns.
    pub fn eye(n: usize) -> Self {
        let mut eye = Self::zeros([n, n]);
        for element in eye.data_mut().iter_mut().step_by(n + 1) {
            *element = T::one();
        }
        eye
    }

    /// One row of length `classes` for each label: 1 at the label, 0 elsewhere.
    ///
    /// Labels of shape `[..]` give a tensor of shape `[.., classes]`.
    ///
    /// # Errors
    /// If a label is no class.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let targets = Tensor::<f64>::one_hot([2, 0], 3)?;
    /// assert_eq!(targets, Tensor::from([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
    /// # Ok::<(), wengert::Error>(())
    /// ```
    pub fn one_hot(labels: impl Into<Tensor<usize>>, classes: usize) -> Result<Self, Error> {
        let labels = labels.into();
        let shape = labels.shape().inserted(labels.rank(), classes);
        let mut y = Self::zeros(shape);
        let elements = y.data_mut();
        for (row, &label) in labels.iter().enumerate() {
            if label >= classes {
                return Err(Error::new(ErrorKind::Label {
                    op: "one_hot",
                    label: label.to_string(),
                    row,
                    classes,
                }));
            }
            elements[row * classes + label] = T::one();
        }
        Ok(y)
    }

    /// `0, 1, .. n - 1`.
    pub fn arange(n: usize) -> Self {
        (0..n).map(|i| T::of(i as f64)).collect()
    }

    /// `n` numbers from `start` to `end`, both included, evenly spaced; `start` alone for `n` = 1.
    pub fn linspace(start: T, end: T, n: usize) -> Self {
        let last = T::of(n.saturating_sub(1).max(1) as f64);
        (0..n)
            .map(|i| {
                let (i, half) = (T::of(i as f64), T::of(0.5));
                // Counted from the nearer end, so that both ends are met exactly.
                if n > 1 && i > last * half {
                    end - (end - start) * ((last - i) / last)
                } else {
                    start + (end - start) * (i / last)
                }
            })
            .collect()
    }
}
