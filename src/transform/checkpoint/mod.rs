//! Checkpoints, which save memory by recomputation.
//!
//! A checkpointed stretch keeps only its inputs and its output, and runs again in the reverse walk
//! ([`Tape::checkpoint`]). A chain of equal steps keeps as many states as a budget allows, placed so that
//! the fewest steps run again ([`Tape::checkpoint_chain`]). Gradients are bit for bit those without
//! checkpoints. Which stretch to checkpoint is not decided here; [`Tape::bytes`] tells what one keeps.

mod chain;
mod reverse;
mod revolve;
mod stretch;

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;

use self::stretch::{Operands, Stretch, check_same, not_the_same, pack};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::{Held, Meter, NodeId, Tape};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

pub use revolve::advances;

const OP: &str = "checkpoint";

impl<T: Elem> Tape<T> {
    /// Runs a function of tensors and keeps only its inputs and its output; what it computes in between
    /// is discarded, and computed again when a walk needs it.
    ///
    /// ```text
    /// y = f(inputs)
    /// ```
    /// `f` gets a tape of its own and handles on it. It owns what it captures (clone tensors; they
    /// share their buffer), so a handle of this tape can enter only through `inputs`. It must compute the
    /// same from the same inputs. A second run is refused that differs in any bit of its result, or in its ops
    /// by name, operands and shapes; one that differs in an attribute alone, such as the bound of a clamp that
    /// holds nothing back, goes unnoticed. Scalars enter by [`Var::tensor`] and leave by [`Var::sum`].
    /// Checkpoints nest, and work for [`Dual`](crate::dual::Dual) elements as for any other.
    ///
    /// # Gradient
    /// That of `f`, bit for bit, from a recording made in the walk.
    ///
    /// # Keeps
    /// The inputs, the output, and a fingerprint of 8 bytes; while `f` runs, its recording as well, whose
    /// size [`Tape::take_recomputation`] tells.
    ///
    /// # Panics
    /// If an input, or what `f` returns, is a handle of another tape. A walk panics if a second run of `f`
    /// does not do the same.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.5, 1.0]));
    /// let y = tape.checkpoint(&[x], |_, x| x[0].sin().exp().tanh() * x[0]);
    /// let plain = x.sin().exp().tanh() * x;
    /// assert_eq!(y.sum().backward().wrt(x), plain.sum().backward().wrt(x));
    /// ```
    /// A handle of the outer tape cannot be captured:
    /// ```compile_fail
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (x, w) = (tape.var(Tensor::from([0.5])), tape.var(Tensor::from([2.0])));
    /// let y = tape.checkpoint(&[x], move |_, x| x[0] * w);
    /// ```
    #[track_caller]
    pub fn checkpoint<'t>(
        &'t self,
        inputs: &[Var<'t, Tensor<T>>],
        f: impl for<'s> Fn(&'s Tape<T>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>> + Send + 'static,
    ) -> Var<'t, Tensor<T>> {
        self.try_checkpoint(inputs, f).or_panic()
    }

    /// [`checkpoint`](Self::checkpoint), with a handle of another tape as an [`Error`].
    ///
    /// # Errors
    /// If an input, or what `f` returns, is a handle of another tape.
    #[track_caller]
    pub fn try_checkpoint<'t>(
        &'t self,
        inputs: &[Var<'t, Tensor<T>>],
        f: impl for<'s> Fn(&'s Tape<T>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>> + Send + 'static,
    ) -> Result<Var<'t, Tensor<T>>, Error> {
        let (ids, operands) = Operands::new(OP, self, inputs)?;
        let rule = Checkpoint {
            f,
            operands,
            line: Location::caller(),
            meter: self.meter.clone(),
            ahead: RefCell::default(),
        };
        let ahead = {
            let nodes = self.nodes.borrow();
            let x: Vec<&Tensor<T>> = ids.iter().map(|&id| self.evaluate(&nodes, id)).collect();
            let stretch = Stretch::new(&self.pool, &self.meter);
            let run = rule.run(&stretch, &x)?;
            (run.value(&stretch), run.structure)
        };
        *rule.ahead.borrow_mut() = Some(ahead);
        Ok(Var::of_node(self, self.record(rule, &ids)?))
    }
}

/// A function that is recorded on a tape of its own, whenever it is needed.
struct Checkpoint<T, F> {
    f: F,
    operands: Operands,
    line: &'static Location<'static>,
    meter: Meter,
    /// The first run's result and structure, until the tape takes them.
    ahead: RefCell<Option<(Tensor<T>, u64)>>,
}

impl<T, F> fmt::Debug for Checkpoint<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({})", self.line)
    }
}

/// One run of a checkpointed function.
struct Run {
    /// The operands.
    given: Vec<NodeId>,
    output: NodeId,
    structure: u64,
    /// Counts what the recording keeps.
    _held: Held,
}

impl Run {
    fn value<T: Elem>(&self, stretch: &Stretch<'_, T>) -> Tensor<T> {
        stretch.tape.value_of(self.output).clone()
    }
}

impl<T: Elem, F> Checkpoint<T, F>
where
    F: for<'s> Fn(&'s Tape<T>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>>,
{
    fn run(&self, stretch: &Stretch<'_, T>, x: &[&Tensor<T>]) -> Result<Run, Error> {
        let operands = x.iter().zip(&self.operands.active);
        let given: Vec<NodeId> = operands
            .map(|(x, &active)| stretch.enter(x, active))
            .collect();
        let tape = &stretch.tape;
        let places = self.operands.places.iter();
        let handles: Vec<_> = places
            .map(|&place| Var::of_node(tape, given[place]))
            .collect();
        let y = (self.f)(tape, &handles);
        if !y.tape().is(tape) {
            return Err(Error::new(ErrorKind::OtherTape { op: OP }));
        }
        // The result is read in any case; evaluated now, it counts among what is held.
        drop(tape.value_of(y.repr));
        Ok(Run {
            output: y.repr,
            structure: tape.structure(),
            _held: stretch.hold(&given, 0),
            given,
        })
    }

    /// A run that must repeat the first one exactly.
    fn run_again(&self, stretch: &Stretch<'_, T>, at: &Point<'_, T>) -> Result<Run, Error> {
        let run = self.run(stretch, at.x)?;
        self.meter.run();
        check_same(OP, "the closure", self.line, at.y, &run.value(stretch))?;
        if pack(run.structure) != at.kept.indices[..] {
            let differs = "it records other ops";
            return Err(not_the_same(OP, "the closure", self.line, differs));
        }
        Ok(run)
    }

    fn pull(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) -> Result<(), Error> {
        let stretch = Stretch::new(gx[0].pool(), &self.meter);
        let run = self.run_again(&stretch, at)?;
        let wanted = gx.iter_mut().zip(&run.given);
        let mut wanted: Vec<_> = wanted.filter(|(gx, _)| gx.wanted()).collect();
        let leaves = wanted.iter_mut();
        let mut leaves: Vec<_> = leaves
            .map(|(gx, leaf)| (**leaf, gx.take_earlier()))
            .collect();
        stretch.walk(run.output, g, &mut leaves)?;
        for ((gx, _), (_, sum)) in wanted.into_iter().zip(leaves) {
            gx.put_sum(sum);
        }
        Ok(())
    }
}

impl<T: Elem, F> Rule<T> for Checkpoint<T, F>
where
    F: for<'s> Fn(&'s Tape<T>, &[Var<'s, Tensor<T>>]) -> Var<'s, Tensor<T>> + Send + 'static,
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
        if let Some((value, structure)) = self.ahead.borrow_mut().take() {
            keep.indices.extend(pack(structure));
            y.share(&value);
            return;
        }
        // A replay, on new leaf values.
        let stretch = Stretch::new(y.pool(), &self.meter);
        match self.run(&stretch, x) {
            Ok(run) => {
                keep.indices.extend(pack(run.structure));
                y.share(&run.value(&stretch));
            }
            Err(error) => y.refuse(error),
        }
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        if let Err(error) = self.pull(at, g, gx) {
            gx.iter_mut().for_each(|gx| gx.refuse(error.clone()));
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let stretch = Stretch::new(ty.pool(), &self.meter);
        let run = self.run_again(&stretch, at)?;
        let mut walk = stretch.tape.forward();
        for (&leaf, t) in run.given.iter().zip(t) {
            if let Some(t) = t {
                walk = walk.try_along(Var::of_node(&stretch.tape, leaf), (*t).clone())?;
            }
        }
        let tangents = walk.try_walk()?;
        ty.share(&tangents.of(Var::of_node(&stretch.tape, run.output)));
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT.and_residual()
    }
}
