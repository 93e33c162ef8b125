//! Fixed points `y = f(y, p)`, differentiated through the equation, not through the iterations.

mod convergence;
mod parameters;
mod rule;

pub use parameters::{Parameters, Start};

use std::cell::RefCell;

use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::Tape;
use crate::var::{Handle, Var};

use super::output::Output;
use rule::Implicit;

/// How far a fixed-point iteration goes.
///
/// # Example
/// ```
/// use wengert::{Tape, transform::FixedPoint};
///
/// let tape = Tape::new();
/// let a = tape.var(2.0);
/// let options = FixedPoint::new().steps(100).tolerance(1e-3);
/// let root = options.solve(|y, a| (y + a / y) * 0.5, 1.0, a);
/// assert!((root.value() - 2f64.sqrt()).abs() < 1e-3);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct FixedPoint {
    steps: usize,
    tolerance: Option<f64>,
}

impl FixedPoint {
    /// At most 100,000 steps, and no tolerance: [`fixed_point`] says where the iteration ends then.
    pub fn new() -> Self {
        Self {
            steps: 100_000,
            tolerance: None,
        }
    }

    /// Sets the largest number of steps.
    pub fn steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// Stops as soon as a step changes the state by no more than this, relative to its largest number.
    ///
    /// The error left is not the tolerance but about that change times `rate / (1 - rate)`, if each step
    /// shrinks the change by the factor `rate`. The gradient is that of the equation at the point reached.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self {
            tolerance: Some(tolerance),
            ..self
        }
    }

    /// [`fixed_point`] with these options.
    ///
    /// # Panics
    /// As [`fixed_point`].
    #[track_caller]
    pub fn solve<'t, P: Parameters<'t>, S: Start<P::Elem>>(
        self,
        f: impl for<'a> Fn(Var<'a, S::Value>, P::At<'a>) -> Var<'a, S::Value> + Send + 'static,
        start: S,
        parameters: P,
    ) -> Var<'t, S::Value> {
        self.try_solve(f, start, parameters).or_panic()
    }

    /// [`solve`](Self::solve), with bad input as an [`Error`].
    ///
    /// # Errors
    /// As [`fixed_point`] panics.
    #[track_caller]
    pub fn try_solve<'t, P: Parameters<'t>, S: Start<P::Elem>>(
        self,
        f: impl for<'a> Fn(Var<'a, S::Value>, P::At<'a>) -> Var<'a, S::Value> + Send + 'static,
        start: S,
        parameters: P,
    ) -> Result<Var<'t, S::Value>, Error> {
        let (mut handles, mut lengths) = (Vec::new(), Vec::new());
        parameters.list(&mut handles, &mut lengths);
        let tape = shared_tape(&handles)?;
        let start = start.value().into_tensor();
        let rule = Implicit {
            step: Box::new(move |tape, handles| {
                let (state, mut rest) = (handles[0], handles[1..].iter().copied());
                let parameters = P::rebuild(&mut rest, &mut lengths.iter().copied());
                let y = f(S::Value::of_handle(state), parameters);
                match S::Value::tape_of(y) {
                    Some(other) if !other.is(tape) => {
                        Err(Error::new(ErrorKind::OtherTape { op: NAME }))
                    }
                    _ => Ok(S::Value::to_node(y, tape)),
                }
            }),
            scalars: std::iter::once(S::Value::SCALAR)
                .chain(handles.iter().map(|x| matches!(x, Handle::Scalar(_))))
                .collect(),
            start,
            ahead: RefCell::default(),
            options: self,
        };
        let mut inputs = Vec::new();
        for handle in handles {
            inputs.push(handle.node(tape, NAME)?);
        }
        let values: Vec<_> = inputs.iter().map(|&id| tape.value_of(id).clone()).collect();
        let solution = rule.iterate(&values.iter().collect::<Vec<_>>())?;
        *rule.ahead.borrow_mut() = Some(solution);
        S::Value::record(tape, rule, &inputs)
    }
}

impl Default for FixedPoint {
    fn default() -> Self {
        Self::new()
    }
}

const NAME: &str = "fixed_point";

/// The solution of `y = f(y, p)` that iterating `f` from `start` leads to, as one node.
///
/// The closure gets the state, which is a number or a tensor, and the parameters: a handle, or a tuple, an
/// array or a `Vec` of parameters. What it captures is constant and must be moved into it. A captured
/// handle would be a parameter that gets no gradient, so the compiler refuses it.
///
/// # Gradient
/// By the implicit function theorem at the solution, whatever the iterations did:
/// ```text
/// w = g + (∂f/∂y)ᵀ w,   gp = (∂f/∂p)ᵀ w
/// ```
/// The equation for `w` is solved by iteration as well, which contracts if `f` does, and by elimination
/// if it does not converge. The start gets no gradient, and nothing of the iterations is kept. Second
/// order works too: on dual numbers, solution and gradient are iterated until their tangents have
/// converged as well, except for tangents that come in as NaN: they go out as NaN, so that
/// [`sparse`](crate::transform::sparse) finds its patterns through fixed points, too. A cotangent that is not
/// finite gives NaN.
///
/// # Accuracy
/// The change of a step is the largest difference between a number of the state and the same number one
/// step before. The iteration ends where the change is 0, or at most 10⁴ ε times the largest number of the
/// state and no smaller than that of the step before, ε being the precision of the type. On dual numbers,
/// primals and tangents must each have come to that.
///
/// If each step shrinks the change by the factor `rate`, the error left is about
/// ```text
/// change · rate / (1 - rate)
/// ```
/// Rounding hides any shrinking below ε |y| a step, so the last change is about ε |y| / (1 - rate), and the
/// error ε |y| rate / (1 - rate)²: a few roundings where the iteration is fast, but 1e-7 for
/// `y = 0.999 y + 1`, whose solution is 1000. The same holds for the gradient. A step that contracts faster,
/// such as Newton's, is the cure; more steps do not help.
///
/// # Panics
/// If the step does not contract (the iteration leaves the finite numbers, its change stops shrinking,
/// or it takes too many steps), returns another shape than that of `start` or a handle of another tape,
/// or if no parameter is on a tape.
///
/// # Example
/// ```
/// use wengert::{Tape, transform::fixed_point};
///
/// // Heron's square root. d√a/da = 1 / (2 √a), not through the iterations.
/// let tape = Tape::new();
/// let a = tape.var(2.0);
/// let root = fixed_point(|y, a| (y + a / y) * 0.5, 1.0, a);
/// assert!((root.value() - 2f64.sqrt()).abs() < 1e-15);
/// assert!((root.backward().wrt(a) - 0.5 / 2f64.sqrt()).abs() < 1e-15);
/// ```
///
/// Handles come in as parameters, not by capture:
/// ```compile_fail,E0597
/// use wengert::{Tape, transform::fixed_point};
///
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0), tape.var(3.0));
/// fixed_point(move |y, a| y * 0.5 + a * b, 1.0, a); // (a, b) instead, and |y, (a, b)|
/// ```
///
/// # Source
/// Griewank, Walther, "Evaluating Derivatives", 2nd edition, 2008, chapter 15; Christianson,
/// "Reverse accumulation and attractive fixed points", 1994.
#[track_caller]
pub fn fixed_point<'t, P: Parameters<'t>, S: Start<P::Elem>>(
    f: impl for<'a> Fn(Var<'a, S::Value>, P::At<'a>) -> Var<'a, S::Value> + Send + 'static,
    start: S,
    parameters: P,
) -> Var<'t, S::Value> {
    try_fixed_point(f, start, parameters).or_panic()
}

/// [`fixed_point`], with bad input as an [`Error`].
///
/// # Errors
/// As [`fixed_point`] panics.
#[track_caller]
pub fn try_fixed_point<'t, P: Parameters<'t>, S: Start<P::Elem>>(
    f: impl for<'a> Fn(Var<'a, S::Value>, P::At<'a>) -> Var<'a, S::Value> + Send + 'static,
    start: S,
    parameters: P,
) -> Result<Var<'t, S::Value>, Error> {
    FixedPoint::new().try_solve(f, start, parameters)
}

fn shared_tape<'t, T: Elem>(parameters: &[Handle<'t, T>]) -> Result<&'t Tape<T>, Error> {
    let tape = |x: &Handle<'t, T>| match x {
        Handle::Scalar(x) => x.tape,
        Handle::Tensor(x) => x.tape,
    };
    parameters.iter().find_map(tape).ok_or_else(|| {
        Error::argument(
            NAME,
            "no parameter is on a tape; iterate plain numbers in a loop of your own",
        )
    })
}
