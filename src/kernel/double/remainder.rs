//! The remainder of a division.
//!
//! Here: the operator `%`, exact before its one rounding, by integers modulo the divisor. Not here: other division.
//!
//! Both numbers are integers times powers of two. With the divisor D, the remainder of X 2^k is that of X times that
//! of 2^k, and squares of remainders reach 2^k in as many steps as k has binary digits: the time does not grow with
//! the quotient.

use std::ops::Rem;

use num_traits::Zero;

use super::Dd;

impl Rem for Dd {
    type Output = Self;

    /// The remainder with the sign of `self`, as for `f64`.
    fn rem(self, other: Self) -> Self {
        if self.is_infinite() || self.is_nan() || other.is_nan() || other.is_zero() {
            return Self::NAN;
        }
        if self.is_zero() || self.abs() < other.abs() {
            return self;
        }
        if self.lo() == 0.0 && other.lo() == 0.0 && self.power | other.power == 0 {
            return Self::new(self.pair.hi % other.pair.hi);
        }
        let ((x, above), (mut divisor, below)) = (self.as_integer(), other.as_integer());
        // With the same power of two, or the smaller one for the divisor.
        let more = (below - above).max(0);
        divisor = shifted(&divisor, more as usize);
        let modulus = Modulus(divisor);
        let part = modulus.remainder(&x);
        let power = modulus.power_of_two((above - below).max(0) as u32);
        let rest = modulus.product(&part, &power);
        let terms = rest.iter().enumerate().map(|(k, &limb)| {
            let place = 32 * k as i32 + below - more;
            Self::new(f64::from(limb)).scale(place)
        });
        terms.sum::<Self>().copysign(self)
    }
}

impl Dd {
    /// The size as an integer times a power of two.
    fn as_integer(self) -> (Vec<u32>, i32) {
        let [high, low] = [self.pair.hi, self.pair.lo].map(f64::abs);
        let [(high, above), (low, below)] = [high, low].map(|part| {
            let (mantissa, exponent, _) = num_traits::Float::integer_decode(part);
            (vec![mantissa as u32, (mantissa >> 32) as u32], exponent)
        });
        let least = if self.pair.lo == 0.0 { above } else { below };
        let mut sum = shifted(&high, usize::from(above.abs_diff(least)));
        if self.pair.lo != 0.0 {
            let same = (self.pair.hi > 0.0) == (self.pair.lo > 0.0);
            let step = if same { add } else { subtract };
            step(&mut sum, &low);
        }
        (sum, self.power + i32::from(least))
    }
}

/// An integer, 32 bits each, the lowest first.
type Integer = Vec<u32>;

/// Arithmetic modulo an integer, on numbers below it.
struct Modulus(Integer);

impl Modulus {
    fn zero(&self) -> Integer {
        // One digit more, for twice a remainder.
        vec![0; self.0.len() + 1]
    }

    /// `2 x + bit`.
    fn double(&self, x: &mut Integer, bit: bool) {
        let mut carry = u32::from(bit);
        for digit in x.iter_mut() {
            (*digit, carry) = (*digit << 1 | carry, *digit >> 31);
        }
        self.reduce(x);
    }

    /// Brings a number below twice the modulus below the modulus.
    fn reduce(&self, x: &mut Integer) {
        let (top, digits) = x.split_last().expect("one digit more than the modulus");
        if *top > 0 || digits.iter().rev().ge(self.0.iter().rev()) {
            subtract(x, &self.0);
        }
    }

    fn remainder(&self, x: &[u32]) -> Integer {
        bits(x).fold(self.zero(), |mut rest, bit| {
            self.double(&mut rest, bit);
            rest
        })
    }

    fn product(&self, x: &[u32], y: &[u32]) -> Integer {
        bits(y).fold(self.zero(), |mut product, bit| {
            self.double(&mut product, false);
            if bit {
                add(&mut product, x);
                self.reduce(&mut product);
            }
            product
        })
    }

    /// `2^power`.
    fn power_of_two(&self, power: u32) -> Integer {
        bits(&[power]).fold(self.remainder(&[1]), |root, bit| {
            let mut square = self.product(&root, &root);
            if bit {
                self.double(&mut square, false);
            }
            square
        })
    }
}

/// The binary digits, the highest first.
fn bits(x: &[u32]) -> impl Iterator<Item = bool> {
    let places = (0..32).rev();
    let all = x.iter().rev();
    let all = all.flat_map(move |&digit| places.clone().map(move |k| digit >> k & 1 == 1));
    all.skip_while(|bit| !bit)
}

/// `x 2^places`, with room for a carry.
fn shifted(x: &[u32], places: usize) -> Integer {
    let mut shifted = vec![0; places / 32];
    let mut carry = 0;
    for &digit in x.iter().chain([&0]) {
        let wide = u64::from(digit) << (places % 32) | carry;
        shifted.push(wide as u32);
        carry = wide >> 32;
    }
    shifted
}

/// `x += y`, which fits.
fn add(x: &mut Integer, y: &[u32]) {
    let mut carry = false;
    for (k, digit) in x.iter_mut().enumerate() {
        let more = y.get(k).copied().unwrap_or(0);
        let (sum, over) = digit.overflowing_add(more);
        let (sum, again) = sum.overflowing_add(carry.into());
        (*digit, carry) = (sum, over | again);
    }
}

/// `x -= y`, which is no larger.
fn subtract(x: &mut Integer, y: &[u32]) {
    let mut borrow = false;
    for (k, digit) in x.iter_mut().enumerate() {
        let less = y.get(k).copied().unwrap_or(0);
        let (rest, under) = digit.overflowing_sub(less);
        let (rest, again) = rest.overflowing_sub(borrow.into());
        (*digit, borrow) = (rest, under | again);
    }
}
