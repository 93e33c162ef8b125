//! Addition: `a + b`.

use std::ops::{Add, AddAssign};

use super::forms::binary::{Binary, Zip, plain_binary};
use super::forms::operator::operator;
use crate::error::OrPanic;
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = a + b`; both cotangents are that of `y`.
#[derive(Clone, Copy, Debug)]
pub struct Sum2;

impl<T: Elem> Binary<T> for Sum2 {
    plain_binary!("add", NOTHING);
    const PASSES: [bool; 2] = [true, true];

    fn value(self, a: T, b: T) -> T {
        a + b
    }

    fn slopes(self, _: T, _: T, _: T) -> [T; 2] {
        [T::one(); 2]
    }
}

operator!(Add add AddAssign add_assign try_add Sum2);

impl Spec for Sum2 {
    const NAME: &'static str = "add";
    const FORMULA: &'static str = "y = a + b";
    const GRADIENT: &'static str = "ga = g, gb = g, summed over broadcast axes";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(-10.0, 10.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0] + x[1]
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0] + x[1])
    }
}
