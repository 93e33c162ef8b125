//! `Ledger`: what a tape keeps, by op, and why; and what the fused rules saved.

use std::collections::HashSet;
use std::fmt;

use crate::kernel::Elem;
use crate::rule::Keeps;
use crate::tape::{NodeView, Tape, WalkCost};
use crate::tensor::Tensor;

/// What a tape keeps, by op; see [`Tape::ledger`].
///
/// `Display` prints it as a table; programs use the fields, or `Serialize` (feature `serde`).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[must_use]
pub struct Ledger {
    /// Tensor nodes by op, in the order of first use, including leaves, constants and packs.
    pub rows: Vec<Row>,
    /// How many scalar nodes there are.
    pub scalar_nodes: usize,
    /// Their bytes, including those of scalars gathered into tensors; an element of a tensor node takes none.
    pub scalar_bytes: usize,
    /// All bytes kept, as [`Tape::bytes`] counts them.
    pub bytes: usize,
    /// Of these, bytes in buffers that had already been counted for another node.
    pub shared: usize,
    /// What the last reverse walk cost, if there was one.
    pub walk: Option<WalkCost>,
}

/// The nodes of one op.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Row {
    /// The op, or "leaf", "constant" or "pack".
    pub op: &'static str,
    /// How many nodes there are.
    pub nodes: usize,
    /// Bytes of their values.
    pub values: usize,
    /// Bytes that their forwards kept besides operands and output.
    pub residuals: usize,
    /// What their pullbacks read; `None` if they are not operations.
    pub keeps: Option<Keeps>,
    /// Why they read that: [`Rule::why`](crate::rule::Rule::why) of the first of them.
    pub why: Option<&'static str>,
    /// Of `values`, bytes that no pullback reads, neither the node's own nor that of a node that has
    /// it as an operand. The tape keeps them for replay.
    pub unread: usize,
    /// What the fused rules saved over their composed twins; `None` where a rule names none.
    pub saved: Option<Saved>,
}

/// What fused rules saved over their composed twins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Saved {
    /// Nodes that the twins would have recorded beyond the fused ones.
    pub nodes: isize,
    /// Bytes that they would have kept beyond those of the fused ones.
    pub bytes: isize,
}

impl<T: Elem> Tape<T> {
    /// What the tape keeps: nodes and bytes by op, what each pullback reads and why, what the
    /// last reverse walk cost, and what fused rules saved.
    ///
    /// The savings are counted, not estimated: for every rule that names a
    /// [`twin`](crate::rule::Rule::twin), the twin is recorded as well, at the same operands. That costs a
    /// forward run of the twins, but only when this method is called.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    /// let grads = x.softmax(1).vjp(Tensor::ones([2, 3]));
    /// let ledger = tape.ledger();
    /// println!("{ledger}");
    /// assert_eq!(ledger.bytes, tape.bytes());
    /// let softmax = ledger.row("softmax").unwrap();
    /// assert_eq!((softmax.values, softmax.residuals), (48, 8)); // y, and the maximum of each row
    /// assert_eq!(softmax.saved.unwrap().nodes, 4); // max, sub, exp, sum, div in one
    /// assert!(softmax.why.unwrap().starts_with("gx_i = y_i ((g_i - c)")); // so it reads y
    /// # let _ = grads;
    /// ```
    pub fn ledger(&self) -> Ledger {
        let nodes = self.nodes();
        // By buffer, not by node: a buffer that a reshape shares is read if either node is.
        // A value that is put off has no buffer.
        let buffer = |node: NodeView<'_, T>| Some(node.node().known()?.data().as_ptr());
        let mut read = HashSet::new();
        for node in nodes.iter() {
            let keeps = node.keeps().unwrap_or(Keeps::NOTHING);
            read.extend(keeps.output.then(|| buffer(node)).flatten());
            read.extend(node.inputs().filter(|_| keeps.inputs).filter_map(buffer));
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut buffers = HashSet::new();
        let mut shared = 0;
        for node in nodes.iter() {
            let at = rows.iter().position(|row| row.op == node.op());
            let at = at.unwrap_or_else(|| {
                rows.push(Row::new(node.op()));
                rows.len() - 1
            });
            let own = buffer(node);
            rows[at].add(node, own.is_some_and(|buffer| read.contains(&buffer)));
            let bytes = node.value_bytes();
            if bytes > 0 && !own.is_none_or(|buffer| buffers.insert(buffer)) {
                shared += bytes;
            }
        }
        Ledger {
            rows,
            scalar_nodes: self.scalar_nodes(),
            scalar_bytes: self.scalars.bytes() + self.members.borrow().bytes(),
            bytes: self.bytes(),
            shared,
            walk: self.last_walk(),
        }
    }
}

impl Row {
    fn new(op: &'static str) -> Self {
        Self {
            op,
            nodes: 0,
            values: 0,
            residuals: 0,
            keeps: None,
            why: None,
            unread: 0,
            saved: None,
        }
    }

    fn add<T: Elem>(&mut self, node: NodeView<'_, T>, read: bool) {
        let (values, residuals) = (node.value_bytes(), node.residual_bytes());
        self.nodes += 1;
        self.values += values;
        self.residuals += residuals;
        if !read {
            self.unread += values;
        }
        if let Some(keeps) = node.keeps() {
            self.keeps = Some(self.keeps.unwrap_or(keeps).or(keeps));
        }
        self.why = self.why.or(node.why());
        // The counts depend on shapes alone, so values that are put off need not be computed.
        let operands = node.inputs().map(|x| match x.node().known() {
            Some(value) => value.clone(),
            None => Tensor::zeros(x.shape()),
        });
        let operands: Vec<Tensor<T>> = operands.collect();
        let operands: Vec<&Tensor<T>> = operands.iter().collect();
        if let Some(twin) = node.rule().and_then(|rule| rule.twin(&operands)) {
            let saved = self.saved.get_or_insert_default();
            let spread = node.scalars().map_or(0, |scalars| scalars.len());
            let bytes = values + residuals;
            saved.nodes += twin.nodes() as isize - 1 - spread as isize;
            saved.bytes += twin.bytes() as isize - bytes as isize;
        }
    }

    /// Whether the row holds operations, as opposed to leaves, constants or packs.
    pub fn is_op(&self) -> bool {
        self.keeps.is_some()
    }
}

impl Ledger {
    /// The row of an op; `None` if it was not recorded.
    pub fn row(&self, op: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.op == op)
    }

    /// What all fused rules together saved over their composed twins.
    pub fn saved(&self) -> Saved {
        let all = self.rows.iter().filter_map(|row| row.saved);
        all.fold(Saved::default(), |sum, one| Saved {
            nodes: sum.nodes + one.nodes,
            bytes: sum.bytes + one.bytes,
        })
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.op.len()).max();
        let width = width.unwrap_or(0).max("scalar nodes".len());
        writeln!(
            f,
            "{:<width$} {:>7} {:>12} {:>10} {:>12}  {:<22}  {:<16}  why",
            "op", "nodes", "value bytes", "residual", "unread", "fused saved", "pullback reads"
        )?;
        for row in &self.rows {
            let keeps = row.keeps.map_or("-".into(), |keeps| keeps.to_string());
            let line = format!(
                "{:<width$} {:>7} {:>12} {:>10} {:>12}  {:<22}  {keeps:<16}  {}",
                row.op,
                row.nodes,
                row.values,
                row.residuals,
                row.unread,
                row.saved.map_or(String::new(), |saved| saved.to_string()),
                row.why.unwrap_or_default(),
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        if self.scalar_nodes > 0 || self.scalar_bytes > 0 {
            let (nodes, bytes) = (self.scalar_nodes, self.scalar_bytes);
            writeln!(f, "{:<width$} {nodes:>7} {bytes:>12}", "scalar nodes")?;
        }
        write!(f, "{} bytes kept", self.bytes)?;
        if self.shared > 0 {
            write!(f, ", {} of them in buffers counted before", self.shared)?;
        }
        if self.rows.iter().any(|row| row.saved.is_some()) {
            write!(f, "; fused rules saved {}", self.saved())?;
        }
        match self.walk {
            Some(walk) => write!(
                f,
                "\nlast walk: {} pullbacks, at most {} bytes of cotangents at once, {} of scalar adjoints",
                walk.pullbacks, walk.peak, walk.adjoints
            ),
            None => f.write_str("\nno walk yet"),
        }
    }
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes, {} bytes", self.nodes, self.bytes)
    }
}
