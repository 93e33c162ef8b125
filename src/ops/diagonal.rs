//! The diagonals of matrices.

use super::forms::{evaluate, linear};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

const NAME: &str = "diagonal";

/// `y_k = x_kk`.
#[derive(Clone, Copy, Debug)]
pub struct Diagonal;

/// The leading sizes of a tensor of matrices, their rows and their columns.
fn sizes(shape: &Shape) -> Result<(&[usize], usize, usize), Error> {
    match &shape[..] {
        [batch @ .., rows, columns] => Ok((batch, *rows, *columns)),
        _ => Err(Error::new(ErrorKind::Rank {
            op: NAME,
            shape: shape.clone(),
            expected: "matrices, which have at least 2 axes",
        })),
    }
}

/// The places of the diagonals' elements in a tensor whose shape has been checked.
fn places(shape: &Shape) -> impl Iterator<Item = usize> {
    let (batch, rows, columns) = sizes(shape).expect("the shape was checked");
    let matrices = 0..batch.iter().product();
    matrices.flat_map(move |matrix: usize| {
        let start = matrix * rows * columns;
        (0..rows.min(columns)).map(move |k| start + k * (columns + 1))
    })
}

impl<T: Elem> Rule<T> for Diagonal {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        let (batch, rows, columns) = sizes(x[0])?;
        let mut shape: Vec<usize> = batch.into();
        shape.push(rows.min(columns));
        Ok(shape.into())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        for (y, at) in y.fill().iter_mut().zip(places(x[0].shape())) {
            *y = x[0].data()[at];
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let gx = gx[0].accumulate();
        for (&g, at) in g.iter().zip(places(at.x[0].shape())) {
            gx[at] += g;
        }
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

impl<T: Elem> Var<'_, Tensor<T>> {
    /// The diagonal of a matrix. Its sum is the trace.
    ///
    /// ```text
    /// y_k = x_kk
    /// ```
    /// # Shapes
    /// `[.., m, n]` gives `[.., min(m, n)]`.
    ///
    /// # Gradient
    /// `gx` is `g` on the diagonal and 0 elsewhere.
    ///
    /// # Panics
    /// If the tensor has fewer than two axes.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(x.diagonal().value(), Tensor::from([1.0, 4.0]));
    /// let trace = x.diagonal().sum();
    /// assert_eq!(trace.backward().wrt(x), Tensor::from([[1.0, 0.0], [0.0, 1.0]]));
    /// ```
    #[track_caller]
    pub fn diagonal(self) -> Self {
        self.try_diagonal().or_panic()
    }

    /// [`diagonal`](Self::diagonal), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the tensor has fewer than two axes.
    #[track_caller]
    pub fn try_diagonal(self) -> Result<Self, Error> {
        self.record(Diagonal)
    }
}

impl<T: Elem> Tensor<T> {
    /// The diagonal of a plain matrix; see [`Var::diagonal`](crate::Var::diagonal).
    ///
    /// # Panics
    /// If the tensor has fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn diagonal(&self) -> Self {
        self.try_diagonal().or_panic()
    }

    /// [`diagonal`](Self::diagonal), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the tensor has fewer than two axes.
    pub fn try_diagonal(&self) -> Result<Self, Error> {
        evaluate(&Diagonal, [self])
    }
}

impl Spec for Diagonal {
    const NAME: &'static str = NAME;
    const FORMULA: &'static str = "y_k = x_kk, along the last two axes";
    const GRADIENT: &'static str = "gx_kk = g_k, 0 elsewhere";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        let shape = draw.shape(2);
        let x = draw.values(shape, -2.0, 2.0);
        Sample::new(vec![x], ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0].diagonal()
    }

    /// The product with the identity, summed along the rows; of a wide matrix, only of its first columns.
    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Option<Var<'t, Tensor<T>>> {
        let shape = x[0].shape();
        let (_, rows, columns) = sizes(&shape).ok()?;
        let identity = Tensor::from_fn([rows, columns], |i| {
            T::of(f64::from(u8::from(i / columns == i % columns)))
        });
        let own = x[0] * identity;
        Some(match rows < columns {
            true => own.sum_axis(-1),
            false => own.sum_axis(-2),
        })
    }
}
