//! `Start`: the numbers that a walk back starts from.

use super::Blind;
use crate::error::Error;
use crate::gradients::Gradients;
use crate::kernel::Elem;
use crate::var::{Value, Var};

/// Any [`Elem`]: a trait of its own, so that `backward` on a tensor handle is told what to do instead.
#[diagnostic::on_unimplemented(
    message = "`backward` starts from one number, not from a `{Self}`",
    label = "the output must be one number",
    note = "reduce a tensor to one number first, as in `y.sum().backward()`, or give each element its cotangent, `y.vjp(cotangent)`"
)]
pub trait Start: Elem + Value<Elem = Self> {
    /// Walks back from this number.
    #[doc(hidden)]
    fn start(output: Var<'_, Self>) -> Result<Gradients<'_, Self>, Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Elem> Start for T {
    #[inline]
    fn start(output: Var<'_, T>) -> Result<Gradients<'_, T>, Error> {
        output.walk(Blind)
    }
}
