//! Matrices: products, transposed copies, factors, linear systems.

mod batch;
mod cholesky;
#[cfg(feature = "gemm")]
pub(super) mod gemm;
pub(crate) mod lu;
mod overflow;
pub(crate) mod plain;
#[cfg(feature = "gemm")]
pub(super) mod squares;
pub(super) mod transpose;
mod triangle;
mod view;

pub(crate) use batch::matmuls;
pub(crate) use cholesky::cholesky;
pub use lu::System;
pub(crate) use overflow::mend_products;
pub(crate) use triangle::Triangle;
pub use view::Matrix;

/// Numbers between -1 and 1 for tests; the same ones for a seed.
#[cfg(test)]
fn numbers(seed: usize, count: usize) -> Vec<f64> {
    let mut state = seed as u64;
    let number = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count).map(number).collect()
}
