//! What a tape can tell about itself: what it keeps, where a NaN was born, what is probably a mistake.
//!
//! It changes no number, and costs nothing unless it is called. Values that were put off are computed and
//! kept, which shows in [`Tape::bytes`](crate::Tape::bytes), and where a reverse walk is needed, hooks are
//! called once more.

mod birth;
mod diagnose;
mod ledger;
mod lint;
mod path;

pub use birth::{Birth, NonFinite};
pub use diagnose::Diagnosis;
pub use ledger::{Ledger, Row, Saved};
pub use lint::{Lint, LintKind};
