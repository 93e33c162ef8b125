//! The walk over a run whose values were put off: block by block, each forward and then backward.
//!
//! Within a block the pullbacks are those of the ordinary walk, in its order, so that every element
//! of a cotangent is the same sum of the same shares.

use std::ops::Range;

use smallvec::SmallVec;

use super::pullback::{Collectors, Pullback, filled, pass_on, unique};
use super::{Walk, Watch};
use crate::error::Error;
use crate::gradients::Cotangent;
use crate::kernel::Elem;
use crate::tape::rule::Point;
use crate::tape::{Block, Blocks, Collector, Kind, Node, Pool, Step, each};
use crate::tensor::{Shape, Tensor};

/// Bytes of a cotangent from which a block of it is copied to its place: what is written in stretches that long, no line of
/// it need be read before, as single vectors' lines are.
const FAR: usize = 1 << 23;

/// The part of a run that cotangents flow through.
struct Region<'a, T> {
    blocks: Blocks<'a, T>,
    /// How many rows a block has.
    height: usize,
    /// What has flowed into each step before.
    earlier: Vec<Cotangent<T>>,
    /// Whether a step's cotangent outlives the region.
    stays: Vec<bool>,
}

impl<T: Elem, W: Watch<T>> Walk<'_, T, W> {
    /// Stores the cotangent of the only operand of node `at` as one number, if all its elements get
    /// the same and the operand's walk goes by blocks.
    #[inline]
    pub(super) fn spread_evenly(&mut self, nodes: &[Node<T>], at: usize, g: &Tensor<T>) -> bool {
        let Kind::Op { rule, inputs } = &nodes[at].kind else {
            return false;
        };
        let [id] = inputs[..] else {
            return false;
        };
        let operand = &nodes[id.index()];
        if W::LOOKS || operand.place.is_none() || g.len() != 1 {
            return false;
        }
        let cotangent = &mut self.cotangents[id.index()];
        let (Cotangent::Zero, Some(g)) = (&*cotangent, rule.even(operand.shape().len(), g.item()))
        else {
            return false;
        };
        *cotangent = Cotangent::Even(g);
        true
    }

    /// Walks over the nodes of its run up to `last`, if a value that their pullbacks read is put off;
    /// whether it did, now or before.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it another shape.
    #[inline(never)]
    pub(super) fn in_blocks(&mut self, nodes: &[Node<T>], last: usize) -> Result<bool, Error> {
        let run = nodes[last].run();
        if self.walked.is_some() && self.walked == run {
            return Ok(true);
        }
        if W::LOOKS || matches!(self.cotangents[last], Cotangent::Zero) {
            return Ok(false);
        }
        let first = run.expect("the node is in a run") as usize;
        let mut pulled = vec![false; last + 1 - first];
        for k in (first..=last).rev().filter(|&k| nodes[k].run() == run) {
            pulled[k - first] |= !matches!(self.cotangents[k], Cotangent::Zero);
            if pulled[k - first] {
                let inside = nodes[k].inputs().iter().map(|id| id.index());
                for id in inside.filter(|&id| nodes[id].run() == run) {
                    pulled[id - first] = true;
                }
            }
        }
        // Values that somebody has asked for are there, with what their forwards kept, and are not computed again.
        let mut reads = (first..=last).filter(|&k| pulled[k - first]);
        if reads.all(|k| nodes[k].known().is_some()) {
            let (pool, shape) = (&self.tape.pool, nodes[last].shape());
            if let Cotangent::Even(g) = self.cotangents[last] {
                self.cotangents[last] = Cotangent::Sum(filled(pool, shape, g));
            }
            return Ok(false);
        }
        let blocks = Blocks::new(nodes, first, vec![false; pulled.len()], &pulled);
        self.walked = run;
        let step = |step: &Step<'_, T>| {
            let earlier = std::mem::replace(&mut self.cotangents[step.node], Cotangent::Zero);
            let node = &nodes[step.node];
            let stays = node.active() && (step.op.is_none() || node.kept);
            (
                if step.cut { earlier } else { Cotangent::Zero },
                stays && step.cut,
            )
        };
        let (earlier, stays) = blocks.steps.iter().map(step).unzip();
        let region = Region {
            height: blocks.height(self.tape.cache, 2).clamp(1, blocks.rows),
            blocks,
            earlier,
            stays,
        };
        let flowed = region.walk(&self.tape.pool, &mut self.cotangents)?;
        let steps = region.blocks.steps.iter().zip(flowed);
        self.pullbacks += steps
            .filter(|(step, flowed)| *flowed && step.op.is_some())
            .count();
        for earlier in region.earlier {
            if let Cotangent::Sum(sum) = earlier {
                self.tape.pool.put(sum);
            }
        }
        Ok(true)
    }
}

impl<T: Elem> Region<'_, T> {
    /// Walks over all blocks, and puts what stays among the cotangents of the tape; which steps
    /// anything has flowed into.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it another shape.
    fn walk(&self, pool: &Pool<T>, cotangents: &mut [Cotangent<T>]) -> Result<Vec<bool>, Error> {
        let steps = self.blocks.steps.iter().zip(&self.stays);
        let staying = steps.filter(|(_, stays)| **stays);
        let full = staying.map(|(step, _)| (step.node, pool.take(step.shape)));
        let mut full: Vec<(usize, Tensor<T>)> = full.collect();
        let elements = full.iter_mut().map(|(_, full)| unique(full));
        let parts = self.blocks.parts(self.height, elements);
        let walked = each(pool, parts, |pool, rows, full| self.part(pool, rows, full));
        let mut flowed = vec![false; self.stays.len()];
        for part in walked {
            flowed
                .iter_mut()
                .zip(part?)
                .for_each(|(all, part)| *all |= part);
        }
        let mut full = full.into_iter();
        for ((step, &stays), &flowed) in self.blocks.steps.iter().zip(&self.stays).zip(&flowed) {
            let full = stays.then(|| full.next().expect("each that stays has one"));
            match full {
                Some((node, full)) if flowed => cotangents[node] = Cotangent::Sum(full),
                Some((_, full)) => pool.put(full),
                None if flowed => cotangents[step.node] = Cotangent::Released,
                None => {}
            }
        }
        Ok(flowed)
    }

    /// Walks over the blocks of some rows, and writes what stays of them into `full`.
    fn part(
        &self,
        pool: &Pool<T>,
        rows: Range<usize>,
        mut full: Vec<&mut [T]>,
    ) -> Result<Vec<bool>, Error> {
        let mut flowed = vec![false; self.stays.len()];
        let far = full.iter().any(|full| size_of_val(*full) > FAR);
        let height = self.height.min(rows.len());
        let block_of = |full: &&mut [T]| pool.take(&[full.len() / rows.len() * height].into());
        let mut near: Vec<Tensor<T>> = full.iter().filter(|_| far).map(block_of).collect();
        for start in rows.clone().step_by(self.height) {
            let rows = start..rows.end.min(start + self.height);
            let block = self.blocks.block(pool, rows.clone(), true);
            let staying = (0..self.stays.len()).filter(|&at| self.stays[at]);
            let mut now: Vec<&mut [T]> = Vec::new();
            for (at, full) in staying.zip(&mut full) {
                let elements = std::mem::take(full);
                let (elements, later) = elements.split_at_mut(block.values[at].len());
                *full = later;
                now.push(elements);
            }
            if far {
                let both = near.iter_mut().zip(&now);
                let places = both.map(|(near, now)| &mut unique(near)[..now.len()]);
                self.collect(pool, &block, rows, places, &mut flowed)?;
                for (now, near) in now.into_iter().zip(&near) {
                    now.copy_from_slice(&near.data()[..now.len()]);
                }
            } else {
                self.collect(pool, &block, rows, now, &mut flowed)?;
            }
            block.recycle(pool);
        }
        near.into_iter().for_each(|near| pool.put(near));
        Ok(flowed)
    }

    /// Walks over one block, and writes what stays of it into `places`.
    fn collect<'p>(
        &self,
        pool: &Pool<T>,
        block: &Block<T>,
        rows: Range<usize>,
        places: impl IntoIterator<Item = &'p mut [T]>,
        flowed: &mut [bool],
    ) -> Result<(), Error>
    where
        T: 'p,
    {
        let mut filled = vec![false; self.stays.len()];
        let mut places = places.into_iter();
        let collector = |(&stays, filled): (&bool, _)| {
            let elements = stays.then(|| places.next().expect("each that stays has one"));
            elements.map(|elements| Collector { elements, filled })
        };
        let mut collectors: Vec<_> = self.stays.iter().zip(&mut filled).map(collector).collect();
        self.pull_back(pool, block, rows, &mut collectors, flowed)?;
        for (flowed, collector) in flowed.iter_mut().zip(collectors) {
            match collector {
                Some(collector) if *collector.filled => *flowed = true,
                Some(collector) => collector.elements.fill(T::zero()),
                None => {}
            }
        }
        Ok(())
    }

    /// Walks over one block, with the cotangents that stay collected where they do.
    fn pull_back(
        &self,
        pool: &Pool<T>,
        block: &Block<T>,
        rows: Range<usize>,
        collectors: &mut Collectors<'_, T>,
        flowed: &mut [bool],
    ) -> Result<(), Error> {
        let earlier = self.earlier.iter().map(|earlier| match earlier {
            Cotangent::Sum(sum) => Cotangent::Sum(self.blocks.cut(sum, rows.clone())),
            other => other.clone(),
        });
        let mut cotangents: Vec<Cotangent<T>> = earlier.collect();
        for (cotangent, collector) in cotangents.iter_mut().zip(&mut *collectors) {
            let Some(collector) = collector else { continue };
            match std::mem::replace(cotangent, Cotangent::Zero) {
                Cotangent::Sum(sum) => collector.add(&sum),
                Cotangent::Even(g) => {
                    collector.elements.fill(g);
                    *collector.filled = true;
                }
                _ => {}
            }
        }
        for (at, step) in self.blocks.steps.iter().enumerate().rev() {
            let Some(op) = &step.op else {
                continue;
            };
            let y = &block.values[at];
            let collected = collectors[at]
                .as_ref()
                .filter(|collector| *collector.filled);
            let g = match collected {
                Some(collector) => Some(copied(pool, y.shape(), collector.elements)),
                None => cotangents[at].take(|g| filled(pool, y.shape(), g)),
            };
            let Some(g) = g else {
                continue;
            };
            cotangents[at] = Cotangent::Released;
            flowed[at] = true;
            let x: SmallVec<[&Tensor<T>; 2]> =
                op.inputs.iter().map(|&(at, _)| &block.values[at]).collect();
            let pullback = Pullback {
                rule: op.rule,
                line: op.line,
                at: Point {
                    x: &x,
                    y,
                    kept: &block.kept[at],
                },
                inputs: &op.inputs,
            };
            let heir = pullback.apply(pool, &mut cotangents, collectors, &g, |_, _| ())?;
            pass_on(pool, &mut cotangents, heir, g);
        }
        Ok(())
    }
}

/// A tensor of these elements.
fn copied<T: Elem>(pool: &Pool<T>, shape: &Shape, elements: &[T]) -> Tensor<T> {
    let mut copy = pool.take(shape);
    unique(&mut copy).copy_from_slice(elements);
    copy
}
