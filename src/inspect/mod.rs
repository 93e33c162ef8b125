//! What a tape can tell about itself: what it keeps, where a NaN was born, what is probably a mistake.
//!
//! All of this only reads what is recorded, and costs nothing unless it is called.

mod birth;
mod diagnose;
mod ledger;
mod lint;
mod path;

pub use birth::{Birth, NonFinite};
pub use diagnose::Diagnosis;
pub use ledger::{Ledger, Row, Saved};
pub use lint::{Lint, LintKind};
