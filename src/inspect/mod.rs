//! Questions to a tape: what it keeps, where a NaN was born, what is probably a mistake.
//!
//! All of it reads what is recorded; nothing here is paid for unless it is asked.

mod birth;
mod diagnose;
mod ledger;
mod lint;
mod path;

pub use birth::{Birth, NonFinite};
pub use diagnose::Diagnosis;
pub use ledger::{Ledger, Row, Saved};
pub use lint::{Lint, LintKind};
