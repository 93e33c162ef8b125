//! Printing tensors as numpy prints arrays: nested brackets, aligned columns, long ones shortened.

use std::fmt::{self, Display};

use super::Tensor;

/// How many entries are shown at each end of a shortened axis, once a tensor has more than [`MANY`] elements.
const EDGE: usize = 3;

/// Up to this many elements, a tensor is printed in full, as in numpy.
const MANY: usize = 1000;

impl<T: Display> Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |x: &T| match f.precision() {
            Some(digits) => format!("{x:.digits$}"),
            None => x.to_string(),
        };
        // Brackets count as well, where an axis of size 0 leaves no elements.
        let sizes = self.shape().iter().map(|&size| size.max(1));
        let shorten = sizes.fold(1, usize::saturating_mul) > MANY;
        let mut printer = Printer {
            shape: self.shape(),
            shorten,
            width: 0,
            cells: Vec::new(),
        };
        let mut places = Vec::new();
        printer.places(0, 0, &mut places);
        printer.cells = places.iter().map(|&p| cells(&self.data()[p])).collect();
        printer.width = printer
            .cells
            .iter()
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0);
        printer.print(f, 0, &mut 0)
    }
}

impl<T: fmt::Debug> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tensor")
            .field("shape", self.shape())
            .field("data", &self.data())
            .finish()
    }
}

struct Printer<'a> {
    shape: &'a [usize],
    shorten: bool,
    width: usize,
    cells: Vec<String>,
}

impl Printer<'_> {
    /// Which entries of an axis are shown; `None` stands for those left out.
    fn shown(&self, axis: usize) -> Vec<Option<usize>> {
        let n = self.shape[axis];
        if self.shorten && n > 2 * EDGE {
            let (head, tail) = ((0..EDGE).map(Some), (n - EDGE..n).map(Some));
            head.chain([None]).chain(tail).collect()
        } else {
            (0..n).map(Some).collect()
        }
    }

    /// Collects the positions of the elements shown, in order.
    fn places(&self, axis: usize, start: usize, places: &mut Vec<usize>) {
        if axis == self.shape.len() {
            return places.push(start);
        }
        for entry in self.shown(axis).into_iter().flatten() {
            self.places(axis + 1, start * self.shape[axis] + entry, places);
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, axis: usize, next: &mut usize) -> fmt::Result {
        if axis == self.shape.len() {
            *next += 1;
            return write!(f, "{:>width$}", self.cells[*next - 1], width = self.width);
        }
        let below = self.shape.len() - axis - 1;
        f.write_str("[")?;
        for (k, entry) in self.shown(axis).into_iter().enumerate() {
            match (k, below) {
                (0, _) => {}
                (_, 0) => f.write_str(", ")?,
                _ => {
                    f.write_str(",")?;
                    (0..below).try_for_each(|_| f.write_str("\n"))?;
                    (0..=axis).try_for_each(|_| f.write_str(" "))?;
                }
            }
            match entry {
                Some(_) => self.print(f, axis + 1, next)?,
                None => f.write_str("...")?,
            }
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_prints_in_aligned_columns() {
        let x = Tensor::from([[1.0, -20.5], [300.0, 4.0]]);
        assert_eq!(x.to_string(), "[[    1, -20.5],\n [  300,     4]]");
        assert_eq!(format!("{x:.1}"), "[[  1.0, -20.5],\n [300.0,   4.0]]");
    }

    #[test]
    fn numbers_and_empty_tensors_print_too() {
        assert_eq!(Tensor::scalar(2.5).to_string(), "2.5");
        assert_eq!(Tensor::<f64>::zeros([0]).to_string(), "[]");
        assert_eq!(Tensor::<f64>::zeros([2, 0]).to_string(), "[[],\n []]");
        let many = "[[],\n [],\n [],\n ...,\n [],\n [],\n []]";
        assert_eq!(Tensor::<f64>::zeros([1_000_000, 0]).to_string(), many);
    }

    #[test]
    fn a_long_tensor_is_shortened() {
        let x: Tensor<f64> = Tensor::arange(2000);
        assert_eq!(x.to_string(), "[   0,    1,    2, ..., 1997, 1998, 1999]");
    }
}
