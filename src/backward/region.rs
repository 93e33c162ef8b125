//! `Region`: the walk over a run whose values were put off, block by block, each forward and then backward.
//!
//! Within a block the pullbacks are those of the ordinary walk, in the same order, so that every element
//! of a cotangent is the same sum of the same shares.

use std::ops::Range;

use smallvec::SmallVec;

use super::pullback::{Collectors, Pullback, filled, pass_on};
use crate::error::Error;
use crate::kernel::{Elem, Soon};
use crate::tape::rule::Point;
use crate::tape::{Block, Blocks, Collector, Cotangent, Flow, Node, Pool, Step, each, unique};
use crate::tensor::{Shape, Tensor};

/// Bytes of a cotangent above which each block of it is computed elsewhere and copied to its place: a long copy does
/// not read a cache line before writing it, as writes of single vectors do.
const FAR: usize = 1 << 23;

/// Bytes of all cotangents that stay, above which they would leave the last cache before anybody reads them.
const PAST: usize = 1 << 25;

/// The part of a run that cotangents flow through.
pub(super) struct Region<'a, T> {
    blocks: Blocks<'a, T>,
    /// How many rows a block has.
    height: usize,
    /// What has flowed into each step so far.
    earlier: Vec<Cotangent<T>>,
    /// Whether a step's cotangent outlives the region.
    stays: Vec<bool>,
    /// Whether the terms of the last value's sum are wanted as well.
    summed: bool,
}

impl<'a, T: Elem> Region<'a, T> {
    /// A region with blocks of `height` rows; `earlier` gives what has flowed into a node so far.
    pub(super) fn new(
        nodes: &[Node<T>],
        blocks: Blocks<'a, T>,
        height: usize,
        mut earlier: impl FnMut(usize) -> Cotangent<T>,
    ) -> Self {
        let step = |step: &Step<'_, T>| {
            let earlier = earlier(step.node);
            let node = &nodes[step.node];
            let stays = node.active() && (step.op.is_none() || node.kept);
            (
                if step.cut { earlier } else { Cotangent::Zero },
                stays && step.cut,
            )
        };
        let (earlier, stays) = blocks.steps.iter().map(step).unzip();
        Self {
            height,
            blocks,
            earlier,
            stays,
            summed: false,
        }
    }

    /// The same region, whose walk gives the terms of the last value's sum as well.
    pub(super) fn summed(mut self) -> Self {
        self.summed = true;
        self.blocks = self.blocks.with_last();
        self
    }

    /// Walks over all blocks; returns what flows into the nodes, and the terms of the sum if they are wanted.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it the wrong shape.
    pub(super) fn walk(self, pool: &Pool<T>) -> Result<(Flow<T>, Vec<T>), Error> {
        let steps = self.blocks.steps.iter().zip(&self.stays);
        let staying = steps.filter(|(_, stays)| **stays);
        let full = staying.map(|(step, _)| (step.node, pool.take(step.shape)));
        let mut full: Vec<(usize, Tensor<T>)> = full.collect();
        let elements = full.iter_mut().map(|(_, full)| unique(full));
        let parts = self.blocks.parts(self.height, elements);
        let staying = parts.iter().flat_map(|(_, full)| full);
        let past = staying.map(|full| size_of_val(*full)).sum::<usize>() > PAST;
        let walked = each(pool, parts, |pool, rows, full| {
            self.part(pool, rows, full, past)
        });
        let (mut flowed, mut terms) = (vec![false; self.stays.len()], Vec::new());
        for part in walked {
            let (part, of_sum) = part?;
            terms.extend(of_sum);
            let both = flowed.iter_mut().zip(part);
            both.for_each(|(all, part)| *all |= part);
        }
        let (mut shares, mut pullbacks) = (Vec::new(), 0);
        let mut full = full.into_iter();
        for ((step, &stays), &flowed) in self.blocks.steps.iter().zip(&self.stays).zip(&flowed) {
            pullbacks += usize::from(flowed && step.op.is_some());
            let full = stays.then(|| full.next().expect("each that stays has one"));
            match full {
                Some((node, full)) if flowed => shares.push((node, Some(full))),
                Some((_, full)) => pool.put(full),
                None if flowed => shares.push((step.node, None)),
                None => {}
            }
        }
        for earlier in self.earlier {
            if let Cotangent::Sum(sum) = earlier {
                pool.put(sum);
            }
        }
        Ok((Flow { shares, pullbacks }, terms))
    }

    /// Walks over the blocks of some rows and writes the cotangents that stay into `full`, bypassing the caches if
    /// `past`; returns into which steps anything has flowed, and the terms of the sum.
    fn part(
        &self,
        pool: &Pool<T>,
        rows: Range<usize>,
        mut full: Vec<&mut [T]>,
        past: bool,
    ) -> Result<(Vec<bool>, Vec<T>), Error> {
        let (mut flowed, mut terms) = (vec![false; self.stays.len()], Vec::new());
        let far = past || full.iter().any(|full| size_of_val(*full) > FAR);
        let height = self.height.min(rows.len());
        let block_of = |full: &&mut [T]| pool.take(&[full.len() / rows.len() * height].into());
        let mut near: Vec<Tensor<T>> = full.iter().filter(|_| far).map(block_of).collect();
        for start in rows.clone().step_by(self.height) {
            let rows = start..rows.end.min(start + self.height);
            let soon = self.soon(&rows, full.first());
            let block = soon.during(|| self.blocks.block(pool, rows.clone(), true));
            if self.summed {
                block.add_terms(&mut terms);
            }
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
                    let near = &near.data()[..now.len()];
                    match past {
                        true => T::copy_past(near, now),
                        false => now.copy_from_slice(near),
                    }
                }
            } else {
                self.collect(pool, &block, rows, now, &mut flowed)?;
            }
            block.recycle(pool);
        }
        near.into_iter().for_each(|near| pool.put(near));
        Ok((flowed, terms))
    }

    /// The memory to prefetch during the forward over some rows: the cotangent that the walk back reads first, and the
    /// place where it writes the first cotangent that stays, which is where `full` begins. If it reads no cotangent,
    /// the operands of the next rows.
    ///
    /// Above [`FAR`], the place is not prefetched: fetching memory that is only written costs as much as another copy,
    /// on two threads a tenth of softmax and its VJP at 4096x4096.
    fn soon(&self, rows: &Range<usize>, full: Option<&&mut [T]>) -> Soon {
        let Some(Cotangent::Sum(all)) = self.earlier.last() else {
            return self.blocks.soon(rows.end, rows.len());
        };
        let width = all.len() / self.blocks.rows;
        let g = &all.data()[rows.start * width..rows.end * width];
        let near = full.filter(|_| size_of_val(all.data()) <= FAR);
        match near.and_then(|full| full.get(..g.len())) {
            Some(near) => Soon::new(&[g, near]),
            None => Soon::new(&[g]),
        }
    }

    /// Walks over one block and writes the cotangents that stay into `places`.
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

    /// Applies the pullbacks of one block; the cotangents that stay are gathered in their collectors.
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
                seen: false,
            };
            let heir = pullback.apply(pool, &mut cotangents, collectors, &g, |_, _| ())?;
            pass_on(pool, &mut cotangents, heir, g);
        }
        Ok(())
    }
}

fn copied<T: Elem>(pool: &Pool<T>, shape: &Shape, elements: &[T]) -> Tensor<T> {
    let mut copy = pool.take(shape);
    unique(&mut copy).copy_from_slice(elements);
    copy
}
