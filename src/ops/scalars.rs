//! The bridge between the kinds of nodes: a tensor as scalars, and scalars as a tensor.

use super::forms::linear;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tape::Tape;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y` is `x`, whose elements will be read as scalars.
#[derive(Clone, Copy, Debug)]
pub struct Scalars;

impl<T: Elem> Rule<T> for Scalars {
    fn name(&self) -> &'static str {
        "scalars"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        y.share(x[0]);
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        gx[0].share(g);
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
    /// All elements as scalars, in row-major order: one node for all of them.
    ///
    /// # Gradient
    /// `gx` holds the cotangents of the scalars.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([2.0, 3.0, 5.0]));
    /// let product = x.scalars().into_iter().reduce(|a, b| a * b).unwrap();
    /// assert_eq!(product.backward().wrt(x), Tensor::from([15.0, 10.0, 6.0]));
    /// ```
    #[track_caller]
    pub fn scalars(self) -> Vec<Var<'t, T>> {
        Var::spread_all(self.tape(), Scalars, &[self.repr]).or_panic()
    }
}

impl<T: Elem> Tape<T> {
    /// Scalar handles as a tensor with one axis: one node for all of them.
    ///
    /// Plain numbers may be among them, through [`Var::number`]; the inverse is
    /// [`scalars`](Var::scalars). For another shape, [`reshape`](Var::reshape) costs nothing.
    ///
    /// # Gradient
    /// Each scalar gets its element of `g`.
    ///
    /// # Panics
    /// If a scalar lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var(2.0), tape.var(3.0));
    /// let x = tape.stack(&[a, a * b, 1.0.into()]);
    /// assert_eq!(x.value(), Tensor::from([2.0, 6.0, 1.0]));
    /// assert_eq!(x.sum().backward().wrt(a), 4.0);
    /// ```
    #[track_caller]
    pub fn stack<'t>(&'t self, scalars: &[Var<'t, T>]) -> Var<'t, Tensor<T>> {
        self.try_stack(scalars).or_panic()
    }

    /// [`stack`](Self::stack), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If a scalar lives on another tape.
    #[track_caller]
    pub fn try_stack<'t>(&'t self, scalars: &[Var<'t, T>]) -> Result<Var<'t, Tensor<T>>, Error> {
        let packed = scalars.iter().map(|s| s.packed());
        let pack = self.pack("stack", [scalars.len()].into(), packed)?;
        Ok(Var::of_node(self, pack))
    }
}

impl Spec for Scalars {
    const NAME: &'static str = "scalars";
    const FORMULA: &'static str = "y_i = x_i, as scalars";
    const GRADIENT: &'static str = "gx = g";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-10.0, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].tape().stack(&x[0].scalars()).reshape(x[0].shape())
    }
}
