//! `Cotangent`: what has flowed into a tensor node, and the lists that a reverse walk fills.

use crate::tensor::Tensor;

/// The state of one tensor node's cotangent.
#[derive(Clone, Debug)]
pub(crate) enum Cotangent<T> {
    /// Nothing has flowed into it: the output does not depend on the node.
    Zero,
    /// What has flowed into it so far; the total once the walk has passed.
    Sum(Tensor<T>),
    /// The same number for all elements so far: for a node that is walked in blocks, where it is
    /// written out for one block at a time.
    Even(T),
    /// It was passed on and not kept.
    Released,
}

impl<T: Clone> Cotangent<T> {
    /// The total, to be passed on; it is also kept if `kept`, or else given away.
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

    /// What has flowed into it so far, taken out so that more can be added; `write` makes a tensor that
    /// holds one number everywhere.
    #[inline]
    pub(crate) fn take(&mut self, write: impl FnOnce(T) -> Tensor<T>) -> Option<Tensor<T>> {
        match self {
            Self::Zero | Self::Released => None,
            _ => match std::mem::replace(self, Self::Zero) {
                Self::Sum(sum) => Some(sum),
                Self::Even(g) => Some(write(g)),
                _ => unreachable!("it was one of these a line above"),
            },
        }
    }
}

/// The lists that a reverse walk fills.
#[derive(Debug)]
pub(crate) struct Lists<T> {
    /// The cotangents of the scalar nodes.
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
