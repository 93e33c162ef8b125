//! A border of constant entries around a tensor.

use smallvec::SmallVec;

use super::forms::evaluate;
use crate::error::{Error, OrPanic};
use crate::kernel::{Constant, Elem, Strided};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y` is `x` with a border of one value: a number of entries before and after it along each axis.
#[derive(Clone, Debug)]
pub struct Pad<T> {
    pads: SmallVec<[(usize, usize); 4]>,
    value: T,
}

impl<T: Elem> Rule<T> for Pad<T> {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        if self.pads.len() != x[0].rank() {
            return Err(Error::argument(
                "pad",
                format!(
                    "{} pairs (before, after) for shape {}; give one for each axis",
                    self.pads.len(),
                    x[0]
                ),
            ));
        }
        let sizes = x[0].iter().zip(&self.pads).map(|(n, &(before, after))| {
            let size = n.checked_add(before).and_then(|n| n.checked_add(after));
            size.ok_or_else(|| {
                let text = format!(
                    "{before} before and {after} after an axis of {n} are more than can be counted"
                );
                Error::argument("pad", text)
            })
        });
        sizes.collect()
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        self.surround(x[0], self.value, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let window = self.window(g.shape(), at.x[0].shape());
        window.copy(g.data(), gx[0].fill());
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.surround(t, T::zero(), ty),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(Pad {
            pads: self.pads.clone(),
            value: self.value.widen(),
        }))
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn why(&self) -> &'static str {
        <Pad<f64> as Spec>::GRADIENT
    }

    fn reach(&self) -> Reach {
        Reach::Copies
    }
}

impl<T: Elem> Pad<T> {
    fn new(pads: impl AsRef<[(usize, usize)]>, value: T) -> Self {
        let pads = SmallVec::from_slice(pads.as_ref());
        Self { pads, value }
    }

    /// Where `x` lies in `y`.
    fn window(&self, y: &Shape, x: &Shape) -> Strided<2> {
        Strided::<2>::window(y, x, |k| self.pads[k].0, |_| 1)
    }

    fn surround(&self, x: &Tensor<T>, value: T, y: &mut Slot<'_, T>) {
        let window = self.window(y.shape(), x.shape());
        let y = y.fill();
        y.fill(value);
        window.copy_back(x.data(), y);
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// This tensor with a border of one value: `pads` gives, for each axis, the number of entries
    /// before and after.
    ///
    /// # Shapes
    /// Each size grows by its two pads.
    ///
    /// # Gradient
    /// `gx` is `g` without the border; the value is a constant and gets no cotangent.
    ///
    /// # Panics
    /// If there is not one pair for each axis, or an axis with its border has more entries than can be counted.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0]]));
    /// let y = x.pad([(0, 1), (1, 0)], 9.0);
    /// assert_eq!(y.value(), Tensor::from([[9.0, 1.0, 2.0], [9.0, 9.0, 9.0]]));
    /// ```
    #[track_caller]
    pub fn pad(self, pads: impl AsRef<[(usize, usize)]>, value: impl Constant<T>) -> Self {
        self.try_pad(pads, value).or_panic()
    }

    /// [`pad`](Self::pad), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If there is not one pair for each axis, or an axis with its border has more entries than can be counted.
    #[track_caller]
    pub fn try_pad(
        self,
        pads: impl AsRef<[(usize, usize)]>,
        value: impl Constant<T>,
    ) -> Result<Self, Error> {
        self.record(Pad::new(pads, value.embed()))
    }
}

impl<T: Elem> Tensor<T> {
    /// This tensor with a border of one value; see [`Var::pad`](crate::Var::pad).
    ///
    /// # Panics
    /// If there is not one pair for each axis, or an axis with its border has more entries than can be counted.
    #[must_use]
    #[track_caller]
    pub fn pad(&self, pads: impl AsRef<[(usize, usize)]>, value: impl Constant<T>) -> Self {
        self.try_pad(pads, value).or_panic()
    }

    /// [`pad`](Self::pad), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If there is not one pair for each axis, or an axis with its border has more entries than can be counted.
    pub fn try_pad(
        &self,
        pads: impl AsRef<[(usize, usize)]>,
        value: impl Constant<T>,
    ) -> Result<Self, Error> {
        evaluate(&Pad::new(pads, value.embed()), [self])
    }
}

impl Spec for Pad<f64> {
    const NAME: &'static str = "pad";
    const FORMULA: &'static str = "y = x, with a border of one value";
    const GRADIENT: &'static str = "gx = g without the border";
    type Attributes = (Vec<(usize, usize)>, f64);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let inputs = draw.one(-10.0, 10.0);
        let pads = (0..inputs[0].rank())
            .map(|_| (draw.pick(&[0, 1, 2]), draw.pick(&[0, 1, 3])))
            .collect();
        Sample::new(inputs, (pads, draw.pick(&[0.0, 1.5])))
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (pads, value): &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].pad(pads, T::of(*value))
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        (pads, value): &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        // A border of constant tensors, axis by axis.
        let mut y = x[0];
        for (axis, &(before, after)) in pads.iter().enumerate() {
            let border = |n| {
                let shape = y.shape().with(axis, n);
                y.tape().constant(Tensor::full(shape, T::of(*value)))
            };
            y = Var::concat(&[border(before), y, border(after)], axis);
        }
        Some(y)
    }
}
