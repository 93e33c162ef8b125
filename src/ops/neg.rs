//! Negation: `-x`.

use std::ops::Neg;

use super::forms::unary::{Map, Unary, plain_unary};
use crate::error::OrPanic;
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::{Value, Var};

/// `y = -x`; slope -1.
#[derive(Clone, Copy, Debug)]
pub struct Negation;

impl<T: Elem> Unary<T> for Negation {
    plain_unary!("neg", NOTHING);

    fn value(self, x: T) -> T {
        -x
    }

    fn slope(self, _: T, _: T) -> T {
        -T::one()
    }
}

impl<T: Elem> Neg for Var<'_, T> {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        self.folded(-self.repr.value, (-self.repr.slope, self.repr.index))
    }
}

impl<T: Elem> Neg for Var<'_, Tensor<T>> {
    type Output = Self;

    #[track_caller]
    fn neg(self) -> Self {
        self.record(Map(Negation)).or_panic()
    }
}

impl<'t, V: Value> Neg for &Var<'t, V>
where
    Var<'t, V>: Neg,
{
    type Output = <Var<'t, V> as Neg>::Output;

    #[inline]
    #[track_caller]
    fn neg(self) -> Self::Output {
        Neg::neg(*self)
    }
}

impl<T: Elem> Var<'_, T> {
    /// The operator `-` as a method, for the end of a chain of methods.
    #[allow(clippy::should_implement_trait)] // it is implemented; this spares users the import
    pub fn neg(self) -> Self {
        -self
    }
}

impl<T: Elem> Var<'_, Tensor<T>> {
    /// The operator `-` as a method, for the end of a chain of methods.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(4.0);
    /// let y = x.log2().neg(); // instead of -x.log2()
    /// assert_eq!(y.value(), -2.0);
    /// ```
    #[allow(clippy::should_implement_trait)] // it is implemented; this spares users the import
    #[track_caller]
    pub fn neg(self) -> Self {
        -self
    }
}

impl Spec for Negation {
    const NAME: &'static str = "neg";
    const FORMULA: &'static str = "y = -x";
    const GRADIENT: &'static str = "gx = -g";
    const EDGES: &'static [f64] = &[0.0, f64::INFINITY, f64::NAN];
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.one(-10.0, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        -x[0]
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(-x[0])
    }
}
