//! Tensors in the formats of the `serde` crate, to save and load them.
//!
//! Tapes, gradients and handles are not saved: what a recording is made from is in its tensors.

use ::serde::de::{Deserialize, Deserializer, Error as _};
use ::serde::ser::{Serialize, Serializer};

use super::{Shape, Tensor};
use crate::error::Error;

/// A tensor as it is written, with parts that are borrowed, and as it is read, with parts that are owned.
#[derive(::serde::Serialize, ::serde::Deserialize)]
#[serde(rename = "Tensor")]
struct Stored<S, D> {
    shape: S,
    data: D,
}

impl<T: Serialize> Serialize for Tensor<T> {
    /// Writes a struct of `shape`, a list of sizes, and `data`, the list of elements in row-major order, for whatever
    /// elements serialize: numbers, labels, masks, [`Dual`](crate::Dual) numbers, and `half::bf16` and `half::f16`,
    /// which are written as their 16 bits.
    ///
    /// JSON has no NaN and no infinities. `serde_json` writes them as `null`, which does not load as a number;
    /// binary formats have them. It reads a number to the last bit only with its feature `float_roundtrip`.
    ///
    /// # Example
    /// The parameters of a model are saved and loaded in one line each:
    /// ```
    /// use wengert::{Random, Tensor};
    ///
    /// let weights = Random::new(1).normal([4, 2], 0.0, 0.5);
    /// let parameters: Vec<Tensor<f32>> = vec![weights, Tensor::zeros([2])];
    /// let saved = serde_json::to_string(&parameters)?; // for std::fs::write
    /// let loaded: Vec<Tensor<f32>> = serde_json::from_str(&saved)?;
    /// assert_eq!(loaded, parameters);
    /// assert!(saved.ends_with(r#"{"shape":[2],"data":[0.0,0.0]}]"#));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (shape, data): (&[usize], _) = (self.shape(), self.data());
        Stored { shape, data }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tensor<T> {
    /// Reads what [`Serialize`] writes, into a vector that the tensor takes over without a copy.
    ///
    /// # Errors
    /// If there are not exactly as many elements as the shape holds, or the shape does not fit into any memory.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { shape, data }: Stored<Vec<usize>, Vec<T>> = Stored::deserialize(deserializer)?;
        checked(shape.into(), data).map_err(D::Error::custom)
    }
}

/// The tensor, if the shape fits the elements.
fn checked<T>(shape: Shape, data: Vec<T>) -> Result<Tensor<T>, Error> {
    if !shape.fits::<T>() {
        return Err(Error::argument(
            "deserialize",
            format!(
                "{} elements do not fill shape {shape}, which does not fit into any memory",
                data.len()
            ),
        ));
    }
    Tensor::of_vec("deserialize", shape, data)
}
