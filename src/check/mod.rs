//! Checks of derivative rules, for the crate's ops and for yours.
//!
//! [`compare`] compares a hand-written rule with the gradient that the tape derives from the same
//! function composed of other ops, and judges both by an evaluation in double-double arithmetic.
//! [`adjoint`], [`difference`], [`forward`] and [`second_order`] test one expression against identities
//! that every right rule obeys. A check runs the recorded tape again on wider numbers, so an ordinary
//! closure is enough. Arithmetic between scalar handles cannot be run again, since their nodes keep only
//! slopes: write such a stretch with tensors, `x.mean_keep(0) * 2.0` instead of `x.mean() * 2.0`.

mod agreement;
mod compare;
mod identities;
mod loss;
mod recording;
mod report;
mod side;
mod ulps;

pub use agreement::Agreement;
pub use compare::{compare, compare_all, try_compare_all};
pub use identities::{
    adjoint, difference, forward, second_order, try_adjoint, try_difference, try_forward,
    try_second_order,
};
pub use loss::Loss;
pub use recording::Expression;
pub use report::{Cost, Distance, Judge, Nearer, Report, Section, Worst};
