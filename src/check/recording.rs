//! A closure's recording, taken apart so that every check can run it in its own way.

use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tape::{Cotangent, NodeId, Tape};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// A function of tensor handles: what all checks take.
pub trait Expression<T: Elem>: for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>> {}

impl<T: Elem, F> Expression<T> for F where F: for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>
{}

/// An expression behind a pointer, so that the checks are compiled once for each element type, not for
/// each closure.
pub(super) type Function<'a, T> = &'a dyn for<'t> Fn(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>;

/// A tape with its input and output nodes.
pub(super) struct Recording<T: Elem> {
    pub(super) tape: Tape<T>,
    pub(super) inputs: Vec<NodeId>,
    pub(super) output: NodeId,
}

impl<T: Elem> Recording<T> {
    /// Records `f` at `x`.
    ///
    /// # Errors
    /// If `f` returns a handle of another tape.
    pub(super) fn new(f: Function<'_, T>, x: &[&Tensor<T>]) -> Result<Self, Error> {
        let tape = Tape::default();
        let handles: Vec<_> = x.iter().map(|&x| tape.var(x.clone())).collect();
        let y = f(&handles);
        if !y.tape().is(&tape) {
            return Err(Error::new(ErrorKind::OtherTape { op: "check" }));
        }
        let inputs = handles.iter().map(|x| x.repr).collect();
        let output = y.repr;
        Ok(Self {
            tape,
            inputs,
            output,
        })
    }

    /// The same recording on wider elements.
    ///
    /// # Errors
    /// If scalar arithmetic was recorded, or a rule has no wider form or refuses the wider numbers.
    pub(super) fn widened(&self) -> Result<Recording<T::Wide>, Error> {
        Ok(Recording {
            tape: self.tape.widened()?,
            inputs: self.inputs.clone(),
            output: self.output,
        })
    }

    /// The current output.
    pub(super) fn value(&self) -> Tensor<T> {
        self.tape.value_of(self.output).clone()
    }

    pub(super) fn input_shape(&self, k: usize) -> Shape {
        self.tape.node(self.inputs[k]).shape().clone()
    }

    /// The current value of an input.
    pub(super) fn input(&self, k: usize) -> Tensor<T> {
        self.tape.value_of(self.inputs[k]).clone()
    }

    pub(super) fn arity(&self) -> usize {
        self.inputs.len()
    }

    /// Runs the recording again at other inputs.
    ///
    /// # Errors
    /// If a rule refuses them.
    pub(super) fn at(&mut self, x: &[Tensor<T>]) -> Result<Tensor<T>, Error> {
        for (id, x) in self.inputs.iter().zip(x) {
            self.tape.nodes.get_mut()[id.index()].set_value(x.clone());
        }
        self.tape.rerun()?;
        Ok(self.value())
    }

    /// The gradients of all inputs for a cotangent of the output.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it the wrong shape.
    pub(super) fn pull(&self, cotangent: &Tensor<T>) -> Result<Vec<Tensor<T>>, Error> {
        let grads = Var::of_node(&self.tape, self.output).try_vjp(cotangent.clone())?;
        let gradient = |&id| grads.try_wrt(Var::of_node(&self.tape, id));
        self.inputs.iter().map(gradient).collect()
    }

    /// The cotangent of every node, for a cotangent of the output; `None` where none arrives.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it the wrong shape.
    pub(super) fn cotangents(
        &mut self,
        cotangent: &Tensor<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        for node in self.tape.nodes.get_mut() {
            node.kept = true;
        }
        let grads = Var::of_node(&self.tape, self.output).try_vjp(cotangent.clone())?;
        let arrived = |cotangent: &Cotangent<T>| match cotangent {
            Cotangent::Sum(sum) => Some(sum.clone()),
            _ => None,
        };
        let cotangents = &grads.lists().cotangents[..=self.output.index()];
        Ok(cotangents.iter().map(arrived).collect())
    }

    /// The gradient of input `k`, from the cotangents of all nodes.
    pub(super) fn gradient(&self, cotangents: &[Option<Tensor<T>>], k: usize) -> Tensor<T> {
        let found = cotangents.get(self.inputs[k].index()).cloned().flatten();
        found.unwrap_or_else(|| Tensor::zeros(self.input_shape(k)))
    }

    /// The tangent of the output for tangents of all inputs.
    ///
    /// # Errors
    /// If a rule has no JVP.
    pub(super) fn push(&self, tangents: &[Tensor<T>]) -> Result<Tensor<T>, Error> {
        let mut walk = self.tape.forward();
        for (&id, tangent) in self.inputs.iter().zip(tangents) {
            walk = walk.try_along(Var::of_node(&self.tape, id), tangent.clone())?;
        }
        Ok(walk.try_walk()?.of(Var::of_node(&self.tape, self.output)))
    }
}
