//! Multiplication: `a * b`.

use std::ops::{Mul, MulAssign};

use super::forms::binary::{Binary, Zip, plain_binary};
use super::forms::operator::operator;
use crate::error::OrPanic;
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = a b`; each cotangent is scaled by the other operand.
#[derive(Clone, Copy, Debug)]
pub struct Product;

impl<T: Elem> Binary<T> for Product {
    plain_binary!("mul", INPUTS);

    fn value(self, a: T, b: T) -> T {
        a * b
    }

    fn slopes(self, a: T, b: T, _: T) -> [T; 2] {
        [b, a]
    }
}

operator!(Mul mul MulAssign mul_assign try_mul Product);

impl Spec for Product {
    const NAME: &'static str = "mul";
    const FORMULA: &'static str = "y = a b";
    const GRADIENT: &'static str = "ga = g b, gb = g a, summed over broadcast axes";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(-10.0, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0] * x[1]
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0] * x[1])
    }
}
