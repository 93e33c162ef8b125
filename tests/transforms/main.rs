//! Derivatives of functions: walks, Jacobians and Hessians, dense and sparse, implicit ones, programs and checkpoints.

mod checkpoint;
mod implicit;
mod marks;
mod programs;
mod sparse;
mod walks;
