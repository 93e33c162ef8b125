//! How a chain is run and walked: one step at a time, each on a tape of its own.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::chain::{Chain, OP};
use super::revolve::split;
use super::stretch::{Operands, Stretch, check_same, not_the_same, pack};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tape::rule::{Point, Slot};
use crate::tape::{Held, NodeId, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// One step on a tape of its own.
pub(super) struct Step {
    /// The operands that are inputs of the step.
    pub(super) given: Vec<Option<NodeId>>,
    pub(super) state: NodeId,
    pub(super) output: NodeId,
    /// Counts what the recording keeps.
    _held: Held,
}

/// What a reverse walk over the chain carries from step to step.
struct Walk<'w, 'p, T: Elem> {
    stretch: Stretch<'p, T>,
    x: &'w [&'w Tensor<T>],
    /// The cotangent of the current state; none if it is zero.
    g: Option<Tensor<T>>,
    /// The cotangent of each operand so far.
    sums: Vec<Option<Tensor<T>>>,
    /// What the current step has to return.
    expected: Tensor<T>,
    /// The structure of the steps so far, and their number.
    structure: u64,
    steps: usize,
}

/// The structure of some steps and of step `k` on the tape: a sum, since they may come in any order.
pub(super) fn add<T: Elem>(structure: u64, k: usize, tape: &Tape<T>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (k, tape.structure()).hash(&mut hasher);
    structure.wrapping_add(hasher.finish())
}

impl<T: Elem, F> Chain<T, F>
where
    F: for<'s> Fn(usize, Var<'s, Tensor<T>>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>>,
{
    /// Resets the tape and records one step from a state.
    pub(super) fn record(
        &self,
        stretch: &mut Stretch<'_, T>,
        x: &[&Tensor<T>],
        state: &Tensor<T>,
        k: usize,
    ) -> Result<Step, Error> {
        stretch.tape.reset();
        let Operands { places, active } = &self.operands;
        let seen = |at: usize| {
            places
                .contains(&at)
                .then(|| stretch.enter(x[at], active[at]))
        };
        let given: Vec<Option<NodeId>> = (0..x.len()).map(seen).collect();
        // If the first state is an input too, the first step sees one leaf in both places.
        let state = match (k, given[0]) {
            (0, Some(both)) => both,
            (0, None) => stretch.enter(state, active[0]),
            _ => stretch.enter(state, true),
        };
        let tape = &stretch.tape;
        let input = |&at: &usize| Var::of_node(tape, given[at].expect("an input is seen"));
        let inputs: Vec<_> = places.iter().map(input).collect();
        let y = (self.step)(k, Var::of_node(tape, state), &inputs);
        if !y.tape().is(tape) {
            return Err(Error::new(ErrorKind::OtherTape { op: OP }));
        }
        let mut entered: Vec<NodeId> = given.iter().copied().flatten().collect();
        if !entered.contains(&state) {
            entered.push(state);
        }
        // One more state, before or after the step, is held as well, unless it is the outer tape's.
        let more = size_of_val(y.value().data()) * usize::from(k + 1 < self.steps);
        Ok(Step {
            given,
            state,
            output: y.repr,
            _held: stretch.hold(&entered, more),
        })
    }

    /// The last state, and the structure of all steps.
    pub(super) fn run(
        &self,
        stretch: &mut Stretch<'_, T>,
        x: &[&Tensor<T>],
    ) -> Result<(Tensor<T>, u64), Error> {
        let mut structure = 0;
        let mut look = |k: usize, tape: &Tape<T>| structure = add(structure, k, tape);
        let y = self.advance(stretch, x, x[0].clone(), 0..self.steps, &mut look)?;
        Ok((y, structure))
    }

    /// Refuses steps that recorded other ops than in the first run.
    pub(super) fn check_structure(&self, at: &Point<'_, T>, structure: u64) -> Result<(), Error> {
        if pack(structure) == at.kept.indices[..] {
            return Ok(());
        }
        let differs = "a step records other ops";
        Err(not_the_same(OP, "the closure", self.line, differs))
    }

    /// The state after some steps, of which nothing is kept; `look` sees each recording.
    fn advance(
        &self,
        stretch: &mut Stretch<'_, T>,
        x: &[&Tensor<T>],
        mut state: Tensor<T>,
        steps: std::ops::Range<usize>,
        look: &mut dyn FnMut(usize, &Tape<T>),
    ) -> Result<Tensor<T>, Error> {
        for k in steps {
            let step = self.record(stretch, x, &state, k)?;
            look(k, &stretch.tape);
            let next = stretch.tape.value_of(step.output).clone();
            stretch.tape.reset();
            stretch.tape.pool.put(std::mem::replace(&mut state, next));
        }
        Ok(state)
    }

    /// Walks steps `from..to` backward, with at most `room` states kept, the one at `from` included.
    ///
    /// Recurses into the later part of each split, so never deeper than the budget.
    fn reverse(
        &self,
        walk: &mut Walk<'_, '_, T>,
        state: &Tensor<T>,
        from: usize,
        mut to: usize,
        room: usize,
    ) -> Result<(), Error> {
        while to - from > 1 {
            let middle = from + split(to - from, room);
            let Walk { stretch, x, .. } = walk;
            let later = self.advance(stretch, x, state.clone(), from..middle, &mut |_, _| ())?;
            (from..middle).for_each(|_| self.meter.run());
            let held = self.meter.hold(size_of_val(later.data()));
            self.reverse(walk, &later, middle, to, (room - 1).max(1))?;
            drop(held);
            walk.stretch.tape.pool.put(later);
            to = middle;
        }
        self.walk_one(walk, state, from)
    }

    fn walk_one(
        &self,
        walk: &mut Walk<'_, '_, T>,
        state: &Tensor<T>,
        k: usize,
    ) -> Result<(), Error> {
        let Some(g) = walk.g.take() else {
            return Ok(());
        };
        let step = self.record(&mut walk.stretch, walk.x, state, k)?;
        self.meter.run();
        let stretch = &walk.stretch;
        let what = format!("step {k} of the closure");
        let again = stretch.tape.value_of(step.output).clone();
        check_same(OP, &what, self.line, &walk.expected, &again)?;
        walk.structure = add(walk.structure, k, &stretch.tape);
        walk.steps += 1;
        walk.expected = state.clone();
        let seen = step.given.iter().enumerate();
        let active: Vec<(usize, NodeId)> = seen
            .filter_map(|(at, leaf)| leaf.map(|leaf| (at, leaf)))
            .filter(|&(at, _)| self.operands.active[at])
            .collect();
        let mut leaves: Vec<_> = active
            .iter()
            .map(|&(at, leaf)| (leaf, walk.sums[at].take()))
            .collect();
        let apart = !active.iter().any(|&(_, leaf)| leaf == step.state);
        if apart {
            // In the first step the state is the first operand, which starts with what it has received.
            let earlier = if k == 0 { walk.sums[0].take() } else { None };
            leaves.push((step.state, earlier));
        }
        stretch.walk(step.output, &g, &mut leaves)?;
        stretch.tape.pool.put(g);
        if apart {
            let (_, sum) = leaves.pop().expect("it was pushed above");
            if k == 0 {
                walk.sums[0] = sum;
            } else {
                walk.g = sum;
            }
        }
        for ((at, _), (_, sum)) in active.into_iter().zip(leaves) {
            walk.sums[at] = sum;
        }
        Ok(())
    }

    pub(super) fn pull(
        &self,
        at: &Point<'_, T>,
        g: &Tensor<T>,
        gx: &mut [Slot<'_, T>],
    ) -> Result<(), Error> {
        let mut walk = Walk {
            stretch: Stretch::new(gx[0].pool(), &self.meter),
            x: at.x,
            g: Some(g.clone()),
            sums: gx.iter_mut().map(Slot::take_earlier).collect(),
            expected: at.y.clone(),
            structure: 0,
            steps: 0,
        };
        self.reverse(&mut walk, at.x[0], 0, self.steps, self.budget)?;
        // If a cotangent vanished, the steps before it were not run.
        if walk.steps == self.steps {
            self.check_structure(at, walk.structure)?;
        }
        for (gx, sum) in gx.iter_mut().zip(walk.sums) {
            gx.put_sum(sum);
        }
        Ok(())
    }
}
