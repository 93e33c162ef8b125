//! The softmax family: rows in, rows and their statistics out.
//!
//! The plain forms serve every element and are the oracle; the others are for `f32` and `f64`. A formula is written
//! once, in a [`Job`](lines::Job) over vectors of any level, and runs on rows of any layout.

mod across;
mod bundles;
mod chunk;
mod descent;
mod exponential;
mod forward;
mod inputs;
mod layout;
mod lines;
mod pack;
mod place;
pub(crate) mod plain;
pub(crate) mod plain_jvp;
pub(crate) mod plain_loss;
mod pullback;
mod room;
mod sheaf;
mod spread;
mod statistics;
mod strip;
mod sum;
mod sweep;
mod turn;

pub(crate) mod fast;
