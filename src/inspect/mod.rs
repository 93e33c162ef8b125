//! Questions to a tape: what it keeps, where a NaN was born, what is probably a mistake.
//!
//! All of it reads what is recorded; nothing here is paid for unless it is asked.

mod ledger;

pub use ledger::{Ledger, Row, Saved};
