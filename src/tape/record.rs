//! Recording: how leaves, constants, packs of scalars and operations enter the tape.

use std::cell::{OnceCell, RefMut};
use std::panic::Location;

use smallvec::SmallVec;

use super::members::Packed;
use super::node::{Kind, Node, NodeId, operands};
use super::rule::{Residual, Rule, Slot};
use super::run::Place;
use super::{NOBODY, Tape, guard, unique};
use crate::error::Error;
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

impl<T: Elem> Tape<T> {
    /// Enters an input whose gradient is wanted.
    #[track_caller]
    pub(crate) fn leaf(&self, value: Tensor<T>) -> NodeId {
        let (mark, line) = (self.scalars.len(), Location::caller());
        self.append(Node::new(Kind::Leaf, value, mark, line))
    }

    /// Enters a value that no gradient flows into.
    #[track_caller]
    pub(crate) fn fixed(&self, value: Tensor<T>) -> NodeId {
        let (mark, line) = (self.scalars.len(), Location::caller());
        self.append(Node::new(Kind::Constant, value, mark, line))
    }

    /// Gathers scalars into a tensor for `op`; the result is a constant if none of them is on a tape.
    ///
    /// # Errors
    /// If one of them lives on another tape.
    #[track_caller]
    pub(crate) fn pack<'a>(
        &self,
        op: &'static str,
        shape: Shape,
        scalars: impl Iterator<Item = Packed<'a, T>> + Clone,
    ) -> Result<NodeId, Error> {
        let mut value = self.pool.take(&shape);
        let mut members = self.members.borrow_mut();
        let pack = members.gather(op, self, scalars, unique(&mut value));
        drop(members);
        match pack {
            Ok(Some(pack)) => {
                let (mark, line) = (self.scalars.len(), Location::caller());
                Ok(self.append(Node::new(Kind::Pack(pack), value, mark, line)))
            }
            Ok(None) => Ok(self.fixed(value)),
            Err(error) => {
                self.pool.put(value);
                Err(error)
            }
        }
    }

    /// Runs a rule and records it; a result that depends on constants alone is recorded as a constant.
    ///
    /// # Errors
    /// Those of [`Rule::shape`], and if the rule gives an output of another shape.
    #[track_caller]
    pub(crate) fn record(&self, rule: impl Rule<T>, inputs: &[NodeId]) -> Result<NodeId, Error> {
        self.run(Box::new(rule), inputs, false)
    }

    /// Runs a rule, records it, and makes a scalar node of every element of its output.
    ///
    /// Returns the output and the index of the first scalar node, [`NOBODY`] if the output is constant.
    ///
    /// # Errors
    /// Those of [`Rule::shape`], and if the rule gives an output of another shape.
    #[track_caller]
    pub(crate) fn record_spread(
        &self,
        rule: impl Rule<T>,
        inputs: &[NodeId],
    ) -> Result<(Tensor<T>, u32), Error> {
        let id = self.run(Box::new(rule), inputs, true)?;
        let node = self.node(id);
        let first = if node.active() { node.mark } else { NOBODY };
        Ok((node.value().clone(), first))
    }

    #[track_caller]
    fn run(
        &self,
        rule: Box<dyn Rule<T>>,
        inputs: &[NodeId],
        spread: bool,
    ) -> Result<NodeId, Error> {
        let line = Location::caller();
        let nodes = self.nodes.borrow();
        let node = |id: &NodeId| &nodes[id.index()];
        // Looked up once, since each node is used several times; one or two operands, the usual case, need no list.
        let done = match inputs {
            [a] => self.compute(&nodes, &*rule, inputs, &[node(a)], spread, line),
            [a, b] => self.compute(&nodes, &*rule, inputs, &[node(a), node(b)], spread, line),
            _ => {
                let x: SmallVec<[_; 4]> = inputs.iter().map(node).collect();
                self.compute(&nodes, &*rule, inputs, &x, spread, line)
            }
        }?;
        drop(nodes);
        let mark = self.scalars.len();
        if !done.active {
            let value = done.content.into_inner();
            let value = value.expect("what is constant is not put off");
            return Ok(self.append(Node::new(Kind::Constant, value, mark, line)));
        }
        let mut nodes = self.growing("record");
        if spread && let Some(value) = done.content.get() {
            self.scalars.push_elements(value.data(), line);
        }
        let id = room(&mut nodes);
        let inputs = inputs.into();
        // Lets the compiler build the node in its final place. If the push could still fail, the node would have to be
        // dropped then; so it would be built elsewhere and moved sixteen bytes at a time, each move waiting for the
        // stores just before.
        assert!(nodes.len() < nodes.capacity(), "room was made above");
        nodes.push(Node {
            kind: Kind::Op { rule, inputs },
            content: done.content,
            residual: done.residual,
            place: done.place,
            mark,
            spread,
            kept: false,
            line,
        });
        Ok(id)
    }

    /// Runs a rule on the nodes `x`, or puts it off and finds it a place in a run.
    #[inline(always)]
    fn compute(
        &self,
        nodes: &[Node<T>],
        rule: &dyn Rule<T>,
        inputs: &[NodeId],
        x: &[&Node<T>],
        spread: bool,
        line: &'static Location<'static>,
    ) -> Result<Done<T>, Error> {
        // Borrowed where the rule has put it: a move would wait for the stores just before.
        let found = operands(x, Node::shape, |x| rule.shape(x));
        let shape = match found {
            Ok(ref shape) if shape.fits::<T>() => shape,
            Ok(shape) => return Err(shape.too_large(rule.name())),
            Err(error) => return Err(error),
        };
        // Small operations whose operands are known, which most are, are computed now, with no further checks.
        let (mut active, mut at_once) = (false, self.is_small(shape.elements()));
        for node in x {
            active |= node.active();
            at_once &= node.known().is_some_and(|x| self.is_small(x.len()));
        }
        let mut total = None;
        if !at_once {
            if active && !spread {
                let place = self.join(nodes, rule, inputs, shape);
                if place.is_some() {
                    return Ok(Done {
                        content: OnceCell::new(),
                        residual: OnceCell::new(),
                        place,
                        active,
                    });
                }
            }
            total = self.total(nodes, rule, inputs, shape);
            if total.is_none() {
                for id in inputs {
                    self.evaluate(nodes, *id);
                }
            }
        }
        if active {
            self.tail.set(None);
        }
        if let Some(total) = total {
            return Ok(Done {
                content: total.into(),
                residual: OnceCell::new(),
                place: None,
                active,
            });
        }
        let mut residual = match active {
            true => Residual::default(),
            false => Residual::unread(),
        };
        let mut y = Slot::new(&self.pool, shape, true);
        // Ops on packs of scalars do not use it: they are promised to cost few bytes.
        let pack = |x: &&Node<T>| matches!(x.kind, Kind::Pack(_));
        let loss = shape.elements() == 1 && active && !x.iter().any(pack);
        operands(x, Node::value, |x| {
            let pulled = loss && x.iter().any(|x| x.len() > 1);
            guard::forward(rule, x, &mut y, &mut residual, pulled);
        });
        let value = match y.dense() {
            Ok(value) => value,
            Err(fault) => return Err(fault.error(rule.name(), "the output", Some(line))),
        };
        // Nothing is left in it, and dropping it would be a call.
        std::mem::forget(y);
        Ok(Done {
            content: value.into(),
            residual: residual.boxed().map_or_else(OnceCell::new, OnceCell::from),
            place: None,
            active,
        })
    }

    /// Keeps the cotangents of a node.
    #[track_caller]
    pub(crate) fn keep(&self, id: NodeId) {
        self.growing("watch")[id.index()].kept = true;
    }

    #[track_caller]
    fn append(&self, node: Node<T>) -> NodeId {
        let mut nodes = self.growing("record");
        let id = room(&mut nodes);
        nodes.push(node);
        id
    }

    /// The nodes, for `op` to append to or to mark.
    #[inline(always)]
    #[track_caller]
    fn growing(&self, op: &'static str) -> RefMut<'_, Vec<Node<T>>> {
        // No closure: its panic would name its own line.
        match self.nodes.try_borrow_mut() {
            Ok(nodes) => nodes,
            Err(_) => being_read(op),
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn being_read(op: &'static str) -> ! {
    let text = format!(
        "the nodes of this tape are being read; drop what nodes() returned before you {op}"
    );
    panic!("{}", Error::argument(op, text))
}

/// What to record of an operation that was run or put off.
struct Done<T> {
    content: OnceCell<Tensor<T>>,
    residual: OnceCell<Box<Residual<T>>>,
    place: Option<Box<Place>>,
    active: bool,
}

/// Makes room for one more node and returns its id.
#[inline]
fn room<T>(nodes: &mut Vec<Node<T>>) -> NodeId {
    let id = u32::try_from(nodes.len()).expect("a tape holds at most 2^32 tensor nodes; reset it");
    nodes.reserve(1);
    NodeId(id)
}
