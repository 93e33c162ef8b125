//! Names of nodes that outlive their handles: how they are found again, and the replay that gives leaves new values.

use super::{Value, Var};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::{Id, Kind, NodeId, Tape};
use crate::tensor::Tensor;

impl<T: Elem> Tape<T> {
    /// The handle of a node that was named by [`Var::id`].
    ///
    /// # Panics
    /// If the id was taken before the last reset, or on another tape.
    #[track_caller]
    pub fn handle<V: Value<Elem = T>>(&self, id: Id<V>) -> Var<'_, V> {
        self.try_handle(id).or_panic()
    }

    /// [`handle`](Self::handle), with a stale id as an [`Error`].
    ///
    /// # Errors
    /// If the id was taken before the last reset, or on another tape.
    pub fn try_handle<V: Value<Elem = T>>(&self, id: Id<V>) -> Result<Var<'_, V>, Error> {
        self.check_id("handle", id)?;
        Ok(V::handle(self, id.index))
    }

    /// Runs the recorded tensor operations again on new leaf values, in the same buffers.
    ///
    /// Takes `&mut self`, so no handle with an old value survives: name nodes with [`Var::id`] before
    /// and find them with [`handle`](Self::handle) afterwards. Constants keep their values, and so does
    /// what a closure made of a [`value`](Var::value), such as the mask of a `where_`.
    ///
    /// # Errors
    /// If scalar arithmetic was recorded between nodes (scalar nodes keep only slopes), if a value that
    /// depends on a leaf was detached (it would stay as it was), if an id is stale or does not name a
    /// leaf, if the shape of a value differs from that of its leaf, or if an operation refuses what the
    /// new values lead to, as recording it would: a singular matrix, or a
    /// [`fixed_point`](crate::transform::fixed_point) that is not reached. In each case the tape is as it was
    /// before. After a refusal by an operation, all of them are run again on the old values; one that then
    /// refuses those as well, because it does not compute the same each time, leaves NaN as its result and as
    /// that of every operation after it, except those that are put off again and compute from what they read.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = (x * x).sum();
    /// let (x, y) = (x.id()?, y.id()?);
    /// tape.replay([(x, Tensor::from([3.0, 4.0]))])?;
    /// assert_eq!(tape.handle(y).value(), 25.0);
    /// assert_eq!(tape.handle(y).backward().wrt(tape.handle(x)), Tensor::from([6.0, 8.0]));
    /// # Ok::<(), wengert::Error>(())
    /// ```
    pub fn replay<V: Value<Elem = T>>(
        &mut self,
        leaves: impl IntoIterator<Item = (Id<V>, V)>,
    ) -> Result<(), Error> {
        self.check_replayable()?;
        self.check_attached()?;
        let leaves: Vec<(Id<V>, V)> = leaves.into_iter().collect();
        // All ids are checked before any value is set, so that an error leaves the tape as it was.
        for (id, value) in &leaves {
            self.check_id("replay", *id)?;
            V::check_leaf(self, id.index, value)?;
        }
        let mut set = |(id, value): (Id<V>, V)| (id, V::set(self, id.index, value));
        let before: Vec<(Id<V>, V)> = leaves.into_iter().map(&mut set).collect();
        let done = self.rerun();
        if done.is_err() {
            // Backwards, since a leaf that is named twice has its old value in the first place.
            for (id, value) in before.into_iter().rev() {
                V::set(self, id.index, value);
            }
            let _ = self.rerun();
        }
        done
    }

    fn check_id<V>(&self, op: &'static str, id: Id<V>) -> Result<(), Error> {
        if id.stamp == self.stamp {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::StaleId { op }))
        }
    }

    /// Refuses a new value for a node that is not a leaf or whose shape differs.
    pub(crate) fn check_leaf_tensor(
        &self,
        op: &'static str,
        id: NodeId,
        value: &Tensor<T>,
    ) -> Result<(), Error> {
        let node = self.node(id);
        if !matches!(node.kind, Kind::Leaf) {
            return Err(Error::argument(
                op,
                format!(
                    "the node recorded at {} is not a leaf; name leaves only",
                    node.line
                ),
            ));
        }
        if node.shape() != value.shape() {
            return Err(Error::new(ErrorKind::Shape {
                op,
                what: "the value for a leaf",
                found: value.shape().clone(),
                expected: node.shape().clone(),
            }));
        }
        Ok(())
    }

    /// Refuses a new value for a scalar node that an operation computes.
    pub(crate) fn check_leaf_scalar(&self, op: &'static str, index: u32) -> Result<(), Error> {
        match self.element(index) {
            Some((id, _)) => Err(Error::argument(
                op,
                format!(
                    "the node recorded at {} is not a leaf; name leaves only",
                    self.node(id).line
                ),
            )),
            None => Ok(()),
        }
    }
}
