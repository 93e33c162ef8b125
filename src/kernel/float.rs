//! `f32` and `f64` as elements: where the fast kernels are chosen.

#[cfg(feature = "gemm")]
use super::Matrix;
use super::{Dd, Elem};

/// Below this many multiplications the plain loop beats the packing of a blocked product.
#[cfg(feature = "gemm")]
const SMALL_PRODUCT: usize = 512;

macro_rules! float {
    ($t:ident, $erf:ident, $erfc:ident) => {
        impl Elem for $t {
            type Wide = Dd;

            fn widen(self) -> Dd {
                Dd::from(self)
            }

            type Work = f64;

            fn lift(self) -> f64 {
                f64::from(self)
            }

            fn land(x: f64) -> Self {
                x as $t
            }

            fn of(x: f64) -> Self {
                x as $t
            }

            fn primal(self) -> f64 {
                f64::from(self)
            }

            fn erf(self) -> Self {
                libm::$erf(self)
            }

            fn erfc(self) -> Self {
                libm::$erfc(self)
            }

            #[cfg(feature = "gemm")]
            fn matmul(a: Matrix<'_, Self>, b: Matrix<'_, Self>, c: &mut [Self], add: bool) {
                if a.size.0 * a.size.1 * b.size.1 <= SMALL_PRODUCT {
                    super::plain::matmul(a, b, c, add);
                } else {
                    super::gemm::matmul(a, b, c, add);
                }
            }
        }
    };
}

float!(f32, erff, erfcf);
float!(f64, erf, erfc);
