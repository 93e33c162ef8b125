//! Matrices: products, transposed copies, linear systems.

mod batch;
#[cfg(feature = "gemm")]
pub(super) mod gemm;
pub(crate) mod lu;
pub(crate) mod plain;
#[cfg(feature = "gemm")]
pub(super) mod squares;
pub(super) mod transpose;
mod view;

pub(crate) use batch::matmuls;
pub use lu::System;
pub use view::Matrix;
