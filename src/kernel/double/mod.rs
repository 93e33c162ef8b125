//! Double-double numbers: an `f64` and the `f64` nearest to what it left out, about 106 bits together, with a wide
//! exponent.
//!
//! Here: the type that judges the `f32` and `f64` kernels, with everything `num_traits::Float` asks for.
//! Not here: speed, or correct rounding (errors are a few units of 2^-104).
//!
//! Most numbers are *near*, with exponents of at most 400 in size. On them the algorithms for pairs serve as they are,
//! and one test of the result shows whether it is near as well. The others are *far*: their pair is between 1 and 2,
//! and a power of two stands beside it.

mod arithmetic;
mod constants;
mod convert;
mod decimal;
mod erf;
mod exponential;
mod float;
mod format;
mod functions;
mod hyperbolic;
mod pair;
mod remainder;
mod roots;
mod rounding;
#[cfg(test)]
mod tests;
mod trigonometric;
mod turns;

use pair::{NEAR, Pair, scaled};

/// A number of about 31 decimal digits, kept as the sum of two `f64` times a power of two.
///
/// The same generic code, run on this type, says which of two `f64` results is nearer to the truth: it has twice the
/// digits, and exponents up to a billion, so that nothing on the way leaves the range.
///
/// Infinities, NaN and signed zeros behave as they do in `f64`. A result beyond 2^1000000001 is infinite, one below
/// 2^-1000000000 is 0. The relative error of an operation is a few units of [`Dd::EPSILON`], and more only where a
/// function says so. It is relative to `hi`: a low part that is more than 2^1000 times smaller may be dropped.
///
/// # Example
/// ```
/// use wengert::Dd;
///
/// let third = Dd::new(1.0) / Dd::new(3.0);
/// assert_eq!(third.to_string(), "0.3333333333333333333333333333333");
///
/// let far = Dd::new(1000.0).exp();
/// assert_eq!(far.to_string(), "1.970071114017046993888879352243e434");
/// assert_eq!((far * Dd::new(-1000.0).exp()).hi(), 1.0);
/// ```
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Dd {
    // (hi + lo) 2^power, each number in one form only, so that equality may be derived: power is 0 if the exponent is
    // near or there is none; otherwise |hi| is from 1 to below 2.
    pair: Pair,
    power: i32,
}

/// Exponents beyond this size are infinity or 0. Two of them may be added or subtracted as `i32`.
const MOST: i32 = 1_000_000_000;

impl Dd {
    /// Positive zero.
    pub const ZERO: Self = Self::near(Pair::of(0.0));
    /// One.
    pub const ONE: Self = Self::near(Pair::ONE);
    /// Not a number.
    pub const NAN: Self = Self::near(Pair::of(f64::NAN));
    /// Positive infinity.
    pub const INFINITY: Self = Self::near(Pair::of(f64::INFINITY));
    /// Negative infinity.
    pub const NEG_INFINITY: Self = Self::near(Pair::of(f64::NEG_INFINITY));
    /// The largest finite value, a little under 2^1000000001.
    pub const MAX: Self = Self {
        pair: Pair::new(
            2.0 - f64::EPSILON,
            f64::EPSILON / 2.0 * (1.0 - f64::EPSILON / 2.0),
        ),
        power: MOST,
    };
    /// The smallest finite value, the negative of [`Dd::MAX`].
    pub const MIN: Self = Self {
        pair: Pair::new(-Self::MAX.pair.hi, -Self::MAX.pair.lo),
        power: MOST,
    };
    /// The smallest positive value, 2^-1000000000; there are no subnormal numbers.
    pub const MIN_POSITIVE: Self = Self {
        pair: Pair::ONE,
        power: -MOST,
    };
    /// The relative error that one operation may make, 2^-104.
    pub const EPSILON: Self = Self::near(Pair::of(f64::EPSILON * f64::EPSILON));

    /// The double-double equal to `x`.
    pub const fn new(x: f64) -> Self {
        let pair = Pair::of(x);
        if pair.is_near() {
            return Self::near(pair);
        }
        let power = pair.exponent();
        Self {
            pair: pair.scale(-power),
            power,
        }
    }

    /// The sum of `hi` and `lo`, which may overlap and come in any order.
    pub fn from_parts(hi: f64, lo: f64) -> Self {
        // Without a low part there is nothing to add, and -0 keeps its sign.
        if hi.is_finite() && lo != 0.0 {
            Self::new(hi) + Self::new(lo)
        } else {
            Self::new(hi)
        }
    }

    /// The value rounded to `f64`, once: infinite or 0 where it is beyond the range of `f64`.
    pub const fn hi(self) -> f64 {
        match self.power {
            0 => self.pair.hi,
            -1022..=1023 => scaled(self.pair.hi, self.power),
            1024.. => f64::INFINITY.copysign(self.pair.hi),
            _ => self.subnormal(),
        }
    }

    /// What rounding to `f64` leaves out, to the nearest `f64`; 0 where [`hi`](Self::hi) is infinite.
    ///
    /// Where `hi` is subnormal, so is this, and mostly 0: it is at most half the smallest `f64`.
    pub const fn lo(self) -> f64 {
        match self.power {
            0 => self.pair.lo,
            -1022..=1023 => scaled(self.pair.lo, self.power),
            _ => 0.0,
        }
    }

    /// A pair that is near, as it is.
    const fn near(pair: Pair) -> Self {
        Self { pair, power: 0 }
    }

    /// `pair * 2^power` in its one form, infinite or 0 beyond the range.
    fn at(pair: Pair, power: i32) -> Self {
        if pair.hi == 0.0 || !pair.hi.is_finite() {
            return Self::near(pair);
        }
        let exponent = pair.exponent();
        let power = power.saturating_add(exponent);
        let mantissa = pair.scale(-exponent);
        if power.unsigned_abs() <= NEAR as u32 {
            Self::near(mantissa.scale(power))
        } else if power.unsigned_abs() <= MOST as u32 {
            Self {
                pair: mantissa,
                power,
            }
        } else if power > 0 {
            Self::INFINITY.copysign(Self::near(pair))
        } else {
            Self::ZERO.copysign(Self::near(pair))
        }
    }

    /// `self * 2^power`.
    fn scale(self, power: i32) -> Self {
        Self::at(self.pair, self.power.saturating_add(power))
    }

    /// The binary exponent of a finite value other than 0.
    pub(super) fn exponent(self) -> i32 {
        match self.power {
            0 => self.pair.exponent(),
            power => power,
        }
    }

    /// Whether the value is so small that its square counts for nothing beside it.
    fn is_tiny(self) -> bool {
        self.power < 0
    }

    /// A value below the normal numbers of `f64`, rounded to a multiple of the smallest one.
    #[cold]
    const fn subnormal(self) -> f64 {
        const LEAST: i32 = -1074;
        if self.power < LEAST - 1 {
            return 0f64.copysign(self.pair.hi);
        }
        // Below 2^52, where a sum with 2^52 rounds to an integer, ties to even. At a tie the low part decides.
        const WHOLE: f64 = 1.0 / f64::EPSILON;
        let size = scaled(self.pair.hi.abs(), self.power - LEAST);
        let whole = (size + WHOLE) - WHOLE;
        let low = self.pair.lo * self.pair.hi.signum();
        let whole = if size - whole == 0.5 && low > 0.0 {
            whole + 1.0
        } else if size - whole == -0.5 && low < 0.0 {
            whole - 1.0
        } else {
            whole
        };
        // The bits of a subnormal number count multiples of the smallest.
        f64::from_bits(whole as u64).copysign(self.pair.hi)
    }
}

impl From<Pair> for Dd {
    /// A result of arithmetic on near numbers.
    #[inline]
    fn from(pair: Pair) -> Self {
        if pair.is_near() {
            Self::near(pair)
        } else {
            far(pair)
        }
    }
}

#[cold]
#[inline(never)]
fn far(pair: Pair) -> Dd {
    Dd::at(pair, 0)
}
