//! Double-double numbers: an `f64` and the `f64` nearest to what it left out, about 106 bits together.
//!
//! Here: the type that judges the `f32` and `f64` kernels, with everything `num_traits::Float` asks for.
//! Not here: speed, a wider exponent than `f64` has, or correct rounding (errors are a few units of 2^-104).

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
mod roots;
mod rounding;
#[cfg(test)]
mod tests;
mod trigonometric;
mod turns;

/// A number of about 31 decimal digits, kept as the sum of two `f64`.
///
/// The same generic code, run on this type, says which of two `f64` results is nearer to the truth.
///
/// `hi` is always the sum rounded to `f64`, and `lo` is 0 when `hi` is infinite or NaN. So equality and order
/// are those of the pairs, and infinities, NaN and signed zeros behave as they do in `f64`. Below about
/// 1e-291 `lo` reaches the end of the exponent range, and the precision falls to that of `f64`.
///
/// # Example
/// ```
/// use wengert::Dd;
///
/// let third = Dd::new(1.0) / Dd::new(3.0);
/// assert_eq!(third.to_string(), "0.3333333333333333333333333333333");
/// ```
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Dd {
    hi: f64,
    lo: f64,
}

impl Dd {
    /// Positive zero.
    pub const ZERO: Self = Self::raw(0.0, 0.0);
    /// One.
    pub const ONE: Self = Self::raw(1.0, 0.0);
    /// Not a number.
    pub const NAN: Self = Self::raw(f64::NAN, 0.0);
    /// Positive infinity.
    pub const INFINITY: Self = Self::raw(f64::INFINITY, 0.0);
    /// Negative infinity.
    pub const NEG_INFINITY: Self = Self::raw(f64::NEG_INFINITY, 0.0);
    /// The largest finite value, a little under 2^1024.
    pub const MAX: Self = Self::raw(f64::MAX, 9.979201547673598e291);
    /// The smallest finite value, the negative of [`Dd::MAX`].
    pub const MIN: Self = Self::raw(f64::MIN, -9.979201547673598e291);
    /// The smallest positive normal value, that of `f64`.
    pub const MIN_POSITIVE: Self = Self::raw(f64::MIN_POSITIVE, 0.0);
    /// The relative error that one operation may make, 2^-104.
    pub const EPSILON: Self = Self::raw(f64::EPSILON * f64::EPSILON, 0.0);

    /// The double-double equal to `x`.
    pub const fn new(x: f64) -> Self {
        Self::raw(x, 0.0)
    }

    /// The sum of `hi` and `lo`, which may overlap and come in any order.
    pub fn from_parts(hi: f64, lo: f64) -> Self {
        // Without a low part there is nothing to add, and -0 keeps its sign.
        if hi.is_finite() && lo != 0.0 {
            Self::exact_sum(hi, lo)
        } else {
            Self::new(hi)
        }
    }

    /// The value rounded to `f64`.
    pub const fn hi(self) -> f64 {
        self.hi
    }

    /// What rounding to `f64` leaves out.
    pub const fn lo(self) -> f64 {
        self.lo
    }

    /// The pair as it is; the caller keeps the invariant.
    const fn raw(hi: f64, lo: f64) -> Self {
        Self { hi, lo }
    }

    /// `x + y` without error (Knuth's TwoSum).
    fn exact_sum(x: f64, y: f64) -> Self {
        let sum = x + y;
        if sum == 0.0 || !sum.is_finite() {
            return Self::new(sum);
        }
        let most = sum - x;
        Self::raw(sum, (x - (sum - most)) + (y - most))
    }

    /// `x + y` without error, for `|x| >= |y|` (Dekker's Fast2Sum).
    fn ordered_sum(x: f64, y: f64) -> Self {
        if y == 0.0 {
            // Not x + y, so that -0 stays what it is.
            return Self::new(x);
        }
        let sum = x + y;
        if !sum.is_finite() {
            return Self::new(sum);
        }
        Self::raw(sum, y - (sum - x))
    }

    /// `x * y` without error as long as the low part stays above the smallest subnormal.
    fn exact_product(x: f64, y: f64) -> Self {
        let product = x * y;
        if product == 0.0 || !product.is_finite() {
            return Self::new(product);
        }
        Self::raw(product, x.mul_add(y, -product))
    }

    /// `self * 2^power`, rounded at most once, in two steps by powers that `f64` can hold.
    fn scale(self, power: i32) -> Self {
        // Beyond ±2044 everything leaves the range of f64, whatever it was.
        let power = power.clamp(-2044, 2044);
        let (first, second) = (two_to(power / 2), two_to(power - power / 2));
        let high = self.hi * first * second;
        if high.is_finite() {
            Self::ordered_sum(high, self.lo * first * second)
        } else {
            Self::new(high)
        }
    }

    /// The binary exponent of a finite value other than 0: `2^exponent <= |hi| < 2^(exponent + 1)`.
    fn exponent(self) -> i32 {
        let field = |x: f64| ((x.to_bits() >> 52) & 0x7ff) as i32;
        match field(self.hi) {
            // Subnormal: 2^54 lifts it into the normal range.
            0 => field(self.hi * two_to(54)) - 1023 - 54,
            biased => biased - 1023,
        }
    }
}

/// `2^power` for a power within -1022..=1023.
fn two_to(power: i32) -> f64 {
    debug_assert!((-1022..=1023).contains(&power), "2^power is normal");
    f64::from_bits(((power + 1023) as u64) << 52)
}
