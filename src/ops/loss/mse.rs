//! Mean squared error.

use super::average::Average;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Binary, Draw, Sample, Spec, evaluate};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::{Operand, Var};

/// `mean (x - t)²` of two tensors of one shape.
#[derive(Clone, Copy, Debug)]
pub struct Mse;

impl<T: Elem> Binary<T> for Mse {
    const NAME: &'static str = "mse";
    const KEEPS: Keeps = Keeps::INPUTS;
    const WHY: &'static str = <Self as Spec>::GRADIENT;
    type Wide = Self;

    fn wide(self) -> Self {
        self
    }

    fn value(self, x: T, t: T) -> T {
        (x - t) * (x - t)
    }

    fn slopes(self, x: T, t: T, _: T) -> [T; 2] {
        let d = (x - t) + (x - t);
        [d, -d]
    }

    fn share(self, x: T, t: T, n: T) -> T {
        (x - t) / n * (x - t)
    }

    // For overflow only: a subnormal slope is exact.
    fn far(self, [x, t, _]: [T; 3], k: usize, g: T) -> Option<T> {
        if ((x - t) + (x - t)).is_finite() {
            return None;
        }
        let d = if (x - t).is_finite() {
            g * (x - t)
        } else {
            g * x - g * t
        };
        Some(if k == 0 { d + d } else { -(d + d) })
    }

    fn twin<'t>(self, x: Var<'t, Tensor<T>>, t: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        let d = x - t;
        Some(d * d)
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Mean of the squared differences from the targets, as a scalar.
    ///
    /// ```text
    /// loss = (1/n) Σ_i (x_i - t_i)²
    /// ```
    /// # Shapes
    /// x and the targets: the same shape, without broadcasting, which here is usually a mistake.
    /// The mean of no elements is NaN.
    ///
    /// # Domain
    /// All reals.
    ///
    /// # Gradient
    /// `gx = 2 g (x - t) / n`, `gt = -gx`.
    ///
    /// # Keeps
    /// x and t; no differences.
    ///
    /// # Accuracy
    /// Summed in blocks, then pairwise: the error grows with the logarithm of n.
    ///
    /// # Panics
    /// If the targets have a different shape, or their handle lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let loss = x.mse(&Tensor::from([0.0, 4.0]));
    /// assert_eq!(loss.value(), 2.5); // (1 + 4) / 2
    /// assert_eq!(loss.backward().wrt(x), Tensor::from([1.0, -2.0]));
    /// ```
    #[track_caller]
    pub fn mse(self, targets: impl Operand<'t, T>) -> Var<'t, T> {
        self.try_mse(targets).or_panic()
    }

    /// [`mse`](Self::mse), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the targets have a different shape, or their handle lives on another tape.
    #[track_caller]
    pub fn try_mse(self, targets: impl Operand<'t, T>) -> Result<Var<'t, T>, Error> {
        let targets = targets.enter(self.tape(), "mse")?;
        Var::spread_one(self.tape(), Average(Mse), &[self.repr, targets])
    }
}

impl<T: Elem> Tensor<T> {
    /// `mse` of a plain tensor. Formula and special values are documented on
    /// [`Var::mse`](crate::Var::mse).
    ///
    /// # Panics
    /// If the targets have a different shape.
    #[must_use]
    #[track_caller]
    pub fn mse(&self, targets: &Self) -> T {
        self.try_mse(targets).or_panic()
    }

    /// [`mse`](Self::mse), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the targets have a different shape.
    pub fn try_mse(&self, targets: &Self) -> Result<T, Error> {
        Ok(evaluate(&Average(Mse), [self, targets])?.item())
    }
}

impl Spec for Mse {
    const NAME: &'static str = "mse";
    const FORMULA: &'static str = "loss = mean (x - t)²";
    const GRADIENT: &'static str = "gx = 2 g (x - t) / n, gt = -gx";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let shape = draw.filled_shape(0);
        let x = draw.values(&shape, -5.0, 5.0);
        Sample::new(vec![x, draw.values(&shape, -5.0, 5.0)], ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].record2(Average(Mse), x[1]).or_panic()
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(Mse.twin(x[0], x[1])?.mean_axis(..))
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        let d = x[0] - x[1];
        Some(d * d)
    }
}
