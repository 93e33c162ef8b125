//! Where elements lie and go: broadcasting, reordering, lookups, windows.

mod block;
mod broadcast;
mod lookup;
mod permute;
mod strided;

pub(crate) use block::{cut, paste};
pub(crate) use broadcast::{Layout, sum_to, zip, zip_onto};
pub(crate) use lookup::{Lookup, add_selected, select};
pub(crate) use permute::{inverse, permute};
pub(crate) use strided::{Strided, spread, strides};
