//! Printing and parsing.
//!
//! Here: `Display`, `Debug` and `LowerExp` with 31 digits of the exact value, and `FromStr`. Not here: the
//! arithmetic of digits.
//!
//! A far number is its pair times a power of two, which is made of decimal digits too: exactly within the range of
//! `f64`, beyond it to a hundred digits.

use std::fmt;
use std::num::ParseFloatError;
use std::str::FromStr;

use super::{Dd, Pair, constants, decimal::Decimal};

/// Digits that are always right in a double-double, and shown unless a precision is asked for.
const DIGITS: i32 = 31;

/// From this power of ten on, numbers are written with an exponent even where a number of places is asked for: the
/// largest `f64` is a little less, and others could have millions of digits before the point.
const LONGEST: i32 = 309;

/// No number has a larger decimal exponent, of either sign: 2^-1000000000 is 2.2e-301029996.
const LAST_EXPONENT: u32 = 301_029_996;

impl fmt::Display for Dd {
    /// 31 digits without trailing zeros or, given a precision, that many digits after the point.
    ///
    /// Numbers from 1e309 on have an exponent in both cases.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mut number) = self.digits() else {
            return fmt::Display::fmt(&self.pair.hi, f);
        };
        let exponent = number.exponent();
        let text = match f.precision() {
            Some(places) if exponent >= LONGEST => scientific(number, Some(places)),
            Some(places) => {
                number.round(-(places as i32));
                positional(number, places)
            }
            None if (-5..DIGITS).contains(&exponent) => {
                number.round(exponent + 1 - DIGITS);
                let places = (-number.last).max(0) as usize;
                let text = positional(number, places);
                match text.split_once('.') {
                    Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                    None => text,
                }
            }
            None => scientific(number, None),
        };
        f.pad_integral(!self.is_sign_negative(), "", &text)
    }
}

impl fmt::Debug for Dd {
    /// The same as [`fmt::Display`]: the digits say more than the two halves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::LowerExp for Dd {
    /// One digit before the point and 30 after it, or as many as the precision asks for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.digits() else {
            return fmt::LowerExp::fmt(&self.pair.hi, f);
        };
        let text = scientific(number, f.precision());
        f.pad_integral(!self.is_sign_negative(), "", &text)
    }
}

impl FromStr for Dd {
    type Err = ParseFloatError;

    /// Reads what `f64` reads, to the full width and beyond its range; what is beyond that of this type is infinite
    /// or 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let high: f64 = text.parse()?;
        let unsigned = text.trim_start_matches(['+', '-']);
        // Not the names of infinity and NaN.
        let digits = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let number = Some(unsigned).filter(|_| digits).and_then(Decimal::read);
        let size = match number {
            // Where the exponent is absurd, f64 has the answer.
            None => Self::new(high),
            Some(number) if number.is_zero() => Self::ZERO,
            Some(number) if high.is_normal() && Pair::of(high).is_near() => {
                Self::near(Pair::read(number)?)
            }
            Some(number) => Self::read_far(number)?,
        };
        Ok(size.copysign(Self::new(high)))
    }
}

impl Dd {
    /// The nearest number, or one beside it, to one that is far.
    fn read_far(mut number: Decimal) -> Result<Self, ParseFloatError> {
        let exponent = number.exponent();
        if exponent.unsigned_abs() > LAST_EXPONENT {
            return Ok(if exponent > 0 {
                Self::INFINITY
            } else {
                Self::ZERO
            });
        }
        // What is left is from ½ to 20.
        let power = (f64::from(exponent) * constants::LOG2_10.hi) as i32;
        number.shorten();
        let pair = Pair::read(number.times(&Decimal::power_of_two(-power)))?;
        Ok(Self::at(pair, power))
    }

    /// The absolute value in decimal digits; `None` for 0, infinities and NaN.
    fn digits(self) -> Option<Decimal> {
        if self.pair.hi == 0.0 || !self.is_finite() {
            return None;
        }
        let (high, low) = (Decimal::exact(self.pair.hi), Decimal::exact(self.pair.lo));
        let pair = if (self.pair.hi > 0.0) == (self.pair.lo > 0.0) {
            high.plus(low)
        } else {
            high.minus(low).0
        };
        Some(match self.power {
            0 => pair,
            power => pair.times(&Decimal::power_of_two(power)),
        })
    }
}

impl Pair {
    /// The number nearest to one without a sign, within the range of `f64`.
    fn read(number: Decimal) -> Result<Self, ParseFloatError> {
        let nearest =
            |number: &Decimal| format!("{}e{}", number.text(), number.last).parse::<f64>();
        let high = nearest(&number)?;
        let (rest, negative) = number.minus(Decimal::exact(high));
        let low = nearest(&rest)?;
        Ok(Self::exact_sum(high, if negative { -low } else { low }))
    }
}

/// The number with `places` digits after the point, where it is rounded already.
fn positional(number: Decimal, places: usize) -> String {
    let last = number.last;
    let mut text = number.text();
    // A number rounded above the units, or one with fewer places than asked for.
    let zeros = last + places as i32;
    text.extend(std::iter::repeat_n('0', zeros.max(0) as usize));
    let text = format!("{text:0>width$}", width = places + 1);
    let (whole, fraction) = text.split_at(text.len() - places);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    if places == 0 {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// One digit, the point, `places` digits (or 30 less trailing zeros), and the exponent.
fn scientific(mut number: Decimal, places: Option<usize>) -> String {
    let kept = places.map_or(DIGITS - 1, |places| places as i32);
    number.round(number.exponent() - kept);
    // Rounding up may have carried into a new digit.
    let exponent = number.exponent();
    let text = number.text();
    let digits = text.trim_start_matches('0');
    let (first, rest) = digits.split_at(1);
    let rest = match places {
        Some(places) => format!("{rest:0<places$.places$}"),
        None => rest.trim_end_matches('0').to_owned(),
    };
    if rest.is_empty() {
        format!("{first}e{exponent}")
    } else {
        format!("{first}.{rest}e{exponent}")
    }
}

#[cfg(test)]
mod tests {
    use num_traits::{FloatConst, Num};

    use super::*;

    #[test]
    fn text_shows_31_digits_of_the_exact_value() {
        let third = Dd::ONE / Dd::new(3.0);
        assert_eq!(third.to_string(), "0.3333333333333333333333333333333");
        assert_eq!(
            format!("{third:?} {third:e} {third:.3} {third:.2e}"),
            format!("{third} 3.333333333333333333333333333333e-1 0.333 3.33e-1")
        );
        assert_eq!(Dd::PI().to_string(), "3.14159265358979323846264338328");
        assert_eq!(
            Dd::new(0.1).to_string(),
            "0.1000000000000000055511151231258"
        );
        assert_eq!(
            Dd::new(1e300).to_string(),
            "1.000000000000000052504760255204e300"
        );
        assert_eq!(
            Dd::new(5e-324).to_string(),
            "4.940656458412465441765687928682e-324"
        );
        assert_eq!(
            format!("{} {} {}", Dd::new(-12.5), Dd::new(1e15), -Dd::ZERO),
            "-12.5 1000000000000000 -0"
        );
        assert_eq!(
            format!("{} {:?} {:e}", Dd::NAN, Dd::NEG_INFINITY, Dd::INFINITY),
            "NaN -inf inf"
        );
        assert_eq!(
            format!(
                "{:.0} {:.0} {:.2} {:8.1}|",
                Dd::new(0.5),
                Dd::new(99.5),
                Dd::new(-9.999),
                Dd::ONE
            ),
            "0 100 -10.00      1.0|"
        );
        assert_eq!(
            format!("{:.1} {:.3e}", Dd::new(0.001), Dd::new(9.9996)),
            "0.0 1.000e1"
        );
        assert_eq!(
            Dd::from_parts(1.0, -1e-25).to_string(),
            "0.9999999999999999999999999"
        );
    }

    #[test]
    fn text_is_read_to_the_full_width() {
        let read = |text: &str| text.parse::<Dd>().unwrap();
        assert_eq!(
            read("3.14159265358979323846264338327950288419716939937510"),
            Dd::PI()
        );
        assert_eq!(read("0.1"), Dd::ONE / Dd::new(10.0));
        assert_eq!(read("-1e22"), Dd::new(-1e22));
        assert_eq!(
            read("+1E-5"),
            Dd::new(1e-5) + (read("0.00001") - Dd::new(1e-5))
        );
        assert_eq!(
            (read("1e999999999999"), read("-1e-999999999999")),
            (Dd::INFINITY, Dd::ZERO)
        );
        assert!(
            read("nan").is_nan()
                && read("-inf") == Dd::NEG_INFINITY
                && "1.2.3".parse::<Dd>().is_err()
        );
        assert_eq!(Dd::from_str_radix("0.3", 10).unwrap(), read("0.3"));
        assert_eq!(Dd::from_str_radix("101", 2).unwrap(), Dd::new(5.0));
        let x = Dd::new(2.0).sqrt();
        assert!((format!("{x:.40}").parse::<Dd>().unwrap() - x).abs().hi() == 0.0);
    }
}
