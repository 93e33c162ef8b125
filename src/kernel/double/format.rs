//! Printing and parsing.
//!
//! Here: `Display`, `Debug` and `LowerExp` with 31 digits of the exact value, and `FromStr`. Not here: the
//! arithmetic of digits.

use std::fmt;
use std::num::ParseFloatError;
use std::str::FromStr;

use super::{Dd, decimal::Decimal};

/// Digits that are always right in a double-double, and shown unless a precision is asked for.
const DIGITS: i32 = 31;

impl fmt::Display for Dd {
    /// 31 digits without trailing zeros or, given a precision, that many digits after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mut number) = self.digits() else {
            return fmt::Display::fmt(&self.hi, f);
        };
        let exponent = number.exponent();
        let text = match f.precision() {
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
            return fmt::LowerExp::fmt(&self.hi, f);
        };
        let text = scientific(number, f.precision());
        f.pad_integral(!self.is_sign_negative(), "", &text)
    }
}

impl FromStr for Dd {
    type Err = ParseFloatError;

    /// Reads what `f64` reads, to the full width.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let high: f64 = text.parse()?;
        let unsigned = text.trim_start_matches(['+', '-']);
        if high == 0.0 || !high.is_finite() {
            return Ok(Self::new(high));
        }
        let Some(number) = Decimal::read(unsigned) else {
            return Ok(Self::new(high));
        };
        let (rest, negative) = number.minus(Decimal::exact(high));
        let low: f64 = format!("{}e{}", rest.text(), rest.last).parse()?;
        let size = Self::from_parts(high.abs(), if negative { -low } else { low });
        Ok(size.copysign(Self::new(high)))
    }
}

impl Dd {
    /// The absolute value in exact decimal digits; `None` for 0, infinities and NaN.
    fn digits(self) -> Option<Decimal> {
        if self.hi == 0.0 || !self.is_finite() {
            return None;
        }
        let (high, low) = (Decimal::exact(self.hi), Decimal::exact(self.lo));
        if (self.hi > 0.0) == (self.lo > 0.0) {
            Some(high.plus(low))
        } else {
            Some(high.minus(low).0)
        }
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
            (read("1e400"), read("1e-999999999999")),
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
