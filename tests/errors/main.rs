//! What is refused, in which words and at whose line. One program, which compiles what its modules share once.

mod inputs;
mod shapes;
mod sparse;
mod transforms;

#[path = "../support/panics.rs"]
mod panics;
