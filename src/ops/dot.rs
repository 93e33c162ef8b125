//! Inner product of two vectors.

use super::forms::right::{Right, everywhere};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::{Operand, Var};

/// `y = Σ a_i b_i`.
#[derive(Clone, Copy, Debug)]
pub struct Dot;

impl<T: Elem> Rule<T> for Dot {
    fn name(&self) -> &'static str {
        "dot"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        let op = "dot";
        for shape in x {
            if shape.rank() != 1 {
                return Err(Error::new(ErrorKind::Rank {
                    op,
                    shape: Shape::clone(shape),
                    expected: "two vectors, of 1 axis each",
                }));
            }
        }
        if x[0] != x[1] {
            let [left, right] = [0, 1].map(|k| x[k].clone());
            return Err(Error::new(ErrorKind::Inner { op, left, right }));
        }
        Ok(Shape::scalar())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        y.fill()[0] = kernel::dot(x[0].data(), x[1].data());
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let g = g.item();
        for (k, gx) in gx.iter_mut().enumerate().filter(|(_, gx)| gx.wanted()) {
            kernel::map(at.x[1 - k].data(), gx.fill(), |other| g * other);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let share = |k: usize| match t[k] {
            Some(t) => kernel::dot(t.data(), at.x[1 - k].data()),
            None => T::zero(),
        };
        ty.fill()[0] = share(0) + share(1);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Twin::record_some(x, |x| Self::composed(x, &()))
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Inner product of two vectors, as a scalar.
    ///
    /// ```text
    /// y = Σ_i a_i b_i
    /// ```
    /// # Shapes
    /// Two vectors of equal length; for length 0 the product is 0.
    ///
    /// # Domain
    /// All reals. Infinities and NaN go through the products and the sum: 0 times an infinity is NaN.
    ///
    /// # Gradient
    /// `ga = g b`, `gb = g a`.
    ///
    /// # Accuracy
    /// Products are summed in blocks of 128, then pairwise: the error grows with the logarithm of
    /// the length.
    ///
    /// # Panics
    /// If an operand is not a vector, the lengths differ, or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = a.dot(Tensor::from([3.0, 4.0]));
    /// assert_eq!(y.value(), 11.0);
    /// assert_eq!(y.backward().wrt(a), Tensor::from([3.0, 4.0]));
    /// ```
    #[track_caller]
    pub fn dot(self, other: impl Operand<'t, T>) -> Var<'t, T> {
        self.try_dot(other).or_panic()
    }

    /// [`dot`](Self::dot), with bad input as an [`Error`].
    ///
    /// # Errors
    /// In the cases where [`dot`](Self::dot) panics.
    #[track_caller]
    pub fn try_dot(self, other: impl Operand<'t, T>) -> Result<Var<'t, T>, Error> {
        let tape = self.tape();
        let other = other.enter(tape, "dot")?;
        Var::spread_one(tape, Dot, &[self.repr, other])
    }
}

everywhere!(Dot);

impl<T: Elem> Tensor<T> {
    /// Inner product with a plain vector or a handle of one on the right ([`Right`](crate::ops::Right)).
    ///
    /// # Panics
    /// If one is not a vector or the lengths differ.
    #[must_use]
    #[track_caller]
    pub fn dot<R: Right<T>>(&self, other: R) -> R::Number {
        self.try_dot(other).or_panic()
    }

    /// [`dot`](Self::dot), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If one is not a vector or the lengths differ.
    #[track_caller]
    pub fn try_dot<R: Right<T>>(&self, other: R) -> Result<R::Number, Error> {
        other.number(self, Dot)
    }
}

impl Spec for Dot {
    const NAME: &'static str = "dot";
    const FORMULA: &'static str = "y = Σ a_i b_i";
    const GRADIENT: &'static str = "ga = g b, gb = g a";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let n = draw.pick(&[0, 1, 2, 3, 7, 8, 9, 20, 130, 300]);
        let inputs = [0; 2].map(|_| draw.values([n], -2.0, 2.0));
        Sample::new(inputs.into(), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].tape().stack(&[x[0].dot(x[1])]).reshape([])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some((x[0] * x[1]).sum_axis(0))
    }
}
