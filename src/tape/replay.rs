//! Replay: recorded tensor nodes are run again, on new leaf values or on wider elements.
//!
//! Rules own their forward, so the tape is a program. Stretches of scalar nodes keep only slopes, so they
//! cannot be run again and are refused.

use std::cell::{OnceCell, RefCell};

use smallvec::SmallVec;

use super::node::{Kind, Node, NodeId};
use super::rule::{Residual, Slot};
use super::run::evaluate;
use super::{Tape, guard};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

impl<T: Elem> Tape<T> {
    /// Refuses a tape with scalar arithmetic, which cannot be run again.
    ///
    /// # Errors
    /// If a scalar node has operands, or a folded scalar handle entered a tensor node.
    pub(crate) fn check_replayable(&self) -> Result<(), Error> {
        let refuse = |what: &str| {
            Err(Error::new(ErrorKind::Replay {
                text: format!(
                    "{what}, and scalar nodes keep only slopes; write that stretch with tensor operations"
                ),
            }))
        };
        let mut numbered = self.scalars.numbered();
        if let Some((at, _)) = numbered.find(|(_, entry)| !entry.is_source()) {
            return refuse(&format!("scalar node {at} was computed from scalars"));
        }
        let nodes = self.nodes.borrow();
        for node in nodes.iter() {
            if let Kind::Pack(pack) = node.kind
                && pack.is_folded()
            {
                return refuse(&format!(
                    "a folded scalar handle enters a tensor at {}",
                    node.line
                ));
            }
        }
        Ok(())
    }

    /// Refuses a tape on which a value that depends on a leaf was detached: as a constant it would stay what it was.
    ///
    /// # Errors
    /// If there is such a value.
    pub(crate) fn check_attached(&self) -> Result<(), Error> {
        let Some(line) = self.detached.get() else {
            return Ok(());
        };
        let text = format!(
            "a value that depends on a leaf was detached at {line} and would stay as it was; record anew, or enter it with constant() if it is to stay"
        );
        Err(Error::new(ErrorKind::Replay { text }))
    }

    /// Runs every pack and operation again, in order, in the same buffers.
    ///
    /// # Errors
    /// The first refusal of a rule. From there on no rule runs, and all results are NaN.
    pub(crate) fn rerun(&mut self) -> Result<(), Error> {
        let mut done = Ok(());
        self.foresight.clear(&self.pool);
        let members = self.members.get_mut();
        // Those of elements are known once their nodes have run.
        let mut values = self.scalars.values();
        let nodes = self.nodes.get_mut();
        for k in 0..nodes.len() {
            let (before, rest) = nodes.split_at_mut(k);
            let run = rest[0].run();
            let known = |id: &NodeId| evaluate(&self.pool, self.cache, before, *id);
            let Node {
                kind,
                content,
                residual,
                mark,
                spread,
                line,
                ..
            } = &mut rest[0];
            match kind {
                Kind::Leaf | Kind::Constant => {}
                Kind::Pack(pack) => {
                    let value = content.get_mut().expect("a pack has its value");
                    let pack = members.of(*pack, value.len()).iter();
                    for (element, member) in value.data_mut().iter_mut().zip(pack) {
                        if member.index != super::NOBODY {
                            *element = values[member.index as usize];
                        }
                    }
                }
                Kind::Op { inputs, .. } if run.is_some() => {
                    // Put off again; as in recording, what it reads from outside its run is
                    // evaluated.
                    content
                        .take()
                        .into_iter()
                        .for_each(|old| self.pool.put(old));
                    residual.take();
                    let outside = |id: &&NodeId| before[id.index()].run() != run;
                    for id in inputs.iter().filter(outside) {
                        known(id);
                    }
                }
                Kind::Op { rule, inputs } => {
                    let x: SmallVec<[&Tensor<T>; 2]> = inputs.iter().map(known).collect();
                    let old = content
                        .take()
                        .expect("an operation outside a run has its value");
                    let shape = old.shape().clone();
                    let mut y = Slot::reusing(&self.pool, &shape, old);
                    if done.is_err() {
                        y.fill().fill(T::nan());
                    } else {
                        let mut kept = residual.take().map_or_else(Residual::default, |r| *r);
                        kept.values.clear();
                        kept.indices.clear();
                        // The same forward as when it was recorded: only this one keeps a tensor.
                        let tensor = kept.tensor.take();
                        let pulled = tensor.is_some();
                        tensor.into_iter().for_each(|old| self.pool.put(old));
                        guard::forward(&**rule, &x, &mut y, &mut kept, pulled);
                        if !kept.is_empty() {
                            *residual = OnceCell::from(Box::new(kept));
                        }
                    }
                    let value = y.dense().unwrap_or_else(|fault| {
                        done = Err(fault.error(rule.name(), "the output", Some(*line)));
                        Tensor::full(shape.clone(), T::nan())
                    });
                    if *spread {
                        values[*mark as usize..][..value.len()].copy_from_slice(value.data());
                    }
                    *content = OnceCell::from(value);
                }
            }
        }
        done
    }

    /// The same recording on wider elements, with every operation run again.
    ///
    /// # Errors
    /// If the tape is not replayable, or a rule has no wider form or refuses the wider numbers.
    pub(crate) fn widened(&self) -> Result<Tape<T::Wide>, Error> {
        self.check_replayable()?;
        let mut wide = Tape::<T::Wide> {
            scalars: self.scalars.widened(),
            members: RefCell::new(self.members.borrow().widened()),
            ..Tape::default()
        };
        for node in self.nodes.borrow().iter() {
            let (kind, value) = match &node.kind {
                Kind::Leaf => (Kind::Leaf, node.value().map(T::widen)),
                Kind::Constant => (Kind::Constant, node.value().map(T::widen)),
                Kind::Pack(pack) => (Kind::Pack(*pack), node.value().map(T::widen)),
                Kind::Op { rule, inputs } => {
                    let rule = rule.widen().ok_or_else(|| {
                        Error::new(ErrorKind::Missing {
                            op: rule.name(),
                            what: "wider form",
                            line: Some(node.line),
                        })
                    })?;
                    let shape: Shape = node.shape().clone();
                    (
                        Kind::Op {
                            rule,
                            inputs: inputs.clone(),
                        },
                        Tensor::zeros(shape),
                    )
                }
            };
            wide.nodes.get_mut().push(Node {
                kind,
                content: OnceCell::from(value),
                residual: OnceCell::new(),
                place: None,
                mark: node.mark,
                spread: node.spread,
                kept: node.kept,
                line: node.line,
            });
        }
        wide.rerun()?;
        Ok(wide)
    }
}
