//! The bodies that the compiler vectorizes, powers, and cotangents at the edges of the range.

mod far;
mod long;
mod powers;
mod short;
