//! Methods that apply a user's own ops, so that they are called like the crate's.

use super::binary::{self, Binary, Zip};
use super::unary::{Map, Unary};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Span};
use crate::rule::Rule;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::var::{Operand, Scalar, Var};

impl<'t, T: Elem> Var<'t, T> {
    /// A function of your own, applied to this scalar; it folds into the handle and normally records nothing.
    ///
    /// Where the slope, or its product with that of the handle, leaves the range of the type, nodes keep the factors
    /// apart, among them those that [`far`](Unary::far) may know. A slope that is infinite or NaN stays in a node, so
    /// that an adjoint of 0 stops there.
    #[inline]
    #[track_caller]
    pub fn unary<U: Unary<T>>(self, op: U) -> Self {
        let x = self.repr.value;
        let y = op.value(x);
        let slope = op.slope(x, y);
        if U::GATE && slope.is_zero() {
            return self.still(U::NAME, y);
        }
        let Scalar {
            index, slope: own, ..
        } = self.repr;
        // If the product is moderate, the slope has not left the range either, and `fold` asks for the same. The
        // compiler leaves the last question out for functions without `far`.
        let moderate = (own * slope).is_within(Span::Moderate);
        if !moderate
            && (leaves([x], slope) || !slope.is_normal() && op.far(x, y, T::one()).is_some())
        {
            return self.folded(y, beyond(op, self.tape, index, own, x, y, slope));
        }
        self.fold(U::NAME, y, slope)
    }

    /// A function of your own, applied to two scalars.
    ///
    /// # Panics
    /// If the other handle lives on another tape.
    #[inline]
    #[track_caller]
    pub fn binary(self, op: impl Binary<T>, other: impl Into<Self>) -> Self {
        binary::scalars(op, self, other.into())
    }
}

/// [`apart`](Var::apart) for a unary function. All arguments come in registers, so that its callers stay short enough
/// to be inlined.
#[cold]
#[inline(never)]
#[track_caller]
fn beyond<T: Elem, U: Unary<T>>(
    op: U,
    tape: Option<&Tape<T>>,
    index: u32,
    slope: T,
    x: T,
    y: T,
    lost: T,
) -> (T, u32) {
    let handle = Var {
        tape,
        repr: Scalar {
            value: x,
            index,
            folded: true,
            slope,
        },
    };
    handle.apart(U::NAME, y, lost, |unit| match leaves([x], lost) {
        true => {
            let (op, x) = (op.wide(), x.widen());
            Some(T::narrow(op.slope(x, op.value(x)) * unit.widen()))
        }
        false => op.far(x, y, unit),
    })
}

/// Whether a part of the slope of a number with tangents has left the range, though all parts of the operands are
/// finite. `far` would ask the primal alone; wider numbers tell what the slope is.
#[inline(always)]
pub(super) fn leaves<T: Elem, const N: usize>(x: [T; N], slope: T) -> bool {
    let finite = |x: &T| x.is_within(Span::Finite);
    T::PARTS > 1 && !T::REFERENCE && !finite(&slope) && x.iter().all(finite)
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// A function of your own, applied to every element; [`Unary`] has an example.
    #[track_caller]
    pub fn unary(self, op: impl Unary<T>) -> Self {
        self.record(Map(op)).or_panic()
    }

    /// A function of your own, applied element by element to two tensors that broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast or the other operand lives on another tape.
    ///
    /// # Example
    /// ```
    /// use wengert::ops::Binary;
    /// use wengert::{Elem, Tape, Tensor};
    ///
    /// /// y = a / (1 + b²)
    /// #[derive(Clone, Copy, Debug)]
    /// struct Damped;
    ///
    /// impl<T: Elem> Binary<T> for Damped {
    ///     const NAME: &'static str = "damped";
    ///     type Wide = Self;
    ///     fn wide(self) -> Self { self }
    ///     fn value(self, a: T, b: T) -> T { a / (T::one() + b * b) }
    ///     fn slopes(self, _: T, b: T, y: T) -> [T; 2] {
    ///         let d = T::one() + b * b;
    ///         [d.recip(), -(b + b) * y / d]
    ///     }
    /// }
    ///
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var(Tensor::from([[4.0], [8.0]])), tape.var(Tensor::from([1.0, 0.0])));
    /// let y = a.binary(Damped, b);
    /// assert_eq!(y.value(), Tensor::from([[2.0, 4.0], [4.0, 8.0]]));
    /// assert_eq!(y.sum().backward().wrt(a), Tensor::from([[1.5], [1.5]]));
    /// ```
    #[track_caller]
    pub fn binary(self, op: impl Binary<T>, other: impl Operand<'t, T>) -> Self {
        self.try_binary(op, other).or_panic()
    }

    /// [`binary`](Self::binary), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the shapes do not broadcast or the other operand lives on another tape.
    #[track_caller]
    pub fn try_binary(self, op: impl Binary<T>, other: impl Operand<'t, T>) -> Result<Self, Error> {
        self.record2(Zip(op), other)
    }

    /// A rule of your own, applied to this handle; [`Tape::apply`](crate::Tape::apply) takes several operands.
    ///
    /// # Panics
    /// If the rule does not take an operand of this shape.
    #[track_caller]
    pub fn apply(self, rule: impl Rule<T>) -> Self {
        self.try_apply(rule).or_panic()
    }

    /// [`apply`](Self::apply), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the rule does not take an operand of this shape.
    #[track_caller]
    pub fn try_apply(self, rule: impl Rule<T>) -> Result<Self, Error> {
        self.record(rule)
    }
}
