//! Checks of one expression against identities: adjoint, central difference, forward mode, second
//! order.
//!
//! Each has blind spots, which is why there are several. The adjoint check cannot see a wrong rule
//! whose matrix is its own transpose (the diagonal of a softmax Jacobian, say); the difference check
//! can. Only [`compare`](super::compare) sees a forward that is wrong but consistent with its rule.

use smallvec::{SmallVec, smallvec};

use super::agreement::Agreement;
use super::recording::{Expression, Function, Recording};
use crate::dual::Dual;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tensor::{Random, Tensor};

/// The adjoint check: `⟨c, J t⟩ = ⟨Jᵀ c, t⟩` for random `c` and `t`.
///
/// It tests an op's VJP against its JVP, without the error of a difference quotient. It runs in
/// double-double if the recording allows that.
///
/// # Panics
/// If the closure returns a handle of another tape, or computes with scalar handles, which cannot be run
/// again (the [module](super) says what to write instead); or if a rule has no JVP, or leaves a result
/// unset or gives it the wrong shape.
///
/// # Example
/// ```
/// use wengert::{Tensor, check};
///
/// let x = Tensor::from([0.3, -1.0, 2.0]);
/// check::adjoint(|x| (x[0] * x[0]).tanh(), &[&x]).assert_passed();
/// ```
#[track_caller]
pub fn adjoint<T: Elem>(f: impl Expression<T>, x: &[&Tensor<T>]) -> Agreement {
    try_adjoint(f, x).or_panic()
}

/// [`adjoint`], with what it panics at as an [`Error`].
///
/// # Errors
/// As [`adjoint`] panics.
pub fn try_adjoint<T: Elem>(f: impl Expression<T>, x: &[&Tensor<T>]) -> Result<Agreement, Error> {
    run(&f, x, Adjoint)
}

/// The difference check: `⟨Jᵀ c, t⟩` against a central difference of `⟨c, f⟩` along `t`.
///
/// `t` runs over random directions and over every element of small inputs. In double-double the
/// difference is right to about 15 digits, so hardly any wrong rule passes.
///
/// # Panics
/// If the closure returns a handle of another tape, or computes with scalar handles, which cannot be run
/// again (the [module](super) says what to write instead); or if a rule leaves a cotangent unset or
/// gives it the wrong shape.
///
/// # Example
/// ```
/// use wengert::{Tensor, check};
///
/// let x = Tensor::from([0.3, -1.0, 2.0]);
/// check::difference(|x| (x[0] * x[0]).tanh(), &[&x]).assert_passed();
/// ```
#[track_caller]
pub fn difference<T: Elem>(f: impl Expression<T>, x: &[&Tensor<T>]) -> Agreement {
    try_difference(f, x).or_panic()
}

/// [`difference`], with what it panics at as an [`Error`].
///
/// # Errors
/// As [`difference`] panics.
pub fn try_difference<T: Elem>(
    f: impl Expression<T>,
    x: &[&Tensor<T>],
) -> Result<Agreement, Error> {
    run(&f, x, Difference { forward: false })
}

/// The forward-mode check: `⟨c, J t⟩` by the rules' JVPs against a central difference along `t`.
///
/// # Panics
/// If the closure returns a handle of another tape, or computes with scalar handles, which cannot be run
/// again (the [module](super) says what to write instead); or if a rule has no JVP, or leaves a result
/// unset or gives it the wrong shape.
///
/// # Example
/// ```
/// use wengert::{Tensor, check};
///
/// let x = Tensor::from([0.3, -1.0, 2.0]);
/// check::forward(|x| (x[0] * x[0]).tanh(), &[&x]).assert_passed();
/// ```
#[track_caller]
pub fn forward<T: Elem>(f: impl Expression<T>, x: &[&Tensor<T>]) -> Agreement {
    try_forward(f, x).or_panic()
}

/// [`forward`], with what it panics at as an [`Error`].
///
/// # Errors
/// As [`forward`] panics.
pub fn try_forward<T: Elem>(f: impl Expression<T>, x: &[&Tensor<T>]) -> Result<Agreement, Error> {
    run(&f, x, Difference { forward: true })
}

/// The second-order check: the gradient's derivative along a direction, by the rules' VJPs on [`Dual`]
/// numbers, against a central difference of the derivative of `f` along it.
///
/// The closure is as for the other checks, but is called with dual numbers. The tangents that are
/// checked are Hessian-vector products. A rule that reads only the primal somewhere passes all
/// first-order checks and fails here.
///
/// # Panics
/// If the closure returns a handle of another tape, or computes with scalar handles, which cannot be run
/// again (the [module](super) says what to write instead); or if a rule leaves a cotangent unset or
/// gives it the wrong shape.
///
/// # Example
/// ```
/// use wengert::{Tensor, check};
///
/// let x = Tensor::from([0.3, -1.0, 2.0]);
/// check::second_order(|x| (x[0] * x[0]).tanh(), &[&x]).assert_passed();
/// ```
#[track_caller]
pub fn second_order<T: Elem>(f: impl Expression<Dual<T>>, x: &[&Tensor<T>]) -> Agreement {
    try_second_order(f, x).or_panic()
}

/// [`second_order`], with what it panics at as an [`Error`].
///
/// # Errors
/// As [`second_order`] panics.
pub fn try_second_order<T: Elem>(
    f: impl Expression<Dual<T>>,
    x: &[&Tensor<T>],
) -> Result<Agreement, Error> {
    let mut random = Random::new(4);
    let lifted: Vec<_> = x
        .iter()
        .map(|x| {
            let along: Tensor<T> = random.uniform(x.shape(), -1.0, 1.0);
            let pairs = x.iter().zip(along.iter());
            let data = pairs.map(|(&x, &t)| Dual::new(x, t)).collect();
            Tensor::new(x.shape(), data).expect("as many pairs as elements")
        })
        .collect();
    let lifted: Vec<_> = lifted.iter().collect();
    Ok(Agreement {
        check: "second-order",
        ..run(&f, &lifted, Difference { forward: false })?
    })
}

/// A check that can run on any element type.
trait Identity {
    fn check<U: Elem>(&self, recording: Recording<U>) -> Result<Agreement, Error>;
}

/// Records `f` and runs the check on wider elements or, where that is impossible, on its own.
///
/// # Errors
/// If `f` returns a handle of another tape or cannot be run again, or a rule lacks something or fails.
fn run<T: Elem>(
    f: Function<'_, T>,
    x: &[&Tensor<T>],
    identity: impl Identity,
) -> Result<Agreement, Error> {
    let recording = Recording::new(f, x)?;
    match recording.widened() {
        Ok(wide) => Ok(Agreement {
            wide: true,
            ..identity.check(wide)?
        }),
        // Without a wider form, the recording itself is checked.
        Err(_) if recording.tape.check_replayable().is_ok() => identity.check(recording),
        Err(why) => Err(why),
    }
}

struct Adjoint;

impl Identity for Adjoint {
    fn check<U: Elem>(&self, recording: Recording<U>) -> Result<Agreement, Error> {
        let mut random = Random::new(2);
        let mut found = Agreement {
            check: "adjoint",
            sides: ["⟨c, J t⟩", "⟨Jᵀ c, t⟩"],
            found: [0.0; 2],
            place: String::new(),
            error: 0.0,
            limit: 1e3 * U::epsilon().primal(),
            wide: false,
        };
        for trial in 0..3 {
            let c = random.uniform(recording.value().shape(), -1.0, 1.0);
            let t = directions(&recording, &mut random);
            let (pushed, pulled) = (recording.push(&t)?, recording.pull(&c)?);
            let (left, size) = dot(&c, &pushed);
            let (right, other) = dot_all(&pulled, &t);
            let sizes = larger(&size, &other);
            found.note([left, right], &sizes, &format!("direction {trial}"));
        }
        Ok(found)
    }
}

struct Difference {
    forward: bool,
}

/// Inputs with at most this many elements are also checked element by element.
const SMALL: usize = 24;

impl Identity for Difference {
    fn check<U: Elem>(&self, mut recording: Recording<U>) -> Result<Agreement, Error> {
        let mut random = Random::new(3);
        // The error of a central difference is h² f''' / 6 + ε f / h: least near h = ε^(1/3).
        let step = U::epsilon().primal().cbrt();
        let mut found = self.unchecked(step);
        let x: Vec<Tensor<U>> = (0..recording.arity()).map(|k| recording.input(k)).collect();
        let c = random.uniform(recording.value().shape(), -1.0, 1.0);
        let pulled = match self.forward {
            true => Vec::new(),
            false => recording.pull(&c)?,
        };
        for (place, t) in tries(&recording, &x, &mut random) {
            let (slope, scale) = match self.forward {
                true => dot(&c, &recording.push(&t)?),
                false => dot_all(&pulled, &t),
            };
            let (rise, noise) = rise(&mut recording, [&x, &t], &c, step)?;
            found.note([slope, rise], &larger(&scale, &noise), &place);
        }
        Ok(found)
    }
}

impl Difference {
    /// What is found before any direction is tried; `step` is that of the difference.
    fn unchecked(&self, step: f64) -> Agreement {
        let (check, side) = match self.forward {
            true => ("forward", "⟨c, J t⟩"),
            false => ("difference", "⟨Jᵀ c, t⟩"),
        };
        Agreement {
            check,
            sides: [side, "difference"],
            found: [0.0; 2],
            place: String::new(),
            error: 0.0,
            // The third derivative is unknown; a hundred times the least error allows for a large one.
            // In double-double, where h is tiny, 1e-12 is far below the error of any wrong rule.
            limit: (1e2 * step * step).max(1e-12),
            wide: false,
        }
    }
}

/// The directions to try, each with its name: three random ones, and every element of small inputs.
fn tries<U: Elem>(
    recording: &Recording<U>,
    x: &[Tensor<U>],
    random: &mut Random,
) -> Vec<(String, Vec<Tensor<U>>)> {
    let mut tries: Vec<_> = (0..3)
        .map(|trial| (format!("direction {trial}"), directions(recording, random)))
        .collect();
    for k in 0..x.len() {
        for at in (0..x[k].len()).filter(|_| x[k].len() <= SMALL) {
            let mut t: Vec<_> = x.iter().map(|x| Tensor::zeros(x.shape())).collect();
            t[k].data_mut()[at] = U::one();
            tries.push((format!("element {at} of input {k}"), t));
        }
    }
    tries
}

/// The central difference of `⟨c, f⟩` at `x` along `t`, and the sizes of what enters it.
///
/// # Errors
/// If a rule refuses an input so near to `x`.
fn rise<U: Elem>(
    recording: &mut Recording<U>,
    [x, t]: [&[Tensor<U>]; 2],
    c: &Tensor<U>,
    step: f64,
) -> Result<(U, Sizes), Error> {
    let h = U::of(step);
    let mut moved = |sign: U| {
        let pairs = x.iter().zip(t);
        let x: Vec<_> = pairs.map(|(x, t)| x + &(t * (h * sign))).collect();
        recording.at(&x)
    };
    let (ahead, behind) = (moved(U::one())?, moved(-U::one())?);
    // Back to where the JVPs are taken.
    recording.at(x)?;
    let (rise, size) = dot(c, &(&ahead - &behind));
    let (_, height) = dot(c, &ahead);
    // Absolute error of the difference: rounding of the value over h, curvature times h².
    let noise: Sizes = size.iter().map(|size| size / (2.0 * step)).collect();
    Ok((rise / (h + h), larger(&noise, &height)))
}

/// Random directions for all inputs.
fn directions<U: Elem>(recording: &Recording<U>, random: &mut Random) -> Vec<Tensor<U>> {
    (0..recording.arity())
        .map(|k| random.uniform(recording.input_shape(k), -1.0, 1.0))
        .collect()
}

/// For each part of an element, the sum of the magnitudes that enter a number.
type Sizes = SmallVec<[f64; 4]>;

/// The inner product, and the sizes of its terms.
fn dot<U: Elem>(a: &Tensor<U>, b: &Tensor<U>) -> (U, Sizes) {
    let mut sum = U::zero();
    let mut sizes = smallvec![0.0; U::PARTS];
    for (&a, &b) in a.iter().zip(b.iter()) {
        let term = a * b;
        sum += term;
        for (k, size) in sizes.iter_mut().enumerate() {
            *size += term.part(k).abs();
        }
    }
    (sum, sizes)
}

/// The inner product of two lists of tensors.
fn dot_all<U: Elem>(a: &[Tensor<U>], b: &[Tensor<U>]) -> (U, Sizes) {
    let start = (U::zero(), smallvec![0.0; U::PARTS]);
    a.iter().zip(b).fold(start, |(sum, mut sizes), (a, b)| {
        let (more, further) = dot(a, b);
        sizes.iter_mut().zip(further).for_each(|(s, f)| *s += f);
        (sum + more, sizes)
    })
}

fn larger(a: &Sizes, b: &Sizes) -> Sizes {
    a.iter().zip(b).map(|(a, b)| a.max(*b)).collect()
}
