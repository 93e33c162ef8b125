//! Derivatives of whole functions, of any order: a closure in, a gradient, Jacobian or Hessian out.
//!
//! Each transform records its closure on a tape of its own. Arguments are numbers, tensors, and
//! tuples, arrays and vectors of them ([`Arguments`]); results have the arguments' structure. Which
//! transform to choose, and what each costs, is in `docs/orders.md`.
//!
//! | wanted | for | transform |
//! |---|---|---|
//! | gradient | one number of many | [`grad`], [`value_and_grad`] |
//! | `gᵀ J`, `J t` | many numbers of many | [`vjp`], [`jvp`] |
//! | Jacobian | many numbers of many | [`jacobian`] |
//! | `H v` | one number of many | [`hvp`], [`grad_and_hvp`] |
//! | `Jᵀ H J v` | logits of a softmax cross entropy | [`gauss_newton_vp`] |
//! | Hessian | one number of a few | [`hessian`] |
//! | the same, mostly zeros | many numbers | [`sparse`] |
//! | one order higher | any of these | [`pushforward`] around it |
//!
//! [`fixed_point`] is here too; its gradient is that of the equation, not of the iterations. Its sibling
//! [`linear_solve`](crate::Var::linear_solve) is an op.

mod arguments;
pub mod checkpoint;
mod first;
mod fixed_point;
mod gauss_newton;
mod jacobian;
mod output;
mod pushforward;
mod second;
pub mod sparse;

pub use arguments::{Arguments, Function};
pub use first::{grad, jvp, try_grad, try_jvp, try_value_and_grad, try_vjp, value_and_grad, vjp};
pub use fixed_point::{FixedPoint, Parameters, Start, fixed_point, try_fixed_point};
pub use gauss_newton::{gauss_newton_vp, try_gauss_newton_vp};
pub use jacobian::{
    jacobian, jacobian_forward, jacobian_reverse, try_jacobian, try_jacobian_forward,
    try_jacobian_reverse,
};
pub use output::Output;
pub use pushforward::{Pushed, pushforward, try_pushforward};
pub use second::{Hessian, grad_and_hvp, hessian, hvp, try_grad_and_hvp, try_hessian, try_hvp};
