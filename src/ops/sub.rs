//! Subtraction: `a - b`.

use std::ops::{Sub, SubAssign};

use super::forms::binary::{Binary, Zip, plain_binary};
use super::forms::operator::operator;
use crate::error::OrPanic;
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = a - b`; the second cotangent is negated.
#[derive(Clone, Copy, Debug)]
pub struct Difference;

impl<T: Elem> Binary<T> for Difference {
    plain_binary!("sub", NOTHING);
    const PASSES: [bool; 2] = [true, false];
    const NEGATES: [bool; 2] = [false, true];

    fn value(self, a: T, b: T) -> T {
        a - b
    }

    fn slopes(self, _: T, _: T, _: T) -> [T; 2] {
        [T::one(), -T::one()]
    }
}

operator!(Sub sub SubAssign sub_assign try_sub Difference);

impl Spec for Difference {
    const NAME: &'static str = "sub";
    const FORMULA: &'static str = "y = a - b";
    const GRADIENT: &'static str = "ga = g, gb = -g, summed over broadcast axes";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(-10.0, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0] - x[1]
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0] - x[1])
    }
}
