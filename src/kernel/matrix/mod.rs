//! Matrices: products, transposed copies, factors, linear systems.

mod batch;
mod cholesky;
#[cfg(feature = "gemm")]
pub(super) mod gemm;
pub(crate) mod lu;
pub(crate) mod plain;
#[cfg(feature = "gemm")]
pub(super) mod squares;
pub(super) mod transpose;
mod triangle;
mod view;

pub(crate) use batch::matmuls;
pub(crate) use cholesky::cholesky;
pub use lu::System;
pub(crate) use triangle::Triangle;
pub use view::Matrix;
