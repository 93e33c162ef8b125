//! Ops against values with many digits (`tests/golden`).

mod elementwise;
mod judge;
mod kinks;
mod reductions;
mod shapes;
