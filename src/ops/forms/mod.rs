//! Forms: what several ops share. An elementwise function or a reduction states its formula, and the form turns it
//! into a rule and methods.

mod apart;
pub(super) mod binary;
mod evaluate;
pub(super) mod factors;
mod float;
pub(super) mod gate;
pub(super) mod given;
pub(super) mod linear;
pub(super) mod operator;
pub(super) mod over;
mod own;
pub(super) mod products;
pub(super) mod pull;
pub(super) mod reduction;
pub(super) mod right;
pub(super) mod span;
pub(super) mod squares;
pub(super) mod unary;

pub use binary::{Binary, Zip};
pub(crate) use evaluate::{evaluate, evaluate_all};
pub use right::Right;
pub use span::{Span, Spans, s};
pub use unary::{Map, Unary};
