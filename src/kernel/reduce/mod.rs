//! Reductions of rows: sums, products, folds, norms, and their running forms; and normalization, which is made of them.

mod centre;
mod fold;
mod normalize;
mod product;
mod running;
mod scaled;
mod scan;
mod sum;

pub(crate) use centre::{centres, from_centre};
pub(crate) use fold::fold_axis;
pub(crate) use normalize::{normalize, normalize_vjp};
pub(crate) use product::{product_axis, product_of_others, product_tangent};
pub(crate) use running::{
    running_product_again, running_product_jvp_again, running_product_vjp_again,
};
pub(crate) use scaled::{mean_axis, norm_axis};
pub(crate) use scan::cumsum;
pub(crate) use sum::{BLOCK, dot, sum_axis, sum_axis_of, terms, total};
