//! `f32` and `f64` as elements: where the fast kernels are chosen.

#[cfg(feature = "gemm")]
use super::Matrix;
use super::softmax::fast;
use super::{Dd, Elem, Function, Joint, Loop, Rows, Span, memory, sealed, simd};

/// Up to this many multiplications the plain loop beats the packing of a blocked product.
#[cfg(feature = "gemm")]
const SMALL_PRODUCT: usize = 512;

macro_rules! float {
    ($t:ident, $signed:ident, $erf:ident, $erfc:ident, $width:ident) => {
        impl sealed::Sealed for $t {}

        impl Elem for $t {
            type Wide = Dd;

            fn widen(self) -> Dd {
                Dd::from(self)
            }

            fn narrow(x: Dd) -> Self {
                num_traits::cast(x).expect("every number has a nearest float")
            }

            type Work = f64;

            const ROOM: bool = Self::DIGITS < f64::DIGITS;
            const FUSES: bool = Self::DIGITS < f64::DIGITS;

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

            #[inline(always)]
            fn is_within(self, span: Span) -> bool {
                match span {
                    Span::Moderate => {
                        // The two highest bits of the exponent differ; so the sign changes in a shift, which overflows.
                        let shifted = (self.to_bits() << 1) as $signed;
                        shifted.checked_add(shifted).is_none()
                    }
                    Span::Normal => self.is_normal(),
                    Span::Finite => self.is_finite(),
                }
            }

            fn erf(self) -> Self {
                libm::$erf(self)
            }

            fn erfc(self) -> Self {
                libm::$erfc(self)
            }

            #[inline]
            fn at_level(len: usize, work: impl Loop) {
                simd::run_loop::<$t, _>(len, work);
            }

            fn copy_past(x: &[Self], y: &mut [Self]) {
                memory::copy_past(x, y);
            }

            #[inline(always)]
            fn bulk<F: Function>(self, plain: impl FnOnce(Self) -> Self) -> Self {
                F::$width(self, plain)
            }

            #[inline(always)]
            fn bulk_of<F: Joint<N>, const N: usize>(
                x: [Self; N],
                plain: impl FnOnce([Self; N]) -> Self,
            ) -> Self {
                F::$width(x, plain)
            }

            fn softmax(rows: Rows, x: &[Self], y: &mut [Self], top: &mut [u32]) {
                fast::softmax(rows, x, y, top);
            }

            fn softmax_vjp(rows: Rows, y: &[Self], top: &[u32], g: &[Self], gx: &mut [Self]) {
                fast::softmax_vjp(rows, y, top, g, gx);
            }

            fn softmax_scaled(
                rows: Rows,
                x: &[Self],
                temperature: Self,
                y: &mut [Self],
                top: &mut [u32],
            ) {
                fast::softmax_scaled(rows, x, temperature, y, top);
            }

            fn softmax_scaled_vjp(
                rows: Rows,
                y: &[Self],
                top: &[u32],
                temperature: Self,
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::softmax_scaled_vjp(rows, y, top, temperature, g, gx);
            }

            fn masked_softmax(
                rows: Rows,
                x: &[Self],
                mask: &[bool],
                y: &mut [Self],
                top: &mut [u32],
            ) {
                fast::masked_softmax(rows, x, mask, y, top);
            }

            fn masked_softmax_vjp(
                rows: Rows,
                y: &[Self],
                mask: &[bool],
                top: &[u32],
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::masked_softmax_vjp(rows, y, mask, top, g, gx);
            }

            fn log_softmax(
                rows: Rows,
                x: &[Self],
                z: &mut [Self],
                top: &mut [u32],
                rest: &mut [Self],
            ) {
                fast::log_softmax(rows, x, z, top, rest);
            }

            fn log_softmax_vjp(
                rows: Rows,
                x: &[Self],
                top: &[u32],
                rest: &[Self],
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::log_softmax_vjp(rows, x, top, rest, g, gx);
            }

            fn logsumexp(
                rows: Rows,
                x: &[Self],
                lse: &mut [Self],
                top: &mut [u32],
                rest: &mut [Self],
            ) {
                fast::logsumexp(rows, x, lse, top, rest);
            }

            fn logsumexp_vjp(
                rows: Rows,
                x: &[Self],
                top: &[u32],
                rest: &[Self],
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::logsumexp_vjp(rows, x, top, rest, g, gx);
            }

            fn cross_entropy(
                rows: Rows,
                x: &[Self],
                labels: &[u32],
                loss: &mut [Self],
                top: &mut [u32],
                rest: &mut [Self],
            ) {
                fast::cross_entropy(rows, x, labels, loss, top, rest);
            }

            fn cross_entropy_and_vjp(
                rows: Rows,
                x: &[Self],
                labels: &[u32],
                loss: &mut [Self],
                top: &mut [u32],
                rest: &mut [Self],
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::cross_entropy_and_vjp(rows, x, labels, [loss, rest, gx], top, g);
            }

            fn cross_entropy_vjp(
                rows: Rows,
                x: &[Self],
                labels: &[u32],
                top: &[u32],
                rest: &[Self],
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::cross_entropy_vjp(rows, x, labels, top, rest, g, gx);
            }

            fn soft_cross_entropy(
                rows: Rows,
                x: &[Self],
                targets: &[Self],
                loss: &mut [Self],
                top: &mut [u32],
                rest: &mut [Self],
            ) {
                fast::soft_cross_entropy(rows, x, targets, loss, top, rest);
            }

            fn soft_cross_entropy_vjp(
                rows: Rows,
                x: &[Self],
                targets: &[Self],
                top: &[u32],
                rest: &[Self],
                g: &[Self],
                gx: &mut [Self],
            ) {
                fast::soft_cross_entropy_vjp(rows, x, targets, top, rest, g, gx);
            }

            #[cfg(feature = "gemm")]
            fn matmul(a: Matrix<'_, Self>, b: Matrix<'_, Self>, c: &mut [Self], add: bool) {
                if a.size.0 * a.size.1 * b.size.1 <= SMALL_PRODUCT {
                    super::matrix::plain::matmul(a, b, c, add);
                } else {
                    super::matrix::gemm::matmul(a, b, c, add);
                }
            }
        }
    };
}

float!(f32, i32, erff, erfcf, single);
float!(f64, i64, erf, erfc, double);
