//! Elementwise functions of one operand: one value and one derivative serve scalars and tensors.

use std::fmt::Debug;

use crate::error::Error;
use crate::kernel::{self, Elem};
use crate::rule::{Keeps, Point, Reach, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};

/// A function of one number.
///
/// From it come the method on scalar handles (which folds and records nothing), the method on
/// tensor handles (which records [`Map`]), and the one on plain tensors. For a function of your own
/// [`Var::unary`](crate::Var::unary) is that method, on scalars and tensors alike; VJP, JVP, second
/// order on [`Dual`](crate::Dual) elements and the judge of a check follow from these few lines:
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

    /// The same function on wider elements.
    type Wide: Unary<T::Wide>;

    /// The same function on wider elements.
    fn wide(self) -> Self::Wide;

    /// `y = f(x)`.
    fn value(self, x: T) -> T;

    /// `f'(x)`, given `y = f(x)` as well.
    fn slope(self, x: T, y: T) -> T;

    /// `g f'(x)` where `f'(x)` came out as 0 or is not finite: as a product of other factors it may
    /// be a number all the same, as `g / x²` is at `x = 1e-200` for small `g`.
    fn far(self, x: T, y: T, g: T) -> T {
        self.slope(x, y) * g
    }
}

/// The rule of a [`Unary`] function on a tensor.
#[derive(Clone, Copy, Debug)]
pub struct Map<U>(pub U);

impl<T: Elem, U: Unary<T>> Rule<T> for Map<U> {
    fn name(&self) -> &'static str {
        U::NAME
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        kernel::map(x[0].data(), y.fill(), |x| self.0.value(x));
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let (x, y) = (at.x[0].data(), at.y.data());
        kernel::map3(x, y, g.data(), gx[0].fill(), |x, y, g| {
            pull(g, self.0.slope(x, y), || self.0.far(x, y, g))
        });
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

    fn keeps(&self) -> Keeps {
        U::KEEPS
    }

    fn reach(&self) -> Reach {
        Reach::Elementwise
    }

    fn rowwise(&self, _: &[&Shape]) -> Option<&(dyn Rule<T> + Sync)> {
        Some(self)
    }
}

/// `slope * g` as [`share`] gives it, or what `far` makes of it where the slope has left the range.
#[inline]
pub(crate) fn pull<T: Elem>(g: T, slope: T, far: impl FnOnce() -> T) -> T {
    if g.is_zero() {
        g
    } else if slope.is_finite() && !slope.is_zero() {
        slope * g
    } else {
        far()
    }
}

/// `slope * g`, where a cotangent of exactly 0 stays 0 even at an infinite or undefined slope: what
/// was not used (an entry masked by `where_`, say) must not turn into NaN.
#[inline]
pub(crate) fn share<T: Elem>(g: T, slope: impl FnOnce() -> T) -> T {
    if g.is_zero() { g } else { slope() * g }
}

/// Writes the method of a [`Unary`] op for scalar handles, tensor handles and plain tensors.
macro_rules! elementwise {
    ($(#[$doc:meta])* pub fn $name:ident(self $(, $arg:ident: $t:ty)*) = $op:expr;) => {
        impl<'t, T: $crate::kernel::Elem> $crate::var::Var<'t, T> {
            #[doc = concat!("`", stringify!($name), "` of a scalar: folds into the handle and records nothing. Formula, domain and gradient stand at the tensor form.")]
            #[inline]
            pub fn $name(self $(, $arg: $t)*) -> Self {
                let (op, x) = ($op, self.repr.value);
                let y = $crate::ops::Unary::value(op, x);
                self.chain(y, $crate::ops::Unary::slope(op, x, y))
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
            #[doc = concat!("`", stringify!($name), "` of every element of a plain tensor. Formula and domain stand at the form for handles.")]
            #[must_use]
            pub fn $name(&self $(, $arg: $t)*) -> Self {
                let op = $op;
                self.map(|x| $crate::ops::Unary::value(op, x))
            }
        }
    };
}

/// Writes the parts of a [`Unary`] impl that are the same for every op without attributes.
macro_rules! plain_unary {
    ($name:literal, $keeps:ident) => {
        const NAME: &'static str = $name;
        const KEEPS: $crate::rule::Keeps = $crate::rule::Keeps::$keeps;
        type Wide = Self;

        fn wide(self) -> Self {
            self
        }
    };
}

pub(crate) use {elementwise, plain_unary};
