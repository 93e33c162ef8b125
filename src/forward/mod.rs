//! The forward walk: tangents flow from leaves to everything that depends on them.
//!
//! It runs over a recorded tape with each rule's pushforward, which is how a rule's JVP is checked
//! against its VJP.

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::rule::{Point, Residual, Slot};
use crate::tape::{Kind, Member, NOBODY, Node, NodeId, Pack, Tape, guard, push_forward};
use crate::tensor::Tensor;
use crate::var::{Handle, Value, Var};

impl<T: Elem> Tape<T> {
    /// Begins a forward walk over the recording: add directions, then call [`walk`](Forward::walk).
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let b = tape.var(3.0);
    /// let y = x * x * b;
    /// let tangents = tape.forward().along(x, Tensor::from([1.0, 0.0])).along(b, 1.0).walk();
    /// assert_eq!(tangents.of(y), Tensor::from([7.0, 4.0]));
    /// ```
    pub fn forward(&self) -> Forward<'_, T> {
        Forward {
            tape: self,
            scalars: Vec::new(),
            tensors: Vec::new(),
        }
    }
}

/// A forward walk that has not started yet: the directions named so far.
#[derive(Debug)]
#[must_use]
pub struct Forward<'t, T: Elem> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) scalars: Vec<(u32, T)>,
    pub(crate) tensors: Vec<(usize, Tensor<T>)>,
}

impl<'t, T: Elem> Forward<'t, T> {
    /// Adds a direction: `tangent` is the derivative of `x` along it.
    ///
    /// # Panics
    /// If the shape of the tangent differs from that of `x`, or `x` is not a leaf of this tape.
    #[track_caller]
    pub fn along<V: Value<Elem = T>>(self, x: Var<'_, V>, tangent: V) -> Self {
        self.try_along(x, tangent).or_panic()
    }

    /// [`along`](Self::along), with a direction that does not fit as an [`Error`].
    ///
    /// # Errors
    /// If the shape of the tangent differs from that of `x`, or `x` is not a leaf of this tape.
    pub fn try_along<V: Value<Elem = T>>(
        mut self,
        x: Var<'_, V>,
        tangent: V,
    ) -> Result<Self, Error> {
        if !x.tape.is_none_or(|tape| tape.is(self.tape)) {
            return Err(Error::new(ErrorKind::OtherTape { op: "along" }));
        }
        V::seed(&mut self, x, tangent)?;
        Ok(self)
    }

    /// [`try_along`](Self::try_along) for a handle of either kind; the tangent of a number has no axes.
    pub(crate) fn toward(self, x: Handle<'_, T>, tangent: Tensor<T>) -> Result<Self, Error> {
        match x {
            Handle::Scalar(x) => self.try_along(x, tangent.item()),
            Handle::Tensor(x) => self.try_along(x, tangent),
        }
    }

    /// Walks the tape from its first node to its last.
    ///
    /// # Panics
    /// If a rule along the way has no JVP, refuses (a [`fixed_point`](crate::transform::fixed_point) or a
    /// checkpoint, say), leaves a tangent unset or gives it the wrong shape.
    #[track_caller]
    pub fn walk(self) -> Tangents<'t, T> {
        self.try_walk().or_panic()
    }

    /// [`walk`](Self::walk), with a missing JVP or a rule that fails as an [`Error`].
    ///
    /// # Errors
    /// As [`walk`](Self::walk) panics.
    pub fn try_walk(self) -> Result<Tangents<'t, T>, Error> {
        let nodes = self.tape.nodes.borrow();
        let entries = self.tape.scalars.entries();
        let mut scalars = vec![T::zero(); self.tape.scalars.len() as usize];
        for (index, tangent) in self.scalars {
            scalars[index as usize] += tangent;
        }
        let mut tangents = Tangents {
            tape: self.tape,
            scalars,
            tensors: vec![None; nodes.len()],
        };
        for (index, tangent) in self.tensors {
            let sum = match tangents.tensors[index].take() {
                Some(earlier) => earlier + tangent,
                None => tangent,
            };
            tangents.tensors[index] = Some(sum);
        }
        // The entries of the nodes from `pushed` on; elements and the first leaves have none.
        let first = self.tape.scalars.first();
        let (mut pushed, mut rest) = (first, &entries[1..]);
        for (k, node) in nodes.iter().enumerate() {
            // A tensor node may stand before the first leaves, or among them.
            let (stretch, after) = rest.split_at(node.mark.saturating_sub(pushed) as usize);
            push_forward(stretch, &mut tangents.scalars, pushed);
            (pushed, rest) = (node.elements().end.max(first), after);
            match &node.kind {
                Kind::Leaf | Kind::Constant => {}
                Kind::Pack(pack) => tangents.gather(k, node, *pack),
                Kind::Op { .. } => tangents.tensors[k] = tangents.push_forward(&nodes, k)?,
            }
            if let (true, Some(tangent)) = (node.spread, &tangents.tensors[k]) {
                let from = node.mark as usize;
                tangents.scalars[from..from + tangent.len()].copy_from_slice(tangent.data());
            }
        }
        push_forward(rest, &mut tangents.scalars, pushed);
        Ok(tangents)
    }
}

/// The tangents that a forward walk has computed.
#[derive(Debug)]
#[must_use]
pub struct Tangents<'t, T: Elem> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) scalars: Vec<T>,
    pub(crate) tensors: Vec<Option<Tensor<T>>>,
}

impl<T: Elem> Tangents<'_, T> {
    /// The tangent of `y`: its derivative along the directions of the walk.
    ///
    /// That of a constant is 0, as is that of a leaf that was entered after the walk.
    ///
    /// # Panics
    /// If `y` is a handle of another tape, or the result of an operation that was recorded after the walk.
    #[track_caller]
    pub fn of<V: Value<Elem = T>>(&self, y: Var<'_, V>) -> V {
        self.try_of(y).or_panic()
    }

    /// [`of`](Self::of), with a refusal as an [`Error`].
    ///
    /// # Errors
    /// If `y` is a handle of another tape, or the result of an operation that was recorded after the walk.
    pub fn try_of<V: Value<Elem = T>>(&self, y: Var<'_, V>) -> Result<V, Error> {
        if !y.tape.is_none_or(|tape| tape.is(self.tape)) {
            return Err(Error::new(ErrorKind::OtherTape { op: "of" }));
        }
        V::tangent(self, y)
    }

    /// The tangent of a scalar node; 0 for nobody's.
    pub(crate) fn scalar(&self, index: u32) -> Result<T, Error> {
        // A slope that left the range after the walk has factors in nodes that the walk has not come by.
        let (mut at, mut factors) = (index, SmallVec::<[T; 4]>::new());
        while at as usize >= self.scalars.len()
            && let Some(entry) = self.tape.scalars.entry(at)
            && let Some((factor, operand)) = entry.as_link()
        {
            factors.push(factor);
            at = operand;
        }
        let pushed = |t: T, &factor: &T| if t.is_zero() { t } else { factor * t };
        if let Some(tangent) = self.scalars.get(at as usize) {
            return Ok(factors.iter().rev().fold(*tangent, pushed));
        }
        match self.tape.scalars.entry(at) {
            Some(entry) if entry.is_source() || entry.is_still() => Ok(T::zero()),
            // An element depends on what its tensor depends on.
            _ => Err(too_late()),
        }
    }

    /// The tangent of a tensor node; `None` if it is 0.
    pub(crate) fn tensor(&self, id: NodeId) -> Result<Option<Tensor<T>>, Error> {
        match self.tensors.get(id.index()) {
            Some(tangent) => Ok(tangent.clone()),
            None => match self.tape.node(id).kind {
                Kind::Leaf | Kind::Constant => Ok(None),
                Kind::Op { .. } | Kind::Pack(_) => Err(too_late()),
            },
        }
    }

    fn gather(&mut self, k: usize, node: &Node<T>, pack: Pack) {
        let members = self.tape.members.borrow();
        let members = members.of(pack, node.shape().elements()).iter();
        let tangent = |member: Member<T>| match member.index {
            NOBODY => T::zero(),
            index => {
                let t = self.scalars[index as usize];
                if t.is_zero() { t } else { member.slope * t }
            }
        };
        let elements: Vec<T> = members.map(tangent).collect();
        if !elements.iter().all(T::is_zero) {
            let shape = node.shape().clone();
            self.tensors[k] = Some(Tensor::of_buffer(shape, elements));
        }
    }

    fn push_forward(&self, nodes: &[Node<T>], k: usize) -> Result<Option<Tensor<T>>, Error> {
        let node = &nodes[k];
        let Kind::Op { rule, inputs } = &node.kind else {
            unreachable!("only operations have a pushforward")
        };
        let before = &self.tensors[..k];
        let t: SmallVec<[Option<&Tensor<T>>; 2]> = inputs
            .iter()
            .map(|id| before[id.index()].as_ref())
            .collect();
        if t.iter().all(Option::is_none) {
            return Ok(None);
        }
        let value = |&id| self.tape.evaluate(nodes, id);
        let x: SmallVec<[&Tensor<T>; 2]> = inputs.iter().map(value).collect();
        let y = value(&NodeId(k as u32));
        let nothing = Residual::default();
        let at = Point {
            x: &x,
            y,
            kept: node.residual.get().map_or(&nothing, |kept| kept),
        };
        let mut ty = Slot::new(&self.tape.pool, node.shape(), true);
        let line = Some(node.line);
        guard::jvp(&**rule, &at, &t, &mut ty).map_err(|why| why.recorded_at(node.line))?;
        ty.result()
            .map_err(|fault| fault.error(rule.name(), "the tangent", line))
    }
}

/// The refusal of a handle that the walk has not come by.
fn too_late() -> Error {
    let text = "this handle was recorded after the walk, which knows nothing of it; walk again";
    Error::argument("of", text)
}
