//! Elementwise functions of one operand: one value and one derivative serve scalars and tensors.

use std::fmt::Debug;

use super::pull::{later, passed, pull, pull_inside};
use crate::error::Error;
use crate::kernel::{self, Again, Buffers, Elem, Formula};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot, Twin};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// A function of one number.
///
/// It gives an op its method on scalar handles (which folds and normally records nothing), on tensor
/// handles (which records [`Map`]) and on plain tensors. For a function of your own, that method is
/// [`Var::unary`](crate::Var::unary), on scalars and tensors alike. VJP, JVP, second order on
/// [`Dual`](crate::Dual) elements and the double-double reference of a check follow from these few lines:
///
/// ```
/// use wengert::ops::Unary;
/// use wengert::{Elem, Tape, Tensor, check};
///
/// /// y = x / (1 + |x|)
/// #[derive(Clone, Copy, Debug)]
/// struct Softsign;
///
/// impl<T: Elem> Unary<T> for Softsign {
///     const NAME: &'static str = "softsign";
///     type Wide = Self;
///     fn wide(self) -> Self { self }
///     fn value(self, x: T) -> T { x / (T::one() + x.abs()) }
///     fn slope(self, x: T, _: T) -> T { (T::one() + x.abs()).powi(-2) }
/// }
///
/// let tape = Tape::new();
/// let (a, x) = (tape.var(1.0), tape.var(Tensor::from([1.0, -3.0])));
/// assert_eq!(a.unary(Softsign).backward().wrt(a), 0.25);
/// assert_eq!(x.unary(Softsign).value(), Tensor::from([0.5, -0.75]));
/// check::difference(|x| x[0].unary(Softsign), &[&Tensor::from([1.0, -3.0])]).assert_passed();
/// ```
pub trait Unary<T: Elem>: Copy + Debug + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;

    /// What the derivative reads.
    const KEEPS: Keeps = Keeps::INPUTS_AND_OUTPUT;

    /// Why it reads that, for the ledger: its formula.
    const WHY: &'static str = Self::KEEPS.why();

    /// The same function on wider elements.
    type Wide: Unary<T::Wide>;

    /// The same function on wider elements.
    fn wide(self) -> Self::Wide;

    /// `y = f(x)`.
    fn value(self, x: T) -> T;

    /// `f'(x)`, given `y = f(x)` as well.
    fn slope(self, x: T, y: T) -> T;

    /// `f(x)` in a loop over many elements: if [`value`](Self::value) has branches or calls, a form without them,
    /// which the compiler can vectorize. The last bit may differ. Must be `#[inline(always)]` if it is long.
    #[inline(always)]
    fn bulk_value(self, x: T) -> T {
        self.value(x)
    }

    /// `f'(x)` in such a loop; see [`bulk_value`](Self::bulk_value).
    #[inline(always)]
    fn bulk_slope(self, x: T, y: T) -> T {
        self.slope(x, y)
    }

    /// Whether [`fused_value`](Self::fused_value) and [`fused_slope`](Self::fused_slope) are used where the machine
    /// multiplies and adds in one instruction, which rounds once. Such a function has no
    /// [`bulk_pull`](Self::bulk_pull) of its own.
    const FUSES: bool = false;

    /// [`bulk_value`](Self::bulk_value) on such a machine. Must be `#[inline(always)]`, like all of these.
    #[inline(always)]
    fn fused_value(self, x: T) -> T {
        self.bulk_value(x)
    }

    /// [`bulk_slope`](Self::bulk_slope) on such a machine.
    #[inline(always)]
    fn fused_slope(self, x: T, y: T) -> T {
        self.bulk_slope(x, y)
    }

    /// `g f'(x)` in such a loop; to be overridden if the product has a form of its own, which needs neither slope
    /// nor [`far`](Self::far).
    #[inline(always)]
    fn bulk_pull(self, x: T, y: T, g: T) -> T {
        pull_by(self, self.bulk_slope(x, y), [x, y], g)
    }

    /// `g f'(x)` where `f'(x)` came out as 0, subnormal or not finite: computed from other factors, the product may
    /// have all its digits, as `g / x²` has at `x = 1e-200` for small `g`. `None` if no better form is known.
    #[inline(always)]
    fn far(self, x: T, y: T, g: T) -> Option<T> {
        let _ = (x, y, g);
        None
    }

    /// Whether [`far`](Self::far) is too long for a loop that is to be vectorized. It is then called afterwards, for
    /// the few elements whose cotangent came out as 0, subnormal or not finite.
    const FAR_LATER: bool = false;

    /// Whether [`bulk_value`](Self::bulk_value) or [`bulk_slope`](Self::bulk_slope) is NaN for some elements for which
    /// [`value`](Self::value) and [`slope`](Self::slope) are numbers, such as a sine whose argument needs a long
    /// reduction. Elements that came out as NaN are then recomputed by those two.
    const PARTIAL: bool = false;

    /// Whether the function is constant near `x` wherever its slope is 0, as a gate that is closed: then nothing flows
    /// back, whatever arrives. The slope 0 of any other function makes NaN of an infinite cotangent. A gate has no
    /// [`far`](Self::far); on scalars, a closed one is a node.
    const GATE: bool = false;

    /// Whether the bulk value and slope have most of their work in common, so that a walk which needs both computes
    /// them together; ignored if they are [`PARTIAL`](Self::PARTIAL).
    const PAIRED: bool = false;

    /// The same function composed from other ops, which the ledger counts; `None` if it is primitive.
    fn twin<'t>(self, x: Var<'t, Tensor<T>>) -> Option<Var<'t, Tensor<T>>> {
        let _ = x;
        None
    }
}

/// The rule of a [`Unary`] function on a tensor.
#[derive(Clone, Copy, Debug)]
pub struct Map<U>(pub U);

impl<U> Map<U> {
    fn paired<T: Elem>() -> bool
    where
        U: Unary<T>,
    {
        U::PAIRED && !U::PARTIAL
    }
}

impl<T: Elem, U: Unary<T>> Rule<T> for Map<U> {
    fn name(&self) -> &'static str {
        U::NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        values(self.0, x[0].data(), y.fill());
    }

    fn forward_to_pull(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        if !Self::paired::<T>() {
            return self.forward(x, y, keep);
        }
        keep.values.resize(x[0].len(), T::zero());
        kernel::each_pair(x[0].data(), y.fill(), &mut keep.values, Both(self.0));
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (a, c, d, y) = (at.x[0].data(), at.y.data(), g.data(), gx[0].fill());
        let slopes = &at.kept.values;
        if Self::paired::<T>() && !slopes.is_empty() {
            let b = slopes;
            kernel::each(Buffers { a, b, c, d, y }, Pulled(self.0));
        } else {
            let b = &kernel::UNITS;
            kernel::each(Buffers { a, b, c, d, y }, Pulled(self.0));
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => self.vjp(at, t, std::slice::from_mut(ty)),
            None => ty.zero(),
        }
        Ok(())
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        Some(Box::new(Map(self.0.wide())))
    }

    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        Twin::record_some(x, |x| self.0.twin(x[0]))
    }

    fn keeps(&self) -> Keeps {
        U::KEEPS
    }

    fn why(&self) -> &'static str {
        U::WHY
    }

    fn reach(&self) -> Reach {
        Reach::Elementwise
    }

    fn rowwise(&self, _: &[&Shape], _: usize) -> Option<&(dyn Rule<T> + Sync)> {
        Some(self)
    }
}

/// Writes `f(x)` for every element.
pub(crate) fn values<T: Elem, U: Unary<T>>(op: U, a: &[T], y: &mut [T]) {
    let (b, c, d) = (&kernel::UNITS, &kernel::UNITS, &kernel::UNITS);
    kernel::each(Buffers { a, b, c, d, y }, Value(op));
}

/// `f(x)` of every element of a plain tensor.
pub(crate) fn tensor<T: Elem, U: Unary<T>>(op: U, x: &Tensor<T>) -> Tensor<T> {
    let mut y = Tensor::unwritten(x.shape().clone());
    values(op, x.data(), y.data_mut());
    y
}

/// The value of a function.
struct Value<U>(U);

impl<T: Elem, U: Unary<T>> Formula<T, (), (), (), T> for Value<U> {
    const AGAIN: Again = if U::PARTIAL { Again::Nan } else { Again::Never };
    const FUSES: bool = U::FUSES;

    #[inline(always)]
    fn of<const FUSED: bool>(&self, x: T, (): (), (): (), (): ()) -> T {
        match FUSED {
            true => self.0.fused_value(x),
            false => self.0.bulk_value(x),
        }
    }

    #[cold]
    #[inline(never)]
    fn again(&self, x: T, (): (), (): (), (): ()) -> T {
        self.0.value(x)
    }
}

/// The value and the slope of a function.
struct Both<U>(U);

impl<T: Elem, U: Unary<T>> Formula<T, (), (), (), [T; 2]> for Both<U> {
    const FUSES: bool = U::FUSES;

    #[inline(always)]
    fn of<const FUSED: bool>(&self, x: T, (): (), (): (), (): ()) -> [T; 2] {
        if FUSED {
            let y = self.0.fused_value(x);
            [y, self.0.fused_slope(x, y)]
        } else {
            let y = self.0.bulk_value(x);
            [y, self.0.bulk_slope(x, y)]
        }
    }
}

/// A cotangent pulled back through a function.
struct Pulled<U>(U);

impl<T: Elem, U: Unary<T>> Formula<T, (), T, T, T> for Pulled<U> {
    const AGAIN: Again = match (U::FAR_LATER, U::PARTIAL) {
        (true, _) => Again::Abnormal,
        (false, true) => Again::Nan,
        (false, false) => Again::Never,
    };
    const FUSES: bool = U::FUSES;

    #[inline(always)]
    fn of<const FUSED: bool>(&self, x: T, (): (), y: T, g: T) -> T {
        match FUSED {
            true => pull_by(self.0, self.0.fused_slope(x, y), [x, y], g),
            false => self.0.bulk_pull(x, y, g),
        }
    }

    #[cold]
    #[inline(never)]
    fn again(&self, x: T, (): (), y: T, g: T) -> T {
        pull(g, self.0.slope(x, y), || self.0.far(x, y, g))
    }

    #[inline(always)]
    fn settled(g: T) -> bool {
        g.is_zero()
    }
}

/// The same with a slope that is already known.
impl<T: Elem, U: Unary<T>> Formula<T, T, T, T, T> for Pulled<U> {
    const AGAIN: Again = later(U::FAR_LATER);

    #[inline(always)]
    fn of<const FUSED: bool>(&self, x: T, slope: T, y: T, g: T) -> T {
        pull_by(self.0, slope, [x, y], g)
    }

    #[cold]
    #[inline(never)]
    fn again(&self, x: T, slope: T, y: T, g: T) -> T {
        pull(g, slope, || self.0.far(x, y, g))
    }

    #[inline(always)]
    fn settled(g: T) -> bool {
        g.is_zero()
    }
}

/// A cotangent pulled back by a slope, in a loop.
#[inline(always)]
fn pull_by<T: Elem, U: Unary<T>>(op: U, slope: T, [x, y]: [T; 2], g: T) -> T {
    match U::FAR_LATER {
        true => pull_inside(g, slope),
        false => passed(U::GATE, g, slope, || op.far(x, y, g)),
    }
}

/// Writes the method of a [`Unary`] op for scalar handles, tensor handles and plain tensors. The doc comment is that of
/// tensor handles; the others repeat what `panics` says.
macro_rules! elementwise {
    ($(#[$doc:meta])* pub fn $name:ident(self $(, $arg:ident: $t:ty)*) = $op:expr; $(panics $panics:literal;)?) => {
        impl<'t, T: $crate::kernel::Elem> $crate::var::Var<'t, T> {
            #[doc = concat!("`", stringify!($name), "` of a scalar: folds into the handle and normally records nothing. Formula, domain and gradient are documented on the method of tensor handles." $(, "\n\n# Panics\n", $panics)?)]
            #[inline]
            #[track_caller]
            pub fn $name(self $(, $arg: $t)*) -> Self {
                self.unary($op)
            }
        }

        impl<'t, T: $crate::kernel::Elem> $crate::var::Var<'t, $crate::tensor::Tensor<T>> {
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self $(, $arg: $t)*) -> Self {
                $crate::error::OrPanic::or_panic(self.record($crate::ops::Map($op)))
            }
        }

        impl<T: $crate::kernel::Elem> $crate::tensor::Tensor<T> {
            #[doc = concat!("`", stringify!($name), "` of every element of a plain tensor. Formula and domain are documented on the method of tensor handles." $(, "\n\n# Panics\n", $panics)?)]
            #[must_use]
            #[track_caller]
            pub fn $name(&self $(, $arg: $t)*) -> Self {
                $crate::ops::forms::unary::tensor($op, self)
            }
        }
    };
}

/// Writes the parts of a [`Unary`] impl that are the same for every op without attributes.
macro_rules! plain_unary {
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
            x: $crate::var::Var<'t, $crate::tensor::Tensor<T>>,
        ) -> Option<$crate::var::Var<'t, $crate::tensor::Tensor<T>>> {
            <Self as $crate::ops::Spec>::composed(&[x], &())
        }
    };
}

pub(crate) use {elementwise, plain_unary};
