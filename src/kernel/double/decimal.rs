//! Exact decimal numbers, the bridge between text and double-double.
//!
//! Here: sums, differences, products and rounding of decimal digits. Not here: the layout of printed numbers.
//!
//! The standard library prints an `f64` exactly when asked for enough places, and reads one correctly rounded. So
//! adding the digits of both halves prints a double-double exactly, and reading what the high half leaves of the text
//! gives the low half.

/// Powers of two up to this size, which bring any far number of `f64`'s range near 1, are exact in decimal digits.
const EXACT: u32 = 1100;

/// Digits that other powers keep: their errors double with each of up to 30 squarings.
const KEPT: i32 = 120;

/// A number without sign: `digits`, most significant first, the last of them worth `10^last`.
pub(super) struct Decimal {
    pub(super) digits: Vec<u8>,
    pub(super) last: i32,
}

impl Decimal {
    /// The absolute value of a finite `x`, exactly.
    pub(super) fn exact(x: f64) -> Self {
        let text = format!("{:.1074}", x.abs());
        let (whole, places) = text.split_once('.').expect("a number with places");
        let places = places.trim_end_matches('0');
        Self {
            digits: digits_of(whole)
                .into_iter()
                .chain(digits_of(places))
                .collect(),
            last: -(places.len() as i32),
        }
    }

    /// The number in `text`: digits, perhaps a point, perhaps an exponent, no sign; `None` if its exponent is absurd
    /// even for a double-double.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let places = mantissa
            .split_once('.')
            .map_or(0, |(_, places)| places.len());
        let exponent = Some(exponent).filter(|exponent| exponent.unsigned_abs() < 1 << 30)?;
        Some(Self {
            digits: digits_of(mantissa),
            last: exponent.checked_sub(i32::try_from(places).ok()?)?,
        })
    }

    /// `2^power`, exact up to 1100 in size and otherwise right to 100 digits at least.
    pub(super) fn power_of_two(power: i32) -> Self {
        let rounded = |mut number: Self| {
            if power.unsigned_abs() > EXACT {
                number.shorten();
            }
            number
        };
        let (base, last) = if power < 0 { (5, -1) } else { (2, 0) };
        let number = |digit, last| Self {
            digits: vec![digit],
            last,
        };
        let base = number(base, last);
        let size = power.unsigned_abs();
        let bits = (0..u32::BITS - size.leading_zeros()).rev();
        bits.fold(number(1, 0), |root, bit| {
            let square = rounded(root.times(&root));
            match size >> bit & 1 {
                0 => square,
                _ => rounded(square.times(&base)),
            }
        })
    }

    /// `self * other`.
    pub(super) fn times(&self, other: &Self) -> Self {
        let [x, y] = [self, other].map(Self::significant);
        let mut sums = vec![0u64; x.len() + y.len()];
        for (k, &digit) in x.iter().enumerate() {
            for (sum, &other) in sums[k + 1..].iter_mut().zip(y) {
                *sum += u64::from(digit * other);
            }
        }
        let mut carry = 0;
        for sum in sums.iter_mut().rev() {
            *sum += carry;
            carry = *sum / 10;
            *sum %= 10;
        }
        Self {
            digits: sums.into_iter().map(|digit| digit as u8).collect(),
            last: self.last + other.last,
        }
    }

    /// Whether all digits are 0.
    pub(super) fn is_zero(&self) -> bool {
        self.digits.iter().all(|&digit| digit == 0)
    }

    /// The digits from the first that is not 0.
    fn significant(&self) -> &[u8] {
        let leading = self.digits.iter().take_while(|&&digit| digit == 0).count();
        &self.digits[leading..]
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
        self.last + self.significant().len() as i32 - 1
    }

    /// Rounds to a multiple of `10^place`, ties to the even digit as the standard library does.
    pub(super) fn round(&mut self, place: i32) {
        let Some(dropped) = usize::try_from(place - self.last).ok().filter(|&d| d > 0) else {
            return;
        };
        // Far below half a unit of the place, however many zeros that would take.
        if place > self.exponent() + 1 {
            (self.digits, self.last) = (vec![0], place);
            return;
        }
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

    /// Keeps so many digits that the error is far below that of any double-double.
    pub(super) fn shorten(&mut self) {
        self.round(self.exponent() + 1 - KEPT);
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
