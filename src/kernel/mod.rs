//! Kernels: slices in, slices out, generic over the element with fast forms for `f32` and `f64`.
//!
//! Here is arithmetic on memory; tapes, tensors and rules are not known here.

mod batch;
mod block;
mod broadcast;
mod buffer;
mod constant;
mod counted;
mod double;
mod each;
mod elem;
mod float;
mod fold;
pub(crate) mod function;
#[cfg(feature = "gemm")]
mod gemm;
mod lookup;
pub(crate) mod lu;
mod map;
mod matrix;
mod pages;
mod permute;
pub(crate) mod plain;
mod product;
pub(crate) mod reduce;
mod rows;
mod running;
mod scaled;
mod scan;
pub mod simd;
pub(crate) mod softmax;
#[cfg(feature = "nalgebra")]
mod solve;
mod soon;
#[cfg(feature = "gemm")]
mod squares;
mod strided;
pub(crate) mod threads;
mod transpose;
mod wide;

pub use constant::{Constant, Embeds};
pub use double::Dd;
pub use each::Loop;
pub use elem::Elem;
pub use function::{Function, Joint};
pub use lu::System;
pub use matrix::Matrix;
pub use rows::Rows;

pub(crate) use batch::matmuls;
pub(crate) use block::{cut, paste};
pub(crate) use broadcast::{Layout, sum_to, zip, zip_onto};
pub(crate) use buffer::Buffer;
pub(crate) use counted::Counted;
pub(crate) use each::{Again, Buffers, Formula, UNITS, each, each_of, each_onto, each_pair};
pub(crate) use fold::fold_axis;
pub(crate) use lookup::{Lookup, add_selected, select};
pub(crate) use map::{add_scaled_to, add_to, map, map2, map3};
pub(crate) use permute::{inverse, permute};
pub(crate) use product::{product_axis, product_of_others};
pub(crate) use reduce::{dot, sum_axis, sum_axis_of};
pub(crate) use running::{
    running_product_apart, running_product_jvp_apart, running_product_vjp_apart,
};
pub(crate) use scaled::{mean_axis, norm_axis};
pub(crate) use scan::cumsum;
pub(crate) use soon::Soon;
pub(crate) use strided::{Strided, spread, strides};
