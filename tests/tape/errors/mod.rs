//! What is refused, in which words and at whose line.

mod inputs;
mod shapes;
mod sparse;
mod transforms;
