//! Division: `a / b`.

use std::ops::{Div, DivAssign};

use super::forms::binary::{Binary, Zip, plain_binary};
use super::forms::factors::product;
use super::forms::operator::operator;
use crate::error::OrPanic;
use crate::kernel::Elem;
use crate::ops::{Draw, Sample, Spec};
use crate::tensor::Tensor;
use crate::var::Var;

/// `y = a / b`; slopes `1 / b` and `-y / b`.
#[derive(Clone, Copy, Debug)]
pub struct Quotient;

impl<T: Elem> Binary<T> for Quotient {
    plain_binary!("div", INPUTS_AND_OUTPUT);
    const FAR_LATER: bool = true;
    const STILL: [bool; 2] = [false, true];

    fn value(self, a: T, b: T) -> T {
        a / b
    }

    fn slopes(self, _: T, b: T, y: T) -> [T; 2] {
        [b.recip(), -y / b]
    }

    fn far(self, [a, b, y]: [T; 3], k: usize, g: T) -> Option<T> {
        Some(match k {
            0 => g / b,
            _ if y.is_normal() => -product(g, [y], [b]),
            _ => -product(g, [a], [b, b]),
        })
    }
}

operator!(Div div DivAssign div_assign try_div Quotient);

impl Spec for Quotient {
    const NAME: &'static str = "div";
    const FORMULA: &'static str = "y = a / b";
    const GRADIENT: &'static str = "ga = g / b, gb = -g y / b, summed over broadcast axes";
    type Attributes = ();

    fn sample(draw: &mut Draw) -> Sample<()> {
        Sample::new(draw.pair(0.5, 3.0), ())
    }

    fn fused<'t, T: Elem>(x: &[Var<'t, Tensor<T>>], (): &()) -> Var<'t, Tensor<T>> {
        x[0] / x[1]
    }

    fn scalar<'t, T: Elem>(x: &[Var<'t, T>], (): &()) -> Option<Var<'t, T>> {
        Some(x[0] / x[1])
    }
}
