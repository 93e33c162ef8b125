//! The bodies of which the compiler makes vectors, powers, and cotangents at the edges of the range.

mod far;
mod long;
mod powers;
mod short;
