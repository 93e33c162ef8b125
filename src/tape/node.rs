//! Tensor nodes: one entry of the tape for every leaf, constant, pack of scalars and operation on tensors.

use std::cell::OnceCell;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::panic::Location;

use smallvec::SmallVec;

use super::members::Pack;
use super::rule::{Residual, Rule};
use super::run::Place;
use crate::tensor::{Shape, Tensor};

/// The position of a tensor node on its tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One tensor node.
#[derive(Debug)]
pub(crate) struct Node<T> {
    pub(crate) kind: Kind<T>,
    /// The value; unset while it is put off.
    pub(super) content: OnceCell<Tensor<T>>,
    /// What the rule's forward kept; most keep nothing, hence the box.
    pub(crate) residual: OnceCell<Box<Residual<T>>>,
    /// Its place in a run, whose values may be put off.
    pub(crate) place: Option<Box<Place>>,
    /// How many scalar nodes came before this node.
    pub(crate) mark: u32,
    /// Whether the elements are scalar nodes too, those from `mark` on; such a value is not put off.
    pub(crate) spread: bool,
    /// Whether the cotangent outlives the walk, as for leaves and nodes that the user watches.
    pub(crate) kept: bool,
    /// The user's line that recorded it.
    pub(crate) line: &'static Location<'static>,
}

/// Where the value of a node comes from.
#[derive(Debug)]
pub(crate) enum Kind<T> {
    /// An input whose gradient is wanted.
    Leaf,
    /// A value that no gradient flows into: a constant, or an expression of constants.
    Constant,
    /// Scalar handles gathered into a tensor.
    Pack(Pack),
    /// A recorded operation.
    Op {
        rule: Box<dyn Rule<T>>,
        inputs: Inputs,
    },
}

/// The operands of an operation; one or two, the usual case, are stored in place.
///
/// Plain numbers, which are written directly to their final place: a small vector would be moved there as bytes, and
/// the next read of it would wait.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    few: [NodeId; 2],
    count: usize,
    /// All of them, if there are more than two.
    more: Option<Box<[NodeId]>>,
}

impl From<&[NodeId]> for Inputs {
    #[inline]
    fn from(inputs: &[NodeId]) -> Self {
        Self {
            few: match *inputs {
                [a] => [a, a],
                [a, b] => [a, b],
                _ => [NodeId(0); 2],
            },
            count: inputs.len(),
            more: (inputs.len() > 2).then(|| inputs.into()),
        }
    }
}

impl Deref for Inputs {
    type Target = [NodeId];

    #[inline]
    fn deref(&self) -> &[NodeId] {
        match &self.more {
            None => &self.few[..self.count],
            Some(inputs) => inputs,
        }
    }
}

impl<T> Node<T> {
    /// A node that computes nothing.
    pub(super) fn new(
        kind: Kind<T>,
        value: Tensor<T>,
        mark: u32,
        line: &'static Location<'static>,
    ) -> Self {
        Self {
            kept: matches!(kind, Kind::Leaf),
            kind,
            content: OnceCell::from(value),
            residual: OnceCell::new(),
            place: None,
            mark,
            spread: false,
            line,
        }
    }

    /// The value.
    ///
    /// # Panics
    /// If the value is put off; [`Tape::evaluate`](super::Tape::evaluate) gives it in either case.
    pub(crate) fn value(&self) -> &Tensor<T> {
        self.content.get().expect("the value was asked for before")
    }

    /// The value, unless it is put off.
    pub(crate) fn known(&self) -> Option<&Tensor<T>> {
        self.content.get()
    }

    /// Replaces the value of a leaf and returns the old one.
    pub(crate) fn set_value(&mut self, value: Tensor<T>) -> Tensor<T> {
        let old = std::mem::replace(&mut self.content, OnceCell::from(value));
        old.into_inner().expect("a leaf has its value")
    }

    /// The shape of the value.
    #[inline]
    pub(crate) fn shape(&self) -> &Shape {
        match (self.content.get(), &self.place) {
            (Some(value), _) => value.shape(),
            (None, Some(place)) => &place.shape,
            (None, None) => unreachable!("only the values of a run are put off"),
        }
    }

    /// The scalar nodes that its elements are; none unless the node is spread.
    #[inline]
    pub(crate) fn elements(&self) -> Range<u32> {
        let len = match self.spread {
            true => self.shape().elements() as u32,
            false => 0,
        };
        self.mark..self.mark + len
    }

    /// Bytes of the value and of what the forward kept; a value that is put off takes none.
    pub(crate) fn bytes(&self) -> usize {
        let value = self.known().map_or(0, |value| size_of_val(value.data()));
        value + self.residual.get().map_or(0, |kept| kept.bytes())
    }

    pub(crate) fn inputs(&self) -> &[NodeId] {
        match &self.kind {
            Kind::Op { inputs, .. } => inputs,
            _ => &[],
        }
    }

    /// Whether a cotangent of this node is needed: only constants need none.
    pub(crate) fn active(&self) -> bool {
        !matches!(self.kind, Kind::Constant)
    }
}

/// Calls `f` with `of` each operand; most ops have one or two, which need no list.
#[inline]
pub(super) fn operands<'a, T, X: 'a, R>(
    x: &[&'a Node<T>],
    of: impl Fn(&'a Node<T>) -> &'a X,
    f: impl FnOnce(&[&'a X]) -> R,
) -> R {
    match *x {
        [a] => f(&[of(a)]),
        [a, b] => f(&[of(a), of(b)]),
        _ => f(&x.iter().map(|x| of(x)).collect::<SmallVec<[_; 4]>>()),
    }
}

/// A name for a node that outlives the node's handles, to find the node again after [`replay`](super::Tape::replay).
///
/// Valid until the tape is reset.
#[derive(Debug)]
pub struct Id<V> {
    pub(crate) stamp: u64,
    pub(crate) index: u32,
    pub(crate) of: PhantomData<fn() -> V>,
}

impl<V> Clone for Id<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Id<V> {}

impl<V> PartialEq for Id<V> {
    fn eq(&self, other: &Self) -> bool {
        (self.stamp, self.index) == (other.stamp, other.index)
    }
}

impl<V> Eq for Id<V> {}

impl<V> Hash for Id<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.stamp, self.index).hash(state);
    }
}
