//! Ops: every op of the registry through all that must hold for every op, and what is special to some.
//!
//! This is one program because each op is compiled for six types of elements, which several programs
//! would all repeat. `cargo test --test ops accuracy` runs the tests of one module.

mod accuracy;
mod any_f32;
mod edges;
mod elementwise;
mod functions;
mod golden;
mod layer_norm;
mod orders;
mod overflow;
mod products;
mod range;
mod reductions;
mod registry;
mod sparse;
mod struct_ops;
mod twins;
mod wild;

#[path = "../support/big.rs"]
mod big;
#[path = "../support/document.rs"]
mod document;
#[path = "../support/panics.rs"]
mod panics;
#[path = "../support/golden.rs"]
mod records;
#[path = "../support/sweep.rs"]
mod sweep;
#[path = "../support/tables.rs"]
mod tables;
