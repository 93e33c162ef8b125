//! Exact decimal numbers, the bridge between text and double-double.
//!
//! Here: sums, differences and rounding of decimal digits. Not here: the layout of printed numbers.
//!
//! The standard library prints an `f64` exactly when asked for enough places, and reads one correctly rounded. So
//! adding the digits of both halves prints a double-double exactly, and reading what the high half leaves of the text
//! gives the low half.

/// An `f64` has no digit beyond this many places after the point.
const PLACES: i32 = 1074;

/// A number without sign: `digits`, most significant first, the last of them worth `10^last`.
pub(super) struct Decimal {
    pub(super) digits: Vec<u8>,
    pub(super) last: i32,
}

impl Decimal {
    /// The absolute value of a finite `x`, exactly.
    pub(super) fn exact(x: f64) -> Self {
        let text = format!("{:.1074}", x.abs());
        Self {
            digits: digits_of(&text),
            last: -PLACES,
        }
    }

    /// The number in `text`: digits, perhaps a point, perhaps an exponent, no sign; `None` if its exponent is absurd.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let places = mantissa
            .split_once('.')
            .map_or(0, |(_, places)| places.len());
        Some(Self {
            digits: digits_of(mantissa),
            last: exponent.checked_sub(i32::try_from(places).ok()?)?,
        })
    }

    /// `self + other`.
    pub(super) fn plus(mut self, mut other: Self) -> Self {
        self.align(&mut other);
        let mut carry = 0;
        for (digit, more) in self.digits.iter_mut().zip(&other.digits).rev() {
            let sum = *digit + more + carry;
            (*digit, carry) = (sum % 10, sum / 10);
        }
        self.digits.insert(0, carry);
        self
    }

    /// `|self - other|`, and whether `other` is the larger one.
    pub(super) fn minus(mut self, mut other: Self) -> (Self, bool) {
        self.align(&mut other);
        let swapped = self.digits < other.digits;
        if swapped {
            std::mem::swap(&mut self, &mut other);
        }
        let mut borrow = 0;
        for (digit, less) in self.digits.iter_mut().zip(&other.digits).rev() {
            let difference = *digit + 10 - less - borrow;
            (*digit, borrow) = (difference % 10, 1 - difference / 10);
        }
        (self, swapped)
    }

    /// The power of ten of the first digit that is not 0.
    pub(super) fn exponent(&self) -> i32 {
        let leading = self.digits.iter().take_while(|&&digit| digit == 0).count();
        self.last + self.digits.len() as i32 - 1 - leading as i32
    }

    /// Rounds to a multiple of `10^place`, ties to the even digit as the standard library does.
    pub(super) fn round(&mut self, place: i32) {
        let Some(dropped) = usize::try_from(place - self.last).ok().filter(|&d| d > 0) else {
            return;
        };
        // A digit to keep and one to carry into must exist, however high the place.
        self.lengthen(dropped + 2);
        let kept = self.digits.len() - dropped;
        let rest = self.digits.split_off(kept);
        self.last = place;
        let half_and_no_more = rest[0] == 5 && rest[1..].iter().all(|&digit| digit == 0);
        let odd = self.digits[kept - 1] % 2 == 1;
        if rest[0] < 5 || (half_and_no_more && !odd) {
            return;
        }
        self.digits.insert(0, 0);
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                break;
            }
            *digit = 0;
        }
    }

    /// The digits as text, to be followed by a point or an exponent.
    pub(super) fn text(&self) -> String {
        self.digits
            .iter()
            .map(|&digit| char::from(b'0' + digit))
            .collect()
    }

    /// Fills up with zeros until both have the same length and the same last place.
    fn align(&mut self, other: &mut Self) {
        let last = self.last.min(other.last);
        for number in [&mut *self, &mut *other] {
            let missing = (number.last - last) as usize;
            number.digits.resize(number.digits.len() + missing, 0);
            number.last = last;
        }
        let length = self.digits.len().max(other.digits.len());
        self.lengthen(length);
        other.lengthen(length);
    }

    /// Puts zeros in front, up to `length` digits.
    fn lengthen(&mut self, length: usize) {
        let missing = length.saturating_sub(self.digits.len());
        self.digits.splice(0..0, std::iter::repeat_n(0, missing));
    }
}

fn digits_of(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.map(|digit| digit - b'0').collect()
}
