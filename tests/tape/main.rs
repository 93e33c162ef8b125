//! The tape: what it records, puts off, walks, refuses and tells about itself, and the checks built on that.
//!
//! One program, since several would each compile the same recording and walks. `cargo test --test tape deferred` runs
//! the tests of one module.

mod axes;
mod check;
mod deferred;
mod elements;
mod errors;
mod folding;
mod guard;
mod handles;
mod hooks;
mod inspect;
mod mutants;
mod nodes;
mod own_ops;
mod steps;
mod still;

#[path = "../support/chains.rs"]
mod chains;
#[path = "../support/expressions.rs"]
mod expressions;
#[path = "../support/panics.rs"]
mod panics;
