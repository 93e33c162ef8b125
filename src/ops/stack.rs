//! Several tensors of one shape along a new axis.

use std::borrow::Borrow;

use super::concat::{join, part, push, record, run};
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y` holds the parts as the entries of a new axis.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    axis: isize,
}

impl<T: Elem> Rule<T> for Stack {
    fn name(&self) -> &'static str {
        "stack"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        if let Some(k) = x.iter().position(|&part| part != x[0]) {
            return Err(Error::argument(
                "stack",
                format!(
                    "part {k} has shape {} and part 0 has {}; they must be equal",
                    x[k], x[0]
                ),
            ));
        }
        let axis = x[0].inserted(0, x.len()).axis("stack", self.axis)?;
        Ok(x[0].inserted(axis, x.len()))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let block = self.block(x[0].shape());
        join(x, |_| block, y.fill(), x.len() * block);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let block = self.block(at.x[0].shape());
        part(g.data(), at.x.len() * block, gx, |_| block);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let block = self.block(at.x[0].shape());
        push(t, |_| block, ty.fill(), at.x.len() * block);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }

    fn reach(&self) -> Reach {
        Reach::Copies
    }
}

impl Stack {
    /// The number of consecutive elements of a part that stay together.
    fn block(&self, part: &Shape) -> usize {
        let axis = self.axis.rem_euclid(part.rank() as isize + 1) as usize;
        part[axis..].iter().product()
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The parts as the entries of a new axis at position `axis`; -1 puts it last.
    ///
    /// ```text
    /// y[k, ..] = parts_k     for axis 0
    /// ```
    /// # Shapes
    /// `n` parts of one shape give that shape with an axis of size `n` inserted.
    ///
    /// # Gradient
    /// Each part gets its entry of `g`.
    ///
    /// # Panics
    /// If there are no parts, their shapes differ, `axis` is not an axis of the result, or the parts live on
    /// different tapes.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor, Var};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([1.0, 2.0]));
    /// let b = tape.var(Tensor::from([3.0, 4.0]));
    /// assert_eq!(Var::stack(&[a, b], 0).value(), Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(Var::stack(&[a, b], -1).value(), Tensor::from([[1.0, 3.0], [2.0, 4.0]]));
    /// ```
    #[track_caller]
    pub fn stack(parts: &[Self], axis: impl Axis) -> Self {
        Self::try_stack(parts, axis.signed()).or_panic()
    }

    /// [`stack`](Self::stack), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`stack`](Self::stack) panics.
    #[track_caller]
    pub fn try_stack(parts: &[Self], axis: impl Axis) -> Result<Self, Error> {
        record(
            Stack {
                axis: axis.signed(),
            },
            parts,
        )
    }
}

impl<T: Elem> Tensor<T> {
    /// The parts as the entries of a new axis; see [`Var::stack`](crate::Var::stack).
    ///
    /// # Panics
    /// If there are no parts, their shapes differ, or `axis` is not an axis of the result.
    #[must_use]
    #[track_caller]
    pub fn stack(parts: &[impl Borrow<Self>], axis: impl Axis) -> Self {
        Self::try_stack(parts, axis.signed()).or_panic()
    }

    /// [`stack`](Self::stack), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`stack`](Self::stack) panics.
    pub fn try_stack(parts: &[impl Borrow<Self>], axis: impl Axis) -> Result<Self, Error> {
        run(
            Stack {
                axis: axis.signed(),
            },
            parts,
        )
    }
}

impl Spec for Stack {
    const NAME: &'static str = "stack";
    const FORMULA: &'static str = "y[k, ..] = x_k for axis 0";
    const GRADIENT: &'static str = "gx_k = g[k, ..] for axis 0";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(0);
        let axis = draw.axis(&shape.inserted(0, 1));
        let parts = [0; 3].map(|_| draw.values(shape.clone(), -10.0, 10.0));
        Sample::new(parts[..1 + draw.below(3)].to_vec(), axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        Var::stack(x, *axis)
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Option<Var<'t, Tensor<T>>> {
        let parts: Vec<_> = x.iter().map(|x| x.unsqueeze(*axis)).collect();
        Some(Var::concat(&parts, *axis))
    }
}
