//! What is refused, in which words, and at which line.

mod inputs;
mod shapes;
mod sparse;
mod transforms;
