//! Comparisons of scalar handles, with each other and with plain numbers: those of their values.

use std::cmp::Ordering;

use super::Var;
use crate::kernel::{Constant, Elem};

impl<T: Elem> PartialEq for Var<'_, T> {
    /// Compares values, as generic numerical code expects of a number.
    fn eq(&self, other: &Self) -> bool {
        self.repr.value == other.repr.value
    }
}

impl<T: Elem> PartialOrd for Var<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.repr.value.partial_cmp(&other.repr.value)
    }

    // One comparison; the default, by `partial_cmp`, takes two.
    #[inline]
    fn lt(&self, other: &Self) -> bool {
        self.repr.value < other.repr.value
    }
}

impl<T: Elem, C: Elem + Constant<T>> PartialEq<C> for Var<'_, T> {
    fn eq(&self, other: &C) -> bool {
        self.repr.value == other.embed()
    }
}

impl<T: Elem, C: Elem + Constant<T>> PartialOrd<C> for Var<'_, T> {
    fn partial_cmp(&self, other: &C) -> Option<Ordering> {
        self.repr.value.partial_cmp(&other.embed())
    }

    #[inline]
    fn lt(&self, other: &C) -> bool {
        self.repr.value < other.embed()
    }
}
