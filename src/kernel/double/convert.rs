//! Conversions from and to other numbers.
//!
//! Here: `From` for floats and the conversion traits of num-traits. Not here: text.

use num_traits::{FromPrimitive, ToPrimitive};

use super::Dd;

/// 2^53, 2^127 and 2^128: integers stay exact in `f64` below the first and fit their types below the others.
const EXACT_END: f64 = 9_007_199_254_740_992.0;
const I128_END: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
const U128_END: f64 = 2.0 * I128_END;

impl From<f64> for Dd {
    fn from(x: f64) -> Self {
        Self::new(x)
    }
}

impl From<f32> for Dd {
    fn from(x: f32) -> Self {
        Self::new(f64::from(x))
    }
}

impl ToPrimitive for Dd {
    fn to_i64(&self) -> Option<i64> {
        self.to_i128()?.try_into().ok()
    }

    fn to_u64(&self) -> Option<u64> {
        self.to_u128()?.try_into().ok()
    }

    fn to_i128(&self) -> Option<i128> {
        let whole = self.trunc();
        if !(-I128_END..I128_END).contains(&whole.hi()) {
            return None;
        }
        (whole.hi() as i128).checked_add(whole.lo() as i128)
    }

    fn to_u128(&self) -> Option<u128> {
        let whole = self.trunc();
        if !(0.0..U128_END).contains(&whole.hi()) {
            return None;
        }
        (whole.hi() as u128).checked_add_signed(whole.lo() as i128)
    }

    /// The value rounded once, not first to `f64` and then to `f32`.
    fn to_f32(&self) -> Option<f32> {
        // Far values are infinite or 0 in f32, and rounding them to f64 first changes nothing.
        let (high, low) = (self.hi(), self.lo());
        let bits = high.to_bits();
        // Rounding to odd: an even last bit with something left over moves towards it, so that no false tie
        // appears at 24 bits.
        let odd = if low == 0.0 || bits % 2 == 1 {
            bits
        } else if (low > 0.0) == (high > 0.0) {
            bits + 1
        } else {
            bits - 1
        };
        Some(f64::from_bits(odd) as f32)
    }

    fn to_f64(&self) -> Option<f64> {
        Some(self.hi())
    }
}

impl FromPrimitive for Dd {
    fn from_i64(n: i64) -> Option<Self> {
        Some(from_sign_and_size(n < 0, u128::from(n.unsigned_abs())))
    }

    fn from_u64(n: u64) -> Option<Self> {
        Some(from_sign_and_size(false, u128::from(n)))
    }

    fn from_i128(n: i128) -> Option<Self> {
        Some(from_sign_and_size(n < 0, n.unsigned_abs()))
    }

    fn from_u128(n: u128) -> Option<Self> {
        Some(from_sign_and_size(false, n))
    }

    fn from_f64(x: f64) -> Option<Self> {
        Some(Self::new(x))
    }
}

impl num_traits::NumCast for Dd {
    /// Exact for floats and for integers up to 106 bits; of another double-double below 2^53 it sees only `hi`,
    /// since the trait offers no wider view.
    fn from<N: ToPrimitive>(n: N) -> Option<Self> {
        let near = n.to_f64()?;
        // Also false for NaN.
        let may_be_rounded = near.abs() >= EXACT_END && near.abs() < U128_END;
        if !may_be_rounded {
            return Some(Self::new(near));
        }
        let exact = n.to_i128().and_then(Self::from_i128);
        let exact = exact.or_else(|| n.to_u128().and_then(Self::from_u128));
        Some(exact.unwrap_or(Self::new(near)))
    }
}

/// Converts an integer by digits of 32 bits, which `f64` holds exactly.
fn from_sign_and_size(negative: bool, size: u128) -> Dd {
    let size = (0..4).rev().fold(Dd::ZERO, |sum, digit| {
        let digit = (size >> (32 * digit)) as u32;
        sum.scale(32) + Dd::new(f64::from(digit))
    });
    if negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_pass_unrounded() {
        let large = i64::MAX - 1;
        let x = Dd::from_i64(large).unwrap();
        assert_eq!((x.to_i64(), x.to_u64()), (Some(large), Some(large as u64)));
        assert_eq!(
            <Dd as num_traits::NumCast>::from(u64::MAX)
                .unwrap()
                .to_u64(),
            Some(u64::MAX)
        );
        assert_eq!(<Dd as num_traits::NumCast>::from(-large), Some(-x));
        assert_eq!(<Dd as num_traits::NumCast>::from(1e30), Some(Dd::new(1e30)));
        assert_eq!(
            (
                Dd::new(-1.0).to_u64(),
                Dd::NAN.to_i64(),
                Dd::INFINITY.to_i128()
            ),
            (None, None, None)
        );
        assert_eq!(
            (Dd::new(-2.7).to_i64(), Dd::from_parts(5.0, -1e-20).to_i64()),
            (Some(-2), Some(4))
        );
    }

    #[test]
    fn rounding_to_f32_happens_once() {
        // Half way between two f32 and a little less or more: hi alone is the tie, which goes to the even side.
        let tie = 1.0 + f64::from(f32::EPSILON) / 2.0;
        assert_eq!(Dd::new(tie).to_f32(), Some(1.0));
        assert_eq!(
            Dd::from_parts(tie, 1e-20).to_f32(),
            Some(1.0 + f32::EPSILON)
        );
        let tie = 1.0 + 1.5 * f64::from(f32::EPSILON);
        assert_eq!(
            Dd::from_parts(tie, -1e-20).to_f32(),
            Some(1.0 + f32::EPSILON)
        );
    }
}
