//! Kernels: slices in, slices out, generic over the element with fast forms for `f32` and `f64`.
//!
//! Only arithmetic on memory is here; nothing here knows of tapes, tensors or rules.

mod constant;
mod double;
mod each;
mod elem;
mod float;
pub(crate) mod function;
mod map;
pub(crate) mod matrix;
mod memory;
mod places;
pub(crate) mod reduce;
mod rows;
pub mod simd;
pub(crate) mod softmax;
mod span;
pub(crate) mod threads;
mod wide;

pub use constant::{Constant, Embeds};
pub use double::Dd;
pub use each::Loop;
pub use elem::Elem;
pub use function::{Function, Joint};
pub use matrix::{Matrix, System};
pub use rows::Rows;
#[doc(hidden)]
pub use span::Span;

pub(crate) use each::{Again, Buffers, Formula, UNITS, each, each_of, each_onto, each_pair};
pub(crate) use elem::sealed;
pub(crate) use map::{add_scaled_to, add_to, are_finite, map, map2, map3};
pub(crate) use matrix::{Triangle, cholesky, lu, matmuls, mend_products};
pub(crate) use memory::{Buffer, Counted, Soon};
pub(crate) use places::{
    Layout, Lookup, Strided, add_selected, cut, inverse, paste, permute, select, spread, strides,
    sum_to, zip, zip_onto,
};
pub(crate) use reduce::{
    centres, cumsum, dot, fold_axis, from_centre, mean_axis, norm_axis, normalize, normalize_vjp,
    product_axis, product_of_others, product_tangent, running_product_again,
    running_product_jvp_again, running_product_vjp_again, sum_axis, sum_axis_of,
};
