//! `Jacobian`: the plan of a sparse Jacobian, made once and used at many points.

use std::collections::HashSet;
use std::sync::Arc;

use super::colour::{Colours, columns};
use super::csr::Csr;
use super::graph::{Graph, Operand};
use super::pattern::Pattern;
use super::variables::{Seeds, Variables};
use super::{probe, support};
use crate::backward::pull;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::tape::Tape;
use crate::var::Var;

const OP: &str = "sparse::jacobian";

/// A function of several handles that gives several.
type Function<'f, X, Y> = &'f dyn for<'t> Fn(&[Var<'t, X>]) -> Vec<Var<'t, Y>>;

/// The plan of a sparse Jacobian: its pattern, the direction of the walks, and which columns or rows
/// share one.
///
/// Columns share forward walks or rows share reverse walks, whichever the longest row and column
/// promise to be fewer. As with [`Hessian`](super::Hessian) the structure is compared at each point,
/// and the entries of another branch join the pattern.
///
/// # Example
/// ```
/// use wengert::{Tensor, Var};
/// use wengert::transform::sparse;
///
/// // A function of one tensor; tensors and scalars serve alike.
/// fn residual<'t>(x: &[Var<'t, Tensor<f64>>]) -> Vec<Var<'t, Tensor<f64>>> {
///     let (left, right) = (x[0].slice(..-1), x[0].slice(1..));
///     vec![right * right - left]
/// }
///
/// let x = Tensor::from([1.0, 2.0, 3.0]);
/// let mut plan = sparse::Jacobian::of(residual, &[x.clone()]);
/// let j = plan.at(residual, &[x]);
/// assert_eq!(j.to_dense(), Tensor::from([[-1.0, 4.0, 0.0], [0.0, -1.0, 6.0]]));
/// assert_eq!(plan.colours(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Jacobian {
    pattern: Arc<Pattern>,
    /// Of columns for forward walks, of rows for reverse walks.
    colours: Colours,
    forward: bool,
    known: HashSet<u64>,
}

impl Jacobian {
    /// The plan for a function, from its recording at `x`.
    ///
    /// # Panics
    /// If the function returns a handle of another tape, or the pattern is too dense to store.
    #[track_caller]
    pub fn of<X: Variables, Y: Variables<Elem = X::Elem>>(
        f: impl for<'t> Fn(&[Var<'t, X>]) -> Vec<Var<'t, Y>>,
        x: &[X],
    ) -> Self {
        Self::try_of(f, x).or_panic()
    }

    /// [`of`](Self::of), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the function returns a handle of another tape, or the pattern is too dense to store.
    pub fn try_of<X: Variables, Y: Variables<Elem = X::Elem>>(
        f: impl for<'t> Fn(&[Var<'t, X>]) -> Vec<Var<'t, Y>>,
        x: &[X],
    ) -> Result<Self, Error> {
        let tape = Tape::default();
        let recording = Recording::<X, Y>::new(&f, &tape, x)?;
        recording.plan()
    }

    /// The Jacobian at a point: a row for each output, a column for each variable; one recording, one
    /// walk for each colour, one to verify.
    ///
    /// # Panics
    /// If `x` or the output has another number of elements than the plan, or the function returns a
    /// handle of another tape.
    #[track_caller]
    pub fn at<X: Variables, Y: Variables<Elem = X::Elem>>(
        &mut self,
        f: impl for<'t> Fn(&[Var<'t, X>]) -> Vec<Var<'t, Y>>,
        x: &[X],
    ) -> Csr<X::Elem> {
        self.try_at(f, x).or_panic()
    }

    /// [`at`](Self::at), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If `x` or the output has another number of elements than the plan, or the function returns a
    /// handle of another tape.
    pub fn try_at<X: Variables, Y: Variables<Elem = X::Elem>>(
        &mut self,
        f: impl for<'t> Fn(&[Var<'t, X>]) -> Vec<Var<'t, Y>>,
        x: &[X],
    ) -> Result<Csr<X::Elem>, Error> {
        let tape = Tape::default();
        let recording = Recording::<X, Y>::new(&f, &tape, x)?;
        let (rows, columns) = (self.pattern.rows(), self.pattern.columns());
        let (found_rows, found_columns) = (recording.outputs.len(), recording.inputs.len());
        if (rows, columns) != (found_rows, found_columns) {
            return Err(Error::argument(
                OP,
                format!(
                    "the plan is for {columns} variables and {rows} outputs, got {found_columns} and {found_rows}; make a plan with Jacobian::of"
                ),
            ));
        }
        if !self.known.contains(&recording.fingerprint) {
            self.known.insert(recording.fingerprint);
            let union = self.pattern.union(&recording.pattern()?);
            if union != *self.pattern {
                *self = Self::new(union, std::mem::take(&mut self.known), true);
            }
        }
        recording.matrix(self)
    }

    /// Where the Jacobian may have entries.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// How many walks a Jacobian takes, but for the one that verifies it.
    pub fn colours(&self) -> usize {
        self.colours.count
    }

    /// Whether the walks are forward ones.
    pub fn is_forward(&self) -> bool {
        self.forward
    }

    /// A plan for a pattern; reverse if forward is not possible or promises more walks.
    fn new(pattern: Pattern, known: HashSet<u64>, forward: bool) -> Self {
        let transposed = pattern.transposed();
        let forward = forward && pattern.longest_row() <= transposed.longest_row();
        let colours = columns(if forward { &pattern } else { &transposed });
        Self {
            pattern: Arc::new(pattern),
            colours,
            forward,
            known,
        }
    }
}

/// A function recorded at a point.
pub(super) struct Recording<'t, X: Variables, Y: Variables<Elem = X::Elem>> {
    tape: &'t Tape<X::Elem>,
    x: Vec<Var<'t, X>>,
    y: Vec<Var<'t, Y>>,
    graph: Graph,
    inputs: Vec<u32>,
    outputs: Vec<Operand>,
    fingerprint: u64,
}

impl<'t, X: Variables, Y: Variables<Elem = X::Elem>> Recording<'t, X, Y> {
    pub(super) fn new(
        f: Function<'_, X, Y>,
        tape: &'t Tape<X::Elem>,
        x: &[X],
    ) -> Result<Self, Error> {
        let x: Vec<Var<'t, X>> = x.iter().map(|x| tape.var(x.clone())).collect();
        let y = f(&x);
        if y.iter()
            .any(|y| y.tape.is_some_and(|other| !other.is(tape)))
        {
            return Err(Error::new(ErrorKind::OtherTape { op: OP }));
        }
        let graph = Graph::of(tape, None)?;
        let mut inputs = Vec::new();
        x.iter()
            .for_each(|&x| X::cells(x, &graph, None, &mut inputs));
        let inputs: Vec<u32> = inputs.into_iter().map(|operand| operand.cell).collect();
        let mut outputs = Vec::new();
        y.iter()
            .for_each(|&y| Y::cells(y, &graph, None, &mut outputs));
        let fingerprint = graph.fingerprint(&inputs, &outputs);
        Ok(Self {
            tape,
            x,
            y,
            graph,
            inputs,
            outputs,
            fingerprint,
        })
    }

    fn pattern(&self) -> Result<Pattern, Error> {
        support::jacobian(&self.graph, &self.inputs, &self.outputs)
    }

    pub(super) fn plan(&self) -> Result<Jacobian, Error> {
        let known = HashSet::from([self.fingerprint]);
        Ok(Jacobian::new(self.pattern()?, known, true))
    }

    pub(super) fn matrix(&self, plan: &mut Jacobian) -> Result<Csr<X::Elem>, Error> {
        let matrix = match self.compressed(plan) {
            // A rule without a pushforward: its pullback will do.
            Err(error) if plan.forward && matches!(error.kind(), ErrorKind::Missing { .. }) => {
                let pattern = Pattern::clone(&plan.pattern);
                *plan = Jacobian::new(pattern, std::mem::take(&mut plan.known), false);
                self.compressed(plan)?
            }
            other => other?,
        };
        // A reverse walk, so that it checks forward ones by other means.
        let direction = probe::direction::<X::Elem>(matrix.rows());
        let sizes = probe::sizes_transposed(&matrix, &direction);
        let found = matrix.matvec_transposed(&direction);
        probe::verify(OP, &found, &sizes, |factor| {
            self.pull(&mut direction.iter().map(|&d| d * factor))
        })?;
        Ok(matrix)
    }

    fn compressed(&self, plan: &Jacobian) -> Result<Csr<X::Elem>, Error> {
        let zero = <X::Elem as num_traits::Zero>::zero;
        let one = <X::Elem as num_traits::One>::one;
        let of = &plan.colours.of;
        let mut walks = Vec::with_capacity(plan.colours.count);
        for colour in 0..plan.colours.count as u32 {
            let mut along = of
                .iter()
                .map(|&own| if own == colour { one() } else { zero() });
            walks.push(if plan.forward {
                self.push(&mut along)?
            } else {
                self.pull(&mut along)?
            });
        }
        let pattern = &plan.pattern;
        let mut values = Vec::with_capacity(pattern.len());
        for row in 0..pattern.rows() {
            values.extend(pattern.row(row).iter().map(|&column| {
                let column = column as usize;
                let (seeded, read) = if plan.forward {
                    (column, row)
                } else {
                    (row, column)
                };
                walks[of[seeded] as usize][read]
            }));
        }
        Ok(Csr::new(Arc::clone(pattern), values))
    }

    /// The Jacobian times a vector.
    fn push(&self, along: &mut dyn Iterator<Item = X::Elem>) -> Result<Vec<X::Elem>, Error> {
        let mut walk = self.tape.forward();
        for &x in &self.x {
            walk = walk.try_along(x, x.value().filled(along))?;
        }
        let tangents = walk.try_walk()?;
        let mut product = Vec::with_capacity(self.outputs.len());
        for &y in &self.y {
            tangents.of(y).append_to(&mut product);
        }
        Ok(product)
    }

    /// The transposed Jacobian times a vector.
    fn pull(&self, along: &mut dyn Iterator<Item = X::Elem>) -> Result<Vec<X::Elem>, Error> {
        let mut seeds = Seeds {
            scalars: Vec::new(),
            tensors: Vec::new(),
        };
        for &y in &self.y {
            Y::set_out(y, along, &mut seeds);
        }
        let grads = pull(self.tape, &seeds.scalars, seeds.tensors)?;
        let mut product = Vec::with_capacity(self.inputs.len());
        for &x in &self.x {
            grads.try_wrt(x)?.append_to(&mut product);
        }
        Ok(product)
    }
}
