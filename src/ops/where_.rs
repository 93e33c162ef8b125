//! A choice between two tensors, element by element.

use super::forms::evaluate;
use crate::error::{Error, OrPanic};
use crate::kernel::{self, Elem, Strided};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::{Operand, Var};

/// `y = a` where a condition holds and `b` elsewhere.
#[derive(Clone, Debug)]
pub struct Where {
    condition: Tensor<bool>,
}

impl<T: Elem> Rule<T> for Where {
    fn name(&self) -> &'static str {
        "where_"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        x[0].broadcast("where_", x[1])?
            .broadcast("where_", self.condition.shape())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        self.choose(x[0], x[1], y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        for (k, gx) in gx.iter_mut().enumerate().filter(|(_, gx)| gx.wanted()) {
            let operand = at.x[k].shape();
            if operand == g.shape() {
                self.keep(g, k == 0, gx.fill());
            } else {
                let mut full = gx.scratch(g.shape());
                self.keep(g, k == 0, full.fill());
                let full = full.finish_dense("where_");
                kernel::sum_to(g.shape(), full.data(), operand, gx.fill());
                gx.recycle(full);
            }
        }
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let zero = Tensor::scalar(T::zero());
        self.choose(t[0].unwrap_or(&zero), t[1].unwrap_or(&zero), ty);
        Ok(())
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
        Reach::Elementwise
    }

    fn rowwise(&self, x: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        // Each block gets the whole condition, which must therefore be the same for all rows.
        let condition = self.condition.shape();
        let rank = x
            .iter()
            .fold(condition.rank(), |most, x| most.max(x.rank()));
        condition.repeats(rank, axes).then_some(self)
    }
}

impl Where {
    fn choose<T: Elem>(&self, a: &Tensor<T>, b: &Tensor<T>, y: &mut Slot<'_, T>) {
        let condition = &self.condition;
        let shape = y.shape().clone();
        let choose = |c: bool, a: T, b: T| if c { a } else { b };
        if [condition.shape(), a.shape(), b.shape()]
            .iter()
            .all(|&s| *s == shape)
        {
            kernel::map3(condition.data(), a.data(), b.data(), y.fill(), choose);
            return;
        }
        let strides =
            [condition.shape(), a.shape(), b.shape()].map(|own| kernel::spread(&shape, own));
        let axes = (0..shape.rank()).map(|k| (shape[k], [0, 1, 2].map(|of| strides[of][k])));
        let walk = Strided::new([0; 3], axes);
        let (condition, a, b) = (condition.data(), a.data(), b.data());
        let mut elements = y.fill().iter_mut();
        walk.each(|[i, j, k]| {
            if let Some(y) = elements.next() {
                *y = choose(condition[i], a[j], b[k]);
            }
        });
    }

    /// `g` where the condition is `side`, and exactly 0 elsewhere, whatever `g` is there.
    fn keep<T: Elem>(&self, g: &Tensor<T>, side: bool, gx: &mut [T]) {
        let condition = (&self.condition.shape()[..], self.condition.data());
        let cotangent = (&g.shape()[..], g.data());
        kernel::zip(g.shape(), condition, cotangent, gx, |c, g| {
            if c == side { g } else { T::zero() }
        });
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// This tensor where the condition holds, the other operand elsewhere.
    ///
    /// ```text
    /// y_i = x_i if condition_i, else other_i
    /// ```
    /// # Shapes
    /// All three broadcast.
    ///
    /// # Gradient
    /// `g` goes to the operand that was chosen; the other gets exactly 0, and its value is not
    /// used: a NaN or an infinity there does no harm, neither here nor further back.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([4.0, 0.0, -1.0]));
    /// let positive = x.value().map(|x| x > 0.0);
    /// let y = x.sqrt().where_(&positive, 0.0);
    /// assert_eq!(y.value(), Tensor::from([2.0, 0.0, 0.0]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::from([0.25, 0.0, 0.0])); // no NaN, no inf
    /// ```
    #[track_caller]
    pub fn where_(self, condition: &Tensor<bool>, other: impl Operand<'t, T>) -> Self {
        self.try_where_(condition, other).or_panic()
    }

    /// [`where_`](Self::where_), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not broadcast, or the other operand lives on another tape.
    #[track_caller]
    pub fn try_where_(
        self,
        condition: &Tensor<bool>,
        other: impl Operand<'t, T>,
    ) -> Result<Self, Error> {
        let condition = condition.clone();
        self.record2(Where { condition }, other)
    }
}

impl<T: Elem> Tensor<T> {
    /// This tensor where the condition holds, the other one elsewhere; all three broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn where_(&self, condition: &Tensor<bool>, other: &Self) -> Self {
        self.try_where_(condition, other).or_panic()
    }

    /// [`where_`](Self::where_), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn try_where_(&self, condition: &Tensor<bool>, other: &Self) -> Result<Self, Error> {
        let condition = condition.clone();
        evaluate(&Where { condition }, [self, other])
    }
}

impl Spec for Where {
    const NAME: &'static str = "where_";
    const FORMULA: &'static str = "y = a where the condition holds, else b";
    const GRADIENT: &'static str = "ga = g where it holds, else 0; gb the other way round";
    type Attributes = Tensor<bool>;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(0);
        let inputs = [0; 2].map(|_| {
            let own = draw.narrower(&shape);
            draw.values(own, -10.0, 10.0)
        });
        let own = draw.narrower(&shape);
        let condition = Tensor::full(own, false).map(|_| draw.below(2) == 0);
        Sample::new(inputs.into(), condition)
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        condition: &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].where_(condition, x[1])
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        condition: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        let one = condition.map(|c| if c { T::one() } else { T::zero() });
        let other = one.map(|c| T::one() - c);
        Some(x[0] * one + x[1] * other)
    }
}
