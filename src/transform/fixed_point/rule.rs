//! The rule of a fixed point.

use std::cell::RefCell;
use std::fmt;

use super::{FixedPoint, NAME, convergence};
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tape::Tape;
use crate::tensor::{Shape, Tensor};
use crate::transform::arguments::Leaf;
use crate::transform::output::pull;
use crate::var::{Handle, Var};

/// One step: takes the handles of the state and of the parameters, returns that of the next state.
type Step<T> =
    Box<dyn for<'a> Fn(&'a Tape<T>, &[Handle<'a, T>]) -> Result<Var<'a, Tensor<T>>, Error> + Send>;

/// The handles of state and parameters, and that of the next state.
type Recorded<'a, T> = (Vec<Handle<'a, T>>, Var<'a, Tensor<T>>);

/// `y = f(y, p)`; the operands are the parameters.
pub(in crate::transform) struct Implicit<T: Elem> {
    pub(super) step: Step<T>,
    /// Which of the state and the parameters are numbers.
    pub(super) scalars: Vec<bool>,
    pub(super) start: Tensor<T>,
    /// The solution that was found before recording, until the tape takes it.
    pub(super) ahead: RefCell<Option<Tensor<T>>>,
    pub(super) options: FixedPoint,
}

impl<T: Elem> fmt::Debug for Implicit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Implicit")
            .field("start", &self.start)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<T: Elem> Implicit<T> {
    fn record<'a>(
        &self,
        tape: &'a Tape<T>,
        y: &Tensor<T>,
        x: &[&Tensor<T>],
    ) -> Result<Recorded<'a, T>, Error> {
        let values = std::iter::once(y).chain(x.iter().copied());
        let leaves = values.zip(&self.scalars).map(|(value, &scalar)| Leaf {
            value: value.clone(),
            scalar,
        });
        let handles: Vec<_> = leaves.map(|leaf| leaf.enter(tape)).collect();
        let next = (self.step)(tape, &handles)?;
        if next.shape() != *y.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op: NAME,
                what: "the step's result",
                found: next.shape(),
                expected: y.shape().clone(),
            }));
        }
        Ok((handles, next))
    }

    pub(super) fn iterate(&self, x: &[&Tensor<T>]) -> Result<Tensor<T>, Error> {
        let mut tape = Tape::default();
        let marked = convergence::is_marked(x);
        convergence::iterate(self.options, marked, self.start.clone(), |y| {
            tape.reset();
            Ok(self.record(&tape, y, x)?.1.value())
        })
    }

    fn pull(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) -> Result<(), Error> {
        let tape = Tape::default();
        let (handles, y) = self.record(&tape, at.y, at.x)?;
        let pulled = |w: &Tensor<T>| pull(NAME, y, w.clone(), &handles);
        let w = convergence::resolve(g, is_marked(at), |w| Ok(pulled(w)?.swap_remove(0)))?;
        for (slot, gp) in gx.iter_mut().zip(pulled(&w)?.into_iter().skip(1)) {
            if slot.wanted() {
                slot.share(&gp);
            }
        }
        Ok(())
    }
}

impl<T: Elem> Rule<T> for Implicit<T> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.start.shape().clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let ahead = self.ahead.take().map(Ok);
        // There is none when new leaf values are replayed.
        match ahead.unwrap_or_else(|| self.iterate(x)) {
            Ok(solution) => y.share(&solution),
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
        let tape = Tape::default();
        let (handles, y) = self.record(&tape, at.y, at.x)?;
        let pushed = |directions: &[(usize, &Tensor<T>)]| {
            let mut walk = tape.forward();
            for &(k, t) in directions {
                walk = walk.toward(handles[k], t.clone())?;
            }
            Ok(walk.try_walk()?.of(y))
        };
        let given = t.iter().enumerate();
        let given: Vec<_> = given.filter_map(|(k, t)| Some((k + 1, (*t)?))).collect();
        let direct: Tensor<T> = pushed(&given)?;
        let solved = convergence::resolve(&direct, is_marked(at), |w| pushed(&[(0, w)]))?;
        ty.share(&solved);
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT
    }
}

/// Whether tangents at a point are not finite.
fn is_marked<T: Elem>(at: &Point<'_, T>) -> bool {
    convergence::is_marked(at.x) || convergence::is_marked(&[at.y])
}
