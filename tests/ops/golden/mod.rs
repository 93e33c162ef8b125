//! Ops against values with many digits (`tests/golden`).

mod elementwise;
mod kinks;
mod reductions;
mod shapes;
