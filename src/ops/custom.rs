//! Rules from closures, for an op that is needed only once.
//!
//! A [`Rule`] written generically can do more (second order, checks against double-double); a closure
//! works on the element type of one tape only.

use std::cell::RefCell;
use std::fmt;

use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::rule::{Point, Residual, Rule, Slot};
use crate::tape::Tape;
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// A JVP from a closure: it maps operands, output and the operands' tangents to the output's tangent.
type Jvp<T, const N: usize> =
    Box<dyn Fn([&Tensor<T>; N], &Tensor<T>, [&Tensor<T>; N]) -> Tensor<T> + Send>;

/// A rule whose parts are closures on plain tensors.
struct Custom<T, const N: usize, F, V> {
    name: &'static str,
    shape: Shape,
    /// The first output, which was computed early to learn its shape.
    first: RefCell<Option<Tensor<T>>>,
    forward: F,
    vjp: V,
    jvp: Option<Jvp<T, N>>,
}

impl<T, const N: usize, F, V> fmt::Debug for Custom<T, N, F, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({})", self.name)
    }
}

impl<T, const N: usize, F, V> Rule<T> for Custom<T, N, F, V>
where
    T: Elem,
    F: Fn([&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
    V: Fn([&Tensor<T>; N], &Tensor<T>, &Tensor<T>) -> [Tensor<T>; N] + Send + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> {
        Ok(self.shape.clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let first = self.first.borrow_mut().take();
        y.give(first.unwrap_or_else(|| (self.forward)(operands(x))));
    }

    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        let given = (self.vjp)(operands(at.x), at.y, g);
        for (gx, given) in gx.iter_mut().zip(given) {
            gx.give(given);
        }
    }

    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let Some(jvp) = &self.jvp else {
            return Err(Error::new(ErrorKind::Missing {
                op: self.name,
                what: "JVP",
                line: None,
            }));
        };
        let zeros: [Tensor<T>; N] = std::array::from_fn(|k| Tensor::zeros(at.x[k].shape()));
        let t = std::array::from_fn(|k| t[k].unwrap_or(&zeros[k]));
        ty.give(jvp(operands(at.x), at.y, t));
        Ok(())
    }
}

/// The operands as an array, for a closure to take apart.
fn operands<'a, T, const N: usize>(x: &[&'a Tensor<T>]) -> [&'a Tensor<T>; N] {
    std::array::from_fn(|k| x[k])
}

impl<T: Elem> Tape<T> {
    /// An op from two closures on plain tensors: its value and its pullback.
    ///
    /// `forward` maps the operands to the output. `vjp` maps operands, output and the output's
    /// cotangent to one cotangent for each operand, of the operand's shape. This is like JAX's
    /// `custom_vjp`, for one use. Write a [`Rule`] for an op that should support second order, or that
    /// [`check`](crate::check) should judge in double-double: a closure runs on the element type of
    /// this tape only, so the checks fall back to that type and say so.
    ///
    /// # Gradient
    /// Given by `vjp`. There is no JVP, so a forward walk is refused; see
    /// [`custom_jvp`](Self::custom_jvp). On `Tape<Dual<f64>>` the closures get dual numbers, and if
    /// they are written in tensor arithmetic, they give second order too.
    ///
    /// # Panics
    /// If an operand lives on another tape. If `vjp` returns a cotangent of the wrong shape, the walk
    /// panics at the line that started it, and names the op, both shapes and the line of this call.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (a, b) = (tape.var(Tensor::from([1.0, 2.0])), tape.var(Tensor::from([3.0, 5.0])));
    /// // The geometric mean, whose composed gradient is 0/0 where a and b are 0.
    /// let y = tape.custom(
    ///     "geometric_mean",
    ///     [a, b],
    ///     |[a, b]| (a * b).sqrt(),
    ///     |[a, b], y, g| [g * &(&(b / y) * 0.5), g * &(&(a / y) * 0.5)],
    /// );
    /// let grads = y.sum().backward();
    /// assert_eq!(grads.wrt(a)[[0]], 0.5 * 3.0 / 3f64.sqrt());
    /// ```
    #[track_caller]
    pub fn custom<'t, const N: usize>(
        &'t self,
        name: &'static str,
        operands: [Var<'t, Tensor<T>>; N],
        forward: impl Fn([&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
        vjp: impl Fn([&Tensor<T>; N], &Tensor<T>, &Tensor<T>) -> [Tensor<T>; N] + Send + 'static,
    ) -> Var<'t, Tensor<T>> {
        self.try_custom(name, operands, forward, vjp).or_panic()
    }

    /// [`custom`](Self::custom), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If an operand lives on another tape.
    #[track_caller]
    pub fn try_custom<'t, const N: usize>(
        &'t self,
        name: &'static str,
        operands: [Var<'t, Tensor<T>>; N],
        forward: impl Fn([&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
        vjp: impl Fn([&Tensor<T>; N], &Tensor<T>, &Tensor<T>) -> [Tensor<T>; N] + Send + 'static,
    ) -> Result<Var<'t, Tensor<T>>, Error> {
        self.record_custom(name, operands, forward, vjp, None)
    }

    /// [`custom`](Self::custom) with a pushforward: `jvp` maps operands, output and the operands'
    /// tangents (zeros where there is none) to the output's tangent.
    ///
    /// # Panics
    /// As [`custom`](Self::custom).
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = tape.custom_jvp(
    ///     "square",
    ///     [x],
    ///     |[x]| x * x,
    ///     |[x], _, g| [&(x * g) * 2.0],
    ///     |[x], _, [t]| &(x * t) * 2.0,
    /// );
    /// let tangents = tape.forward().along(x, Tensor::from([1.0, 10.0])).walk();
    /// assert_eq!(tangents.of(y), Tensor::from([2.0, 40.0]));
    /// ```
    #[track_caller]
    pub fn custom_jvp<'t, const N: usize>(
        &'t self,
        name: &'static str,
        operands: [Var<'t, Tensor<T>>; N],
        forward: impl Fn([&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
        vjp: impl Fn([&Tensor<T>; N], &Tensor<T>, &Tensor<T>) -> [Tensor<T>; N] + Send + 'static,
        jvp: impl Fn([&Tensor<T>; N], &Tensor<T>, [&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
    ) -> Var<'t, Tensor<T>> {
        self.try_custom_jvp(name, operands, forward, vjp, jvp)
            .or_panic()
    }

    /// [`custom_jvp`](Self::custom_jvp), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If an operand lives on another tape.
    #[track_caller]
    pub fn try_custom_jvp<'t, const N: usize>(
        &'t self,
        name: &'static str,
        operands: [Var<'t, Tensor<T>>; N],
        forward: impl Fn([&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
        vjp: impl Fn([&Tensor<T>; N], &Tensor<T>, &Tensor<T>) -> [Tensor<T>; N] + Send + 'static,
        jvp: impl Fn([&Tensor<T>; N], &Tensor<T>, [&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
    ) -> Result<Var<'t, Tensor<T>>, Error> {
        self.record_custom(name, operands, forward, vjp, Some(Box::new(jvp)))
    }

    #[track_caller]
    fn record_custom<'t, const N: usize>(
        &'t self,
        name: &'static str,
        operands: [Var<'t, Tensor<T>>; N],
        forward: impl Fn([&Tensor<T>; N]) -> Tensor<T> + Send + 'static,
        vjp: impl Fn([&Tensor<T>; N], &Tensor<T>, &Tensor<T>) -> [Tensor<T>; N] + Send + 'static,
        jvp: Option<Jvp<T, N>>,
    ) -> Result<Var<'t, Tensor<T>>, Error> {
        if operands.iter().any(|x| !x.tape().is(self)) {
            return Err(Error::new(ErrorKind::OtherTape { op: name }));
        }
        let values = operands.map(|x| x.value());
        let y = forward(values.each_ref());
        let rule = Custom {
            name,
            shape: y.shape().clone(),
            first: RefCell::new(Some(y)),
            forward,
            vjp,
            jvp,
        };
        self.try_apply(rule, operands)
    }
}
