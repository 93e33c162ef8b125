//! How the walk passes through a chain whose values were put off: with one number as the cotangent of all elements,
//! with gradients that were foreseen, or else block by block; and the same where its sum is recorded.

use super::pullback::filled;
use super::region::Region;
use super::{Walk, Watch};
use crate::error::Error;
use crate::kernel::{Elem, reduce};
use crate::tape::rule::Rule;
use crate::tape::{Blocks, Cotangent, Flow, Node, NodeId, Tape};
use crate::tensor::Tensor;

impl<T: Elem, W: Watch<T>> Walk<'_, T, W> {
    /// Stores the cotangent of the only operand of node `at` as one number, if it is the same for all
    /// elements and the operand is walked in blocks; says whether it did.
    #[inline]
    pub(super) fn spread_evenly(
        &mut self,
        nodes: &[Node<T>],
        at: usize,
        (rule, id): (&dyn Rule<T>, NodeId),
        g: &Tensor<T>,
    ) -> bool {
        let operand = &nodes[id.index()];
        if W::LOOKS || operand.place.is_none() || g.len() != 1 {
            return false;
        }
        let cotangent = &mut self.lists.cotangents[id.index()];
        let (Cotangent::Zero, Some(g)) =
            (&*cotangent, rule.even(operand.shape().elements(), g.item()))
        else {
            return false;
        };
        *cotangent = Cotangent::Even(g);
        self.tape.foresight.learn(at, g);
        true
    }

    /// Walks over the run of node `last`, up to that node, if a value that the pullbacks read is put off;
    /// returns whether it did, now or before.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it the wrong shape.
    #[inline(never)]
    pub(super) fn in_blocks(&mut self, nodes: &[Node<T>], last: usize) -> Result<bool, Error> {
        let run = nodes[last].run();
        if self.walked.is_some() && self.walked == run {
            return Ok(true);
        }
        if W::LOOKS || matches!(self.lists.cotangents[last], Cotangent::Zero) {
            return Ok(false);
        }
        if let Some(flow) = self.foreseen(nodes, last) {
            self.walked = run;
            self.tape.pool.count(flow.bytes() as isize);
            self.receive(flow);
            return Ok(true);
        }
        let first = run.expect("the node is in a run") as usize;
        let pulled = pulled(nodes, last, |k| {
            !matches!(self.lists.cotangents[k], Cotangent::Zero)
        });
        // Values that were requested before are there, with what their forwards kept, and are not recomputed.
        let mut reads = (first..=last).filter(|&k| pulled[k - first]);
        if reads.all(|k| nodes[k].known().is_some()) {
            let (pool, shape) = (&self.tape.pool, nodes[last].shape());
            if let Cotangent::Even(g) = self.lists.cotangents[last] {
                self.lists.cotangents[last] = Cotangent::Sum(filled(pool, shape, g));
            }
            return Ok(false);
        }
        let blocks = Blocks::new(nodes, first, vec![false; pulled.len()], &pulled);
        self.walked = run;
        let height = blocks.height(self.tape.cache, 2).clamp(1, blocks.rows);
        let cotangents = &mut self.lists.cotangents;
        let earlier = |k: usize| std::mem::replace(&mut cotangents[k], Cotangent::Zero);
        let region = Region::new(nodes, blocks, height, earlier);
        let (flow, _) = region.walk(&self.tape.pool)?;
        self.receive(flow);
        Ok(true)
    }

    /// What was foreseen to flow from node `last` through its run, if it applies: the cotangent is the same, nothing
    /// else has reached the run or what it reads, and the same nodes keep their cotangents.
    fn foreseen(&self, nodes: &[Node<T>], last: usize) -> Option<Flow<T>> {
        let Cotangent::Even(cotangent) = self.lists.cotangents[last] else {
            return None;
        };
        let run = nodes[last].run();
        let first = run.expect("the node is in a run") as usize;
        let beside = |k: usize| k != last && !matches!(self.lists.cotangents[k], Cotangent::Zero);
        let kept = |(k, share): &(usize, Option<_>)| {
            nodes[*k].run() != run || nodes[*k].kept == share.is_some()
        };
        self.tape.foresight.take(last, cotangent, |flow| {
            let others = (first..last).filter(|&k| nodes[k].run() == run);
            let mut reached = others.chain(flow.shares.iter().map(|&(node, _)| node));
            !reached.any(beside) && flow.shares.iter().all(kept)
        })
    }

    /// Stores what a region gives as cotangents of this walk.
    fn receive(&mut self, flow: Flow<T>) {
        self.pullbacks += flow.pullbacks;
        for (node, share) in flow.shares {
            self.lists.cotangents[node] = share.map_or(Cotangent::Released, Cotangent::Sum);
        }
    }
}

/// Which nodes of the run of node `last`, counted from the run's first, cotangents flow through, given the nodes that
/// they come to from outside.
fn pulled<T: Elem>(nodes: &[Node<T>], last: usize, comes: impl Fn(usize) -> bool) -> Vec<bool> {
    let run = nodes[last].run();
    let first = run.expect("the node is in a run") as usize;
    let mut pulled = vec![false; last + 1 - first];
    for k in (first..=last).rev().filter(|&k| nodes[k].run() == run) {
        pulled[k - first] |= comes(k);
        if pulled[k - first] {
            let inside = nodes[k].inputs().iter().map(|id| id.index());
            for id in inside.filter(|&id| nodes[id].run() == run) {
                pulled[id - first] = true;
            }
        }
    }
    pulled
}

impl<T: Elem> Tape<T> {
    /// The sum of a value that is put off, with what flows if each of its elements gets this cotangent; `None` if no
    /// blocks end where those of the sum do, or if a rule refuses, which is left for the walk to report.
    pub(crate) fn foresee(
        &self,
        nodes: &[Node<T>],
        id: NodeId,
        cotangent: T,
    ) -> Option<(T, Flow<T>)> {
        let last = id.index();
        let pulled = pulled(nodes, last, |k| k == last);
        let first = last + 1 - pulled.len();
        let blocks = Blocks::new(nodes, first, vec![false; pulled.len()], &pulled);
        let height = blocks.height_for_sum(self.cache, 2)?;
        let earlier = |k| match k == last {
            true => Cotangent::Even(cotangent),
            false => Cotangent::Zero,
        };
        let region = Region::new(nodes, blocks, height, earlier).summed();
        let counted = self.pool.begin();
        let walked = region.walk(&self.pool);
        self.pool.end(counted);
        let (flow, terms) = walked.ok()?;
        self.pool.count(-(flow.bytes() as isize));
        Some((reduce::total(terms), flow))
    }
}
