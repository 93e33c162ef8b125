//! Dual numbers as elements, which makes every rule differentiable once more.

use num_traits::FloatConst;

use super::{Dual, Duals, planes, system};
use crate::kernel::{Elem, Matrix, Rows, Span, System, sealed};

impl<T: Elem> sealed::Sealed for Dual<T> {}
impl<T: Elem, const N: usize> sealed::Sealed for Duals<T, N> {}

impl<T: Elem> Elem for Dual<T> {
    type Wide = Dual<T::Wide>;
    const PARTS: usize = 2 * T::PARTS;

    fn widen(self) -> Self::Wide {
        Dual::new(self.primal.widen(), self.tangent.widen())
    }

    fn narrow(x: Self::Wide) -> Self {
        Dual::new(T::narrow(x.primal), T::narrow(x.tangent))
    }

    const REFERENCE: bool = T::REFERENCE;
    type Work = Dual<T::Work>;

    fn lift(self) -> Self::Work {
        Dual::new(self.primal.lift(), self.tangent.lift())
    }

    fn land(x: Self::Work) -> Self {
        Dual::new(T::land(x.primal), T::land(x.tangent))
    }

    fn of(x: f64) -> Self {
        Self::constant(T::of(x))
    }

    fn primal(self) -> f64 {
        self.primal.primal()
    }

    fn part(self, k: usize) -> f64 {
        match k.checked_sub(T::PARTS) {
            None => self.primal.part(k),
            Some(k) => self.tangent.part(k),
        }
    }

    fn is_within(self, span: Span) -> bool {
        self.primal.is_within(span) && self.tangent.is_within(span)
    }

    fn is_product_within(self, a: Self, b: Self, span: Span) -> bool {
        let tangent = tangent_within([a.primal, a.tangent], [b.primal, b.tangent], span);
        tangent && self.primal.is_product_within(a.primal, b.primal, span)
    }

    fn moving_as(self, other: Self) -> Self {
        Self::new(self.primal.moving_as(other.primal), other.tangent)
    }

    fn same(self, other: Self) -> bool {
        self.primal.same(other.primal) && self.tangent.same(other.tangent)
    }

    fn erf(self) -> Self {
        self.chain(self.primal.erf(), bell(self.primal))
    }

    fn erfc(self) -> Self {
        self.chain(self.primal.erfc(), -bell(self.primal))
    }

    fn matmul(a: Matrix<'_, Self>, b: Matrix<'_, Self>, c: &mut [Self], add: bool) {
        planes::matmul(a, b, c, add);
    }

    fn factor(n: usize, a: &mut [Self], order: &mut [u32]) -> Result<(), usize> {
        system::factor(n, a, order)
    }

    fn solve(system: System<'_, Self>, b: &mut [Self]) {
        system::solve(system, b);
    }

    fn softmax(rows: Rows, x: &[Self], y: &mut [Self], top: &mut [u32]) {
        planes::softmax(rows, x, y, top);
    }

    fn softmax_vjp(rows: Rows, y: &[Self], top: &[u32], g: &[Self], gx: &mut [Self]) {
        planes::softmax_vjp(rows, y, top, g, gx);
    }
}

impl<T: Elem, const N: usize> Elem for Duals<T, N> {
    type Wide = Duals<T::Wide, N>;
    const PARTS: usize = (1 + N) * T::PARTS;

    fn widen(self) -> Self::Wide {
        Duals::new(self.primal.widen(), self.tangents.map(T::widen))
    }

    fn narrow(x: Self::Wide) -> Self {
        Duals::new(T::narrow(x.primal), x.tangents.map(T::narrow))
    }

    const REFERENCE: bool = T::REFERENCE;
    type Work = Duals<T::Work, N>;

    fn lift(self) -> Self::Work {
        Duals::new(self.primal.lift(), self.tangents.map(T::lift))
    }

    fn land(x: Self::Work) -> Self {
        Duals::new(T::land(x.primal), x.tangents.map(T::land))
    }

    fn of(x: f64) -> Self {
        Self::constant(T::of(x))
    }

    fn primal(self) -> f64 {
        self.primal.primal()
    }

    fn part(self, k: usize) -> f64 {
        match (k / T::PARTS).checked_sub(1) {
            None => self.primal.part(k),
            Some(n) => self.tangents[n].part(k % T::PARTS),
        }
    }

    fn is_within(self, span: Span) -> bool {
        self.primal.is_within(span) && self.tangents.iter().all(|t| t.is_within(span))
    }

    fn is_product_within(self, a: Self, b: Self, span: Span) -> bool {
        let mut tangents = a.tangents.into_iter().zip(b.tangents);
        tangents.all(|(s, t)| tangent_within([a.primal, s], [b.primal, t], span))
            && self.primal.is_product_within(a.primal, b.primal, span)
    }

    fn moving_as(self, other: Self) -> Self {
        Self::new(self.primal.moving_as(other.primal), other.tangents)
    }

    fn same(self, other: Self) -> bool {
        let mut tangents = self.tangents.iter().zip(&other.tangents);
        self.primal.same(other.primal) && tangents.all(|(a, b)| a.same(*b))
    }

    fn factor(n: usize, a: &mut [Self], order: &mut [u32]) -> Result<(), usize> {
        system::factor(n, a, order)
    }

    fn solve(system: System<'_, Self>, b: &mut [Self]) {
        system::solve(system, b);
    }

    fn erf(self) -> Self {
        self.chain(self.primal.erf(), bell(self.primal))
    }

    fn erfc(self) -> Self {
        self.chain(self.primal.erfc(), -bell(self.primal))
    }
}

/// Whether both terms of the tangent of a product, of `[primal, tangent]` each, lie within the span. A NaN that a
/// factor brings along loses nothing.
fn tangent_within<T: Elem>([a, s]: [T; 2], [b, t]: [T; 2], span: Span) -> bool {
    let term = |a: T, b: T| a.is_nan() || b.is_nan() || (a * b).is_product_within(a, b, span);
    term(a, t) && term(s, b)
}

/// The derivative of the error function, `2/√π e^(-x²)`.
fn bell<T: Elem>(x: T) -> T {
    T::FRAC_2_SQRT_PI() * (-x * x).exp()
}

macro_rules! constants {
    ($($name:ident)*) => {
        impl<T: Elem> FloatConst for Dual<T> {
            $(fn $name() -> Self {
                Self::constant(T::$name())
            })*
        }

        impl<T: Elem, const N: usize> FloatConst for Duals<T, N> {
            $(fn $name() -> Self {
                Self::constant(T::$name())
            })*
        }
    };
}

constants!(
    E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6
    FRAC_PI_8 LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2 TAU LOG10_2 LOG2_10
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_undoes_widen_in_every_part() {
        let x = Dual::new(0.1, -0.0);
        assert!(Dual::narrow(x.widen()).same(x));
        let x = Duals::new(0.1f32, [0.2, f32::INFINITY]);
        assert!(Duals::narrow(x.widen()).same(x));
    }
}
