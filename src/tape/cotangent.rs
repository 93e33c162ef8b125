//! `Cotangent`: what has flowed into a tensor node, and the lists that a reverse walk fills.

use crate::tensor::Tensor;

/// What became of the cotangent of one tensor node.
#[derive(Clone, Debug)]
pub(crate) enum Cotangent<T> {
    /// Nothing has flowed into it: the output does not depend on the node.
    Zero,
    /// What has flowed into it so far, or in all once the walk has passed.
    Sum(Tensor<T>),
    /// So far the same number for all elements: for a node whose walk goes by blocks, where it is
    /// written out for one block at a time.
    Even(T),
    /// It was passed on and given back.
    Released,
}

impl<T: Clone> Cotangent<T> {
    /// What has flowed into it in all, to be passed on; kept as well, or given away.
    #[inline]
    pub(crate) fn pass(&mut self, kept: bool) -> Option<Tensor<T>> {
        match self {
            Self::Sum(sum) if kept => Some(sum.clone()),
            Self::Sum(_) => match std::mem::replace(self, Self::Released) {
                Self::Sum(sum) => Some(sum),
                _ => unreachable!("it was a sum a line above"),
            },
            _ => None,
        }
    }

    /// What has flowed into it so far, taken out for more to be added; `write` makes a tensor of one
    /// number.
    #[inline]
    pub(crate) fn take(&mut self, write: impl FnOnce(T) -> Tensor<T>) -> Option<Tensor<T>> {
        match std::mem::replace(self, Self::Zero) {
            Self::Sum(sum) => Some(sum),
            Self::Even(g) => Some(write(g)),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// The lists that a reverse walk fills.
#[derive(Debug)]
pub(crate) struct Lists<T> {
    /// The cotangent of every scalar node.
    pub(crate) adjoints: Vec<T>,
    /// The cotangents of the tensor nodes.
    pub(crate) cotangents: Vec<Cotangent<T>>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            adjoints: Vec::new(),
            cotangents: Vec::new(),
        }
    }
}
