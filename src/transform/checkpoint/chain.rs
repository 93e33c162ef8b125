//! A chain of equal steps within a budget of states.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;

use super::reverse::add;
use super::revolve::no_budget;
use super::stretch::{Operands, Stretch, check_same, pack};
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tape::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::{Meter, Tape};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

pub(super) const OP: &str = "checkpoint_chain";

impl<T: Elem> Tape<T> {
    /// Runs `steps` equal steps from a first state and keeps at most `budget` states during a walk,
    /// including the first, where keeping them saves the most: the binomial schedule.
    ///
    /// ```text
    /// x_0 = state,   x_(k+1) = step(k, x_k, inputs),   y = x_steps
    /// ```
    /// `inputs` are what every step reads: parameters, for instance. The closure owns what it captures
    /// and must compute the same each time, as for [`checkpoint`](Self::checkpoint). Join a state of
    /// several tensors into one, by [`Var::concat`] or [`Var::stack`].
    ///
    /// # Gradient
    /// Bit for bit that of the same steps recorded on this tape.
    ///
    /// # Keeps
    /// Between forward and walk only the operands, the output and a fingerprint of what the steps
    /// recorded, so the memory of several chains on a tape does not add up. During the walk at most `budget`
    /// states, the current one, one to compare with, and the recording of one step;
    /// [`Tape::take_recomputation`] tells how many bytes they were.
    ///
    /// # Complexity
    /// A walk runs every step once to walk it, and
    /// [`advances(steps, budget)`](crate::transform::checkpoint::advances) steps to reach their states.
    ///
    /// # Panics
    /// If the budget is 0, or an operand, or what the closure returns, is a handle of another tape. A
    /// walk panics if a step, run again, computes something else or records other ops.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    /// use wengert::transform::checkpoint::advances;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.1, 0.2]));
    /// let rate = tape.var(Tensor::from([3.7]));
    /// let y = tape.checkpoint_chain(1000, 10, x, &[rate], |_, x, with| with[0] * x * (-x + 1.0));
    /// let grads = y.sum().backward();
    /// let cost = tape.take_recomputation();
    /// assert_eq!(cost.runs, advances(1000, 10) + 1000);
    /// assert!(cost.peak < 300); // bytes; on the tape it would be 72,000
    /// # let _ = grads;
    /// ```
    #[track_caller]
    pub fn checkpoint_chain<'t>(
        &'t self,
        steps: usize,
        budget: usize,
        state: Var<'t, Tensor<T>>,
        inputs: &[Var<'t, Tensor<T>>],
        step: impl for<'s> Fn(usize, Var<'s, Tensor<T>>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>>
        + Send
        + 'static,
    ) -> Var<'t, Tensor<T>> {
        self.try_checkpoint_chain(steps, budget, state, inputs, step)
            .or_panic()
    }

    /// [`checkpoint_chain`](Self::checkpoint_chain), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the budget is 0, or an operand, or what the closure returns, is a handle of another tape.
    #[track_caller]
    pub fn try_checkpoint_chain<'t>(
        &'t self,
        steps: usize,
        budget: usize,
        state: Var<'t, Tensor<T>>,
        inputs: &[Var<'t, Tensor<T>>],
        step: impl for<'s> Fn(usize, Var<'s, Tensor<T>>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>>
        + Send
        + 'static,
    ) -> Result<Var<'t, Tensor<T>>, Error> {
        if budget == 0 {
            return Err(no_budget(OP));
        }
        let handles: Vec<_> = std::iter::once(state)
            .chain(inputs.iter().copied())
            .collect();
        let (ids, mut operands) = Operands::new(OP, self, &handles)?;
        operands.places.remove(0);
        let chain = Chain {
            step,
            steps,
            budget,
            operands,
            line: Location::caller(),
            meter: self.meter.clone(),
            ahead: RefCell::default(),
        };
        let y = {
            let nodes = self.nodes.borrow();
            let x: Vec<&Tensor<T>> = ids.iter().map(|&id| self.evaluate(&nodes, id)).collect();
            let mut stretch = Stretch::new(&self.pool, &self.meter);
            chain.run(&mut stretch, &x)?
        };
        *chain.ahead.borrow_mut() = Some(y);
        Ok(Var::of_node(self, self.record(chain, &ids)?))
    }
}

/// Equal steps; the first operand is the first state, and any operand may be an input of the steps.
pub(super) struct Chain<T, F> {
    pub(super) step: F,
    pub(super) steps: usize,
    pub(super) budget: usize,
    pub(super) operands: Operands,
    pub(super) line: &'static Location<'static>,
    pub(super) meter: Meter,
    /// The first run's result and structure, until the tape takes them.
    ahead: RefCell<Option<(Tensor<T>, u64)>>,
}

impl<T, F> fmt::Debug for Chain<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({} steps, {})", self.steps, self.line)
    }
}

impl<T: Elem, F> Rule<T> for Chain<T, F>
where
    F: for<'s> Fn(usize, Var<'s, Tensor<T>>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>>
        + Send
        + 'static,
{
    fn name(&self) -> &'static str {
        OP
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        let ahead = self.ahead.borrow();
        let (y, _) = ahead.as_ref().expect("it is recorded after its first run");
        Ok(y.shape().clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        let ahead = self.ahead.borrow_mut().take().map(Ok);
        // There is none when new leaf values are replayed.
        let run = ahead.unwrap_or_else(|| self.run(&mut Stretch::new(y.pool(), &self.meter), x));
        match run {
            Ok((value, structure)) => {
                keep.indices.extend(pack(structure));
                y.share(&value);
            }
            Err(error) => y.refuse(error),
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        if self.steps == 0 {
            gx[0].share(g);
            gx[1..].iter_mut().for_each(Slot::zero);
        } else if let Err(error) = self.pull(at, g, gx) {
            gx.iter_mut().for_each(|gx| gx.refuse(error.clone()));
        }
    }

    /// Runs every step once, with its tangent: forward mode needs no state but the last.
    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let mut stretch = Stretch::new(ty.pool(), &self.meter);
        let (mut state, mut tangent) = (at.x[0].clone(), t[0].cloned());
        let mut structure = 0;
        for k in 0..self.steps {
            let step = self.record(&mut stretch, at.x, &state, k)?;
            structure = add(structure, k, &stretch.tape);
            self.meter.run();
            let tape = &stretch.tape;
            let inputs = step.given.iter().zip(t);
            let inputs = inputs.filter_map(|(leaf, t)| Some(((*leaf)?, (*t)?.clone())));
            // In the first step the state may be an input as well: one leaf, one tangent.
            let own = tangent.take().filter(|_| k > 0 || step.given[0].is_none());
            let mut walk = tape.forward();
            for (leaf, t) in inputs.chain(own.map(|t| (step.state, t))) {
                walk = walk.try_along(Var::of_node(tape, leaf), t)?;
            }
            let y = Var::of_node(tape, step.output);
            tangent = Some(walk.try_walk()?.of(y));
            state = y.value();
        }
        check_same(OP, "the closure", self.line, at.y, &state)?;
        self.check_structure(at, structure)?;
        match tangent {
            Some(t) => ty.share(&t),
            None => ty.zero(),
        }
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT.and_residual()
    }
}
