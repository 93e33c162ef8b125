//! Which nodes an output depends on, and where the path from a leaf ends.

use std::collections::HashMap;
use std::ops::Range;

use crate::kernel::Elem;
use crate::tape::{Kind, NodeKind, NodeView, Tape};

/// Ops whose gradient is 0 wherever it exists. Scalar nodes have no names; all of them count as live.
const FLAT: &[&str] = &["sign", "floor"];

/// How an output depends on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// There is a path.
    pub(super) any: bool,
    /// There is a path without an op whose gradient is 0 everywhere.
    pub(super) live: bool,
}

impl Reach {
    const FULL: Self = Self {
        any: true,
        live: true,
    };
}

/// What is known of all paths from a node on; each is the index of a tensor node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    /// The last operation on a path.
    last: Option<u32>,
    /// The first constant that shares the buffer of an earlier node on a path.
    cut: Option<u32>,
    /// The first op without a gradient that the output depends on.
    flat: Option<u32>,
}

/// What is known of a node's paths. Paths meet, and what is known of them is joined.
pub(super) trait Mark: Copy + Default {
    fn join(&mut self, other: Self);
}

impl Mark for Reach {
    fn join(&mut self, other: Self) {
        self.any |= other.any;
        self.live |= other.live;
    }
}

impl Mark for Ahead {
    fn join(&mut self, other: Self) {
        let first = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
        self.last = self.last.max(other.last);
        self.cut = first(self.cut, other.cut);
        self.flat = first(self.flat, other.flat);
    }
}

/// One mark for each node.
pub(super) struct Marks<M> {
    pub(super) tensors: Vec<M>,
    pub(super) scalars: Vec<M>,
}

/// A node of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Scalar(u32),
    Tensor(usize),
}

impl<M: Mark> Marks<M> {
    fn new<T: Elem>(tape: &Tape<T>) -> Self {
        Self {
            tensors: vec![M::default(); tape.nodes().len()],
            scalars: vec![M::default(); tape.scalars.len() as usize],
        }
    }

    pub(super) fn at(&self, place: Place) -> M {
        match place {
            Place::Scalar(k) => self.scalars[k as usize],
            Place::Tensor(k) => self.tensors[k],
        }
    }

    /// Carries all marks back to what the nodes depend on, in the order of the reverse walk; `pass` says what
    /// a tensor node passes on to its operands, and may add to its own mark.
    fn carry<T: Elem>(
        &mut self,
        tape: &Tape<T>,
        mut pass: impl FnMut(NodeView<'_, T>, &mut M) -> M,
    ) {
        let nodes = tape.nodes();
        let (entries, members) = (tape.scalars.entries(), tape.members.borrow());
        // The nodes that are not swept yet, and their entries; elements and the first leaves have none.
        let (mut swept, mut rest) = (tape.scalars.len(), &entries[..]);
        let mut sweep = |scalars: &mut [M], elements: Range<u32>| {
            let from = elements.end.max(tape.scalars.first()).min(swept);
            let stretch;
            (rest, stretch) = rest.split_at(rest.len() - (swept - from) as usize);
            for (k, entry) in (from as usize..swept as usize).zip(stretch).rev() {
                for operand in entry.operand {
                    let mark = scalars[k];
                    scalars[operand as usize].join(mark);
                }
            }
            swept = elements.start;
        };
        for node in nodes.iter().rev() {
            sweep(&mut self.scalars, node.node().elements());
            for k in node.scalars().into_iter().flatten() {
                self.tensors[node.index()].join(self.scalars[k + 1]);
            }
            let mark = pass(node, &mut self.tensors[node.index()]);
            if let Kind::Pack(pack) = node.node().kind {
                for member in members.of(pack, node.shape().elements()).iter() {
                    self.scalars[member.index as usize].join(mark);
                }
            }
            for input in node.inputs() {
                self.tensors[input.index()].join(mark);
            }
        }
        sweep(&mut self.scalars, 1..1);
    }
}

/// What `output` depends on.
pub(super) fn reach<T: Elem>(tape: &Tape<T>, output: Place) -> Marks<Reach> {
    let mut marks = Marks::new(tape);
    match output {
        Place::Scalar(k) => marks.scalars[k as usize] = Reach::FULL,
        Place::Tensor(k) => marks.tensors[k] = Reach::FULL,
    }
    marks.carry(tape, |node, &mut mark| Reach {
        live: mark.live && !FLAT.contains(&node.op()),
        ..mark
    });
    marks
}

/// What lies ahead of every node: one pass for all leaves, of which there may be as many as nodes.
pub(super) fn ahead<T: Elem>(tape: &Tape<T>, reach: &Marks<Reach>) -> Marks<Ahead> {
    let mut marks: Marks<Ahead> = Marks::new(tape);
    // A value that is still put off has no buffer, so it shares none.
    let mut constants = HashMap::new();
    marks.carry(tape, |node, mark| {
        let k = node.index();
        let flat = reach.tensors[k].any && FLAT.contains(&node.op());
        let value = node.node().known().filter(|value| !value.is_empty());
        let buffer = value.map(|value| value.data().as_ptr());
        mark.join(Ahead {
            last: (node.kind() == NodeKind::Op).then_some(k as u32),
            cut: buffer.and_then(|buffer| constants.get(&buffer).copied()),
            flat: flat.then_some(k as u32),
        });
        if let Some(buffer) = buffer
            && node.kind() == NodeKind::Constant
        {
            constants.insert(buffer, k as u32);
        }
        *mark
    });
    marks
}

impl Ahead {
    /// Why an output does not depend on a leaf, in words: the op that cut the path.
    pub(super) fn cut<T: Elem>(self, tape: &Tape<T>) -> String {
        let nodes = tape.nodes();
        if let Some(k) = self.cut {
            return format!(
                "its path is cut at {}, where a value goes on as a constant (detach, or value() as an operand)",
                line(nodes.view(k as usize))
            );
        }
        let off = "what value() or argmax() takes off the tape has no gradient";
        match self.last.map(|k| nodes.view(k as usize)) {
            Some(node) => format!(
                "its path ends in {} at {}, which the output does not read; {off}",
                node.op(),
                line(node)
            ),
            None => format!("no tensor operation reads it; {off}"),
        }
    }

    /// The first op on a path to the output whose gradient is 0 everywhere, in words.
    pub(super) fn flat<T: Elem>(self, tape: &Tape<T>) -> String {
        let nodes = tape.nodes();
        let found = self.flat;
        let found = found.expect("a path that is not live goes through such an op");
        let found = nodes.view(found as usize);
        format!("{} at {}", found.op(), line(found))
    }
}

/// `src/main.rs:12`.
pub(super) fn line<T: Elem>(node: NodeView<'_, T>) -> String {
    format!("{}:{}", node.line().file(), node.line().line())
}
