//! The softmax family: exact results, identities, conventions, losses.
//!
//! One program, since several would each compile the same tape and kernels. `cargo test --test softmax golden` runs the
//! tests of one module.

mod cures;
mod golden;
mod identities;
mod limits;
mod long;
mod losses;
mod members;
mod orders;
mod plain;
mod special;
mod special_rows;
mod terms;
mod wide;

#[path = "../support/document.rs"]
#[allow(dead_code)] // each test binary uses its part
mod document;
#[path = "../support/family.rs"]
mod family;
#[path = "../support/rows.rs"]
mod rows;
