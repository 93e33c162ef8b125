//! `Blocks`: nodes of a run, evaluated one block of rows after another.
//!
//! A block is small enough that all its intermediates stay in the cache. Here is how values are computed;
//! the reverse walk over a block is in `backward`.

use std::ops::Range;
use std::panic::Location;

use smallvec::SmallVec;

use super::guard;
use super::node::{Kind, Node};
use super::pool::{Pool, unique};
use super::rule::{Residual, Rule, Slot};
use super::run::is_cut;
use crate::kernel::reduce::{self, BLOCK};
use crate::kernel::{Elem, Soon, threads};
use crate::tensor::{Shape, Tensor};

/// Some nodes of a run and what they read from outside it, in the order of recording.
pub(crate) struct Blocks<'a, T> {
    pub(crate) steps: Vec<Step<'a, T>>,
    /// How many rows there are: the product of the sizes of the leading axes.
    pub(crate) rows: usize,
    /// How many leading axes there are.
    axes: usize,
}

/// One of these nodes.
pub(crate) struct Step<'a, T> {
    /// Its index on the tape.
    pub(crate) node: usize,
    pub(crate) shape: &'a Shape,
    /// Whether a block sees only its own rows; an operand that is broadcast along the rows is taken whole.
    pub(crate) cut: bool,
    /// The value, if it need not be computed.
    given: Option<&'a Tensor<T>>,
    /// Whether the value is read.
    read: bool,
    /// The operation, if it is computed or pulled back.
    pub(crate) op: Option<Op<'a, T>>,
}

/// The operation of a step.
pub(crate) struct Op<'a, T> {
    pub(crate) rule: &'a (dyn Rule<T> + Sync),
    /// The steps that are its operands, and whether the cotangent of each is needed.
    pub(crate) inputs: SmallVec<[(usize, bool); 2]>,
    pub(crate) line: &'static Location<'static>,
}

/// What the steps give for one block.
pub(crate) struct Block<T> {
    pub(crate) values: Vec<Tensor<T>>,
    pub(crate) kept: Vec<Residual<T>>,
}

impl<'a, T: Elem> Blocks<'a, T> {
    /// The steps that compute the `wanted` nodes of a run and pull cotangents back through those that are
    /// `pulled`; both lists count from the run's `first` node.
    pub(crate) fn new(
        nodes: &'a [Node<T>],
        first: usize,
        mut wanted: Vec<bool>,
        pulled: &[bool],
    ) -> Self {
        let place = nodes[first].place.as_ref();
        let (run, axes) = (nodes[first].run(), place.expect("a run has places").axes);
        let is_pulled = |k: usize| pulled.get(k - first).copied().unwrap_or(false);
        // What a forward kept cannot be cut into blocks, so the forward runs again.
        let computes = |k: usize| {
            let known = nodes[k].known().is_some();
            !known || is_pulled(k) && nodes[k].residual.get().is_some()
        };
        let works = |k: usize| nodes[k].run() == run && (computes(k) || is_pulled(k));
        let mut places: Vec<(usize, bool)> = Vec::new();
        for k in (first..first + wanted.len()).rev() {
            wanted[k - first] |= is_pulled(k);
            if !wanted[k - first] {
                continue;
            }
            places.push((k, true));
            for id in nodes[k].inputs().iter().filter(|_| works(k)) {
                let operand = &nodes[id.index()];
                match operand.run() == run {
                    true => wanted[id.index() - first] = true,
                    false => {
                        let cut = is_cut(operand.shape(), nodes[k].shape(), axes);
                        places.push((id.index(), cut));
                    }
                }
            }
        }
        places.sort_unstable();
        places.dedup();
        let place = |operand: usize, of: &Node<T>| {
            let cut = is_cut(nodes[operand].shape(), of.shape(), axes);
            let found = places.binary_search(&(operand, cut));
            let found = found.expect("what an operation reads was listed above");
            (found, nodes[operand].active())
        };
        let op = |k: usize| {
            let node = &nodes[k];
            let Kind::Op { rule, inputs } = &node.kind else {
                unreachable!("a run holds operations")
            };
            let operands = || inputs.iter().map(|id| &nodes[id.index()]);
            let shapes: SmallVec<[&Shape; 2]> = operands().map(Node::shape).collect();
            Op {
                rule: rule
                    .rowwise(&shapes, axes)
                    .expect("it was so when it joined"),
                inputs: inputs.iter().map(|id| place(id.index(), node)).collect(),
                line: node.line,
            }
        };
        let step = |&(k, cut): &(usize, bool)| Step {
            node: k,
            shape: nodes[k].shape(),
            cut,
            given: nodes[k].known().filter(|_| !works(k) || !computes(k)),
            read: true,
            op: works(k).then(|| op(k)),
        };
        let mut steps: Vec<Step<'_, T>> = places.iter().map(step).collect();
        // The last step may be needed for its pullback alone.
        if let Some(last) = steps.last_mut()
            && let (true, Some(op)) = (is_pulled(last.node), &last.op)
        {
            let keeps = op.rule.keeps();
            last.read = keeps.output || keeps.residual;
        }
        Self {
            steps,
            rows: nodes[first].shape()[..axes].iter().product(),
            axes,
        }
    }

    /// The shape of `rows` rows of a tensor: they are laid along the last leading axis.
    fn shape(&self, whole: &Shape, rows: usize) -> Shape {
        if rows == self.rows {
            return whole.clone();
        }
        let mut sizes: SmallVec<[usize; 4]> = whole[..].into();
        sizes[..self.axes].fill(1);
        sizes[self.axes - 1] = rows;
        Shape::new(&sizes)
    }

    /// Some rows of a tensor, on the same buffer.
    pub(crate) fn cut(&self, x: &Tensor<T>, rows: Range<usize>) -> Tensor<T> {
        let (width, shape) = (x.len() / self.rows, self.shape(x.shape(), rows.len()));
        x.part(rows.start * width..rows.end * width, shape)
    }

    /// What `rows` rows from `start` on are computed from; nothing if there are fewer rows.
    pub(crate) fn soon(&self, start: usize, rows: usize) -> Soon {
        if start + rows > self.rows {
            return Soon::default();
        }
        let cut = self.steps.iter().filter(|step| step.cut);
        let part = |x: &'a Tensor<T>| {
            let width = x.len() / self.rows;
            &x.data()[start * width..(start + rows) * width]
        };
        let parts: SmallVec<[&[T]; 4]> = cut.filter_map(|step| step.given).map(part).collect();
        Soon::new(&parts)
    }

    /// How many rows a block has, if `copies` of each step are to fit into `cache` bytes.
    pub(crate) fn height(&self, cache: usize, copies: usize) -> usize {
        let cut = self.steps.iter().filter(|step| step.cut);
        let row: usize = cut.map(|step| step.shape.elements() / self.rows).sum();
        cache / (row * copies * size_of::<T>()).max(1)
    }

    /// The values of all steps for some rows; `pulled` tells whether pullbacks follow.
    pub(crate) fn block(&self, pool: &Pool<T>, rows: Range<usize>, pulled: bool) -> Block<T> {
        let mut values: Vec<Tensor<T>> = Vec::with_capacity(self.steps.len());
        let mut kept = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let mut residual = Residual::default();
            values.push(match (step.given, &step.op) {
                (Some(value), _) if step.cut => self.cut(value, rows.clone()),
                (Some(value), _) => value.clone(),
                (None, Some(op)) => {
                    let x: SmallVec<[&Tensor<T>; 2]> =
                        op.inputs.iter().map(|&(at, _)| &values[at]).collect();
                    let shape = self.shape(step.shape, rows.len());
                    let mut y = Slot::new(pool, &shape, true);
                    match pulled {
                        // NaN, so that a rule that reads it after all is found out.
                        true if !step.read => y.fill().fill(T::nan()),
                        _ => guard::forward(op.rule, &x, &mut y, &mut residual, pulled),
                    }
                    y.dense().unwrap_or_else(|fault| {
                        let line = Some(op.line);
                        panic!("{}", fault.error(op.rule.name(), "the output", line))
                    })
                }
                (None, None) => unreachable!("a value is given or computed"),
            });
            kept.push(residual);
        }
        Block { values, kept }
    }

    /// The value of the last step, and what its forward kept.
    pub(super) fn value(&self, pool: &Pool<T>, cache: usize) -> (Tensor<T>, Residual<T>) {
        let ops = self.steps.iter().filter(|step| step.op.is_some()).count();
        let height = match ops {
            1 => self.rows,
            _ => self.height(cache, 1).clamp(1, self.rows),
        };
        if height == self.rows {
            let mut all = self.block(pool, 0..self.rows, false);
            let last = (all.values.pop(), all.kept.pop());
            all.recycle(pool);
            return (
                last.0.expect("the last step"),
                last.1.expect("the last step"),
            );
        }
        let shape = self.steps.last().expect("the last step").shape;
        let mut value = pool.take(shape);
        let elements = unique(&mut value);
        let parts = self.parts(height, std::iter::once(elements));
        let kept = each(pool, parts, |pool, rows, mut parts| {
            let mut kept = Residual::default();
            let mut rest = parts.pop().expect("the part of the value");
            for start in rows.clone().step_by(height) {
                let mut block = self.block(pool, start..rows.end.min(start + height), false);
                let last = block.values.last().expect("the last step").data();
                let (now, later) = rest.split_at_mut(last.len());
                now.copy_from_slice(last);
                rest = later;
                let mut last = block.kept.pop().expect("the last step");
                kept.values.append(&mut last.values);
                kept.indices.append(&mut last.indices);
                block.recycle(pool);
            }
            kept
        });
        let kept = kept.into_iter().reduce(|mut all, part| {
            all.values.extend(part.values);
            all.indices.extend(part.indices);
            all
        });
        (value, kept.unwrap_or_default())
    }

    /// The sum of all elements of the last step, without keeping any; `None` if blocks that fit into the cache are too
    /// short to end where those of the sum do.
    pub(super) fn total(&self, pool: &Pool<T>, cache: usize) -> Option<T> {
        let height = self.height_for_sum(cache, 1)?;
        let terms = each(pool, self.parts(height, []), |pool, rows, _| {
            let mut terms = Vec::new();
            for start in rows.clone().step_by(height) {
                let block = self.block(pool, start..rows.end.min(start + height), false);
                block.add_terms(&mut terms);
                block.recycle(pool);
            }
            terms
        });
        Some(reduce::total(terms.into_iter().flatten()))
    }

    /// [`height`](Self::height), rounded down so that blocks end where those of the sum over all elements do; `None` if
    /// that leaves no rows.
    pub(crate) fn height_for_sum(&self, cache: usize, copies: usize) -> Option<usize> {
        let width = self.steps.last().expect("the last step").shape.elements() / self.rows;
        let least = BLOCK >> width.trailing_zeros().min(BLOCK.ilog2());
        let height = match self.height(cache, copies) {
            rows if rows >= self.rows => self.rows,
            rows => rows / least * least,
        };
        (height > 0).then_some(height)
    }

    /// The same steps, with the value of the last one read in any case.
    pub(crate) fn with_last(mut self) -> Self {
        self.steps.last_mut().expect("the last step").read = true;
        self
    }

    /// Cuts the rows, and tensors with these rows, into parts of whole blocks, for threads to share.
    pub(crate) fn parts<'b>(
        &self,
        height: usize,
        tensors: impl IntoIterator<Item = &'b mut [T]>,
    ) -> Vec<(Range<usize>, Vec<&'b mut [T]>)> {
        let blocks = self.rows.div_ceil(height).div_ceil(threads::shares());
        let rows = blocks * height;
        let starts = (0..self.rows).step_by(rows);
        let mut parts: Vec<_> = starts
            .map(|start| (start..self.rows.min(start + rows), Vec::new()))
            .collect();
        for tensor in tensors {
            let width = tensor.len() / self.rows;
            for ((_, part), elements) in parts.iter_mut().zip(chunks(tensor, rows * width)) {
                part.push(elements);
            }
        }
        parts
    }
}

impl<T: Elem> Block<T> {
    /// Appends the terms that the last value contributes to the sum over all blocks.
    pub(crate) fn add_terms(&self, terms: &mut Vec<T>) {
        let last = self.values.last().expect("the last step");
        reduce::terms(last.data(), terms);
    }

    pub(crate) fn recycle(self, pool: &Pool<T>) {
        self.values.into_iter().for_each(|value| pool.put(value));
    }
}

/// Chunks of a tensor that may have no elements; in that case, as many empty chunks as requested.
fn chunks<T>(tensor: &mut [T], len: usize) -> impl Iterator<Item = &mut [T]> {
    let mut rest = tensor;
    std::iter::from_fn(move || {
        let at = len.min(rest.len());
        let (now, later) = std::mem::take(&mut rest).split_at_mut(at);
        rest = later;
        Some(now)
    })
}

/// Runs `f` for every part, on several threads if there are several parts; each has its own pool.
pub(crate) fn each<T: Elem, P: Send, R: Send>(
    pool: &Pool<T>,
    mut parts: Vec<(Range<usize>, P)>,
    f: impl Fn(&Pool<T>, Range<usize>, P) -> R + Sync + Send,
) -> Vec<R> {
    if parts.len() == 1 || threads::count() == 1 {
        let part = |(rows, part)| f(pool, rows, part);
        return parts.drain(..).map(part).collect();
    }
    pool.with_helpers(threads::count() + 1, |helpers| {
        threads::map(parts, |(rows, part)| {
            match helpers[threads::number()].try_lock() {
                Ok(pool) => f(&pool, rows, part),
                // A thread that waits within one part may begin another.
                Err(_) => f(&Pool::default(), rows, part),
            }
        })
    })
}
