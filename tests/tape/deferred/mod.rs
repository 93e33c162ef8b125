//! Chains that a tape puts off: bit for bit what comes of computing at once.

mod attention;
mod blocks;
mod foresight;
mod shares;
