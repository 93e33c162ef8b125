//! `Labels`: the classes that a loss holds logits against, in the forms people have them.

use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

/// One label for each row: `&[usize]`, an array, a `Vec`, one `usize` for one row, a tensor of whole
/// numbers, or a tensor of floats that hold whole numbers.
///
/// A list holds the labels in the order of the rows; a tensor has the shape of the logits without
/// the class axis.
pub trait Labels {
    /// How many labels there are.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// The shape, of a tensor.
    #[doc(hidden)]
    fn shape(&self) -> Option<&Shape> {
        None
    }

    /// A label as a whole number, or as the text of what is none.
    #[doc(hidden)]
    fn label(&self, row: usize) -> Result<i64, String>;
}

/// A number that may be a label.
trait Label: Copy {
    /// The whole number that it is, or the text of what is none.
    fn whole(self) -> Result<i64, String>;
}

macro_rules! whole {
    ($($t:ty)*) => {$(
        impl Label for $t {
            fn whole(self) -> Result<i64, String> {
                self.try_into().map_err(|_| self.to_string())
            }
        }

        impl Labels for Tensor<$t> {
            fn count(&self) -> usize {
                self.len()
            }

            fn shape(&self) -> Option<&Shape> {
                Some(self.shape())
            }

            fn label(&self, row: usize) -> Result<i64, String> {
                self.data()[row].whole()
            }
        }
    )*};
}

whole!(usize u32 i32 u8);

impl<T: Elem> Labels for Tensor<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn shape(&self) -> Option<&Shape> {
        Some(self.shape())
    }

    fn label(&self, row: usize) -> Result<i64, String> {
        let label = self.data()[row];
        let whole = label.to_i64().filter(|_| label == label.trunc());
        whole.ok_or_else(|| label.to_string())
    }
}

impl Labels for usize {
    fn count(&self) -> usize {
        1
    }

    fn label(&self, _: usize) -> Result<i64, String> {
        self.whole()
    }
}

impl Labels for [usize] {
    fn count(&self) -> usize {
        self.len()
    }

    fn label(&self, row: usize) -> Result<i64, String> {
        self[row].whole()
    }
}

impl Labels for Vec<usize> {
    fn count(&self) -> usize {
        self.len()
    }

    fn label(&self, row: usize) -> Result<i64, String> {
        self[row].whole()
    }
}

impl<const N: usize> Labels for [usize; N] {
    fn count(&self) -> usize {
        N
    }

    fn label(&self, row: usize) -> Result<i64, String> {
        self[row].whole()
    }
}

impl<L: Labels + ?Sized> Labels for &L {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn shape(&self) -> Option<&Shape> {
        (**self).shape()
    }

    fn label(&self, row: usize) -> Result<i64, String> {
        (**self).label(row)
    }
}

/// The labels of the rows of `x` along `axis`; `None` for a row that is ignored.
///
/// # Errors
/// If there is not one label for each row, or one is no class.
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
        let refuse = |label: String| {
            Error::new(ErrorKind::Label {
                op,
                label,
                row,
                classes: rows.n,
            })
        };
        let label = labels.label(row).map_err(refuse)?;
        if ignore == Some(label) {
            return Ok(None);
        }
        let class = u32::try_from(label).ok().filter(|&c| (c as usize) < rows.n);
        class.map(Some).ok_or_else(|| refuse(label.to_string()))
    };
    // A failing iterator does not know its length, and a list that is collected from it grows step by step.
    let mut classes = Vec::with_capacity(rows.count());
    for row in 0..rows.count() {
        classes.push(class(row)?);
    }
    Ok(classes)
}
