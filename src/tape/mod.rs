//! The tape: the Wengert list, with scalar and tensor nodes in the order they were recorded.
//!
//! Scalar nodes and tensor nodes are in two lists; each tensor node remembers how many scalar nodes
//! came before it, which is all that a walk needs to visit both in order. The elements of some tensor nodes are scalar
//! nodes too, without a place in the list of these. No op is known here by name:
//! a tensor node carries its [`Rule`](rule::Rule).

mod blocks;
#[cfg(any(not(feature = "cursor"), test))]
mod checked;
mod collector;
mod content;
mod cotangent;
#[cfg(any(feature = "cursor", test))]
mod cursor;
mod foresight;
mod gaps;
pub(crate) mod guard;
mod members;
mod meter;
mod node;
mod nodes;
mod pool;
mod reach;
mod record;
mod replay;
pub mod rule;
mod run;
mod scalars;
mod slot;
mod structure;
mod sweep;
mod twin;

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

pub(crate) use blocks::{Block, Blocks, Step, each};
pub(crate) use collector::Collector;
pub(crate) use content::{Content, Fault};
pub(crate) use cotangent::{Cotangent, Lists};
pub(crate) use foresight::{Flow, Foreseen};
pub(crate) use members::{Member, Members, Pack, Packed};
pub use meter::Recomputation;
pub(crate) use meter::{Held, Meter};
pub use node::Id;
pub(crate) use node::{Kind, Node, NodeId};
pub use nodes::{NodeKind, NodeView, Nodes};
pub(crate) use pool::{Pool, unique};
pub(crate) use scalars::{Entry, NOBODY, Scalars};
pub(crate) use sweep::{push_forward, sweep};

use self::foresight::Foresight;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// The source of stamps, which distinguish tapes and their resets. A tape takes [`STAMPS`] of them at a
/// time, since an atomic addition costs a tenth of a small gradient.
static STAMP: AtomicU64 = AtomicU64::new(0);
const STAMPS: u64 = 1 << 16;

/// A Wengert list: records what is computed with its handles, so that it can be walked backward.
///
/// Handles ([`Var`](crate::Var)) borrow the tape and are `Copy`. [`reset`](Self::reset) takes
/// `&mut self`, so the compiler rejects a handle that would outlive what it names.
///
/// A tape may be sent to another thread, but not shared: it records on one thread at a time.
///
/// # Panics
/// Recording panics beyond 2^32 - 2 scalar nodes (103 GB in `f64`) or as many tensor nodes;
/// [`checkpoint_chain`](Self::checkpoint_chain) walks a longer loop in pieces.
///
/// # Example
/// ```
/// use wengert::Tape;
///
/// let tape = Tape::new();
/// let x = tape.var(3.0);
/// let y = x * x + 2.0 * x;
/// assert_eq!(y.backward().wrt(x), 8.0);
/// ```
pub struct Tape<T: Elem = f64> {
    pub(crate) scalars: Scalars<T>,
    pub(crate) nodes: RefCell<Vec<Node<T>>>,
    pub(crate) members: RefCell<Members<T>>,
    pub(crate) pool: Pool<T>,
    /// The run that the last operations belong to.
    pub(crate) tail: Cell<Option<run::Run>>,
    /// How many bytes the intermediates of a block may take.
    pub(crate) cache: usize,
    /// The lists of earlier walks, to be used again; one in place, since walks are rarely nested.
    pub(crate) lists: RefCell<SmallVec<[Box<Lists<T>>; 1]>>,
    /// What the last reverse walk cost.
    pub(crate) walk: Cell<Option<WalkCost>>,
    /// What this recording knows from the one before.
    pub(crate) foresight: Foresight<T>,
    /// What checkpoints cost.
    pub(crate) meter: Meter,
    /// Where a value that depends on a leaf was detached: a replay would not renew it.
    pub(crate) detached: Cell<Option<&'static Location<'static>>>,
    pub(crate) stamp: u64,
}

/// What one reverse walk cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WalkCost {
    /// The most bytes of cotangents and of rules' scratch slots that were alive at the same time. What a
    /// rule allocates by itself is not counted, nor are the blocks that other threads work on.
    pub peak: usize,
    /// Bytes of the scalar nodes' adjoints, alive during the whole walk.
    pub adjoints: usize,
    /// How many pullbacks were applied.
    pub pullbacks: usize,
}

impl Tape<f64> {
    /// An empty tape of `f64`; `Tape::<f32>::default()`, for example, makes one of another element type.
    ///
    /// Fixed to `f64` so that literals in an expression need no type, just as `HashMap::new` fixes the
    /// hasher.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<T: Elem> Tape<T> {
    /// An empty tape with room for the given numbers of scalar and tensor nodes; it grows as needed.
    #[track_caller]
    pub fn with_capacity(scalars: usize, tensors: usize) -> Self {
        Self {
            scalars: Scalars::with_capacity(scalars),
            nodes: RefCell::new(Vec::with_capacity(tensors)),
            members: RefCell::default(),
            pool: Pool::default(),
            tail: Cell::new(None),
            cache: run::CACHE,
            lists: RefCell::default(),
            walk: Cell::new(None),
            foresight: Foresight::default(),
            meter: Meter::default(),
            detached: Cell::new(None),
            stamp: STAMP.fetch_add(STAMPS, Ordering::Relaxed),
        }
    }

    /// The same tape, which from now on remembers the op, the value and the user's line of every scalar
    /// node, as every tape does for tensor nodes.
    ///
    /// Meant for [`first_non_finite`](Self::first_non_finite), [`diagnose`](crate::Var::diagnose) and
    /// [`lint`](crate::Var::lint) of scalar code. A scalar node then takes more than twice the bytes;
    /// a tape without lines pays nothing.
    ///
    /// Nodes of generic code, such as `x.ln()` of a `num_traits::Float`, have the line in that code. Those of
    /// `sum()` and `product()` of an iterator have a line in this crate, since the standard library does not
    /// tell them who called; a loop of your own does.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new().with_lines();
    /// let (x, w) = (tape.var(0.0), tape.var(2.0));
    /// let y = x.ln() * w;
    /// let birth = tape.first_non_finite().unwrap();
    /// assert_eq!((birth.op, birth.number.as_str()), ("ln", "-inf"));
    /// assert!(birth.line.is_some());
    /// # let _ = y;
    /// ```
    #[must_use]
    pub fn with_lines(mut self) -> Self {
        self.scalars.keep_origins();
        self
    }

    /// Takes back the memory of a tensor for the next recording, if it came from this tape (a gradient, a value) and is
    /// no longer shared.
    ///
    /// A gradient that was read belongs to the caller; a training loop that gives its gradients back allocates no new
    /// ones.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let mut tape = Tape::new();
    /// let mut weights = Tensor::from([3.0, -4.0]);
    /// for _ in 0..100 {
    ///     let w = tape.var(weights.clone());
    ///     let gradient = (w * w).sum().backward().wrt(w);
    ///     tape.reset();
    ///     weights.add_scaled(-0.25, &gradient);
    ///     tape.recycle(gradient);
    /// }
    /// assert!(weights.iter().all(|w| w.abs() < 1e-20));
    /// ```
    pub fn recycle(&self, tensor: Tensor<T>) {
        self.pool.put(tensor);
    }

    /// Forgets the recording and keeps its memory for the next one.
    pub fn reset(&mut self) {
        // In reverse, so that the first buffer to be taken again has the shape of the first node. Each node is taken
        // apart, since dropping what is left of one would be a call that asks for all its parts.
        for node in self.nodes.get_mut().drain(..).rev() {
            if let Kind::Op { rule, inputs } = node.kind {
                drop((rule, inputs));
            }
            if let Some(kept) = node.residual.into_inner()
                && let Some(tensor) = kept.tensor
            {
                self.pool.put(tensor);
            }
            if let Some(value) = node.content.into_inner() {
                self.pool.shelve(value);
            }
        }
        self.tail.set(None);
        self.detached.set(None);
        self.members.get_mut().clear();
        self.scalars.clear();
        self.walk.set(None);
        self.foresight.turn(&self.pool);
        self.stamp += 1;
        if self.stamp.is_multiple_of(STAMPS) {
            self.stamp = STAMP.fetch_add(STAMPS, Ordering::Relaxed);
        }
    }

    /// How many scalar nodes there are, leaves included.
    pub fn scalar_nodes(&self) -> usize {
        self.scalars.len() as usize - 1
    }

    /// How many tensor operations were recorded; leaves, constants and what is computed from
    /// constants alone do not count.
    pub fn tensor_nodes(&self) -> usize {
        let nodes = self.nodes.borrow();
        nodes
            .iter()
            .filter(|n| matches!(n.kind, Kind::Op { .. }))
            .count()
    }

    /// How many bytes the recording keeps: values and residuals of tensor nodes, scalar nodes, and which of these were
    /// gathered into tensors. A scalar node that is an element of a tensor node takes none.
    ///
    /// A value that is put off ([`with_blocks`](Self::with_blocks)) takes none until it is computed.
    pub fn bytes(&self) -> usize {
        let nodes = self.nodes.borrow();
        nodes.iter().map(Node::bytes).sum::<usize>()
            + self.foresight.all_bytes()
            + self.scalars.bytes()
            + self.members.borrow().bytes()
    }

    /// What the last reverse walk cost; `None` if there was none since the last reset.
    pub fn last_walk(&self) -> Option<WalkCost> {
        self.walk.get()
    }

    /// The lists for a walk over `scalars` scalar nodes, whose adjoints start as 0.
    pub(crate) fn lists(&self, scalars: usize) -> Box<Lists<T>> {
        let mut lists = self.lists.borrow_mut().pop().unwrap_or_default();
        debug_assert!(lists.cotangents.is_empty(), "they were given back");
        lists.adjoints.clear();
        lists.adjoints.resize(scalars, T::zero());
        lists
    }

    /// The tensor node that a scalar node is an element of, and which one; `None` for other scalar nodes.
    pub(crate) fn element(&self, index: u32) -> Option<(NodeId, usize)> {
        let nodes = self.nodes.borrow();
        // All nodes after the one whose elements include this one come after its elements.
        let at = nodes.partition_point(|node| node.mark <= index);
        let at = at.checked_sub(1)?;
        let (node, id) = (&nodes[at], NodeId(at as u32));
        node.elements()
            .contains(&index)
            .then(|| (id, (index - node.mark) as usize))
    }

    /// The value of a scalar node without operands: a leaf, or an element of a tensor node.
    pub(crate) fn value_of_source(&self, index: u32) -> T {
        if let Some(leaf) = self.scalars.entry(index) {
            return leaf.partial[1];
        }
        let (id, k) = self
            .element(index)
            .expect("what has no entry is an element");
        self.node(id).value().data()[k]
    }

    pub(crate) fn node(&self, id: NodeId) -> Ref<'_, Node<T>> {
        Ref::map(self.nodes.borrow(), |nodes| &nodes[id.index()])
    }

    /// Whether `other` is this same tape.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl<T: Elem> Default for Tape<T> {
    fn default() -> Self {
        Self::with_capacity(0, 0)
    }
}

impl<T: Elem> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("scalar_nodes", &self.scalar_nodes())
            .field("tensor_nodes", &self.tensor_nodes())
            .field("bytes", &self.bytes())
            .finish()
    }
}
