//! One element of a tensor, as a scalar.

use super::forms::linear;
use super::forms::span::Span;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y` is one element of `x`.
#[derive(Clone, Copy, Debug)]
pub struct At {
    place: usize,
}

impl<T: Elem> Rule<T> for At {
    fn name(&self) -> &'static str {
        "at"
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        Ok(Shape::scalar())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        y.fill()[0] = x[0].data()[self.place];
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        gx[0].accumulate()[self.place] += g.item();
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

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// One element, as a scalar: `x.at([i, j])`.
    ///
    /// # Shapes
    /// One index for each axis; a tensor without axes has one element, `at([])`.
    ///
    /// # Gradient
    /// `gx` is `g` at the element and 0 elsewhere. However many elements are read this way, the
    /// cotangent is zeroed only once; to read all elements, use [`scalars`](Self::scalars).
    ///
    /// # Panics
    /// If there are not as many indices as axes, or one lies outside its axis.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    /// let y = x.at([1, 0]) * x.at([0, 1]);
    /// assert_eq!(y.backward().wrt(x), Tensor::from([[0.0, 3.0], [2.0, 0.0]]));
    /// ```
    #[track_caller]
    pub fn at(self, index: impl AsRef<[usize]>) -> Var<'t, T> {
        self.try_at(index).or_panic()
    }

    /// [`at`](Self::at), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If there are not as many indices as axes, or one lies outside its axis.
    #[track_caller]
    pub fn try_at(self, index: impl AsRef<[usize]>) -> Result<Var<'t, T>, Error> {
        let place = self.shape().place("at", index.as_ref())?;
        self.record_scalar(At { place })
    }
}

impl Spec for At {
    const NAME: &'static str = "at";
    const FORMULA: &'static str = "y = x[i, j, ..]";
    const GRADIENT: &'static str = "gx = g at the element, 0 elsewhere";
    type Attributes = Vec<usize>;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.filled_shape(0);
        let index = shape.iter().map(|&n| draw.below(n)).collect();
        Sample::new(vec![draw.values(shape, -10.0, 10.0)], index)
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        index: &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].tape().stack(&[x[0].at(index)]).reshape([])
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        index: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        let spans: Vec<Span> = index.iter().map(|&i| i.into()).collect();
        Some(x[0].slice(&spans[..]))
    }
}
