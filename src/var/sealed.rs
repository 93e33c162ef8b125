//! `Sealed`: what may stand for a value, as a node, as an operand or as a start; nothing else can be added.

use super::{Value, Var};
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// Seals [`Value`], since another kind of node would need walks of its own, and what takes values beside handles.
///
/// ```compile_fail,E0277
/// struct Mine;
///
/// impl wengert::transform::Start<f64> for Mine {
///     type Value = f64;
///     fn value(self) -> f64 { 1.0 }
/// }
/// ```
pub trait Sealed {}

impl<T: Elem> Sealed for T {}
impl<T: Elem> Sealed for Tensor<T> {}
impl<T> Sealed for &Tensor<T> {}
impl<V: Value> Sealed for Var<'_, V> {}
impl<V: Value> Sealed for &Var<'_, V> {}
