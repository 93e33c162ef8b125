//! `Dual` as an element: what makes every rule differentiable once more.

use num_traits::FloatConst;

use super::Dual;
use crate::kernel::Elem;

impl<T: Elem> Elem for Dual<T> {
    type Wide = Dual<T::Wide>;

    fn widen(self) -> Self::Wide {
        Dual::new(self.primal.widen(), self.tangent.widen())
    }

    fn of(x: f64) -> Self {
        Self::constant(T::of(x))
    }

    fn primal(self) -> f64 {
        self.primal.primal()
    }

    const MOVES: bool = true;

    fn moving_as(self, other: Self) -> Self {
        Self::new(self.primal.moving_as(other.primal), other.tangent)
    }

    fn erf(self) -> Self {
        self.chain(self.primal.erf(), bell(self.primal))
    }

    fn erfc(self) -> Self {
        self.chain(self.primal.erfc(), -bell(self.primal))
    }
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
    };
}

constants!(
    E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6
    FRAC_PI_8 LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2 TAU LOG10_2 LOG2_10
);
