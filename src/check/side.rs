//! One side of a comparison: its recording and its walk, both on wider elements too.

use super::loss::{Loss, Trace};
use super::recording::{Function, Recording};
use crate::error::Error;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// A tensor as one side computes it, and what it would be without rounding.
pub(super) type Found<T> = (Tensor<T>, Option<Tensor<<T as Elem>::Wide>>);

/// A recording and the cotangents of its nodes; `None` where none arrives.
pub(super) struct Run<T: Elem> {
    pub(super) recording: Recording<T>,
    pub(super) cotangents: Vec<Option<Tensor<T>>>,
}

impl<T: Elem> Run<T> {
    fn new(recording: Recording<T>) -> Self {
        Self {
            recording,
            cotangents: Vec::new(),
        }
    }

    fn walk(&mut self, cotangent: &Tensor<T>) -> Result<(), Error> {
        self.cotangents = self.recording.cotangents(cotangent)?;
        Ok(())
    }

    fn gradient(&self, k: usize) -> Tensor<T> {
        self.recording.gradient(&self.cotangents, k)
    }
}

/// A run and what it would be without rounding.
pub(super) struct Side<T: Elem> {
    name: &'static str,
    pub(super) run: Run<T>,
    wide: Result<Run<T::Wide>, Error>,
}

impl<T: Elem> Side<T> {
    /// Records `f` at `x`; the walk comes later, when the shape of the output is known.
    ///
    /// # Errors
    /// If `f` returns a handle of another tape.
    pub(super) fn new(
        name: &'static str,
        f: Function<'_, T>,
        x: &[&Tensor<T>],
    ) -> Result<Self, Error> {
        let recording = Recording::new(f, x)?;
        Ok(Self {
            name,
            wide: recording.widened().map(Run::new),
            run: Run::new(recording),
        })
    }

    /// Walks back from a cotangent of the output, in both precisions.
    ///
    /// # Errors
    /// If a rule leaves a cotangent unset or gives it the wrong shape.
    pub(super) fn walk(&mut self, cotangent: &Tensor<T>) -> Result<(), Error> {
        self.run.walk(cotangent)?;
        match &mut self.wide {
            Ok(wide) => wide.walk(&cotangent.map(T::widen)),
            Err(_) => Ok(()),
        }
    }

    /// Why there is no wide evaluation, if there is none.
    pub(super) fn refusal(&self) -> Option<String> {
        self.wide.as_ref().err().map(ToString::to_string)
    }

    pub(super) fn value(&self) -> Found<T> {
        let wide = self.wide.as_ref().ok();
        let wide = wide.map(|wide| wide.recording.value());
        (self.run.recording.value(), wide)
    }

    pub(super) fn gradient(&self, k: usize) -> Found<T> {
        let wide = self.wide.as_ref().ok();
        (self.run.gradient(k), wide.map(|wide| wide.gradient(k)))
    }

    /// Where the value lost its digits, and then where each gradient did.
    pub(super) fn losses(&self) -> Vec<Option<Loss>> {
        let gradients = 0..self.run.recording.arity();
        let Ok(wide) = &self.wide else {
            return vec![None; gradients.len() + 1];
        };
        let trace = Trace::new(self.name, &self.run, wide);
        std::iter::once(trace.of_value())
            .chain(gradients.map(|k| trace.of_gradient(k)))
            .collect()
    }
}
