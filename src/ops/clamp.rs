//! Restriction of numbers to an interval.

use super::forms::unary::{Map, Unary, elementwise, tensor};
use crate::error::{Error, OrPanic};
use crate::kernel::{Constant, Elem};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::Keeps;
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = min(max(x, low), high)`.
#[derive(Clone, Copy, Debug)]
pub struct Clamp<T> {
    low: T,
    high: T,
}

impl<T: Elem> Clamp<T> {
    /// The op for these bounds.
    #[track_caller]
    fn between(low: impl Constant<T>, high: impl Constant<T>) -> Self {
        Self::try_between(low, high).or_panic()
    }

    fn try_between(low: impl Constant<T>, high: impl Constant<T>) -> Result<Self, Error> {
        let (low, high) = (low.embed(), high.embed());
        if low <= high {
            return Ok(Self { low, high });
        }
        let text = format!("nothing lies between {low} and {high}; the lower bound comes first");
        Err(Error::argument("clamp", text))
    }
}

impl<T: Elem> Unary<T> for Clamp<T> {
    const NAME: &'static str = "clamp";
    const KEEPS: Keeps = Keeps::INPUTS;
    const GATE: bool = true;
    const WHY: &'static str = <Clamp<f64> as Spec>::GRADIENT;
    type Wide = Clamp<T::Wide>;

    fn wide(self) -> Self::Wide {
        Clamp {
            low: self.low.widen(),
            high: self.high.widen(),
        }
    }

    fn value(self, x: T) -> T {
        if x < self.low {
            self.low
        } else if x > self.high {
            self.high
        } else {
            x
        }
    }

    fn slope(self, x: T, _: T) -> T {
        if x < self.low || x > self.high {
            T::zero()
        } else {
            T::one()
        }
    }

    fn twin<'t>(self, x: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        Some(x.maximum(self.low).minimum(self.high))
    }
}

elementwise! {
    /// Every element, restricted to an interval.
    ///
    /// ```text
    /// y = min(max(x, low), high)
    /// ```
    /// # Domain
    /// All reals; ±inf give the bounds, with slope 0 at finite ones. An infinite bound leaves its side open. NaN
    /// stays NaN, with slope 1.
    ///
    /// # Gradient
    /// `gx = g where low <= x <= high, else 0; the interval is closed`.
    ///
    /// # Accuracy
    /// Measured: exact in f32 and f64, value and gradient; see docs/accuracy.md.
    ///
    /// # Panics
    /// If the lower bound is above the upper one, or one of them is NaN.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([-3.0, 0.5, 1.0, 7.0]));
    /// let y = x.clamp(-1.0, 1.0);
    /// assert_eq!(y.value(), Tensor::from([-1.0, 0.5, 1.0, 1.0]));
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::from([0.0, 1.0, 1.0, 0.0]));
    /// ```
    pub fn clamp(self, low: impl Constant<T>, high: impl Constant<T>) = Clamp::between(low, high);
    panics "If the lower bound is above the upper one, or one of them is NaN.";
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// [`clamp`](Self::clamp), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the lower bound is above the upper one, or one of them is NaN.
    #[track_caller]
    pub fn try_clamp(self, low: impl Constant<T>, high: impl Constant<T>) -> Result<Self, Error> {
        self.record(Map(Clamp::try_between(low, high)?))
    }
}

impl<T: Elem> Tensor<T> {
    /// [`clamp`](Self::clamp), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the lower bound is above the upper one, or one of them is NaN.
    pub fn try_clamp(&self, low: impl Constant<T>, high: impl Constant<T>) -> Result<Self, Error> {
        Ok(tensor(Clamp::try_between(low, high)?, self))
    }
}

impl Spec for Clamp<f64> {
    const NAME: &'static str = "clamp";
    const FORMULA: &'static str = "y = min(max(x, low), high)";
    const GRADIENT: &'static str = "gx = g where low <= x <= high, else 0; the interval is closed";
    const EDGES: &'static [f64] = &[0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    type Attributes = (f64, f64);

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let with = draw.pick(&[(-1.0, 1.0), (0.0, 2.0)]);
        Sample::new(draw.one(-4.0, 4.0), with)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], with: &Self::Attributes) -> Var<'t, Tensor<T>> {
        x[0].clamp(T::of(with.0), T::of(with.1))
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        with: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        Clamp {
            low: T::of(with.0),
            high: T::of(with.1),
        }
        .twin(x[0])
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], with: &Self::Attributes) -> Option<Var<'t, T>> {
        Some(x[0].clamp(T::of(with.0), T::of(with.1)))
    }
}
