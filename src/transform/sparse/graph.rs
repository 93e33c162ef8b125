//! A flattened recording: which number was computed from which, and which operands are bent.
//!
//! Scalar nodes and elements of tensor nodes become *cells*, numbered so that a cell comes after its
//! operands. An operand is *bent* if the derivative with respect to it depends on the variables: only
//! such operands make entries of a Hessian. Both follow from the recording's structure, to which the factors of slopes
//! beyond the range belong.

use std::hash::{DefaultHasher, Hash, Hasher};

use smallvec::SmallVec;

use crate::error::Error;
use crate::kernel::Elem;
use crate::tape::rule::{Point, Reach, Residual, Rule, Slot};
use crate::tape::{Entry, Kind, Member, NOBODY, Node, NodeId, Tape};
use crate::tensor::{Shape, Tensor};

/// The cell of all constants.
pub(super) const CONSTANT: u32 = 0;

/// One operand of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operand {
    pub(super) cell: u32,
    /// Whether the derivative with respect to it depends on the variables.
    pub(super) bent: bool,
}

/// The cells of a recording.
#[derive(Debug)]
pub(super) struct Graph {
    /// Where the operands of each cell begin.
    starts: Vec<usize>,
    operands: Vec<Operand>,
    /// The cell of each scalar node.
    scalars: Vec<u32>,
    /// The cells of each tensor node.
    tensors: Vec<Cells>,
}

/// The cells of a tensor node's elements.
#[derive(Debug)]
enum Cells {
    /// All elements share one cell: constants, or the output of a dense rule.
    One(u32),
    /// Consecutive cells, from this one on.
    From(u32),
    /// One given cell for each element.
    Each(Vec<u32>),
}

impl Cells {
    fn of(&self, element: usize) -> u32 {
        match self {
            Self::One(cell) => *cell,
            Self::From(first) => first + element as u32,
            Self::Each(cells) => cells[element],
        }
    }
}

impl Graph {
    /// Flattens what is recorded.
    ///
    /// `bent` says whether a derivative depends on marked variables, whose tangents are NaN; it is `None`
    /// if that is not needed.
    ///
    /// # Errors
    /// Those of a rule's pullback.
    pub(super) fn of<T: Elem>(tape: &Tape<T>, bent: Option<fn(T) -> bool>) -> Result<Self, Error> {
        tape.evaluate_all();
        let nodes = tape.nodes.borrow();
        let mut graph = Self {
            starts: vec![0],
            operands: Vec::new(),
            scalars: Vec::new(),
            tensors: Vec::with_capacity(nodes.len()),
        };
        let constant = graph.cell([]);
        debug_assert_eq!(constant, CONSTANT, "the first cell is that of constants");
        graph.scalars.push(CONSTANT);
        // Leaves without entries, before tensor nodes that may stand among them.
        for _ in 1..tape.scalars.first() {
            let leaf = graph.cell([]);
            graph.scalars.push(leaf);
        }
        let entries = tape.scalars.entries();
        let mut rest = &entries[1..];
        for node in nodes.iter() {
            let before = (node.mark as usize).saturating_sub(graph.scalars.len());
            let (stretch, after) = rest.split_at(before);
            graph.stretch(stretch, bent);
            rest = after;
            let cells = graph.node(tape, &nodes, node, bent)?;
            if node.spread {
                let elements = (0..node.value().len()).map(|e| cells.of(e));
                graph.scalars.extend(elements);
            }
            graph.tensors.push(cells);
        }
        graph.stretch(rest, bent);
        Ok(graph)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn operands(&self, cell: usize) -> &[Operand] {
        &self.operands[self.starts[cell]..self.starts[cell + 1]]
    }

    /// The cell of a scalar node.
    pub(super) fn scalar(&self, index: u32) -> u32 {
        self.scalars[index as usize]
    }

    /// The cell of a tensor's element.
    pub(super) fn element(&self, id: NodeId, element: usize) -> u32 {
        self.tensors[id.index()].of(element)
    }

    /// Whether another recording has the same cells; what is bent may differ.
    pub(super) fn has_cells_of(&self, other: &Self) -> bool {
        let cells = |graph: &Self| graph.operands.iter().map(|o| o.cell).collect::<Vec<u32>>();
        self.starts == other.starts && cells(self) == cells(other)
    }

    /// A number that two recordings share if they have the same structure.
    pub(super) fn fingerprint(&self, inputs: &[u32], outputs: &[Operand]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.starts, &self.operands, inputs, outputs).hash(&mut hasher);
        hasher.finish()
    }

    fn cell(&mut self, operands: impl IntoIterator<Item = Operand>) -> u32 {
        let cell = u32::try_from(self.len()).expect("a tape holds at most 2^32 numbers; reset it");
        let active = operands.into_iter().filter(|o| o.cell != CONSTANT);
        self.operands.extend(active);
        self.starts.push(self.operands.len());
        cell
    }

    /// The next scalar nodes.
    fn stretch<T: Elem>(&mut self, entries: &[Entry<T>], bent: Option<fn(T) -> bool>) {
        for entry in entries {
            // Which gates are closed changes nothing: their cells are those of their operands.
            if entry.is_still() {
                self.scalars.push(self.scalar(entry.operand[1]));
                continue;
            }
            let operands = [0, 1].map(|k| Operand {
                cell: self.scalar(entry.operand[k]),
                bent: bent.is_some_and(|bent| bent(entry.partial[k])),
            });
            let cell = self.cell(operands);
            self.scalars.push(cell);
        }
    }

    fn node<T: Elem>(
        &mut self,
        tape: &Tape<T>,
        nodes: &[Node<T>],
        node: &Node<T>,
        bent: Option<fn(T) -> bool>,
    ) -> Result<Cells, Error> {
        Ok(match &node.kind {
            Kind::Constant => Cells::One(CONSTANT),
            Kind::Leaf => Cells::From(self.fresh(node.value().len())),
            Kind::Pack(pack) => {
                let members = tape.members.borrow();
                let cell = |member: Member<T>| match member.index {
                    NOBODY => CONSTANT,
                    index if bent.is_some_and(|bent| bent(member.slope)) => {
                        let cell = self.scalar(index);
                        self.cell([Operand { cell, bent: true }])
                    }
                    index => self.scalar(index),
                };
                let members = members.of(*pack, node.value().len()).iter();
                Cells::Each(members.map(cell).collect())
            }
            Kind::Op { rule, inputs } => {
                let operands: Operands<'_, T> =
                    inputs.iter().map(|id| (*id, &nodes[id.index()])).collect();
                match rule.reach() {
                    Reach::Copies if countable::<T>(&operands) => {
                        self.copies(tape, node, &**rule, &operands)
                    }
                    Reach::Elementwise => {
                        let bent = bends(tape, node, &**rule, &operands, bent)?;
                        self.elementwise(node, &operands, &bent)
                    }
                    _ => {
                        let bent = bends(tape, node, &**rule, &operands, bent)?;
                        self.dense(&operands, &bent)
                    }
                }
            }
        })
    }

    /// Cells without operands, one after another.
    fn fresh(&mut self, len: usize) -> u32 {
        let first = self.len() as u32;
        for _ in 0..len {
            self.cell([]);
        }
        first
    }

    /// Runs the rule on the numbers of its operands' elements, to see which number comes out where.
    fn copies<T: Elem>(
        &self,
        tape: &Tape<T>,
        node: &Node<T>,
        rule: &dyn Rule<T>,
        operands: &Operands<'_, T>,
    ) -> Cells {
        let mut cells = vec![CONSTANT];
        let mut numbered = SmallVec::<[Tensor<T>; 2]>::new();
        for (id, operand) in operands {
            let first = cells.len();
            cells.extend((0..operand.value().len()).map(|e| self.element(*id, e)));
            numbered.push(count::<T>(operand.value().shape(), first));
        }
        let x: SmallVec<[&Tensor<T>; 2]> = numbered.iter().collect();
        let mut y = Slot::new(&tape.pool, node.value().shape(), true);
        rule.forward(&x, &mut y, &mut Residual::default());
        let y = y.finish_dense(rule.name());
        // A constant that happens to be such a number names an extra cell, which does no harm.
        let found = |&y: &T| cells.get(y.primal() as usize).copied().unwrap_or(CONSTANT);
        Cells::Each(y.iter().map(found).collect())
    }

    fn elementwise<T: Elem>(
        &mut self,
        node: &Node<T>,
        operands: &Operands<'_, T>,
        bent: &[Vec<bool>],
    ) -> Cells {
        let shape = node.value().shape();
        let zeros = Tensor::full(shape.clone(), 0u32);
        let places: SmallVec<[Tensor<usize>; 2]> = operands
            .iter()
            .map(|(_, operand)| {
                let own: Vec<usize> = (0..operand.value().len()).collect();
                let own = Tensor::of_buffer(operand.value().shape().clone(), own);
                own.zip(&zeros, rule_name(node), |place, _| place)
                    .expect("the operands of an elementwise rule broadcast to its output")
            })
            .collect();
        let first = self.len() as u32;
        for element in 0..node.value().len() {
            let cells: SmallVec<[Operand; 2]> = operands
                .iter()
                .enumerate()
                .map(|(k, (id, _))| {
                    let place = places[k].data()[element];
                    Operand {
                        cell: self.element(*id, place),
                        bent: bent[k].get(place).is_some_and(|&bent| bent),
                    }
                })
                .collect();
            self.cell(cells);
        }
        Cells::From(first)
    }

    /// One cell for the whole output.
    fn dense<T: Elem>(&mut self, operands: &Operands<'_, T>, bent: &[Vec<bool>]) -> Cells {
        let mut cells = Vec::new();
        for (k, (id, operand)) in operands.iter().enumerate() {
            cells.extend((0..operand.value().len()).map(|e| Operand {
                cell: self.element(*id, e),
                bent: bent[k].get(e).is_some_and(|&bent| bent),
            }));
        }
        Cells::One(self.cell(cells))
    }
}

type Operands<'a, T> = SmallVec<[(NodeId, &'a Node<T>); 2]>;

fn rule_name<T: Elem>(node: &Node<T>) -> &'static str {
    match &node.kind {
        Kind::Op { rule, .. } => rule.name(),
        _ => "a leaf",
    }
}

/// Whether `T` can hold the numbers of all elements exactly.
fn countable<T: Elem>(operands: &Operands<'_, T>) -> bool {
    let last: usize = operands.iter().map(|(_, node)| node.value().len()).sum();
    last as f64 * T::epsilon().primal() <= 1.0
}

/// The numbers `first, first + 1, ..` in a shape.
fn count<T: Elem>(shape: &Shape, first: usize) -> Tensor<T> {
    let numbers = (first..first + shape.elements()).map(|k| T::of(k as f64));
    Tensor::of_buffer(shape.clone(), numbers.collect::<Vec<T>>())
}

/// For each operand, which of its elements are bent; an empty list means none.
///
/// Applies the pullback to a cotangent without marks: where the result carries a mark, the derivative
/// depends on what is marked. The elements of the cotangent are positive, so that nothing is skipped as
/// zero, and differ, so that nothing cancels by symmetry.
fn bends<T: Elem>(
    tape: &Tape<T>,
    node: &Node<T>,
    rule: &dyn Rule<T>,
    operands: &Operands<'_, T>,
    bent: Option<fn(T) -> bool>,
) -> Result<Vec<Vec<bool>>, Error> {
    let Some(bent) = bent else {
        return Ok(vec![Vec::new(); operands.len()]);
    };
    let golden = 0.618_033_988_749_894_9;
    let g: Vec<T> = (0..node.value().len())
        .map(|k| T::of(1.0 + (k as f64 * golden).fract()))
        .collect();
    let g = Tensor::of_buffer(node.value().shape().clone(), g);
    let nothing = Residual::default();
    let x: SmallVec<[&Tensor<T>; 2]> = operands.iter().map(|(_, node)| node.value()).collect();
    let at = Point {
        x: &x,
        y: node.value(),
        kept: node.residual.get().map(Box::as_ref).unwrap_or(&nothing),
    };
    let mut gx: SmallVec<[Slot<'_, T>; 2]> = operands
        .iter()
        .map(|(_, node)| Slot::new(&tape.pool, node.value().shape(), node.active()))
        .collect();
    rule.vjp(&at, &g, &mut gx);
    let read = |mut slot: Slot<'_, T>| {
        if !slot.wanted() {
            return Ok(Vec::new());
        }
        let fault =
            |fault: crate::tape::Fault| fault.error(rule.name(), "a cotangent", Some(node.line));
        let gx = slot.result().map_err(fault)?;
        Ok(gx.map_or_else(Vec::new, |gx| gx.iter().map(|&gx| bent(gx)).collect()))
    };
    gx.into_iter().map(read).collect()
}
