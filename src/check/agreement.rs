//! `Agreement`: the result of checking an expression against an identity.

use std::fmt;

use super::ulps::part_name;
use crate::kernel::Elem;

/// Two numbers that an identity says are equal, and whether they are.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Agreement {
    /// Which check this is.
    pub check: &'static str,
    /// The two sides in words, for instance `⟨c, J t⟩`.
    pub sides: [&'static str; 2],
    /// The numbers on both sides where they differ most.
    pub found: [f64; 2],
    /// Where that is: the input and the position in it, or the direction.
    pub place: String,
    /// The difference there, relative to the numbers that enter it.
    pub error: f64,
    /// The largest difference that rounding explains.
    pub limit: f64,
    /// Whether the check ran in double-double, where rounding hides nothing.
    pub wide: bool,
}

impl Agreement {
    /// Whether both sides agree.
    pub fn passed(&self) -> bool {
        self.error <= self.limit
    }

    /// Panics at the caller's line if the sides differ.
    ///
    /// # Panics
    /// If the check failed; the message says what it found.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "{self}");
    }

    /// Adds one more pair of numbers; `sizes` holds, for each part, the size of what enters it.
    pub(super) fn note<U: Elem>(&mut self, sides: [U; 2], sizes: &[f64], place: &str) {
        // The difference is taken in wide numbers; two f64 cannot show it.
        let gap = sides[0] - sides[1];
        for (k, &size) in sizes.iter().enumerate() {
            let mut found = sides.map(|side| side.part(k));
            let same = found[0] == found[1] || (found[0].is_nan() && found[1].is_nan());
            let error = match gap.part(k).abs() / size.max(f64::MIN_POSITIVE) {
                // Equal infinities, or NaN on both sides, leave no difference to measure.
                error if error.is_nan() && same => 0.0,
                error if error.is_nan() => f64::INFINITY,
                error => error,
            };
            if same && error > 0.0 {
                found[1] -= gap.part(k);
            }
            if error > self.error || self.place.is_empty() {
                self.place = format!("{place}{}", part_name::<U>(k));
                (self.error, self.found) = (error, found);
            }
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed() { "holds" } else { "FAILS" };
        write!(
            f,
            "{} check {verdict} at {}: {} = {:e}, {} = {:e}, off by {:.1e} ({:.0e} allowed{})",
            self.check,
            self.place,
            self.sides[0],
            self.found[0],
            self.sides[1],
            self.found[1],
            self.error,
            self.limit,
            if self.wide { ", in double-double" } else { "" }
        )
    }
}
