//! What is not elementwise, against values to many digits (`tests/golden`).

mod kinks;
mod reductions;
mod shapes;

#[path = "../support/golden.rs"]
mod golden;
