//! Constructors that compute the elements: constants, functions of the position, even spacing.

use super::{Shape, Tensor};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::{Buffer, Elem};

impl<T: Copy> Tensor<T> {
    /// A tensor whose elements are all `value`.
    ///
    /// # Panics
    /// If so many elements do not fit into any memory; all constructors that take a size panic then.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        Self::filled("full", &shape.into(), value).or_panic()
    }

    /// The same, for a constructor of another name.
    fn filled(op: &'static str, shape: &Shape, value: T) -> Result<Self, Error> {
        shape.check_size::<T>(op)?;
        let mut data = Buffer::with_capacity(shape.elements(), false);
        data.fill(shape.elements(), value);
        Ok(Self::of_buffer(shape.clone(), data))
    }

    /// A tensor whose element `i`, in row-major order, is `f(i)`.
    ///
    /// Like every tensor that is not made from a vector, it is aligned to cache lines, and a large one to huge pages if
    /// the system has them.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let squares: Tensor<f64> = Tensor::from_fn([2, 2], |i| (i * i) as f64);
    /// assert_eq!(squares, Tensor::from([[0.0, 1.0], [4.0, 9.0]]));
    /// ```
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(usize) -> T) -> Self {
        Self::made("from_fn", shape.into(), f).or_panic()
    }

    /// [`from_fn`](Self::from_fn) for a constructor of another name.
    pub(super) fn made(
        op: &'static str,
        shape: Shape,
        f: impl FnMut(usize) -> T,
    ) -> Result<Self, Error> {
        shape.check_size::<T>(op)?;
        let len = shape.elements();
        Ok(Self::collected(shape, (0..len).map(f)))
    }
}

impl<T: Elem> Tensor<T> {
    /// A tensor whose elements are all 0.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::filled("zeros", &shape.into(), T::zero()).or_panic()
    }

    /// A tensor whose elements are all 1.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::filled("ones", &shape.into(), T::one()).or_panic()
    }

    /// The identity matrix of `n` rows and columns.
    #[track_caller]
    pub fn eye(n: usize) -> Self {
        let mut eye = Self::filled("eye", &[n, n].into(), T::zero()).or_panic();
        for element in eye.data_mut().iter_mut().step_by(n + 1) {
            *element = T::one();
        }
        eye
    }

    /// One row of length `classes` for each label: 1 at the label, 0 elsewhere.
    ///
    /// Labels of shape `[..]` give a tensor of shape `[.., classes]`.
    ///
    /// # Errors
    /// If a label is not a class, or the result does not fit into any memory.
    ///
    /// # Example
    /// ```
    /// use wengert::Tensor;
    ///
    /// let targets = Tensor::<f64>::one_hot([2, 0], 3)?;
    /// assert_eq!(targets, Tensor::from([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
    /// # Ok::<(), wengert::Error>(())
    /// ```
    pub fn one_hot(labels: impl Into<Tensor<usize>>, classes: usize) -> Result<Self, Error> {
        let labels = labels.into();
        let shape = labels.shape().inserted(labels.rank(), classes);
        let mut y = Self::filled("one_hot", &shape, T::zero())?;
        let elements = y.data_mut();
        for (row, &label) in labels.iter().enumerate() {
            if label >= classes {
                return Err(Error::new(ErrorKind::Label {
                    op: "one_hot",
                    label: label.to_string(),
                    row,
                    classes,
                }));
            }
            elements[row * classes + label] = T::one();
        }
        Ok(y)
    }

    /// The numbers `0, 1, .. n - 1`.
    #[track_caller]
    pub fn arange(n: usize) -> Self {
        Self::made("arange", [n].into(), |i| T::of(i as f64)).or_panic()
    }

    /// `n` numbers from `start` to `end`, both included, evenly spaced; `start` alone for `n` = 1.
    #[track_caller]
    pub fn linspace(start: T, end: T, n: usize) -> Self {
        let last = T::of(n.saturating_sub(1).max(1) as f64);
        let (half, length) = (T::of(0.5), end - start);
        // A length that leaves the range is halved, and the steps along it are doubled.
        let (step, steps) = match (0..T::PARTS).all(|k| length.part(k).is_finite()) {
            true => (length, T::one()),
            false => (end * half - start * half, T::of(2.0)),
        };
        let place = |i: usize| {
            let i = T::of(i as f64);
            // Counted from the nearer end, so that both ends are exact.
            if n > 1 && i > last * half {
                end - step * ((last - i) * steps / last)
            } else {
                start + step * (i * steps / last)
            }
        };
        Self::made("linspace", [n].into(), place).or_panic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_from_a_rule_lie_on_lines_of_the_cache() {
        let mut copy = Tensor::<f32>::from_fn([100], |i| i as f32);
        let shared = copy.clone();
        copy.data_mut()[0] = 7.0;
        let zeros = Tensor::<f32>::zeros([3, 5]);
        let all = [copy, shared, &zeros + &zeros, zeros];
        assert!(all.iter().all(|x| x.data().as_ptr().align_offset(64) == 0));
        assert_eq!(all[0].data()[..3], [7.0, 1.0, 2.0]);
        assert_eq!(all[1].data()[..3], [0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_tensor_without_elements_has_no_rule_to_follow() {
        let none: Tensor<f64> = Tensor::from_fn([0, 3], |_| unreachable!("there is no place"));
        assert_eq!(none.shape(), [0, 3]);
    }
}
