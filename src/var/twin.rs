//! `Twin::record`: records a twin from an expression of handles.

use super::Var;
use crate::kernel::Elem;
use crate::rule::Twin;
use crate::tape::Tape;
use crate::tensor::Tensor;

impl<T: Elem> Twin<T> {
    /// Records `composed` at these operands.
    ///
    /// # Example
    /// ```
    /// use wengert::rule::Twin;
    /// use wengert::Tensor;
    ///
    /// let x = Tensor::from([1.0, 2.0]);
    /// let twin = Twin::record(&[&x], |x| x[0].cosh().ln());
    /// assert_eq!((twin.nodes(), twin.bytes()), (2, 32));
    /// ```
    #[track_caller]
    pub fn record(
        x: &[&Tensor<T>],
        composed: impl for<'t> FnOnce(&[Var<'t, Tensor<T>>]) -> Var<'t, Tensor<T>>,
    ) -> Self {
        Self::recorded(x, |x| Some(composed(x))).expect("the closure gives one")
    }

    /// The same for ops of the crate; `None` if the closure returns `None`, or for elements whose tapes have no ledger.
    #[track_caller]
    pub(crate) fn record_some(
        x: &[&Tensor<T>],
        composed: impl for<'t> FnOnce(&[Var<'t, Tensor<T>>]) -> Option<Var<'t, Tensor<T>>>,
    ) -> Option<Self> {
        // A constant, so that otherwise the closure is not even compiled.
        if T::REFERENCE {
            None
        } else {
            Self::recorded(x, composed)
        }
    }

    #[track_caller]
    fn recorded(
        x: &[&Tensor<T>],
        composed: impl for<'t> FnOnce(&[Var<'t, Tensor<T>>]) -> Option<Var<'t, Tensor<T>>>,
    ) -> Option<Self> {
        let tape = Tape::default();
        let handles: Vec<_> = x.iter().map(|&x| tape.var(x.clone())).collect();
        let output = composed(&handles)?.value();
        Some(Self { tape, output })
    }
}
