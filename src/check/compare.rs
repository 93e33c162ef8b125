//! Fused against composed: two expressions for one function, judged by a third evaluation.

use std::any::type_name;
use std::time::{Duration, Instant};

use num_traits::Float;

use super::recording::{Expression, Function};
use super::report::{Cost, Distance, Judge, Report, Section, Worst};
use super::side::{Found, Side};
use super::ulps::{distance, part_name, relative, scale};
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::Tape;
use crate::tensor::{Random, Tensor};
use crate::var::Var;

/// Two formulas for one function, evaluated in double-double, may differ by this many roundings of
/// `T`, since their constants (ln 2, say) were rounded to `T` when they were recorded.
const CONSTANTS: f64 = 16.0;

/// A gradient that vanishes in exact arithmetic comes out as a few roundings of the terms that
/// cancelled. This many roundings of the wide type, of cotangent times value over input, do not count.
const ROUNDINGS: f64 = 1024.0;

/// Compares an op that has a hand-written rule with the same function composed from other ops.
///
/// Both are recorded at `x`, walked backward from the same cotangent (drawn from a fixed seed; see
/// [`compare_all`] to choose it), and judged element by element against a third evaluation: the
/// recorded tape, run again on double-double numbers. The report says for the value and for the
/// gradient which of the two is nearer to the truth, and whether their formulas are the same.
///
/// Each closure is called 6 to 201 times: once for the comparison, and then, to tell what it costs, until
/// 10 milliseconds are over, on another tape, each time with a reverse walk. So what a closure or a hook does
/// besides recording, such as counting or drawing random numbers, happens that often.
///
/// # Panics
/// If the two outputs have different shapes, a closure returns a handle of another tape, or a rule leaves a
/// cotangent unset or gives it the wrong shape.
///
/// # Example
/// ```
/// use wengert::{Tensor, check};
///
/// let x = Tensor::from([[40.0, 0.0], [1.0, 2.0]]);
/// let report = check::compare(
///     |x| x.tanh(),
///     |x| {
///         let (e, f) = (x.exp(), (-x).exp());
///         (e - f) / (e + f)
///     },
///     &x,
/// );
/// report.assert_agrees();
/// println!("{report}");
/// ```
#[track_caller]
pub fn compare<T: Elem>(
    fused: impl for<'t> Fn(Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>>,
    composed: impl for<'t> Fn(Var<'t, Tensor<T>>) -> Var<'t, Tensor<T>>,
    x: &Tensor<T>,
) -> Report {
    compare_all(
        for_slice(move |x| fused(x[0])),
        for_slice(move |x| composed(x[0])),
        &[x],
        None,
    )
}

/// [`compare`] for functions of several tensors, from a cotangent of your choice; it calls the closures as
/// often.
///
/// # Panics
/// If the outputs or the cotangent have different shapes, a closure returns a handle of another tape, or a
/// rule leaves a cotangent unset or gives it the wrong shape.
#[track_caller]
pub fn compare_all<T: Elem>(
    fused: impl Expression<T>,
    composed: impl Expression<T>,
    x: &[&Tensor<T>],
    cotangent: Option<&Tensor<T>>,
) -> Report {
    try_compare_all(fused, composed, x, cotangent).or_panic()
}

/// [`compare_all`], with bad input as an [`Error`].
///
/// # Errors
/// If the outputs or the cotangent have different shapes, a closure returns a handle of another tape, or a
/// rule leaves a cotangent unset or gives it the wrong shape.
pub fn try_compare_all<T: Elem>(
    fused: impl Expression<T>,
    composed: impl Expression<T>,
    x: &[&Tensor<T>],
    cotangent: Option<&Tensor<T>>,
) -> Result<Report, Error> {
    report([&fused, &composed], x, cotangent)
}

fn report<T: Elem>(
    [fused, composed]: [Function<'_, T>; 2],
    x: &[&Tensor<T>],
    cotangent: Option<&Tensor<T>>,
) -> Result<Report, Error> {
    let mut sides = [
        Side::new("fused", fused, x)?,
        Side::new("composed", composed, x)?,
    ];
    let values = sides.each_ref().map(Side::value);
    let shape = values[0].0.shape();
    let same_shape = |what, found: &Tensor<T>| {
        if found.shape() == shape {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Shape {
            op: "compare",
            what,
            found: found.shape().clone(),
            expected: shape.clone(),
        }))
    };
    same_shape("the composed output", &values[1].0)?;
    let drawn;
    let cotangent = match cotangent {
        Some(given) => {
            same_shape("the cotangent", given)?;
            given
        }
        None => {
            drawn = Random::new(1).uniform(shape, -1.0, 1.0);
            &drawn
        }
    };
    for side in &mut sides {
        side.walk(cotangent)?;
    }
    let height = scale(cotangent, 0) * scale(&values[1].0, 0);
    let mut value = judged("value".into(), values, 0.0);
    let mut gradients: Vec<Section> = (0..x.len())
        .map(|k| {
            let size = scale(x[k], 0).max(f64::MIN_POSITIVE);
            let noise = ROUNDINGS * T::Wide::epsilon().primal() * height / size;
            let found = sides.each_ref().map(|side| side.gradient(k));
            judged(format!("gradient {k}"), found, noise)
        })
        .collect();
    for side in &sides {
        let sections = std::iter::once(&mut value).chain(&mut gradients);
        for (section, loss) in sections.zip(side.losses()) {
            section.losses.extend(loss);
        }
    }
    let judge = match sides.each_ref().map(Side::refusal) {
        [_, None] => Judge::Composed,
        [None, Some(why)] => Judge::Fused(why),
        [Some(_), Some(why)] => Judge::Nobody(why),
    };
    Ok(Report {
        element: type_name::<T>(),
        judge,
        value,
        gradients,
        fused: cost(fused, &sides[0].run.recording.tape, x, cotangent)?,
        composed: cost(composed, &sides[1].run.recording.tape, x, cotangent)?,
    })
}

/// Returns `f`: the bound lets the compiler infer the type that all checks take.
pub(super) fn for_slice<T: Elem, F: Expression<T>>(f: F) -> F {
    f
}

/// Judges one tensor of both sides by the wide evaluations that are available.
fn judged<T: Elem>(name: String, [fused, composed]: [Found<T>; 2], noise: f64) -> Section {
    let wide = [fused.1, composed.1];
    let (fused, composed) = (&fused.0, &composed.0);
    let stand_in;
    let exact = match &wide {
        [_, Some(exact)] | [Some(exact), None] => exact,
        [None, None] => {
            stand_in = composed.map(T::widen);
            &stand_in
        }
    };
    let mut worst: Option<Worst> = None;
    let mut sides = [Distance::default(); 2];
    for k in 0..T::PARTS {
        let around = scale(exact, k);
        let triples = fused.iter().zip(composed.iter()).zip(exact.iter());
        for (at, ((&a, &b), &exact)) in triples.enumerate() {
            let ulps = [a, b].map(|found| distance(found, exact, k, around));
            for (side, ulps) in sides.iter_mut().zip(ulps) {
                side.max = side.max.max(ulps);
                side.mean += ulps / (fused.len() * T::PARTS) as f64;
            }
            let beyond = |w: &Worst| ulps[0].max(ulps[1]) > w.fused_ulps.max(w.composed_ulps);
            if worst.as_ref().is_none_or(beyond) {
                worst = Some(Worst {
                    index: fused.shape().index_of(at),
                    part: part_name::<T>(k),
                    fused: a.part(k),
                    composed: b.part(k),
                    reference: exact.part(k),
                    fused_ulps: ulps[0],
                    composed_ulps: ulps[1],
                });
            }
        }
    }
    let formulas = match &wide {
        [Some(a), Some(b)] => Some(relative(a, b, noise)),
        _ => None,
    };
    Section {
        name,
        fused: sides[0],
        composed: sides[1],
        worst,
        formulas,
        bound: match formulas {
            Some(_) => CONSTANTS * T::epsilon().primal(),
            // The difference contains the rounding of both sides, and the composed one may lose many ulps.
            None => 1e4 * T::epsilon().primal(),
        },
        difference: relative(fused, composed, 0.0),
        losses: Vec::new(),
    }
}

/// Counts the nodes and bytes of a recording, and times recording and walk on a warm tape.
///
/// # Errors
/// If a rule leaves a cotangent unset or gives it the wrong shape.
fn cost<T: Elem>(
    f: Function<'_, T>,
    recorded: &Tape<T>,
    x: &[&Tensor<T>],
    cotangent: &Tensor<T>,
) -> Result<Cost, Error> {
    let mut tape = Tape::default();
    let begun = Instant::now();
    let mut times: Vec<Duration> = Vec::new();
    // Long enough for a median, short enough that a report stays cheap.
    while times.len() < 5 || (times.len() < 200 && begun.elapsed() < Duration::from_millis(10)) {
        let start = Instant::now();
        let handles: Vec<_> = x.iter().map(|&x| tape.var(x.clone())).collect();
        let grads = f(&handles).try_vjp(cotangent.clone())?;
        std::hint::black_box(&grads);
        drop(grads);
        times.push(start.elapsed());
        tape.reset();
    }
    times.sort_unstable();
    Ok(Cost {
        time: times[times.len() / 2],
        nodes: recorded.tensor_nodes() + recorded.scalar_nodes(),
        bytes: recorded.bytes(),
    })
}
