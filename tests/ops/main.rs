//! Every op of the registry through all that must hold of every op.
//!
//! One program, since each op is compiled for six types of elements: a program for each question would
//! compile them all again. `cargo test --test ops accuracy` runs the tests of one module.

mod accuracy;
mod edges;
mod orders;
mod range;
mod registry;
mod sparse;
mod twins;

#[path = "../support/document.rs"]
mod document;
#[path = "../support/sweep.rs"]
mod sweep;
#[path = "../support/tables.rs"]
mod tables;
