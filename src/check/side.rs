//! One side of a comparison: its recording and walk, and the same on wider elements.

use super::loss::{Loss, Trace};
use super::recording::{Function, Recording};
use crate::error::Error;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// The cotangent of every node that one arrives at.
pub(super) type Walk<T> = Vec<Option<Tensor<T>>>;

/// A recording with its value and walk, and what they would be without rounding.
pub(super) struct Side<T: Elem> {
    pub(super) name: &'static str,
    pub(super) recording: Recording<T>,
    walk: Walk<T>,
    wide: Result<(Recording<T::Wide>, Walk<T::Wide>), Error>,
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
        let wide = recording.widened().map(|wide| (wide, Vec::new()));
        Ok(Self {
            name,
            recording,
            walk: Vec::new(),
            wide,
        })
    }

    /// Walks back from a cotangent of the output, in both precisions.
    pub(super) fn walk(&mut self, cotangent: &Tensor<T>) {
        self.walk = self.recording.cotangents(cotangent);
        if let Ok((wide, walk)) = &mut self.wide {
            *walk = wide.cotangents(&cotangent.map(T::widen));
        }
    }

    /// Why there is no wide evaluation, if there is none.
    pub(super) fn refusal(&self) -> Option<String> {
        self.wide.as_ref().err().map(ToString::to_string)
    }

    /// The output, and the output of the wide evaluation.
    pub(super) fn value(&self) -> (Tensor<T>, Option<Tensor<T::Wide>>) {
        let wide = self.wide.as_ref().ok().map(|(wide, _)| wide.value());
        (self.recording.value(), wide)
    }

    /// The gradient of input `k`, and that of the wide evaluation.
    pub(super) fn gradient(&self, k: usize) -> (Tensor<T>, Option<Tensor<T::Wide>>) {
        let wide = self.wide.as_ref().ok();
        let wide = wide.map(|(wide, walk)| wide.gradient(walk, k));
        (self.recording.gradient(&self.walk, k), wide)
    }

    /// Where the value, and then where each gradient, lost its digits.
    pub(super) fn losses(&self) -> Vec<Option<Loss>> {
        let gradients = 0..self.recording.arity();
        let Ok((wide, exact)) = &self.wide else {
            return vec![None; gradients.len() + 1];
        };
        let trace = Trace::new(self.name, &self.recording, wide, (&self.walk, exact));
        std::iter::once(trace.of_value())
            .chain(gradients.map(|k| trace.of_gradient(k)))
            .collect()
    }
}
