//! Double-double numbers with a separate exponent, whose range no slope and no cotangent leaves.
#![allow(dead_code)] // each test binary uses its part

use num_traits::FloatConst;
use wengert::Dd;

/// `m 2^e` with m from 1 to 2 in size, or 0.
#[derive(Clone, Copy, Debug)]
pub struct Big {
    pub m: Dd,
    pub e: i64,
}

/// A power of two, 0 and infinity beyond the range.
fn two(e: i64) -> f64 {
    2f64.powi(e.clamp(-2000, 2000) as i32)
}

impl Big {
    pub fn new(x: Dd) -> Self {
        let x = Self { m: x, e: 0 };
        // A subnormal number has no exponent of its own.
        if x.m.hi().abs() < f64::MIN_POSITIVE {
            let m = x.m * Dd::new(two(500));
            return Self { m, e: -500 }.normal();
        }
        x.normal()
    }

    fn normal(self) -> Self {
        if self.m.hi() == 0.0 {
            return Self { m: self.m, e: 0 };
        }
        let e = ((self.m.hi().to_bits() >> 52) & 0x7FF) as i64 - 1023;
        // In two steps, since 2^-e may be subnormal.
        let m = self.m * Dd::new(two(-e / 2)) * Dd::new(two(-e - -e / 2));
        let e = self.e + e;
        Self { m, e }
    }

    pub fn times(self, other: Self) -> Self {
        let (m, e) = (self.m * other.m, self.e + other.e);
        Self { m, e }.normal()
    }

    pub fn over(self, other: Self) -> Self {
        let (m, e) = (self.m / other.m, self.e - other.e);
        Self { m, e }.normal()
    }

    /// `e^x`.
    pub fn exp(x: Dd) -> Self {
        let power = (x.hi() * f64::LOG2_E()).round().clamp(-1e6, 1e6);
        let rest = x - Dd::new(power) * Dd::LN_2();
        let m = if rest.hi().abs() < 1.0 {
            rest.exp()
        } else {
            Dd::ONE
        };
        let e = power as i64;
        Self { m, e }.normal()
    }

    /// How far `found` is from this, in units in the last place of a type with this many digits and exponents from
    /// `least` to `-least + 1`; beyond the largest number it may be infinite.
    pub fn ulps(self, found: f64, digits: i64, least: i64) -> f64 {
        let end = 2 - least;
        if self.e >= end {
            let right = found.is_infinite() && (found > 0.0) == (self.m.hi() > 0.0);
            return if right { 0.0 } else { f64::INFINITY };
        }
        let unit = self.e.max(least) + 1 - digits;
        let found = match found.is_infinite() {
            true => Self {
                m: Dd::new(found.signum()),
                e: end,
            },
            false => Self::new(Dd::new(found)),
        };
        let scaled = |x: Self| x.m * Dd::new(two(x.e - unit));
        (scaled(found) - scaled(self)).abs().hi()
    }
}

pub fn number(x: f64) -> Big {
    Big::new(Dd::new(x))
}

/// `c a^p` with the sign of a whole power; `None` outside the domain.
pub fn power(c: Dd, a: Dd, p: Dd) -> Option<Big> {
    let odd = p * Dd::new(0.5) != (p * Dd::new(0.5)).trunc();
    if a < Dd::ZERO && p != p.trunc() {
        return None;
    }
    let size = Big::new(c).times(Big::exp(p * logarithm(a)));
    let sign = if a < Dd::ZERO && odd { -1.0 } else { 1.0 };
    Some(size.times(number(sign)))
}

/// `ln |a|`, for subnormal numbers too.
pub fn logarithm(a: Dd) -> Dd {
    let Big { m, e } = Big::new(a);
    m.abs().ln() + Dd::new(e as f64) * Dd::LN_2()
}
