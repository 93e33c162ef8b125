//! Ops: every one of the registry through all that must hold of every op, and what is special to some.
//!
//! One program, since each op is compiled for six types of elements: a program for each question would
//! compile them all again. `cargo test --test ops accuracy` runs the tests of one module.

mod accuracy;
mod any_f32;
mod edges;
mod elementwise;
mod functions;
mod golden;
mod orders;
mod overflow;
mod products;
mod range;
mod reductions;
mod registry;
mod sparse;
mod struct_ops;
mod twins;

#[path = "../support/big.rs"]
mod big;
#[path = "../support/document.rs"]
mod document;
#[path = "../support/golden.rs"]
mod records;
#[path = "../support/sweep.rs"]
mod sweep;
#[path = "../support/tables.rs"]
mod tables;
