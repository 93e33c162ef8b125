//! `Labels`: the classes that a loss compares logits with, in the forms users have.

use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// One label for each row: a slice, an array, a `Vec` or a tensor of whole numbers, one `usize` for one
/// row, or a tensor of floats that hold whole numbers.
///
/// The whole numbers may be of any type from 8 to 64 bits, with a sign or without. A list holds the labels in
/// the order of the rows; a tensor has the shape of the logits without the class axis. Implemented in this
/// crate only.
pub trait Labels: sealed::Sealed {
    /// The number of labels.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// The shape, if the labels are a tensor.
    #[doc(hidden)]
    fn shape(&self) -> Option<&Shape> {
        None
    }

    /// A label, if it is a whole number.
    #[doc(hidden)]
    fn label(&self, row: usize) -> Option<i64>;

    /// A label as an error shows it.
    #[doc(hidden)]
    fn text(&self, row: usize) -> String;
}

mod sealed {
    /// Seals [`Labels`](super::Labels), so that what a loss asks of them may change.
    pub trait Sealed {}
    impl<W> Sealed for crate::tensor::Tensor<W> {}
    impl<W> Sealed for [W] {}
    impl<W> Sealed for Vec<W> {}
    impl<W, const N: usize> Sealed for [W; N] {}
    impl Sealed for usize {}
    impl<L: super::Labels + ?Sized> Sealed for &L {}
}

macro_rules! whole {
    ($($t:ty)*) => {$(
        impl Labels for Tensor<$t> {
            fn count(&self) -> usize {
                self.len()
            }

            fn shape(&self) -> Option<&Shape> {
                Some(self.shape())
            }

            #[inline]
            fn label(&self, row: usize) -> Option<i64> {
                self.data()[row].try_into().ok()
            }

            fn text(&self, row: usize) -> String {
                self.data()[row].to_string()
            }
        }

        impl Labels for [$t] {
            fn count(&self) -> usize {
                self.len()
            }

            #[inline]
            fn label(&self, row: usize) -> Option<i64> {
                self[row].try_into().ok()
            }

            fn text(&self, row: usize) -> String {
                self[row].to_string()
            }
        }
    )*};
}

whole!(usize u64 u32 u16 u8 i64 i32 i16 i8);

impl<T: Elem> Labels for Tensor<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn shape(&self) -> Option<&Shape> {
        Some(self.shape())
    }

    fn label(&self, row: usize) -> Option<i64> {
        let label = self.data()[row];
        label.to_i64().filter(|_| label == label.trunc())
    }

    fn text(&self, row: usize) -> String {
        self.data()[row].to_string()
    }
}

/// Implements [`Labels`] for types that are read as another one.
macro_rules! reads_as {
    ($(impl [$($generic:tt)*] for $t:ty $(where $list:ty)?, |$labels:ident| $other:expr;)*) => {$(
        impl<$($generic)*> Labels for $t $(where $list: Labels)? {
            fn count(&self) -> usize {
                let $labels = self;
                $other.count()
            }

            fn shape(&self) -> Option<&Shape> {
                let $labels = self;
                Labels::shape($other)
            }

            #[inline]
            fn label(&self, row: usize) -> Option<i64> {
                let $labels = self;
                $other.label(row)
            }

            fn text(&self, row: usize) -> String {
                let $labels = self;
                $other.text(row)
            }
        }
    )*};
}

reads_as! {
    impl [] for usize, |label| std::slice::from_ref(label);
    impl [W] for Vec<W> where [W], |labels| labels.as_slice();
    impl [W, const N: usize] for [W; N] where [W], |labels| labels.as_slice();
    impl [L: Labels + ?Sized] for &L, |labels| *labels;
}

/// The labels of the rows of `x` along `axis`; `None` for a row that is ignored.
///
/// # Errors
/// If there is not one label for each row, or one is not a class.
pub(crate) fn classes(
    op: &'static str,
    x: &Shape,
    axis: usize,
    labels: &(impl Labels + ?Sized),
    ignore: Option<i64>,
) -> Result<Vec<Option<u32>>, Error> {
    let rows = x.rows(axis);
    match labels.shape() {
        Some(found) if *found != x.without(axis) => {
            return Err(Error::new(ErrorKind::Shape {
                op,
                what: "the tensor of labels",
                found: found.clone(),
                expected: x.without(axis),
            }));
        }
        None if labels.count() != rows.count() => {
            let text = format!(
                "{} labels for {} rows; the logits have shape {x} and the classes run along axis {axis}",
                labels.count(),
                rows.count()
            );
            return Err(Error::argument(op, text));
        }
        _ => {}
    }
    let class = |row: usize| {
        let label = labels.label(row);
        if label.is_some() && label == ignore {
            return Some(None);
        }
        let class = label.and_then(|label| u32::try_from(label).ok());
        class.filter(|&c| (c as usize) < rows.n).map(Some)
    };
    let mut classes = vec![None; rows.count()];
    for (row, place) in classes.iter_mut().enumerate() {
        *place = class(row).ok_or_else(|| {
            Error::new(ErrorKind::Label {
                op,
                label: labels.text(row),
                row,
                classes: rows.n,
            })
        })?;
    }
    Ok(classes)
}
