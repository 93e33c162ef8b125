//! `Variables`: numbers and tensors as the points of a function, with their elements in one row.

use super::graph::{Graph, Operand};
use crate::dual::Dual;
use crate::kernel::Elem;
use crate::tape::NOBODY;
use crate::tensor::Tensor;
use crate::var::{Value, Var};

/// A number or a tensor: what the functions of this module take and give. Implemented here only.
pub trait Variables: Value {
    /// The same on dual numbers, as a closure for second order sees it.
    type Dual: Variables<Elem = Dual<Self::Elem>>;

    /// How many numbers there are.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// The same with tangents.
    #[doc(hidden)]
    fn lifted(&self, tangents: &mut dyn Iterator<Item = Self::Elem>) -> Self::Dual;

    /// Other numbers in the same shape.
    #[doc(hidden)]
    fn filled(&self, numbers: &mut dyn Iterator<Item = Self::Elem>) -> Self;

    /// Appends the numbers.
    #[doc(hidden)]
    fn append_to(&self, numbers: &mut Vec<Self::Elem>);

    /// Appends the cells of a handle.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn cells(
        var: Var<'_, Self>,
        graph: &Graph,
        bent: Option<fn(Self::Elem) -> bool>,
        cells: &mut Vec<Operand>,
    );

    /// Where a walk starts from this handle with some cotangents, as
    /// [`pull`](crate::backward::pull) takes it.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn set_out(
        var: Var<'_, Self>,
        cotangents: &mut dyn Iterator<Item = Self::Elem>,
        seeds: &mut Seeds<Self::Elem>,
    );
}

/// The cotangents a walk starts from.
#[derive(Debug)]
pub(super) struct Seeds<T> {
    pub(super) scalars: Vec<(u32, T)>,
    pub(super) tensors: Vec<(crate::tape::NodeId, Tensor<T>)>,
}

const ENOUGH: &str = "there is a number for each element";

#[allow(private_interfaces)]
impl<T: Elem> Variables for T {
    type Dual = Dual<T>;

    fn count(&self) -> usize {
        1
    }

    fn lifted(&self, tangents: &mut dyn Iterator<Item = T>) -> Dual<T> {
        Dual::new(*self, tangents.next().expect(ENOUGH))
    }

    fn filled(&self, numbers: &mut dyn Iterator<Item = T>) -> T {
        numbers.next().expect(ENOUGH)
    }

    fn append_to(&self, numbers: &mut Vec<T>) {
        numbers.push(*self);
    }

    fn cells(
        var: Var<'_, T>,
        graph: &Graph,
        bent: Option<fn(T) -> bool>,
        cells: &mut Vec<Operand>,
    ) {
        let bent = bent.is_some_and(|bent| bent(var.repr.slope));
        let cell = graph.scalar(var.repr.index);
        cells.push(Operand { cell, bent });
    }

    fn set_out(var: Var<'_, T>, cotangents: &mut dyn Iterator<Item = T>, seeds: &mut Seeds<T>) {
        let cotangent = cotangents.next().expect(ENOUGH);
        if var.repr.index != NOBODY && !cotangent.is_zero() {
            let adjoint = var.repr.slope * cotangent;
            seeds.scalars.push((var.repr.index, adjoint));
        }
    }
}

#[allow(private_interfaces)]
impl<T: Elem> Variables for Tensor<T> {
    type Dual = Tensor<Dual<T>>;

    fn count(&self) -> usize {
        self.len()
    }

    fn lifted(&self, tangents: &mut dyn Iterator<Item = T>) -> Tensor<Dual<T>> {
        self.map(|x| Dual::new(x, tangents.next().expect(ENOUGH)))
    }

    fn filled(&self, numbers: &mut dyn Iterator<Item = T>) -> Self {
        self.map(|_| numbers.next().expect(ENOUGH))
    }

    fn append_to(&self, numbers: &mut Vec<T>) {
        numbers.extend_from_slice(self.data());
    }

    fn cells(
        var: Var<'_, Self>,
        graph: &Graph,
        _: Option<fn(T) -> bool>,
        cells: &mut Vec<Operand>,
    ) {
        let elements = 0..var.with_value(Tensor::len);
        cells.extend(elements.map(|e| Operand {
            cell: graph.element(var.repr, e),
            bent: false,
        }));
    }

    fn set_out(var: Var<'_, Self>, cotangents: &mut dyn Iterator<Item = T>, seeds: &mut Seeds<T>) {
        let cotangent = var.with_value(|y| y.filled(cotangents));
        seeds.tensors.push((var.repr, cotangent));
    }
}
