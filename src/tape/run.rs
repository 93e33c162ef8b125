//! Runs: stretches of row-by-row operations whose values are put off until they are needed.
//!
//! Here is which operations join a run and when a value is computed; how a run is evaluated is in `blocks`.

use std::cell::Ref;

use smallvec::SmallVec;

use super::blocks::Blocks;
use super::node::{Node, NodeId};
use super::rule::Rule;
use super::{Foreseen, Pool, Tape, unique};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// The most operations in a run, so that what an evaluation recomputes stays bounded.
const LONGEST: u32 = 32;

/// The [cost](Rule::cost) up to which computing an output again takes less time than storing and loading it.
const CHEAP: usize = 128;

/// The bytes of cache to count on: half of a core's second-level cache on current machines.
pub(super) const CACHE: usize = 1 << 19;

/// A row should fill at most one of so many parts of the cache, so that a block has more than one row.
const PARTS: usize = 4;

/// The bytes that a row may have where no more axes can be cut, as with the scores of an attention head: the
/// intermediates of one row are then in the last cache, not those of all rows in memory.
const ROW: usize = 1 << 23;

/// The place of a node in its run, and what is known of its value before it is computed.
#[derive(Debug)]
pub(crate) struct Place {
    /// The first node of the run, which also identifies the run.
    pub(crate) run: u32,
    /// How many leading axes the rows are counted along.
    pub(crate) axes: usize,
    pub(crate) shape: Shape,
}

/// A run that is being recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    first: u32,
    /// How many leading axes all its operations share.
    axes: usize,
    members: u32,
}

impl<T> Node<T> {
    /// The run that the node belongs to, identified by its first node.
    pub(crate) fn run(&self) -> Option<u32> {
        self.place.as_ref().map(|place| place.run)
    }
}

/// Whether an operand has the leading axes of the output, and is not repeated along them.
pub(super) fn is_cut(operand: &Shape, output: &Shape, axes: usize) -> bool {
    operand.rank() >= output.rank() && operand[..axes] == output[..axes]
}

/// Whether an operand has none of the leading axes of the output, and is repeated along all of them.
pub(super) fn is_whole(operand: &Shape, output: &Shape, axes: usize) -> bool {
    operand.rank() <= output.rank() && operand.repeats(output.rank(), axes)
}

/// The smallest of these numbers of axes whose rows have at most `bytes` bytes, or else the largest, if its rows have
/// at most [`ROW`].
fn few(
    mut axes: impl Iterator<Item = usize> + Clone,
    row: impl Fn(usize) -> usize,
    bytes: usize,
) -> Option<usize> {
    let last = axes.clone().last().filter(|&axes| row(axes) <= ROW);
    axes.find(|&axes| row(axes) <= bytes).or(last)
}

impl<T: Elem> Tape<T> {
    /// The same tape, which evaluates chains of row-by-row operations on large tensors in blocks of rows.
    ///
    /// The intermediates of a block take about `bytes` together; a tensor is large if it takes more than half of that.
    /// `usize::MAX` turns blocks off; the default is 512 KiB.
    ///
    /// A large tensor that goes through `x * w`, `+ b`, `tanh` leaves the cache after each operation and comes back for
    /// the next. So the tape puts such operations off: shapes are checked immediately, but numbers are computed only
    /// when they are needed ([`value`](crate::Var::value), a matrix product, `sum`), the whole chain one block after
    /// another. Intermediates are not kept; the reverse walk recomputes them, block by block, for its pullbacks.
    /// Operations take part if they work row by row along the first axes and no operand that is broadcast along these
    /// needs a gradient ([`Rule::rowwise`](crate::rule::Rule::rowwise)), up to 32 in a chain. Among them are products
    /// of batches of matrices: in `q.matmul_t(k).softmax(-1).matmul(v)`, scores and weights exist for one head at a
    /// time, provided that those of a head take at most 8 MB; larger ones are computed immediately.
    ///
    /// A loop that records the same nodes in each step, walks and resets the tape gains more: where a chain ends in its
    /// [`sum`](crate::Var::sum) or [`mean`](crate::Var::mean), the cotangent that reached it in one step is expected in
    /// the next one, and the chain's gradients are computed when the sum is recorded, in one pass with its value. If
    /// another cotangent comes, or something in addition, the walk computes them anew. If no walk follows, that work is
    /// wasted, once.
    ///
    /// Values and gradients are bit for bit those of a tape without blocks, on any number of threads.
    /// [`bytes`](Self::bytes) and the [`ledger`](Self::ledger) count what is kept.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let gradient = |tape: Tape| {
    ///     let x = tape.var(Tensor::full([1000, 8], 0.5));
    ///     let loss = (x * x + 1.0).tanh().sum();
    ///     (loss.backward().wrt(x), tape.bytes())
    /// };
    /// let (at_once, all) = gradient(Tape::new());
    /// let (in_blocks, few) = gradient(Tape::new().with_blocks(4096));
    /// assert_eq!(at_once, in_blocks);
    /// assert!(few < all);
    /// ```
    #[must_use]
    pub fn with_blocks(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// Whether a tensor of `len` numbers is small enough to stay in the cache until it is read.
    #[inline]
    pub(super) fn is_small(&self, len: usize) -> bool {
        len <= self.cache / 2 / size_of::<T>().max(1)
    }

    /// The place in a run of an operation that is about to be recorded; `None` if it is to be computed
    /// now. Afterwards, what it reads from outside the run has been evaluated.
    pub(super) fn join(
        &self,
        nodes: &[Node<T>],
        rule: &dyn Rule<T>,
        inputs: &[NodeId],
        shape: &Shape,
    ) -> Option<Box<Place>> {
        let operands = || inputs.iter().map(|id| &nodes[id.index()]);
        let bytes = |shape: &Shape| shape.elements().saturating_mul(size_of::<T>());
        let most = operands().fold(bytes(shape), |most, x| most.max(bytes(x.shape())));
        // A run whose first node is not there was begun by a recording that panicked before it was done.
        let begun = |run: &Run| {
            let first = nodes.get(run.first as usize);
            first.is_some_and(|first| first.run() == Some(run.first))
        };
        let current = self.tail.get();
        let current = current.filter(|run| run.members < LONGEST && begun(run));
        let continues = current.is_some_and(|run| {
            let mut operands = operands();
            operands.any(|x| x.known().is_none() && x.run() == Some(run.first))
        });
        let large = most > self.cache / 2;
        if !large && !continues || shape.elements() == 0 {
            return None;
        }
        let shapes: SmallVec<[&Shape; 2]> = operands().map(Node::shape).collect();
        // The cotangent of an operand that is repeated along the rows would be a sum over all blocks.
        let fits = |x: &Node<T>, axes: usize| {
            is_cut(x.shape(), shape, axes) || !x.active() && is_whole(x.shape(), shape, axes)
        };
        let joins = |axes: usize| {
            operands().all(|x| fits(x, axes)) && rule.rowwise(&shapes, axes).is_some()
        };
        let row = |axes: usize| most / shape[..axes].iter().product::<usize>();
        let lead = |run: &Run| &nodes[run.first as usize].shape()[..run.axes];
        let fitting = current
            .filter(|run| shape.starts_with(lead(run)) && row(run.axes) <= ROW && joins(run.axes));
        let dear = rule.cost(&shapes) > CHEAP;
        let mut run = match fitting {
            _ if dear && !continues => return None,
            Some(run) => run,
            None if large && !dear => {
                let several = |axes: &usize| shape[..*axes].iter().any(|&size| size > 1);
                let possible = (1..=shape.rank()).take_while(|&axes| joins(axes));
                Run {
                    first: nodes.len() as u32,
                    axes: few(possible.filter(several), row, self.cache / PARTS)?,
                    members: 0,
                }
            }
            None => return None,
        };
        run.members += 1;
        let Run { first, axes, .. } = run;
        // An op that should not be recomputed ends its run.
        self.tail.set((!dear).then_some(run));
        for id in inputs {
            if nodes[id.index()].run() != Some(first) {
                self.evaluate(nodes, *id);
            }
        }
        Some(Box::new(Place {
            run: first,
            axes,
            shape: shape.clone(),
        }))
    }

    /// The value of a node, computed now if it was put off.
    #[inline]
    pub(crate) fn evaluate<'n>(&self, nodes: &'n [Node<T>], id: NodeId) -> &'n Tensor<T> {
        evaluate(&self.pool, self.cache, nodes, id)
    }

    /// The output of a rule that sums a value that is put off, without keeping that value; `None` if it does not apply.
    #[inline(never)]
    pub(super) fn total(
        &self,
        nodes: &[Node<T>],
        rule: &dyn Rule<T>,
        inputs: &[NodeId],
        shape: &Shape,
    ) -> Option<Tensor<T>> {
        let [id] = inputs[..] else { return None };
        let (node, n) = (&nodes[id.index()], nodes[id.index()].shape().elements());
        if node.known().is_some() || shape.elements() != 1 || rule.of_total(n, T::zero()).is_none()
        {
            return None;
        }
        let (sum, chain) = (nodes.len(), id.index());
        let expected = self.foresight.expected(sum);
        let foreseen = expected.and_then(|g| Some((g, self.foresee(nodes, id, g)?)));
        let total = if let Some((cotangent, (total, flow))) = foreseen {
            self.foresight.keep(Foreseen {
                sum,
                chain,
                cotangent,
                flow,
            });
            total
        } else {
            put_off(nodes, id, |blocks| blocks.total(&self.pool, self.cache))?
        };
        let value = rule.of_total(n, total)?;
        let mut y = self.pool.take(shape);
        unique(&mut y)[0] = value;
        Some(y)
    }

    /// Computes all values that were put off.
    pub(crate) fn evaluate_all(&self) {
        let nodes = self.nodes.borrow();
        for k in 0..nodes.len() as u32 {
            self.evaluate(&nodes, NodeId(k));
        }
    }

    /// The value of a node, computed now if it was put off.
    pub(crate) fn value_of(&self, id: NodeId) -> Ref<'_, Tensor<T>> {
        Ref::map(self.nodes.borrow(), |nodes| self.evaluate(nodes, id))
    }
}

/// [`Tape::evaluate`], with the parts of the tape that it needs.
#[inline]
pub(super) fn evaluate<'n, T: Elem>(
    pool: &Pool<T>,
    cache: usize,
    nodes: &'n [Node<T>],
    id: NodeId,
) -> &'n Tensor<T> {
    let known = nodes[id.index()].known();
    known.unwrap_or_else(|| work_out(pool, cache, nodes, id))
}

/// Computes the value of a node that is put off.
#[cold]
fn work_out<'n, T: Elem>(
    pool: &Pool<T>,
    cache: usize,
    nodes: &'n [Node<T>],
    id: NodeId,
) -> &'n Tensor<T> {
    let node = &nodes[id.index()];
    let (value, kept) = put_off(nodes, id, |blocks| blocks.value(pool, cache));
    if !kept.is_empty() {
        let _ = node.residual.set(Box::new(kept));
    }
    node.content.get_or_init(|| value)
}

/// Calls `f` with the blocks that compute the value of a node that is put off.
fn put_off<T: Elem, R>(nodes: &[Node<T>], id: NodeId, f: impl FnOnce(Blocks<'_, T>) -> R) -> R {
    let run = nodes[id.index()].run();
    let first = run.expect("only values of a run are put off") as usize;
    let mut wanted = vec![false; id.index() + 1 - first];
    wanted[id.index() - first] = true;
    f(Blocks::new(nodes, first, wanted, &[]))
}
