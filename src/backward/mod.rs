//! The reverse walk: cotangents flow from one output to everything it depends on.
//!
//! Scalar nodes are swept in stretches between tensor nodes; each tensor node applies one rule. No
//! recursion is used, so only memory limits the length of a chain.

mod chain;
mod pullback;
mod region;
mod start;
mod watch;

use std::ops::Range;

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, OrPanic};
use crate::gradients::Gradients;
use crate::kernel::Elem;
use crate::tape::rule::{Point, Residual, Rule};
use crate::tape::{Cotangent, Entry, Kind, Lists, NOBODY, Node, NodeId, Pack, Tape, WalkCost};
use crate::tape::{sweep, unique};
use crate::tensor::Tensor;
use crate::var::{Scalar, Value, Var};

use self::pullback::{Pullback, accumulate, pass_on};
pub use self::start::Start;
pub(crate) use self::watch::{Blind, Watch};

impl<'t, V: Value> Var<'t, V> {
    /// The gradients of this scalar with respect to everything it depends on.
    ///
    /// May be called again, for this output or others of the same tape; each call makes a new walk.
    ///
    /// # Panics
    /// If this is a plain number that was never on a tape, or if a rule along the way refuses (a
    /// [`fixed_point`](crate::transform::fixed_point) or a checkpoint, say), leaves a cotangent unset or gives it
    /// the wrong shape.
    ///
    /// # Example
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let (x, y) = (tape.var(2.0), tape.var(5.0));
    /// let grads = (x * y + x.sin()).backward();
    /// assert_eq!(grads.wrt(y), 2.0);
    /// assert_eq!(grads.wrt(x), 5.0 + 2f64.cos());
    /// ```
    /// A tensor must be reduced to one number first:
    /// ```compile_fail,E0277
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// (x * x).backward(); // write (x * x).sum().backward(), or use `vjp`
    /// ```
    #[track_caller]
    pub fn backward(self) -> Gradients<'t, V>
    where
        V: Start,
    {
        self.try_backward().or_panic()
    }

    /// [`backward`](Self::backward), with a constant output or a rule that fails as an [`Error`].
    ///
    /// # Errors
    /// As [`backward`](Self::backward) panics.
    pub fn try_backward(self) -> Result<Gradients<'t, V>, Error>
    where
        V: Start,
    {
        V::start(self)
    }
}

impl<'t, T: Elem> Var<'t, T> {
    /// [`try_backward`](Self::try_backward), observed by `watch`.
    pub(crate) fn walk<W: Watch<T>>(self, watch: W) -> Result<Gradients<'t, T>, Error> {
        let tape = self.tape.ok_or_else(|| {
            Error::argument(
                "backward",
                "the output is a plain number; it depends on no handle of a tape",
            )
        })?;
        let Scalar { index, slope, .. } = self.repr;
        let nodes = tape.nodes.borrow();
        let last = nodes.partition_point(|node| node.mark <= index);
        drop(nodes);
        if last == 0 && !W::LOOKS {
            return Ok(alone(tape, index, slope));
        }
        let mut walk = Walk::new(tape, index as usize + 1, watch);
        walk.lists.adjoints[index as usize] = slope;
        walk.run(last)
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// The pullback of this tensor: the gradients of `Σ cotangent * self`.
    ///
    /// Where [`backward`](Var::backward) starts from one scalar, this starts from a whole tensor.
    ///
    /// # Panics
    /// If the shape of the cotangent differs from that of this tensor, or if a rule along the way refuses (a
    /// [`fixed_point`](crate::transform::fixed_point) or a checkpoint, say), leaves a cotangent unset or gives it
    /// the wrong shape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let grads = (x * x).vjp(Tensor::from([1.0, 10.0]));
    /// assert_eq!(grads.wrt(x), Tensor::from([2.0, 40.0]));
    /// ```
    #[track_caller]
    pub fn vjp(self, cotangent: Tensor<T>) -> Gradients<'t, T> {
        self.try_vjp(cotangent).or_panic()
    }

    /// [`vjp`](Self::vjp), with a cotangent of the wrong shape or a rule that fails as an [`Error`].
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp) panics.
    pub fn try_vjp(self, cotangent: Tensor<T>) -> Result<Gradients<'t, T>, Error> {
        self.walk(cotangent, Blind)
    }

    /// [`try_vjp`](Self::try_vjp), observed by `watch`.
    pub(crate) fn walk(
        self,
        cotangent: Tensor<T>,
        watch: impl Watch<T>,
    ) -> Result<Gradients<'t, T>, Error> {
        let tape = self.tape();
        let node = tape.node(self.repr);
        if node.shape() != cotangent.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op: "vjp",
                what: "the cotangent",
                found: cotangent.shape().clone(),
                expected: node.shape().clone(),
            }));
        }
        let scalars = node.mark as usize;
        drop(node);
        let mut walk = Walk::new(tape, scalars, watch);
        tape.pool.count(size_of_val(cotangent.data()) as isize);
        walk.lists
            .cotangents
            .resize_with(self.repr.index(), || Cotangent::Zero);
        walk.lists.cotangents.push(Cotangent::Sum(cotangent));
        walk.run(self.repr.index() + 1)
    }
}

/// The pullback from several nodes together, each with its cotangent; leaves may be among them, with
/// what they have received elsewhere.
///
/// # Errors
/// If a rule along the way refuses its pullback, or its result is unset or misshapen.
pub(crate) fn pull<'t, T: Elem>(
    tape: &'t Tape<T>,
    scalars: &[(u32, T)],
    tensors: Vec<(NodeId, Tensor<T>)>,
) -> Result<Gradients<'t, T>, Error> {
    let nodes = tape.nodes.borrow();
    let marks = tensors
        .iter()
        .map(|(id, _)| nodes[id.index()].mark as usize);
    let swept = scalars.iter().map(|(index, _)| *index as usize + 1);
    let mut walk = Walk::new(tape, marks.chain(swept).max().unwrap_or(0), Blind);
    for &(index, adjoint) in scalars {
        walk.lists.adjoints[index as usize] += adjoint;
    }
    let highest = scalars.iter().map(|&(index, _)| index).max();
    let from_scalars = highest.map_or(0, |index| nodes.partition_point(|n| n.mark <= index));
    let from_tensors = tensors.iter().map(|(id, _)| id.index() + 1).max();
    let last = from_scalars.max(from_tensors.unwrap_or(0));
    drop(nodes);
    walk.lists.cotangents.resize_with(last, || Cotangent::Zero);
    for (id, cotangent) in tensors {
        accumulate(
            &tape.pool,
            &mut walk.lists.cotangents[id.index()],
            cotangent,
        );
    }
    walk.run(last)
}

/// The walk where no tensor node comes before the output: a single sweep. A [`Walk`] would cost more than a small
/// sweep.
fn alone<T: Elem>(tape: &Tape<T>, index: u32, slope: T) -> Gradients<'_, T> {
    let mut lists = tape.lists(index as usize + 1);
    lists.adjoints[index as usize] = slope;
    let (from, to) = (tape.scalars.sources(), index + 1);
    let entries = &tape.scalars.entries()[..tape.scalars.place(to)];
    sweep(entries, &mut lists.adjoints, from.min(to), to);
    tape.walk.set(Some(WalkCost {
        peak: 0,
        adjoints: size_of_val(&lists.adjoints[..]),
        pullbacks: 0,
    }));
    Gradients::new(tape, lists)
}

/// The state of one walk.
struct Walk<'t, T: Elem, W> {
    tape: &'t Tape<T>,
    watch: W,
    lists: Box<Lists<T>>,
    /// The pool's counts before this walk.
    counted: [isize; 2],
    pullbacks: usize,
    /// The run that was last walked in blocks.
    walked: Option<u32>,
    /// The empty residual, for nodes whose forward kept nothing.
    nothing: Residual<T>,
}

impl<'t, T: Elem, W: Watch<T>> Walk<'t, T, W> {
    fn new(tape: &'t Tape<T>, scalars: usize, watch: W) -> Self {
        Self {
            tape,
            watch,
            lists: tape.lists(scalars),
            counted: tape.pool.begin(),
            pullbacks: 0,
            walked: None,
            nothing: Residual::default(),
        }
    }

    /// Walks over the first `last` tensor nodes and the scalar nodes between them.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it the wrong shape.
    fn run(mut self, last: usize) -> Result<Gradients<'t, T>, Error> {
        let borrowed = self.tape.nodes.borrow();
        let (nodes, entries) = (&borrowed[..], self.tape.scalars.entries());
        self.lists.cotangents.resize_with(last, || Cotangent::Zero);
        let mut swept = self.lists.adjoints.len() as u32;
        let mut unswept = &entries[..self.tape.scalars.place(swept)];
        let mut k = last;
        for node in nodes[..last].iter().rev() {
            k -= 1;
            // Scalar nodes recorded after the output need no sweep, nor do elements, which have no entries.
            if node.spread || node.mark < swept {
                let elements = node.elements();
                if elements.end < swept {
                    unswept = self.sweep(unswept, elements.end, swept);
                }
                swept = swept.min(elements.start);
                self.gather(k, node, elements);
            }
            if node.place.is_some() && self.in_blocks(nodes, k)? {
                continue;
            }
            let Some(g) = self.lists.cotangents[k].pass(node.kept) else {
                continue;
            };
            self.watch.whole(k, &g);
            let mut heir = None;
            match &node.kind {
                Kind::Leaf | Kind::Constant => {}
                Kind::Pack(pack) => self.scatter(k, *pack, &g),
                Kind::Op { rule, inputs } => {
                    heir = self.pull_back(nodes, (k, node), (&**rule, inputs), &g)?;
                }
            }
            pass_on(&self.tape.pool, &mut self.lists.cotangents, heir, g);
        }
        self.sweep(unswept, 1, swept.max(1));
        drop((borrowed, entries));
        let peak = self.tape.pool.end(self.counted);
        if !W::LOOKS {
            self.tape.walk.set(Some(WalkCost {
                peak,
                adjoints: size_of_val(&self.lists.adjoints[..]),
                pullbacks: self.pullbacks,
            }));
        }
        Ok(Gradients::new(self.tape, self.lists))
    }

    /// Sweeps scalar nodes, one by one if observed, whose entries are the last of these; returns the entries before.
    fn sweep<'e>(&mut self, entries: &'e [Entry<T>], from: u32, to: u32) -> &'e [Entry<T>] {
        let from = from.max(self.tape.scalars.first()).min(to);
        let (rest, stretch) = entries.split_at(entries.len() - (to - from) as usize);
        if !W::LOOKS {
            let from = from.max(self.tape.scalars.sources()).min(to);
            sweep(entries, &mut self.lists.adjoints, from, to);
            return rest;
        }
        for (k, entry) in (from..to).zip(stretch).rev() {
            let g = self.lists.adjoints[k as usize];
            let entry = std::slice::from_ref(entry);
            sweep(entry, &mut self.lists.adjoints, k, k + 1);
            if !g.is_zero() {
                self.watch.scalar(k, &entry[0], g);
            }
        }
        rest
    }

    /// Adds the adjoints of a node's elements that are scalar nodes too, if any are, to the node's cotangent.
    #[inline(never)]
    fn gather(&mut self, k: usize, node: &Node<T>, elements: Range<u32>) {
        let from = elements.start as usize;
        // The output may be the first of several elements; those after it have no adjoint.
        let to = (elements.end as usize).min(self.lists.adjoints.len());
        if from >= to || self.lists.adjoints[from..to].iter().all(T::is_zero) {
            return;
        }
        let mut g = self.tape.pool.take(node.shape());
        let elements = unique(&mut g);
        elements[to - from..].fill(T::zero());
        elements[..to - from].copy_from_slice(&self.lists.adjoints[from..to]);
        accumulate(&self.tape.pool, &mut self.lists.cotangents[k], g);
    }

    /// Distributes the cotangent of a pack to the scalars in it.
    #[inline(never)]
    fn scatter(&mut self, k: usize, pack: Pack, g: &Tensor<T>) {
        let members = self.tape.members.borrow();
        let members = members.of(pack, g.len()).iter();
        for (i, (member, &g)) in members.zip(g.iter()).enumerate() {
            if member.index != NOBODY && !g.is_zero() {
                let share = member.slope * g;
                self.lists.adjoints[member.index as usize] += share;
                self.watch.scatter(k, i, member.slope, g, share);
            }
        }
    }

    /// Applies the rule of node `at`; returns the node whose cotangent becomes `g` itself, if any.
    #[inline]
    fn pull_back<'n>(
        &mut self,
        nodes: &'n [Node<T>],
        (at, node): (usize, &'n Node<T>),
        (rule, inputs): (&dyn Rule<T>, &[NodeId]),
        g: &Tensor<T>,
    ) -> Result<Option<usize>, Error> {
        self.pullbacks += 1;
        let tape = self.tape;
        let operand = move |id: NodeId| {
            let active = nodes[id.index()].active();
            (tape.evaluate(nodes, id), (id.index(), active))
        };
        // One or two operands, the usual case, need no list.
        match *inputs {
            [a] if self.spread_evenly(nodes, at, (rule, a), g) => Ok(None),
            [a] => {
                let a = operand(a);
                self.apply(nodes, (at, node), rule, (&[a.0], &[a.1]), g)
            }
            [a, b] => {
                let (a, b) = (operand(a), operand(b));
                self.apply(nodes, (at, node), rule, (&[a.0, b.0], &[a.1, b.1]), g)
            }
            _ => {
                let operands = inputs.iter().copied().map(operand);
                let (x, inputs): (SmallVec<[_; 4]>, SmallVec<[_; 4]>) = operands.unzip();
                self.apply(nodes, (at, node), rule, (&x, &inputs), g)
            }
        }
    }

    /// Applies a rule at the operands `x`; `inputs` tells where their cotangents are, and whether they are needed.
    #[inline(always)]
    fn apply(
        &mut self,
        nodes: &[Node<T>],
        (at, node): (usize, &Node<T>),
        rule: &dyn Rule<T>,
        (x, inputs): (&[&Tensor<T>], &[(usize, bool)]),
        g: &Tensor<T>,
    ) -> Result<Option<usize>, Error> {
        let y = node.known();
        let y = y.unwrap_or_else(|| self.tape.evaluate(nodes, NodeId(at as u32)));
        let kept = node.residual.get().map_or(&self.nothing, |kept| kept);
        let pullback = Pullback {
            rule,
            line: node.line,
            at: Point { x, y, kept },
            inputs,
            seen: W::LOOKS,
        };
        let (pool, cotangents) = (&self.tape.pool, &mut self.lists.cotangents);
        pullback.apply(pool, cotangents, &mut [], g, |k, gx| {
            if W::LOOKS {
                self.watch.share(at, k, g, gx);
            }
        })
    }
}
