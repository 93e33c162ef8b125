//! Half precision: tensors of `half::bf16` and `half::f16`, which are for storage, not for arithmetic.
//!
//! Here are the conversions; arithmetic on such tensors runs in `f32`, see [`Storage`].

use std::borrow::Cow;

use half::{bf16, f16};

use super::storage::sealed::Sealed;
use super::{Entry, Storage, Tensor};

macro_rules! half_precision {
    ($($t:ty),*) => {$(
        impl Entry for $t {}
        impl Sealed for $t {}

        impl Storage for $t {
            type Work = f32;

            fn load(self) -> f32 {
                self.to_f32()
            }

            fn store(x: f32) -> Self {
                Self::from_f32(x)
            }

            fn loaded(x: &Tensor<Self>) -> Cow<'_, Tensor<f32>> {
                Cow::Owned(x.map(Self::to_f32))
            }

            fn stored(x: Tensor<f32>) -> Tensor<Self> {
                x.map(Self::from_f32)
            }
        }
    )*};
}

half_precision!(bf16, f16);

impl<S: Storage<Work = f32>> Tensor<S> {
    /// The same numbers in `f32`, exactly: this is how half precision enters a tape.
    ///
    /// Subnormal numbers, infinities and the signs of zeros are preserved, and a NaN stays a NaN. The
    /// reverse conversion is [`narrow`](Tensor::narrow).
    ///
    /// # Example
    /// ```
    /// use half::bf16;
    /// use wengert::{Tape, Tensor};
    ///
    /// let stored = Tensor::from([0.0, 1.0, 2.0].map(bf16::from_f32));
    /// let tape = Tape::<f32>::default();
    /// let x = tape.var(stored.widen());
    /// let grads = x.softmax(0).at([2]).backward(); // all of it in f32
    /// let gradient: Tensor<bf16> = grads.wrt(x).narrow(); // rounded once
    /// assert_eq!(gradient, Tensor::from([-0.059814453, -0.16308594, 0.22265625].map(bf16::from_f32)));
    /// ```
    #[must_use]
    pub fn widen(&self) -> Tensor<f32> {
        S::loaded(self).into_owned()
    }
}

impl Tensor<f32> {
    /// Each number rounded once to half precision: to the nearest one, and in a tie to the one with an
    /// even last bit.
    ///
    /// From half a step beyond the largest number on, the result is infinite; up to half the
    /// smallest number it is a zero with the number's sign. Subnormal results are kept, NaN stays NaN.
    ///
    /// ```text
    ///        digits (bits)   largest        inf from       smallest normal   smallest
    /// f16    11              65504          65520          2^-14             2^-24
    /// bf16    8              3.3895314e38   3.3961775e38   2^-126            2^-133
    /// ```
    /// # Example
    /// ```
    /// use half::{bf16, f16};
    /// use wengert::Tensor;
    ///
    /// let x: Tensor<f32> = Tensor::from([1.0 / 3.0, 65519.996, 65520.0, 1e-8]);
    /// let y: Tensor<f16> = x.narrow();
    /// assert_eq!(y.widen(), Tensor::from([0.33325195, 65504.0, f32::INFINITY, 0.0]));
    /// let y: Tensor<bf16> = x.narrow();
    /// assert_eq!(y.widen(), Tensor::from([0.33398438, 65536.0, 65536.0, 1.0011718e-8]));
    /// ```
    #[must_use]
    pub fn narrow<S: Storage<Work = f32>>(&self) -> Tensor<S> {
        self.map(S::store)
    }
}
