//! The comparisons of the `approx` crate for tensors: shapes must be equal, and every pair of elements close.

use approx::{AbsDiffEq, RelativeEq, UlpsEq};

use super::Tensor;

impl<T: AbsDiffEq> Tensor<T> {
    fn all_pairs(&self, other: &Self, close: impl Fn(&T, &T) -> bool) -> bool {
        self.shape() == other.shape() && self.iter().zip(other.iter()).all(|(a, b)| close(a, b))
    }
}

impl<T: AbsDiffEq> AbsDiffEq for Tensor<T>
where
    T::Epsilon: Clone,
{
    type Epsilon = T::Epsilon;

    fn default_epsilon() -> T::Epsilon {
        T::default_epsilon()
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: T::Epsilon) -> bool {
        self.all_pairs(other, |a, b| a.abs_diff_eq(b, epsilon.clone()))
    }
}

impl<T: RelativeEq> RelativeEq for Tensor<T>
where
    T::Epsilon: Clone,
{
    fn default_max_relative() -> T::Epsilon {
        T::default_max_relative()
    }

    fn relative_eq(&self, other: &Self, epsilon: T::Epsilon, max_relative: T::Epsilon) -> bool {
        self.all_pairs(other, |a, b| {
            a.relative_eq(b, epsilon.clone(), max_relative.clone())
        })
    }
}

impl<T: UlpsEq> UlpsEq for Tensor<T>
where
    T::Epsilon: Clone,
{
    fn default_max_ulps() -> u32 {
        T::default_max_ulps()
    }

    fn ulps_eq(&self, other: &Self, epsilon: T::Epsilon, max_ulps: u32) -> bool {
        self.all_pairs(other, |a, b| a.ulps_eq(b, epsilon.clone(), max_ulps))
    }
}
