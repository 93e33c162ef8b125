//! Losses, and what those over classes have in common: labels, options, weights of rows.
//!
//! Cross entropy is in `ops::softmax`, with the family on whose rows it works.

mod average;
pub(crate) mod labels;
mod options;
pub(crate) mod outcome;
mod plain;
pub(crate) mod sample;

pub use labels::Labels;
pub use options::{LossOptions, Reduction};

registry! {
    nll::Nll<f64>
    mse::Mse
    bce::Bce
}
