//! `Average`: the mean of a function of two tensors of one shape, in one node.

use crate::error::{Error, ErrorKind};
use crate::kernel::{self, Elem, Rows};
use crate::ops::Binary;
use crate::ops::forms::pull::pull;
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};

/// The rule of `mean f(a, b)`.
///
/// The shapes must be equal: broadcasting a prediction against a target of another shape is usually
/// a mistake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Average<B>(pub(crate) B);

impl<B> Average<B> {
    /// Writes the mean of `term(position, None)` over `n` positions, or, where terms overflow, the sum of their shares
    /// of it, `term(position, Some(n))`.
    fn mean<T: Elem>(n: usize, y: &mut [T], term: impl Fn(usize, Option<T>) -> T) {
        let terms = |of: Option<T>| -> Vec<T> { (0..n).map(|i| term(i, of)).collect() };
        let rows = Rows::last(1, n);
        kernel::mean_axis(rows, &terms(None), &[()], y, &|x, ()| x);
        if !y[0].is_finite() {
            kernel::sum_axis(rows, &terms(Some(T::of(n as f64))), y);
        }
    }
}

impl<B> Average<B> {
    /// A cotangent or tangent times slope `k`.
    fn scaled<T: Elem>(&self, g: T, a: T, b: T, k: usize, slopes: [T; 2]) -> T
    where
        B: Binary<T>,
    {
        pull(g, slopes[k], || self.0.far([a, b, T::nan()], k, g))
    }
}

impl<T: Elem, B: Binary<T>> Rule<T> for Average<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        if x[0] != x[1] {
            return Err(Error::new(ErrorKind::Shape {
                op: B::NAME,
                what: "the tensor of targets",
                found: x[1].clone(),
                expected: x[0].clone(),
            }));
        }
        Ok(Shape::scalar())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let (a, b) = (x[0].data(), x[1].data());
        Self::mean(a.len(), y.fill(), |i, of| match of {
            None => self.0.value(a[i], b[i]),
            Some(n) => self.0.share(a[i], b[i], n),
        });
        guard::output(self, x, y);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (a, b) = (at.x[0].data(), at.x[1].data());
        let g = g.item() / T::of(a.len() as f64);
        for (k, gx) in gx.iter_mut().enumerate().filter(|(_, gx)| gx.wanted()) {
            kernel::map2(a, b, gx.fill(), |a, b| {
                self.scaled(g, a, b, k, self.0.slopes(a, b, T::nan()))
            });
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let (a, b) = (at.x[0].data(), at.x[1].data());
        let term = |i: usize, of: Option<T>| {
            let slopes = self.0.slopes(a[i], b[i], T::nan());
            let pushed = |k: usize| {
                let t = t[k].map_or(T::zero(), |t| t.data()[i]);
                let t = of.map_or(t, |n| t / n);
                self.scaled(t, a[i], b[i], k, slopes)
            };
            pushed(0) + pushed(1)
        };
        Self::mean(a.len(), ty.fill(), term);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(Average(self.0.wide())))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Twin::record_some(x, |x| Some(self.0.twin(x[0], x[1])?.mean_axis(..)))
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS
    }

    fn why(&self) -> &'static str {
        B::WHY
    }
}
