//! The memory under tensors: counted buffers, on huge pages where they are large, and prefetching.

mod block;
mod buffer;
mod counted;
mod past;
mod settle;
mod soon;

pub(crate) use buffer::Buffer;
pub(crate) use counted::Counted;
pub(super) use past::copy_past;
pub(crate) use soon::Soon;
