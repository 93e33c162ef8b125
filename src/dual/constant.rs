//! Plain numbers as constants among dual numbers that nest up to a depth of three.

use super::{Dual, Duals};
use crate::kernel::{Elem, Embeds};

impl<T: Elem> Embeds<T> for Dual<T> {
    #[inline]
    fn embed(constant: T) -> Self {
        Dual::constant(constant)
    }
}

impl<T: Elem> Embeds<T> for Dual<Dual<T>> {
    #[inline]
    fn embed(constant: T) -> Self {
        Dual::constant(Dual::constant(constant))
    }
}

impl<T: Elem> Embeds<T> for Dual<Dual<Dual<T>>> {
    #[inline]
    fn embed(constant: T) -> Self {
        Dual::constant(Dual::constant(Dual::constant(constant)))
    }
}

impl<T: Elem, const N: usize> Embeds<T> for Duals<T, N> {
    #[inline]
    fn embed(constant: T) -> Self {
        Duals::constant(constant)
    }
}
