//! `Span`: the stretches of a type's numbers that rules ask for.
//!
//! [`Elem::is_within`](super::Elem::is_within) tells whether a number lies in one.

/// A stretch of the numbers of a type.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// From 2^-511 to below 2^513 (`f32`: 2^-63, 2^65), the middle half: quotients are subnormal by two bits at most.
    Moderate,
    /// Neither 0, subnormal, infinite nor NaN.
    Normal,
    /// Neither infinite nor NaN.
    Finite,
}
