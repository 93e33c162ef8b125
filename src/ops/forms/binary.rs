//! Elementwise functions of two operands that broadcast.

use std::fmt::Debug;

pub(crate) use super::apart::scalars;
use super::pull::{later, passed, pull, pull_inside};
use crate::error::Error;
use crate::kernel::{self, Again, Buffers, Elem, Formula, Layout};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot, Twin};
use crate::tape::guard;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// A function of two numbers.
///
/// It gives an op its method or operator on scalar handles, on tensor handles (which records [`Zip`]) and on plain
/// tensors. For one of your own, that method is [`Var::binary`](crate::Var::binary); broadcasting is done for you.
pub trait Binary<T: Elem>: Copy + Debug + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// What the derivatives read.
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT;
    /// Why they read that, for the ledger: their formula.
    const WHY: &'static str = Self::KEEPS.why();
    /// For each operand, whether its slope is 1 everywhere, so that its cotangent is that of the value.
    const PASSES: [bool; 2] = [false; 2];
    /// For each operand, whether its slope is -1 everywhere, so that a sum over broadcast axes is negated afterwards.
    const NEGATES: [bool; 2] = [false; 2];
    /// Whether it is constant in an operand wherever that slope is 0; see [`Unary::GATE`](super::Unary::GATE).
    const GATE: bool = false;

    /// The same function on wider elements.
    type Wide: Binary<T::Wide>;

    /// The same function on wider elements.
    fn wide(self) -> Self::Wide;

    /// `y = f(a, b)`.
    fn value(self, a: T, b: T) -> T;

    /// `∂f/∂a` and `∂f/∂b`, given `y = f(a, b)` as well.
    fn slopes(self, a: T, b: T, y: T) -> [T; 2];

    /// `f(a, b)` in a loop over many elements: if [`value`](Self::value) has branches or calls, a form without them,
    /// which the compiler can vectorize. The last bit may differ. Must be `#[inline(always)]` if it is long.
    #[inline(always)]
    fn bulk_value(self, a: T, b: T) -> T {
        self.value(a, b)
    }

    /// The slope of operand `K` in such a loop; see [`bulk_value`](Self::bulk_value).
    #[inline(always)]
    fn bulk_slope<const K: usize>(self, a: T, b: T, y: T) -> T {
        self.slopes(a, b, y)[K]
    }

    /// `g` times slope `K` in such a loop; to be overridden if the product has a form of its own.
    #[inline(always)]
    fn bulk_pull<const K: usize>(self, [a, b, y]: [T; 3], g: T) -> T {
        let slope = self.bulk_slope::<K>(a, b, y);
        match Self::FAR_LATER {
            true => pull_inside(g, slope),
            false => passed(Self::GATE, g, slope, || self.far([a, b, y], K, g)),
        }
    }

    /// `g` times slope `k` where the slope came out as 0, subnormal or not finite: computed from other factors,
    /// the product may have all its digits. `None` if no better form is known.
    #[inline(always)]
    fn far(self, x_and_y: [T; 3], k: usize, g: T) -> Option<T> {
        let _ = (x_and_y, k, g);
        None
    }

    /// Whether [`far`](Self::far) is too long for a loop that is to be vectorized. It is then called afterwards, for
    /// the few elements whose cotangent came out as 0, subnormal or not finite.
    const FAR_LATER: bool = false;

    /// For each operand, whether a cotangent that came out as 0 is right where the first operand is 0 and the value's
    /// cotangent is finite, so that [`far`](Self::far) need not be called there.
    const STILL: [bool; 2] = [false; 2];

    /// `f(a, b) / n`, the share of a mean, also where `f(a, b)` is too large.
    #[doc(hidden)]
    fn share(self, a: T, b: T, n: T) -> T {
        self.value(a, b) / n
    }

    /// The same function composed from other ops, which the ledger counts; `None` if it is primitive.
    fn twin<'t>(self, a: Var<'t, Tensor<T>>, b: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        let _ = (a, b);
        None
    }
}

/// The rule of a [`Binary`] function on two tensors that broadcast.
#[derive(Clone, Copy, Debug)]
pub struct Zip<B>(pub B);

impl<T: Elem, B: Binary<T>> Rule<T> for Zip<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        x[0].broadcast(B::NAME, x[1])
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        if !lie_alike(x, y.shape().elements()) {
            return self.forward_apart(x, y);
        }
        let (a, b, c, d) = (x[0].data(), x[1].data(), &kernel::UNITS, &kernel::UNITS);
        let y = y.fill();
        kernel::each(Buffers { a, b, c, d, y }, Value(self.0));
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        if B::PASSES != [true, true] && !lie_alike(at.x, at.y.len()) {
            return self.vjp_apart(at, g, gx);
        }
        self.pull_back::<T, 0>(None, at, g, &mut gx[0]);
        self.pull_back::<T, 1>(None, at, g, &mut gx[1]);
        if B::PASSES == [true, true] && !lie_alike(at.x, at.y.len()) {
            guard::sums(self, at, g, gx);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let y = at.y.data();
        let zero = Tensor::scalar(T::zero());
        let t = [0, 1].map(|k| t[k].unwrap_or(&zero));
        // The tangents broadcast as their operands do; expanding them costs one pass each.
        let shape = at.y.shape();
        let (ta, tb) = (expanded(t[0], shape), expanded(t[1], shape));
        let layout = Layout::new(shape, at.x[0].shape(), at.x[1].shape());
        layout.fill(at.x[0].data(), at.x[1].data(), ty.fill(), |p, a, b| {
            let at = [a, b, y[p]];
            self.push::<T, 0>(at, ta[p]) + self.push::<T, 1>(at, tb[p])
        });
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(Zip(self.0.wide())))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Twin::record_some(x, |x| self.0.twin(x[0], x[1]))
    }

    fn keeps(&self) -> Keeps {
        B::KEEPS
    }

    fn why(&self) -> &'static str {
        B::WHY
    }

    fn reach(&self) -> Reach {
        Reach::Elementwise
    }

    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<T> + Sync)> {
        Some(self)
    }
}

impl<B> Zip<B> {
    /// What the tangent `t` of operand `K` contributes, with the same bits as the pullback.
    #[inline]
    fn push<T: Elem, const K: usize>(&self, at: [T; 3], t: T) -> T
    where
        B: Binary<T>,
    {
        let ([a, b, y], pulled) = (at, Pulled::<B, K>(self.0));
        match B::FAR_LATER {
            true => pulled.again(a, b, y, t),
            false => pulled.of::<false>(a, b, y, t),
        }
    }

    /// The value for operands that broadcast.
    #[inline(never)]
    fn forward_apart<T: Elem>(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>)
    where
        B: Binary<T>,
    {
        let layout = Layout::new(y.shape(), x[0].shape(), x[1].shape());
        let (a, b, c, d) = (x[0].data(), x[1].data(), &kernel::UNITS, &kernel::UNITS);
        let y = y.fill();
        kernel::each_of(&layout, Buffers { a, b, c, d, y }, Value(self.0));
    }

    /// The cotangents of operands that broadcast.
    #[inline(never)]
    fn vjp_apart<T: Elem>(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>])
    where
        B: Binary<T>,
    {
        let layout = Layout::new(at.y.shape(), at.x[0].shape(), at.x[1].shape());
        self.pull_back::<T, 0>(Some(&layout), at, g, &mut gx[0]);
        self.pull_back::<T, 1>(Some(&layout), at, g, &mut gx[1]);
        guard::sums(self, at, g, gx);
    }

    /// The cotangent of operand `K`; without a layout both operands are as long as the output.
    #[inline(always)]
    fn pull_back<T: Elem, const K: usize>(
        &self,
        layout: Option<&Layout>,
        at: &Point<'_, T>,
        g: &Tensor<T>,
        gx: &mut Slot<'_, T>,
    ) where
        B: Binary<T>,
    {
        if !gx.wanted() {
            return;
        }
        // As constants, so that loops that never run are not compiled.
        if const { B::PASSES[K] } {
            return gx.sum_to(g);
        }
        let (a, b, c, d) = (at.x[0].data(), at.x[1].data(), at.y.data(), g.data());
        let f = Pulled::<_, K>(self.0);
        if layout.is_none() || at.x[K].len() == at.y.len() {
            // What is added to a sum could not be looked at.
            if const { !B::FAR_LATER && T::PARTS == 1 && !T::REFERENCE } && gx.adds() {
                let y = gx.accumulate();
                return kernel::each_onto(layout, Buffers { a, b, c, d, y }, f);
            }
            let y = gx.fill();
            return write(layout, Buffers { a, b, c, d, y }, f);
        }
        if const { B::NEGATES[K] } {
            let to = gx.fill();
            kernel::sum_to(at.y.shape(), g.data(), at.x[K].shape(), to);
            // Subtracted from 0, so that a sum of 0 does not become -0.
            to.iter_mut().for_each(|gx| *gx = T::zero() - *gx);
            return;
        }
        let mut full = gx.scratch(at.y.shape());
        let y = full.fill();
        write(layout, Buffers { a, b, c, d, y }, f);
        let full = full.finish_dense(B::NAME);
        kernel::sum_to(at.y.shape(), full.data(), at.x[K].shape(), gx.fill());
        gx.recycle(full);
    }
}

/// The elements of a tensor that broadcasts to a shape. One function for all ops, so that it is compiled once.
fn expanded<T: Elem>(x: &Tensor<T>, shape: &Shape) -> Vec<T> {
    let nothing: (&[usize], &[()]) = (&[], &[()]);
    let mut full = vec![T::zero(); shape.elements()];
    kernel::zip(shape, view(x), nothing, &mut full, |x, ()| x);
    full
}

/// Whether both operands have as many elements as the output, and so pair up in memory order.
#[inline(always)]
fn lie_alike<T>(x: &[&Tensor<T>], len: usize) -> bool {
    x[0].len() == len && x[1].len() == len
}

/// Writes a formula of operands that broadcast, or that pair up in memory order if there is no layout.
#[inline(always)]
fn write<T: Elem, D: Copy>(
    layout: Option<&Layout>,
    buffers: Buffers<'_, T, T, T, D, T>,
    f: impl Formula<T, T, T, D, T>,
) {
    match layout {
        Some(layout) => kernel::each_of(layout, buffers, f),
        None => kernel::each(buffers, f),
    }
}

/// The value of a function.
struct Value<B>(B);

impl<T: Elem, B: Binary<T>> Formula<T, T, (), (), T> for Value<B> {
    #[inline(always)]
    fn of<const FUSED: bool>(&self, a: T, b: T, (): (), (): ()) -> T {
        self.0.bulk_value(a, b)
    }
}

/// A cotangent pulled back to operand `K`.
struct Pulled<B, const K: usize>(B);

impl<T: Elem, B: Binary<T>, const K: usize> Formula<T, T, T, T, T> for Pulled<B, K> {
    const AGAIN: Again = later(B::FAR_LATER);

    #[inline(always)]
    fn of<const FUSED: bool>(&self, a: T, b: T, y: T, g: T) -> T {
        self.0.bulk_pull::<K>([a, b, y], g)
    }

    #[cold]
    #[inline(never)]
    fn again(&self, a: T, b: T, y: T, g: T) -> T {
        let slope = self.0.slopes(a, b, y)[K];
        pull(g, slope, || self.0.far([a, b, y], K, g))
    }

    #[inline(always)]
    fn settled(g: T) -> bool {
        g.is_zero()
    }

    const STILL: bool = B::STILL[K];
    #[inline(always)]
    fn still(a: T, g: T, pulled: T) -> bool {
        B::STILL[K] & a.is_zero() & pulled.is_zero() & g.is_finite()
    }
}

fn view<T>(x: &Tensor<T>) -> (&[usize], &[T]) {
    (x.shape(), x.data())
}

/// Writes the method of a [`Binary`] op and its `try_` twin for scalar handles, tensor handles and plain tensors.
macro_rules! pairwise {
    ($(#[$doc:meta])* pub fn $name:ident(self, $other:ident), $try_name:ident = $op:expr;) => {
        impl<'t, T: $crate::kernel::Elem> $crate::var::Var<'t, T> {
            #[doc = concat!("`", stringify!($name), "` of two scalars. Formula, domain and gradient are documented on the method of tensor handles.")]
            ///
            /// # Panics
            /// If the other handle lives on another tape.
            #[inline]
            #[track_caller]
            pub fn $name(self, $other: impl Into<Self>) -> Self {
                $crate::ops::forms::binary::scalars($op, self, $other.into())
            }
        }

        impl<'t, T: $crate::kernel::Elem> $crate::var::Var<'t, $crate::tensor::Tensor<T>> {
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self, $other: impl $crate::var::Operand<'t, T>) -> Self {
                $crate::error::OrPanic::or_panic(self.$try_name($other))
            }

            #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), with bad input as an [`Error`](crate::Error).")]
            ///
            /// # Errors
            /// If the shapes do not broadcast or the other operand lives on another tape.
            #[track_caller]
            pub fn $try_name(
                self,
                $other: impl $crate::var::Operand<'t, T>,
            ) -> Result<Self, $crate::error::Error> {
                self.record2($crate::ops::Zip($op), $other)
            }
        }

        impl<T: $crate::kernel::Elem> $crate::tensor::Tensor<T> {
            #[doc = concat!("`", stringify!($name), "` of two plain tensors that broadcast. Formula and domain are documented on the method of tensor handles.")]
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            #[must_use]
            #[track_caller]
            pub fn $name(&self, $other: &Self) -> Self {
                $crate::error::OrPanic::or_panic($crate::ops::forms::evaluate(&$crate::ops::Zip($op), [self, $other]))
            }
        }
    };
}

/// Writes the parts of a [`Binary`] impl that are the same for every op without attributes.
macro_rules! plain_binary {
    ($name:literal, $keeps:ident) => {
        const NAME: &'static str = $name;
        const KEEPS: $crate::rule::Keeps = $crate::rule::Keeps::$keeps;
        const WHY: &'static str = <Self as $crate::ops::Spec>::GRADIENT;
        type Wide = Self;

        fn wide(self) -> Self {
            self
        }

        fn twin<'t>(
            self,
            a: $crate::var::Var<'t, $crate::tensor::Tensor<T>>,
            b: $crate::var::Var<'t, $crate::tensor::Tensor<T>>,
        ) -> Option<$crate::var::Var<'t, $crate::tensor::Tensor<T>>> {
            <Self as $crate::ops::Spec>::composed(&[a, b], &())
        }
    };
}

pub(crate) use {pairwise, plain_binary};
