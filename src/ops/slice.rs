//! Slices: ranges with steps along axes.

use smallvec::SmallVec;

use super::forms::span::{Run, Span, Spans};
use super::forms::{evaluate, linear};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Strided};
use crate::ops::{Draw, Sample, Spec};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// `y` holds the entries of `x` that a range along each axis selects.
#[derive(Clone, Debug)]
pub struct Slice {
    runs: SmallVec<[Run; 4]>,
}

impl<T: Elem> Rule<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        let kept = self.runs.iter().filter(|run| run.keep);
        Ok(kept.map(|run| run.count).collect())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        if self.takes_all(x[0].shape()) {
            y.share(x[0]);
        } else {
            self.window(x[0].shape()).copy(x[0].data(), y.fill());
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let shape = at.x[0].shape();
        if self.takes_all(shape) {
            gx[0].share(g);
        } else {
            self.window(shape).add_back(g.data(), gx[0].accumulate());
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

impl Slice {
    /// The rule for a tensor of this shape.
    fn new(shape: &Shape, spans: impl Spans) -> Result<Self, Error> {
        let spans = spans.list();
        if spans.len() > shape.rank() {
            return Err(Error::argument(
                "slice",
                format!(
                    "{} ranges for shape {shape}; give one for each axis at most",
                    spans.len()
                ),
            ));
        }
        let spans = spans.into_iter().chain(std::iter::repeat(Span::from(..)));
        let runs: Result<_, Error> = spans
            .take(shape.rank())
            .enumerate()
            .map(|(axis, span)| span.places("slice", shape, axis))
            .collect();
        Ok(Self { runs: runs? })
    }

    /// Whether all elements are taken, in order.
    fn takes_all(&self, x: &Shape) -> bool {
        let mut runs = self.runs.iter().zip(x.iter());
        runs.all(|(run, &n)| run.count == n && (run.step > 0 || n <= 1))
    }

    fn window(&self, x: &Shape) -> Strided<2> {
        let sizes: SmallVec<[usize; 4]> = self.runs.iter().map(|run| run.count).collect();
        let runs = &self.runs;
        Strided::<2>::window(x, &sizes, |k| runs[k].first, |k| runs[k].step)
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The entries that a range along each axis selects.
    ///
    /// Ranges are Rust's own, in a tuple: `x.slice((0..2, .., 1..))`; negative numbers count from
    /// the end: `x.slice(..-1)`. A single number selects one entry and removes the axis:
    /// `x.slice((.., 0))` is the first column. [`s`](crate::s) gives a range a step:
    /// `x.slice((s(..).step(2), ..))` is every second row, `s(1..4).step(-1)` the entries 3, 2, 1.
    /// Axes that are not named are taken whole.
    ///
    /// # Shapes
    /// One size for each range; an empty range gives an axis of size 0.
    ///
    /// # Gradient
    /// `gx` is `g` at the selected entries and 0 elsewhere.
    ///
    /// # Complexity
    /// One pass over the selected entries forward and one back; the cotangent of x is zeroed once,
    /// however many slices of x there are. A slice that takes everything shares the buffer.
    ///
    /// # Panics
    /// If a range reaches outside its axis, ends before it starts or has step 0, or if there are
    /// more ranges than axes.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor, s};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]));
    /// assert_eq!(x.slice((.., 1..3)).value(), Tensor::from([[2.0, 3.0], [6.0, 7.0]]));
    /// assert_eq!(x.slice((0, s(..).step(-2))).value(), Tensor::from([4.0, 2.0]));
    /// let grads = x.slice((1, ..2)).sum().backward();
    /// assert_eq!(grads.wrt(x), Tensor::from([[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]]));
    /// ```
    #[track_caller]
    pub fn slice(self, spans: impl Spans) -> Self {
        self.try_slice(spans).or_panic()
    }

    /// [`slice`](Self::slice), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`slice`](Self::slice) panics.
    #[track_caller]
    pub fn try_slice(self, spans: impl Spans) -> Result<Self, Error> {
        self.record(Slice::new(&self.shape(), spans)?)
    }
}

impl<T: Elem> Tensor<T> {
    /// The entries that a range along each axis selects; see [`Var::slice`](crate::Var::slice).
    ///
    /// # Panics
    /// If a range does not fit its axis, or there are more ranges than axes.
    #[must_use]
    #[track_caller]
    pub fn slice(&self, spans: impl Spans) -> Self {
        self.try_slice(spans).or_panic()
    }

    /// [`slice`](Self::slice), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If a range does not fit its axis, or there are more ranges than axes.
    pub fn try_slice(&self, spans: impl Spans) -> Result<Self, Error> {
        evaluate(&Slice::new(self.shape(), spans)?, [self])
    }
}

impl Spec for Slice {
    const NAME: &'static str = "slice";
    const FORMULA: &'static str = "y = x at the entries of a range along each axis";
    const GRADIENT: &'static str = "gx = g at those entries, 0 elsewhere";
    type Attributes = Vec<Span>;

    fn sample(draw: &mut Draw) -> Sample<Self::Attributes> {
        let inputs = draw.one(-10.0, 10.0);
        let shape = inputs[0].shape();
        let named = draw.below(shape.rank() + 1);
        let mut span = |&n: &usize| {
            let start = draw.below(n + 1);
            let end = start + draw.below(n + 1 - start);
            match draw.below(6) {
                0 => Span::from(..),
                1 if n > 0 => Span::from(start.min(n - 1) as isize - n as isize),
                2 => Span::from(start..),
                _ => Span::from(start..end).step(draw.pick(&[1, 1, 2, 3, -1, -2])),
            }
        };
        let spans = shape[..named].iter().map(&mut span).collect();
        Sample::new(inputs, spans)
    }

    fn fused<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        spans: &Self::Attributes,
    ) -> Var<'t, Tensor<T>> {
        x[0].slice(&spans[..])
    }

    fn composed<'t, T: Elem>(
        x: &[Var<'t, Tensor<T>>],
        spans: &Self::Attributes,
    ) -> Option<Var<'t, Tensor<T>>> {
        let shape = x[0].shape();
        let mut y = x[0];
        // Last axis first, so that removing an axis does not renumber those still to come.
        for (axis, span) in spans.iter().enumerate().rev() {
            let run = span.places("slice", &shape, axis).ok()?;
            let place = |i: usize| run.first.wrapping_add_signed(i as isize * run.step);
            let index: Tensor<usize> = (0..run.count).map(place).collect();
            y = y.index_select(axis, index);
            if !run.keep {
                y = y.squeeze(axis);
            }
        }
        Some(y)
    }
}
