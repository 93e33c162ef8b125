//! `x σ(v)` for an odd function `v` of `x`, which silu and the tanh form of gelu share.
//!
//! The forms here keep their digits in both tails and next to the zero of the slope; the ops define `v`.

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

    /// `x σ(v)`, for x and v of the same sign.
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
    /// Since `x σ(v) + x σ(-v) = x`, the slopes at x and -x add up to 1, so the left side serves both.
    pub(crate) fn slope(self, w: T) -> T {
        if self.v < T::zero() {
            self.left(w)
        } else {
            T::one() - self.opposite().left(-w)
        }
    }

    /// The slope for `v <= 0`: `e (1 + w + e) / (1 + e)²`, `e = e^v`.
    ///
    /// It equals `σ + w σ (1 - σ)`, but next to its zero, 1 + w and its sum with e are exact.
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

    /// `e^(v + lost)`; `None` where it is subnormal or 0 and so has lost digits.
    fn power(self) -> Option<T> {
        let e = self.v.exp();
        // Written so that NaN counts as a power.
        let vanishes = e < T::min_positive_value();
        (!vanishes).then(|| e + e * self.lost)
    }

    /// `factor e^(v + lost)` by two halves of the exponent, where `power` has lost digits.
    #[cold]
    fn vanish(self, factor: T) -> T {
        let half = T::of(0.5);
        let root = (self.v * half).exp();
        // An infinite factor must not turn the limit into NaN; nothing is left of it but the sign.
        if root == T::zero() {
            return if factor < T::zero() { -root } else { root };
        }
        let root = root + root * (half * self.lost);
        factor * root * root
    }
}
