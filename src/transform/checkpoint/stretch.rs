//! The tape on which a stretch is run again, with buffers lent by the tape that it belongs to.

use std::panic::Location;

use smallvec::SmallVec;

use crate::backward::pull;
use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tape::{Held, Meter, NodeId, Pool, Tape};
use crate::tensor::Tensor;
use crate::var::Var;

/// What a checkpoint knows of its operands.
#[derive(Clone, Debug)]
pub(super) struct Operands {
    /// For each handle that the closure sees, which operand it is; handles may repeat.
    pub(super) places: SmallVec<[usize; 4]>,
    /// For each operand whether its gradient is wanted.
    pub(super) active: SmallVec<[bool; 4]>,
}

impl Operands {
    /// The distinct nodes among some handles, and what is known of them.
    ///
    /// # Errors
    /// If a handle lives on another tape.
    pub(super) fn new<T: Elem>(
        op: &'static str,
        tape: &Tape<T>,
        handles: &[Var<'_, Tensor<T>>],
    ) -> Result<(SmallVec<[NodeId; 2]>, Self), Error> {
        let mut ids: SmallVec<[NodeId; 2]> = SmallVec::new();
        let mut places = SmallVec::new();
        for handle in handles {
            if !handle.tape().is(tape) {
                return Err(Error::new(ErrorKind::OtherTape { op }));
            }
            let known = ids.iter().position(|&id| id == handle.repr);
            places.push(known.unwrap_or_else(|| {
                ids.push(handle.repr);
                ids.len() - 1
            }));
        }
        let active = ids.iter().map(|&id| tape.node(id).active()).collect();
        Ok((ids, Self { places, active }))
    }
}

/// A tape that is reset and gives its buffers back on drop.
pub(super) struct Stretch<'p, T: Elem> {
    pub(super) tape: Tape<T>,
    lender: &'p Pool<T>,
}

impl<'p, T: Elem> Stretch<'p, T> {
    pub(super) fn new(lender: &'p Pool<T>, meter: &Meter) -> Self {
        let tape = Tape {
            meter: meter.clone(),
            ..Tape::default()
        };
        tape.pool.swap(lender);
        Self { tape, lender }
    }

    /// Enters an operand: as a leaf if its gradient is wanted, else as a constant.
    #[track_caller]
    pub(super) fn enter(&self, x: &Tensor<T>, active: bool) -> NodeId {
        if active {
            self.tape.leaf(x.clone())
        } else {
            self.tape.fixed(x.clone())
        }
    }

    /// Counts what the recording keeps beyond the operands it was given, plus `more` bytes.
    pub(super) fn hold(&self, given: &[NodeId], more: usize) -> Held {
        let bytes = |&id: &NodeId| self.tape.node(id).bytes();
        let given: usize = given.iter().map(bytes).sum();
        self.tape.meter.hold(self.tape.bytes() - given + more)
    }

    /// Walks from the output to some leaves and adds to what they have received.
    ///
    /// The leaves start with their earlier cotangents, so that the sums have the order, and hence the
    /// bits, that they would have on a single tape.
    ///
    /// # Errors
    /// If a rule involved refuses.
    pub(super) fn walk(
        &self,
        output: NodeId,
        g: &Tensor<T>,
        leaves: &mut [(NodeId, Option<Tensor<T>>)],
    ) -> Result<(), Error> {
        let mut seeds = Vec::with_capacity(leaves.len() + 1);
        for (leaf, sum) in leaves.iter_mut() {
            seeds.extend(sum.take().map(|sum| (*leaf, sum)));
        }
        seeds.push((output, g.clone()));
        let mut grads = pull(&self.tape, &[], seeds)?;
        for (leaf, sum) in leaves.iter_mut() {
            let cotangent = grads.lists_mut().cotangents.get_mut(leaf.index());
            *sum = cotangent
                .and_then(|cotangent| cotangent.take(|_| unreachable!("a leaf has a sum")));
        }
        Ok(())
    }
}

impl<T: Elem> Drop for Stretch<'_, T> {
    fn drop(&mut self) {
        self.tape.reset();
        self.tape.pool.swap(self.lender);
    }
}

/// Refuses a second run whose result differs from the first.
///
/// # Errors
/// If the shape or any number differs.
pub(super) fn check_same<T: Elem>(
    op: &'static str,
    what: &str,
    line: &Location<'_>,
    first: &Tensor<T>,
    again: &Tensor<T>,
) -> Result<(), Error> {
    let differs = if first.shape() != again.shape() {
        format!("shape {} at first, {} now", first.shape(), again.shape())
    } else {
        let mut pairs = first.iter().zip(again.iter());
        match pairs.position(|(&a, &b)| !a.same(b)) {
            None => return Ok(()),
            Some(k) => format!(
                "element {k} was {} at first and is {} now",
                first.data()[k],
                again.data()[k]
            ),
        }
    };
    Err(not_the_same(op, what, line, &differs))
}

/// The error for a closure that does not do the same each time.
pub(super) fn not_the_same(
    op: &'static str,
    what: &str,
    line: &Location<'_>,
    differs: &str,
) -> Error {
    Error::argument(
        op,
        format!(
            "{what} recorded at {}:{} does not do the same when it is run again ({differs}); it may depend on its inputs alone, so draw random numbers outside and pass them in",
            line.file(),
            line.line()
        ),
    )
}

/// A fingerprint in the form in which a residual keeps it.
pub(super) fn pack(structure: u64) -> [u32; 2] {
    [structure as u32, (structure >> 32) as u32]
}
