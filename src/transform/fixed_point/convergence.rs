//! When an iteration has converged, when it never will, and what solves a linear equation then.

use super::{FixedPoint, NAME};
use crate::error::{Divergence, Error, ErrorKind};
use crate::kernel::{Elem, System};
use crate::tensor::Tensor;

/// How many steps without progress it takes to give up.
const PATIENCE: usize = 100;

/// Iterates `step` from `y` until a step changes little enough: by no more than the tolerance or, if there
/// is none, by nothing, or by little and no less than the step before.
///
/// The primal and the tangents of dual numbers are watched separately: they may differ in size by many
/// orders of magnitude, and the tangents converge later.
///
/// `marked` says that tangents which are not finite have come in. They mark what depends on them (sparse
/// Hessians find their patterns by NaN tangents), so the iteration goes on until they have spread and
/// everything else has converged.
///
/// # Errors
/// If the change does not shrink or is not finite, or the steps run out.
pub(super) fn iterate<T: Elem>(
    options: FixedPoint,
    marked: bool,
    mut y: Tensor<T>,
    mut step: impl FnMut(&Tensor<T>) -> Result<Tensor<T>, Error>,
) -> Result<Tensor<T>, Error> {
    let near = options.tolerance.unwrap_or(1e4 * T::epsilon().primal());
    let mut earlier: Vec<f64> = Vec::new();
    let (mut best, mut best_at) = (f64::INFINITY, 0);
    for k in 1..=options.steps {
        let next = step(&y)?;
        let change = sizes(&next, &y, marked);
        let around = sizes(&next, &Tensor::zeros(next.shape()), marked);
        let spreads = marked && marks(&next) != marks(&y);
        y = next;
        if change.iter().chain(&around).any(|c| !c.is_finite()) {
            return Err(diverged(k, Divergence::NotFinite));
        }
        let arrived = |(p, &change): (usize, &f64)| {
            let settled =
                options.tolerance.is_some() || earlier.get(p).is_some_and(|e| change >= *e);
            change == 0.0 || (change <= near * around[p] && settled)
        };
        if !spreads && change.iter().enumerate().all(arrived) {
            return Ok(y);
        }
        let largest = change.iter().fold(0.0, |a: f64, &b| a.max(b));
        if spreads || largest < best {
            (best, best_at) = (best.min(largest), k);
        } else if k - best_at >= PATIENCE {
            let (change, since) = (largest, PATIENCE);
            return Err(diverged(k, Divergence::Stalled { change, since }));
        }
        earlier = change;
    }
    let end = Divergence::OutOfSteps { change: best };
    Err(diverged(options.steps, end))
}

fn diverged(steps: usize, end: Divergence) -> Error {
    let op = NAME;
    Error::new(ErrorKind::NoConvergence { op, steps, end })
}

/// Whether some tangent is not finite.
pub(super) fn is_marked<T: Elem>(x: &[&Tensor<T>]) -> bool {
    x.iter().any(|x| marks(x) > 0)
}

/// How many tangents are not finite.
fn marks<T: Elem>(x: &Tensor<T>) -> usize {
    let of = |x: &T| (1..T::PARTS).filter(|&k| !x.part(k).is_finite()).count();
    x.iter().map(of).sum()
}

/// The largest difference of two tensors, for each part of their numbers; NaN if any is. If they are
/// marked, tangents that are not finite do not count.
fn sizes<T: Elem>(a: &Tensor<T>, b: &Tensor<T>, marked: bool) -> Vec<f64> {
    let of_part = |k: usize| {
        let counts = |d: &f64| !(marked && k > 0) || d.is_finite();
        let differences = a.iter().zip(b.iter()).map(|(&a, &b)| (a - b).part(k).abs());
        let differences = differences.filter(counts);
        let larger = |size: f64, d| if size.is_nan() || d <= size { size } else { d };
        differences.fold(0.0, larger)
    };
    (0..T::PARTS).map(of_part).collect()
}

/// Solves `w = c + M w`, where `apply` multiplies by `M`, which is `marked` if tangents at its point are
/// not finite: by iteration or, if that does not converge, by elimination. NaN if `c` is not finite:
/// elimination would come to the same in n³ steps.
///
/// # Errors
/// Those of `apply`.
pub(super) fn resolve<T: Elem>(
    c: &Tensor<T>,
    marked: bool,
    mut apply: impl FnMut(&Tensor<T>) -> Result<Tensor<T>, Error>,
) -> Result<Tensor<T>, Error> {
    // NaN in the primal and in each tangent.
    let nan = T::zero() / T::nan();
    if !c.iter().all(|c| c.primal().is_finite()) {
        return Ok(c.map(|_| nan));
    }
    let options = FixedPoint::new();
    let marked = marked || is_marked(&[c]);
    if let Ok(w) = iterate(options, marked, c.clone(), |w| Ok(c + &apply(w)?)) {
        return Ok(w);
    }
    let n = c.len();
    let mut matrix = vec![T::zero(); n * n];
    for column in 0..n {
        let mut unit = Tensor::zeros(c.shape());
        unit.data_mut()[column] = T::one();
        let image = &unit - &apply(&unit)?;
        for (row, &m) in image.iter().enumerate() {
            matrix[row * n + column] = m;
        }
    }
    let (mut w, mut order) = (c.data().to_vec(), vec![0; n]);
    match T::factor(n, &mut matrix, &mut order) {
        Ok(()) => {
            let system = System {
                n,
                factors: &matrix,
                order: &order,
                width: 1,
                transposed: false,
            };
            T::solve(system, &mut w);
        }
        // Where the solution is not isolated, there is no right gradient.
        Err(_) => w.fill(nan),
    }
    Ok(Tensor::of_buffer(c.shape().clone(), w))
}
