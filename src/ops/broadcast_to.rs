//! Repetition of a tensor along axes until it has a given shape.

use super::forms::{evaluate, linear};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y` repeats `x` until it has this shape.
#[derive(Clone, Debug)]
pub struct BroadcastTo(Shape);

impl<T: Elem> Rule<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        let op = "broadcast_to";
        match x[0].broadcast(op, &self.0) {
            Ok(shape) if shape == self.0 => Ok(shape),
            _ => Err(Error::new(ErrorKind::Expand {
                op,
                from: x[0].clone(),
                to: self.0.clone(),
            })),
        }
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let x = x[0];
        if x.len() == self.0.elements() {
            return y.share(x);
        }
        let nothing: (&[usize], &[()]) = (&[], &[()]);
        let shape = (&x.shape()[..], x.data());
        kernel::zip(&self.0, shape, nothing, y.fill(), |x, ()| x);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let x = at.x[0];
        if x.len() == g.len() {
            return gx[0].share(g);
        }
        kernel::sum_to(g.shape(), g.data(), x.shape(), gx[0].fill());
        guard::sums(self, at, g, gx);
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        linear::push(self, t, ty)
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(self.clone()))
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

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The tensor repeated along axes of size 1 and along new leading axes, until it has `shape`.
    ///
    /// Operators broadcast on their own; this is for ops that do not.
    ///
    /// # Shapes
    /// Aligned at the last axis; each size of `x` equals that of `shape` or is 1.
    ///
    /// # Gradient
    /// `gx` is the sum of `g` over the repetitions.
    ///
    /// # Panics
    /// If the tensor does not broadcast to `shape`.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = x.broadcast_to([3, 2]);
    /// assert_eq!(y.value(), Tensor::from([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::from([3.0, 3.0]));
    /// ```
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Self {
        self.try_broadcast_to(shape).or_panic()
    }

    /// [`broadcast_to`](Self::broadcast_to), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the tensor does not broadcast to `shape`.
    #[track_caller]
    pub fn try_broadcast_to(self, shape: impl Into<Shape>) -> Result<Self, Error> {
        self.record(BroadcastTo(shape.into()))
    }
}

impl<T: Elem> Tensor<T> {
    /// The tensor repeated until it has `shape`; see
    /// [`Var::broadcast_to`](crate::Var::broadcast_to).
    ///
    /// # Panics
    /// If the tensor does not broadcast to `shape`.
    #[must_use]
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        self.try_broadcast_to(shape).or_panic()
    }

    /// [`broadcast_to`](Self::broadcast_to), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the tensor does not broadcast to `shape`.
    pub fn try_broadcast_to(&self, shape: impl Into<Shape>) -> Result<Self, Error> {
        evaluate(&BroadcastTo(shape.into()), [self])
    }
}

impl Spec for BroadcastTo {
    const NAME: &'static str = "broadcast_to";
    const FORMULA: &'static str = "y = x, repeated";
    const GRADIENT: &'static str = "gx = g, summed over the repetitions";
    type Attributes = Vec<usize>;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(0);
        let own = draw.narrower(&shape);
        Sample::new(vec![draw.values(own, -10.0, 10.0)], shape.to_vec())
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        shape: &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].broadcast_to(&shape[..])
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        shape: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Some(x[0] + Tensor::zeros(&shape[..]))
    }
}
