//! Chains that a tape puts off: bit for bit what computing immediately gives.

mod attention;
mod blocks;
mod foresight;
mod shares;
