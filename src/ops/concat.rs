//! Several tensors one after another along an axis.

use std::borrow::Borrow;

use smallvec::SmallVec;

use super::forms::evaluate_all;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{self, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y` holds the parts one after another along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    axis: isize,
}

impl<T: Elem> Rule<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        let axis = x[0].axis("concat", self.axis)?;
        let mut size = x[0][axis];
        for (k, &part) in x.iter().enumerate().skip(1) {
            if part.rank() != x[0].rank() || part.with(axis, x[0][axis]) != *x[0] {
                return Err(Error::argument(
                    "concat",
                    format!(
                        "part {k} of shape {part} does not continue {} along axis {axis}; the other sizes must be equal",
                        x[0]
                    ),
                ));
            }
            size += part[axis];
        }
        Ok(x[0].with(axis, size))
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let inner = self.inner(x[0].shape());
        let row = self.block(y.shape(), inner);
        join(x, |x| self.block(x.shape(), inner), y.fill(), row);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let inner = self.inner(g.shape());
        let row = self.block(g.shape(), inner);
        part(g.data(), row, gx, |k| self.block(at.x[k].shape(), inner));
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let inner = self.inner(at.y.shape());
        let row = self.block(at.y.shape(), inner);
        push(t, |k| self.block(at.x[k].shape(), inner), ty.fill(), row);
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

impl Concat {
    fn position(&self, shape: &Shape) -> usize {
        self.axis.rem_euclid(shape.rank() as isize) as usize
    }

    /// How many consecutive elements one entry of the axis has.
    fn inner(&self, shape: &Shape) -> usize {
        shape[self.position(shape) + 1..].iter().product()
    }

    /// How many consecutive elements the whole axis has in a tensor of this shape.
    fn block(&self, shape: &Shape, inner: usize) -> usize {
        shape[self.position(shape)] * inner
    }
}

/// Puts blocks of all parts side by side in each row.
pub(super) fn join<T: Elem>(
    x: &[&Tensor<T>],
    block: impl Fn(&Tensor<T>) -> usize,
    y: &mut [T],
    row: usize,
) {
    let mut at = 0;
    for x in x {
        let block = block(x);
        kernel::paste(x.data(), block, y, row, at);
        at += block;
    }
}

/// Splits each row into blocks, one for each part.
pub(super) fn part<T: Elem>(
    g: &[T],
    row: usize,
    gx: &mut [Slot<'_, T>],
    block: impl Fn(usize) -> usize,
) {
    let mut at = 0;
    for (k, gx) in gx.iter_mut().enumerate() {
        let block = block(k);
        if gx.wanted() {
            kernel::cut(g, row, at, gx.fill(), block);
        }
        at += block;
    }
}

/// Puts blocks of the parts' tangents side by side, zeros for a part without a tangent.
pub(super) fn push<T: Elem>(
    t: &[Option<&Tensor<T>>],
    block: impl Fn(usize) -> usize,
    ty: &mut [T],
    row: usize,
) {
    if t.iter().any(Option::is_none) {
        ty.fill(T::zero());
    }
    let mut at = 0;
    for (k, t) in t.iter().enumerate() {
        let block = block(k);
        if let Some(t) = t {
            kernel::paste(t.data(), block, ty, row, at);
        }
        at += block;
    }
}

/// The first part; an empty list is refused.
pub(super) fn some<'a, P>(op: &'static str, parts: &'a [P]) -> Result<&'a P, Error> {
    parts
        .first()
        .ok_or_else(|| Error::argument(op, "there are no parts; give at least one"))
}

/// Records a rule on any number of handles.
#[track_caller]
pub(super) fn record<'t, T: Elem>(
    rule: impl Rule<T>,
    parts: &[Var<'t, Tensor<T>>],
) -> Result<Var<'t, Tensor<T>>, Error> {
    let op = rule.name();
    let tape = some(op, parts)?.tape();
    if parts.iter().any(|x| !x.tape().is(tape)) {
        return Err(Error::new(ErrorKind::OtherTape { op }));
    }
    let inputs: SmallVec<[_; 4]> = parts.iter().map(|x| x.repr).collect();
    Ok(Var::of_node(tape, tape.record(rule, &inputs)?))
}

/// Runs a rule on any number of plain tensors.
pub(super) fn run<T: Elem>(
    rule: impl Rule<T>,
    parts: &[impl Borrow<Tensor<T>>],
) -> Result<Tensor<T>, Error> {
    some(rule.name(), parts)?;
    let parts: SmallVec<[&Tensor<T>; 4]> = parts.iter().map(Borrow::borrow).collect();
    evaluate_all(&rule, &parts)
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The parts one after another along an axis.
    ///
    /// ```text
    /// y = [parts_0, parts_1, ..]     along the axis
    /// ```
    /// # Shapes
    /// The parts may differ only in the size of the axis, which in y is their sum; sizes of 0 are legal.
    ///
    /// # Gradient
    /// Each part gets its piece of `g`.
    ///
    /// # Panics
    /// If there are no parts, `axis` is not one of their axes, the other sizes differ, or they live on
    /// different tapes.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor, Var};
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([[1.0], [2.0]]));
    /// let b = tape.var(Tensor::from([[3.0, 4.0], [5.0, 6.0]]));
    /// let y = Var::concat(&[a, b], 1);
    /// assert_eq!(y.value(), Tensor::from([[1.0, 3.0, 4.0], [2.0, 5.0, 6.0]]));
    /// ```
    #[track_caller]
    pub fn concat(parts: &[Self], axis: impl Axis) -> Self {
        Self::try_concat(parts, axis.signed()).or_panic()
    }

    /// [`concat`](Self::concat), with bad input as an [`Error`].
    ///
    /// # Errors
    /// In the cases where [`concat`](Self::concat) panics.
    #[track_caller]
    pub fn try_concat(parts: &[Self], axis: impl Axis) -> Result<Self, Error> {
        record(
            Concat {
                axis: axis.signed(),
            },
            parts,
        )
    }
}

impl<T: Elem> Tensor<T> {
    /// The parts one after another along an axis; see [`Var::concat`](crate::Var::concat).
    ///
    /// # Panics
    /// If there are no parts, `axis` is not one of their axes, or the other sizes differ.
    #[must_use]
    #[track_caller]
    pub fn concat(parts: &[impl Borrow<Self>], axis: impl Axis) -> Self {
        Self::try_concat(parts, axis.signed()).or_panic()
    }

    /// [`concat`](Self::concat), with bad input as an [`Error`].
    ///
    /// # Errors
    /// In the cases where [`concat`](Self::concat) panics.
    pub fn try_concat(parts: &[impl Borrow<Self>], axis: impl Axis) -> Result<Self, Error> {
        run(
            Concat {
                axis: axis.signed(),
            },
            parts,
        )
    }
}

impl Spec for Concat {
    const NAME: &'static str = "concat";
    const FORMULA: &'static str = "y = [x_0, x_1, ..] along the axis";
    const GRADIENT: &'static str = "gx_k = the piece of g that x_k became";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        let at = axis.rem_euclid(shape.rank() as isize) as usize;
        let part = |_| {
            let size = draw.pick(&[1, 2, 3, 0]);
            draw.values(shape.with(at, size), -10.0, 10.0)
        };
        let parts = [0; 3].map(part);
        Sample::new(parts[..1 + draw.below(3)].to_vec(), axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        Var::concat(x, *axis)
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Option<Var<'t, Tensor<T>>> {
        // Each part is padded with zeros to the full size; then all are summed.
        let at = x[0].shape().axis(Self::NAME, *axis).ok()?;
        let total: usize = x.iter().map(|x| x.shape()[at]).sum();
        let mut before = 0;
        let padded = x.iter().map(|x| {
            let mut pads = vec![(0, 0); x.rank()];
            let size = x.shape()[at];
            pads[at] = (before, total - before - size);
            before += size;
            x.pad(pads, T::zero())
        });
        padded.reduce(|a, b| a + b)
    }
}
