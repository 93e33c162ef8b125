//! `x σ(v)` for an odd `v` of `x`: what silu and gelu by tanh have in common.
//!
//! Here are the forms that keep their digits in both tails and beside the zero of the slope; what `v`
//! is, the ops say.

use crate::kernel::Elem;

/// The logistic function of `v + lost`, as a factor; `lost` is what rounding has taken from `v`.
#[derive(Clone, Copy)]
pub(crate) struct Gate<T> {
    v: T,
    lost: T,
}

impl<T: Elem> Gate<T> {
    /// `σ(v)`.
    pub(crate) fn new(v: T) -> Self {
        Self { v, lost: T::zero() }
    }

    /// `σ(v + lost)`.
    pub(crate) fn with_rest(v: T, lost: T) -> Self {
        Self { v, lost }
    }

    /// `x σ(v)`, for x of the sign of v.
    pub(crate) fn times(self, x: T) -> T {
        if self.v < T::zero() {
            match self.power() {
                Some(e) => x * e / (T::one() + e),
                None => self.vanish(x),
            }
        } else {
            let e = self.opposite().v.exp();
            x / (T::one() + (e - e * self.lost))
        }
    }

    /// The derivative of `x σ(v)`, where `w = x v'`.
    ///
    /// Since `x σ(v) + x σ(-v) = x`, the slopes at x and -x add up to 1: the left side serves for both.
    pub(crate) fn slope(self, w: T) -> T {
        if self.v < T::zero() {
            self.left(w)
        } else {
            T::one() - self.opposite().left(-w)
        }
    }

    /// The slope for `v <= 0`: `e (1 + w + e) / (1 + e)²`, `e = e^v`.
    ///
    /// It equals `σ + w σ (1 - σ)`, but beside its zero 1 + w and the sum with e are exact.
    fn left(self, w: T) -> T {
        let one = T::one();
        match self.power() {
            Some(e) => e * ((one + w) + e) / ((one + e) * (one + e)),
            None => self.vanish(one + w),
        }
    }

    /// The gate of `-v`.
    fn opposite(self) -> Self {
        Self {
            v: -self.v,
            lost: -self.lost,
        }
    }

    /// `e^(v + lost)`; `None` where it is below the normal numbers and has lost digits.
    fn power(self) -> Option<T> {
        let e = self.v.exp();
        // Written so that NaN is a power.
        let vanishes = e < T::min_positive_value();
        (!vanishes).then(|| e + e * self.lost)
    }

    /// `factor e^(v + lost)` by two halves, where `power` has no digits left.
    #[cold]
    fn vanish(self, factor: T) -> T {
        let half = T::of(0.5);
        let root = (self.v * half).exp();
        // An infinite factor must not turn the limit into NaN.
        if root == T::zero() {
            return root;
        }
        let root = root + root * (half * self.lost);
        factor * root * root
    }
}
