//! Running product along an axis.

use super::forms::pull::share;
use crate::error::{Error, OrPanic};
use crate::kernel::{self, Elem, Rows};
use crate::ops::{Draw, Sample, Spec, evaluate};
use crate::rule::{Keeps, Point, Residual, Rule, Slot, Twin};
use crate::tensor::{Axis, Shape, Tensor};
use crate::var::Var;

/// `y_j = x_0 x_1 .. x_j` along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Cumprod {
    axis: usize,
}

impl<T: Elem> Rule<T> for Cumprod {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let (inner, block) = self.block(x[0].shape());
        let blocks = x[0].data().chunks_exact(block);
        let out = y.fill();
        for (x, y) in blocks.zip(out.chunks_exact_mut(block)) {
            y[..inner].copy_from_slice(&x[..inner]);
            for p in inner..block {
                y[p] = y[p - inner] * x[p];
            }
        }
        kernel::running_product_again(x[0].shape().rows(self.axis), x[0].data(), out);
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (inner, block) = self.block(g.shape());
        let inputs = at.x[0].data().chunks_exact(block);
        let outputs = at.y.data().chunks_exact(block);
        let blocks = inputs.zip(outputs).zip(g.data().chunks_exact(block));
        let out = gx[0].fill();
        for (((x, y), g), gx) in blocks.zip(out.chunks_exact_mut(block)) {
            // From the end, by Horner's scheme: s_j = g_j + x_(j+1) s_(j+1), and y_(j-1) s_j is what
            // y_j and all later products pull back to x_j.
            let last = block - inner;
            gx[last..].copy_from_slice(&g[last..]);
            for p in (0..last).rev() {
                gx[p] = g[p] + share(gx[p + inner], || x[p + inner]);
            }
            for (gx, &before) in gx[inner..].iter_mut().zip(y) {
                *gx = share(*gx, || before);
            }
        }
        let rows = g.shape().rows(self.axis);
        kernel::running_product_vjp_again(rows, at.x[0].data(), g.data(), out);
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let Some(t) = t[0] else {
            ty.zero();
            return Ok(());
        };
        let (inner, block) = self.block(t.shape());
        let inputs = at.x[0].data().chunks_exact(block);
        let outputs = at.y.data().chunks_exact(block);
        let blocks = inputs.zip(outputs).zip(t.data().chunks_exact(block));
        let out = ty.fill();
        for (((x, y), t), ty) in blocks.zip(out.chunks_exact_mut(block)) {
            ty[..inner].copy_from_slice(&t[..inner]);
            for p in inner..block {
                let before = p - inner;
                ty[p] = share(ty[before], || x[p]) + share(t[p], || y[before]);
            }
        }
        let rows = t.shape().rows(self.axis);
        kernel::running_product_jvp_again(rows, at.x[0].data(), t.data(), out);
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(*self))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Twin::record_some(x, |x| Self::composed(x, &(self.axis as isize)))
    }

    fn rowwise(&self, _: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        (self.axis >= axes).then_some(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT
    }

    fn why(&self) -> &'static str {
        <Self as Spec>::GRADIENT
    }
}

impl Cumprod {
    /// Along an axis of a tensor of this shape.
    fn along(shape: &Shape, axis: isize) -> Result<Self, Error> {
        let axis = shape.axis("cumprod", axis)?;
        Ok(Self { axis })
    }

    /// The distance between neighbours in a row, and the number of elements in rows that lie side by side.
    fn block(&self, shape: &Shape) -> (usize, usize) {
        let Rows { n, inner, .. } = shape.rows(self.axis);
        // A tensor without elements has no blocks, whatever their size.
        (inner, (n * inner).max(1))
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// Running product along `axis`.
    ///
    /// ```text
    /// y_j = x_0 x_1 .. x_j
    /// ```
    /// # Shapes
    /// Any with at least one axis; y has the shape of x.
    ///
    /// # Domain
    /// All reals. A product that overflows is infinite, yet those after it are right: where a product
    /// could leave the range, the row is multiplied again on wider numbers, so that `[1e200, 1e200, 1e-300]` gives
    /// `[1e200, inf, 1e100]`.
    ///
    /// # Gradient
    /// `gx_i = Σ_(j >= i) g_j Π_(k <= j, k ≠ i) x_k`, computed as `y_(i-1) s_i` with
    /// `s_i = g_i + x_(i+1) s_(i+1)`: without division, so it is right with any number of zeros.
    ///
    /// # Keeps
    /// x and y.
    ///
    /// # Complexity
    /// Linear, forward and backward.
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([2.0, 0.0, 3.0]));
    /// assert_eq!(x.cumprod(0).value(), Tensor::from([2.0, 0.0, 0.0]));
    /// assert_eq!(x.cumprod(0).sum().backward().wrt(x), Tensor::from([1.0, 8.0, 0.0]));
    /// ```
    #[track_caller]
    pub fn cumprod(self, axis: impl Axis) -> Self {
        self.try_cumprod(axis.signed()).or_panic()
    }

    /// [`cumprod`](Self::cumprod), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    #[track_caller]
    pub fn try_cumprod(self, axis: impl Axis) -> Result<Self, Error> {
        self.record(Cumprod::along(&self.shape(), axis.signed())?)
    }
}

impl<T: Elem> Tensor<T> {
    /// Running product along `axis`. Formula and domain are documented on
    /// [`Var::cumprod`](crate::Var::cumprod).
    ///
    /// # Panics
    /// If `axis` is not an axis of the tensor.
    #[must_use]
    #[track_caller]
    pub fn cumprod(&self, axis: impl Axis) -> Self {
        self.try_cumprod(axis.signed()).or_panic()
    }

    /// [`cumprod`](Self::cumprod), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `axis` is not an axis of the tensor.
    pub fn try_cumprod(&self, axis: impl Axis) -> Result<Self, Error> {
        evaluate(&Cumprod::along(self.shape(), axis.signed())?, [self])
    }
}

impl Spec for Cumprod {
    const NAME: &'static str = "cumprod";
    const FORMULA: &'static str = "y_j = Π x_k over k <= j";
    const GRADIENT: &'static str = "gx_i = y_(i-1) s_i, s_i = g_i + x_(i+1) s_(i+1)";
    type Attributes = isize;

    fn sample(draw: &mut Draw) -> Sample<isize> {
        let shape = draw.shape(1);
        let axis = draw.axis(&shape);
        Sample::new(vec![draw.signed(shape, 0.5, 1.5)], axis)
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Var<'t, Tensor<T>> {
        x[0].cumprod(*axis)
    }

    fn composed<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], axis: &isize) -> Option<Var<'t, Tensor<T>>> {
        // The sign is that of (-1)^k, k the number of negative elements so far.
        let (size, half_turns) = (x[0].abs().ln(), (-x[0].sign() + T::one()) * T::FRAC_PI_2());
        Some(size.cumsum(*axis).exp() * half_turns.cumsum(*axis).cos())
    }
}
