//! Outer product of two vectors.

use super::forms::right::{Right, everywhere};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{Elem, Matrix};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::{Operand, Var};

/// `y_ij = a_i b_j`.
#[derive(Clone, Copy, Debug)]
pub struct Outer;

impl<T: Elem> Rule<T> for Outer {
    fn name(&self) -> &'static str {
        "outer"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        for shape in x {
            if shape.rank() != 1 {
                return Err(Error::new(ErrorKind::Rank {
                    op: "outer",
                    shape: Shape::clone(shape),
                    expected: "two vectors, of 1 axis each",
                }));
            }
        }
        Ok([x[0].elements(), x[1].elements()].into())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        multiply(x[0], x[1], y.fill(), false);
    }

    fn vjp(&self, at: &Point<'_, T>, pulled: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (a, b) = (at.x[0], at.x[1]);
        let g = Matrix::new(pulled.data(), a.len(), b.len());
        if gx[0].wanted() {
            T::matmul(g, Matrix::new(b.data(), b.len(), 1), gx[0].fill(), false);
        }
        if gx[1].wanted() {
            T::matmul(Matrix::new(a.data(), 1, a.len()), g, gx[1].fill(), false);
        }
        guard::cotangents(self, at, pulled, gx);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let ty = ty.fill();
        match t[0] {
            Some(t) => multiply(t, at.x[1], ty, false),
            None => ty.fill(T::zero()),
        }
        if let Some(t) = t[1] {
            multiply(at.x[0], t, ty, true);
        }
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

/// `y = a bᵀ`, or `y += a bᵀ`.
fn multiply<T: Elem>(a: &Tensor<T>, b: &Tensor<T>, y: &mut [T], add: bool) {
    if b.is_empty() {
        return;
    }
    for (&a, row) in a.iter().zip(y.chunks_exact_mut(b.len())) {
        for (y, &b) in row.iter_mut().zip(b.iter()) {
            *y = if add { *y + a * b } else { a * b };
        }
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// Outer product of two vectors: the table of all products.
    ///
    /// ```text
    /// y_ij = a_i b_j
    /// ```
    /// # Shapes
    /// `[m]` and `[n]` give `[m, n]`.
    ///
    /// # Gradient
    /// `ga = g b`, `gb = gᵀ a`.
    ///
    /// # Panics
    /// If an operand is not a vector, or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = a.outer(Tensor::from([1.0, 10.0]));
    /// assert_eq!(y.value(), Tensor::from([[1.0, 10.0], [2.0, 20.0]]));
    /// assert_eq!(y.sum().backward().wrt(a), Tensor::from([11.0, 11.0]));
    /// ```
    #[track_caller]
    pub fn outer(self, other: impl Operand<'t, T>) -> Self {
        self.try_outer(other).or_panic()
    }

    /// [`outer`](Self::outer), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`outer`](Self::outer) panics.
    #[track_caller]
    pub fn try_outer(self, other: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(Outer, other)
    }
}

everywhere!(Outer);

impl<T: Elem> Tensor<T> {
    /// Outer product with a plain vector or a handle of one on the right ([`Right`](crate::ops::Right)).
    ///
    /// # Panics
    /// If an operand is not a vector.
    #[must_use]
    #[track_caller]
    pub fn outer<R: Right<T>>(&self, other: R) -> R::Output {
        self.try_outer(other).or_panic()
    }

    /// [`outer`](Self::outer), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If an operand is not a vector.
    #[track_caller]
    pub fn try_outer<R: Right<T>>(&self, other: R) -> Result<R::Output, Error> {
        other.product(self, Outer)
    }
}

impl Spec for Outer {
    const NAME: &'static str = "outer";
    const FORMULA: &'static str = "y_ij = a_i b_j";
    const GRADIENT: &'static str = "ga = g b, gb = gᵀ a";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let inputs = [0; 2].map(|_| {
            let n = draw.pick(&[1, 2, 3, 5, 8, 0]);
            draw.values([n], -2.0, 2.0)
        });
        Sample::new(inputs.into(), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].outer(x[1])
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        Some(x[0].unsqueeze(1) * x[1])
    }
}
