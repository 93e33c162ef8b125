//! Which nodes an output depends on, and where the path from a leaf ends.

use std::collections::HashSet;

use crate::kernel::Elem;
use crate::tape::{Kind, NOBODY, NodeKind, NodeView, Tape};

/// Ops whose gradient is 0 wherever it exists.
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

    fn join(&mut self, other: Self) {
        self.any |= other.any;
        self.live |= other.live;
    }
}

/// What an output depends on, or what depends on a leaf: one entry for each node.
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

/// What `output` depends on, found in the order of the reverse walk.
pub(super) fn reach<T: Elem>(tape: &Tape<T>, output: Place) -> Marks<Reach> {
    let nodes = tape.nodes();
    let (entries, members) = (tape.scalars.entries(), tape.members.borrow());
    let mut marks = Marks {
        tensors: vec![Reach::default(); nodes.len()],
        scalars: vec![Reach::default(); entries.len()],
    };
    match output {
        Place::Scalar(k) => marks.scalars[k as usize] = Reach::FULL,
        Place::Tensor(k) => marks.tensors[k] = Reach::FULL,
    }
    let sweep = |scalars: &mut [Reach], from: u32, to: u32| {
        for k in (from as usize..to as usize).rev() {
            for operand in entries[k].operand {
                let mark = scalars[k];
                scalars[operand as usize].join(mark);
            }
        }
    };
    let mut swept = entries.len() as u32;
    for node in nodes.iter().rev() {
        sweep(&mut marks.scalars, node.node().mark, swept);
        swept = node.node().mark;
        for k in node.scalars().into_iter().flatten() {
            marks.tensors[node.index()].join(marks.scalars[k + 1]);
        }
        let mut mark = marks.tensors[node.index()];
        if let Kind::Pack { start, .. } = node.node().kind {
            for member in &members[start as usize..][..node.shape().elements()] {
                marks.scalars[member.index as usize].join(mark);
            }
        }
        mark.live &= !FLAT.contains(&node.op());
        for input in node.inputs() {
            marks.tensors[input.index()].join(mark);
        }
    }
    sweep(&mut marks.scalars, 1, swept);
    marks
}

/// What depends on `leaf`.
fn cone<T: Elem>(tape: &Tape<T>, leaf: Place) -> Marks<bool> {
    let nodes = tape.nodes();
    let (entries, members) = (tape.scalars.entries(), tape.members.borrow());
    let mut marks = Marks {
        tensors: vec![false; nodes.len()],
        scalars: vec![false; entries.len()],
    };
    match leaf {
        Place::Scalar(k) => marks.scalars[k as usize] = true,
        Place::Tensor(k) => marks.tensors[k] = true,
    }
    let sweep = |scalars: &mut [bool], from: u32, to: u32| {
        for k in from as usize..to as usize {
            scalars[k] |= entries[k]
                .operand
                .iter()
                .any(|&operand| operand != NOBODY && scalars[operand as usize]);
        }
    };
    let mut swept = 1;
    for node in nodes.iter() {
        sweep(&mut marks.scalars, swept, node.node().mark);
        swept = node.node().mark;
        let mut depends = node.inputs().any(|input| marks.tensors[input.index()]);
        if let Kind::Pack { start, .. } = node.node().kind {
            let pack = &members[start as usize..][..node.shape().elements()];
            depends |= pack
                .iter()
                .any(|member| member.index != NOBODY && marks.scalars[member.index as usize]);
        }
        marks.tensors[node.index()] |= depends;
        for k in node.scalars().into_iter().flatten() {
            marks.scalars[k + 1] |= marks.tensors[node.index()];
        }
    }
    sweep(&mut marks.scalars, swept, entries.len() as u32);
    marks
}

/// Why an output does not depend on a leaf, in words: the op that cut the path.
pub(super) fn cut<T: Elem>(tape: &Tape<T>, leaf: Place) -> String {
    let (nodes, cone) = (tape.nodes(), cone(tape, leaf));
    let mut buffers = HashSet::new();
    let mut last: Option<NodeView<'_, T>> = None;
    for node in nodes.iter() {
        let buffer = node.value().data().as_ptr();
        if cone.tensors[node.index()] {
            buffers.insert(buffer);
            if node.kind() == NodeKind::Op {
                last = Some(node);
            }
        } else if node.kind() == NodeKind::Constant
            && buffers.contains(&buffer)
            && !node.value().is_empty()
        {
            return format!(
                "its path is cut at {}, where a value goes on as a constant (detach, or value() as an operand)",
                line(node)
            );
        }
    }
    let off = "what value() or argmax() takes off the tape has no gradient";
    match last {
        Some(node) => format!(
            "its path ends in {} at {}, which the output does not read; {off}",
            node.op(),
            line(node)
        ),
        None => format!("no tensor operation reads it; {off}"),
    }
}

/// The first op on a path from `leaf` whose gradient is 0 everywhere, in words.
pub(super) fn flat<T: Elem>(tape: &Tape<T>, leaf: Place, reach: &Marks<Reach>) -> String {
    let (nodes, cone) = (tape.nodes(), cone(tape, leaf));
    let on_path = |node: &NodeView<'_, T>| {
        let k = node.index();
        cone.tensors[k] && reach.tensors[k].any && FLAT.contains(&node.op())
    };
    let found = nodes.iter().find(on_path);
    let found = found.expect("a path that is not live goes through such an op");
    format!("{} at {}", found.op(), line(found))
}

/// `src/main.rs:12`.
pub(super) fn line<T: Elem>(node: NodeView<'_, T>) -> String {
    format!("{}:{}", node.line().file(), node.line().line())
}
