//! Angles reduced to an eighth of a turn on either side.
//!
//! Here: the method of Payne and Hanek (SIGNUM Newsletter 18, 1983) for both halves of a double-double, right for
//! every finite angle. Not here: sines.
//!
//! An angle is `m 2^e` radians with an integer m of 53 bits, hence `m (2^e 2/π)` quarter turns, of which whole
//! turns do not matter. So only those bits of 2/π count that are neither multiples of four after the shift by e
//! nor too small; m times that window, without its overflow, is the angle modulo one turn. Fixed point wraps
//! around exactly as angles do, and the two halves are added in it before anything is rounded.

use super::{Pair, constants};

/// Quarter turns modulo 4, most significant limb first: 2 bits before the binary point and 318 after.
type Turns = [u64; 5];

impl Pair {
    /// `quarter` in 0..4 and `rest` with `self = (4k + quarter) π/2 + rest` and `|rest|` at most about π/4.
    pub(super) fn by_quarter_turns(self) -> (u8, Self) {
        if self.hi.abs() <= constants::FRAC_PI_4.hi {
            return (0, self);
        }
        let turns = add(turns(self.hi), turns(self.lo));
        let quarter = (turns[0].wrapping_add(1 << 61) >> 62) as u8;
        // Without the whole quarters the top bit is a sign.
        let fraction = shift_left(turns, 2);
        let rest = if fraction[0] >> 63 == 1 {
            -to_double(negate(fraction))
        } else {
            to_double(fraction)
        };
        (quarter, rest * constants::FRAC_PI_2)
    }
}

/// The angle `x` in quarter turns.
fn turns(x: f64) -> Turns {
    let field = ((x.to_bits() >> 52) & 0x7ff) as i32;
    let mantissa = x.to_bits() & ((1 << 52) - 1);
    let (mantissa, exponent) = match field {
        0 => (mantissa, -1074),
        _ => (mantissa | 1 << 52, field - 1075),
    };
    let mut carry = 0;
    let mut product = [0; 5];
    for i in (0..5).rev() {
        let wide = u128::from(window(exponent - 1 + 64 * i as i32)) * u128::from(mantissa) + carry;
        product[i] = wide as u64;
        carry = wide >> 64;
    }
    if x.is_sign_negative() {
        negate(product)
    } else {
        product
    }
}

/// 64 bits of 2/π of which the first has the weight `2^-first`; before the point and past the table are zeros.
fn window(first: i32) -> u64 {
    let limb = |i: i32| {
        let found = usize::try_from(i).ok();
        let found = found.and_then(|i| constants::TWO_OVER_PI.get(i));
        found.copied().unwrap_or(0)
    };
    let (index, shift) = ((first - 1).div_euclid(64), (first - 1).rem_euclid(64));
    let pair = u128::from(limb(index)) << 64 | u128::from(limb(index + 1));
    (pair << shift >> 64) as u64
}

fn add(x: Turns, y: Turns) -> Turns {
    let mut sum = [0; 5];
    let mut carry = 0;
    for i in (0..5).rev() {
        let wide = u128::from(x[i]) + u128::from(y[i]) + carry;
        sum[i] = wide as u64;
        carry = wide >> 64;
    }
    sum
}

fn negate(x: Turns) -> Turns {
    add(x.map(|limb| !limb), [0, 0, 0, 0, 1])
}

fn shift_left(x: Turns, by: u32) -> Turns {
    let next = [x[1], x[2], x[3], x[4], 0];
    std::array::from_fn(|i| x[i] << by | next[i] >> (64 - by))
}

/// The fraction as a number; half limbs are exact in `f64`, and small ones are added first.
fn to_double(fraction: Turns) -> Pair {
    let mut sum = Pair::of(0.0);
    for limb in fraction.into_iter().rev() {
        let low = Pair::of((limb & 0xffff_ffff) as f64);
        let high = Pair::of((limb >> 32) as f64);
        sum = (sum + low).scale(-32);
        sum = (sum + high).scale(-32);
    }
    sum
}
