//! `Jacobian`: the plan of a sparse Jacobian, made once and used at many points.

use std::collections::HashSet;
use std::sync::Arc;

use super::colour::{Colours, columns};
use super::csr::Csr;
use super::graph::{Graph, Operand};
use super::pattern::Pattern;
use super::points::{self, Points, Seeds, of_tape};
use super::{probe, support};
use crate::backward::pull;
use crate::error::{Error, ErrorKind, OrPanic};
use crate::kernel::Elem;
use crate::tape::Tape;
use crate::transform::arguments::{Function as Calls, Leaf};
use crate::transform::output::Output;
use crate::var::{Handle, Var};

const OP: &str = "sparse::jacobian";

/// A function behind a pointer, so that the work is compiled once, not for each closure.
type Function<'f, T> =
    Box<dyn for<'t> Fn(&'t Tape<T>, &[Handle<'t, T>]) -> Result<Vec<Handle<'t, T>>, Error> + 'f>;

/// A user's function as one of a list of handles, and the values of its arguments.
pub(super) fn erased<'f, A: Points + 'f, Y: Output<Elem = A::Elem>>(
    f: impl for<'t> Calls<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>> + 'f,
    x: A,
) -> (Function<'f, A::Elem>, Vec<Leaf<A::Elem>>) {
    let mut leaves = Vec::new();
    x.list(&mut leaves);
    let call: Function<'f, A::Elem> = Box::new(move |tape, handles| {
        x.see(handles, |seen| {
            let y = f(seen).into_iter();
            y.map(|y| of_tape(OP, y, tape).map(Y::into_handle))
                .collect()
        })
    });
    (call, leaves)
}

/// The plan of a sparse Jacobian: its pattern, the direction of the walks, and which columns or rows
/// share one.
///
/// Columns share forward walks or rows share reverse walks, whichever the longest row and column suggest
/// takes fewer. As in [`Hessian`](super::Hessian), the structure is compared at each point, and the entries
/// of another branch are added to the pattern.
///
/// # Example
/// ```
/// use wengert::{Tensor, Var};
/// use wengert::transform::sparse;
///
/// // A function of one tensor; scalars work just as well.
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
    /// The colours of columns for forward walks, of rows for reverse walks.
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
    pub fn of<A: Points, Y: Output<Elem = A::Elem>>(
        f: impl for<'t> Calls<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>>,
        x: A,
    ) -> Self {
        Self::try_of(f, x).or_panic()
    }

    /// [`of`](Self::of), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the function returns a handle of another tape, or the pattern is too dense to store.
    pub fn try_of<A: Points, Y: Output<Elem = A::Elem>>(
        f: impl for<'t> Calls<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>>,
        x: A,
    ) -> Result<Self, Error> {
        let tape = Tape::default();
        let (f, x) = erased(f, x);
        let recording = Recording::new(&f, &tape, &x)?;
        recording.plan()
    }

    /// The Jacobian at a point, with a row for each output and a column for each variable.
    ///
    /// It takes one recording, one walk for each colour, and one to verify.
    ///
    /// # Panics
    /// If the number of elements of `x` or of the output differs from the plan's, the function returns a
    /// handle of another tape, the pattern has become too dense to store, or the walk that verifies shows an
    /// entry that the pattern lacks (because a rule's [`reach`](crate::rule::Rule::reach) is too narrow, say).
    #[track_caller]
    pub fn at<A: Points, Y: Output<Elem = A::Elem>>(
        &mut self,
        f: impl for<'t> Calls<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>>,
        x: A,
    ) -> Csr<A::Elem> {
        self.try_at(f, x).or_panic()
    }

    /// [`at`](Self::at), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the number of elements of `x` or of the output differs from the plan's, the function returns a
    /// handle of another tape, the pattern has become too dense to store, or the walk that verifies shows an
    /// entry that the pattern lacks (because a rule's [`reach`](crate::rule::Rule::reach) is too narrow, say).
    pub fn try_at<A: Points, Y: Output<Elem = A::Elem>>(
        &mut self,
        f: impl for<'t> Calls<A::Seen<'t, A::Elem>, Vec<Var<'t, Y>>>,
        x: A,
    ) -> Result<Csr<A::Elem>, Error> {
        let tape = Tape::default();
        let (f, x) = erased(f, x);
        let recording = Recording::new(&f, &tape, &x)?;
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

    /// How many walks a Jacobian takes, not counting the one that verifies it.
    pub fn colours(&self) -> usize {
        self.colours.count
    }

    /// Whether the walks are forward walks.
    pub fn is_forward(&self) -> bool {
        self.forward
    }

    /// A plan for a pattern, with reverse walks if forward ones are impossible or seem to be more.
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
pub(super) struct Recording<'t, T: Elem> {
    tape: &'t Tape<T>,
    x: Vec<Handle<'t, T>>,
    y: Vec<Handle<'t, T>>,
    graph: Graph,
    inputs: Vec<u32>,
    outputs: Vec<Operand>,
    fingerprint: u64,
}

impl<'t, T: Elem> Recording<'t, T> {
    pub(super) fn new(
        f: &Function<'_, T>,
        tape: &'t Tape<T>,
        x: &[Leaf<T>],
    ) -> Result<Self, Error> {
        let x: Vec<_> = x.iter().map(|x| x.clone().enter(tape)).collect();
        let y = f(tape, &x)?;
        let graph = Graph::of(tape, None)?;
        let mut inputs = Vec::new();
        x.iter()
            .for_each(|&x| points::cells(x, &graph, None, &mut inputs));
        let inputs: Vec<u32> = inputs.into_iter().map(|operand| operand.cell).collect();
        let mut outputs = Vec::new();
        y.iter()
            .for_each(|&y| points::cells(y, &graph, None, &mut outputs));
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

    pub(super) fn matrix(&self, plan: &mut Jacobian) -> Result<Csr<T>, Error> {
        let matrix = match self.compressed(plan, T::one()) {
            // A rule lacks its pushforward, so pullbacks have to do.
            Err(error) if plan.forward && matches!(error.kind(), ErrorKind::Missing { .. }) => {
                let pattern = Pattern::clone(&plan.pattern);
                *plan = Jacobian::new(pattern, std::mem::take(&mut plan.known), false);
                self.compressed(plan, T::one())?
            }
            other => other?,
        };
        // A reverse walk checks forward ones by independent means.
        let direction = probe::direction::<T>(matrix.rows());
        let sizes = probe::sizes_transposed(&matrix, &direction);
        let found = matrix.matvec_transposed(&direction);
        let factors = |column| {
            let entries = matrix.triplets().filter(|&(_, c, _)| c == column);
            entries.map(|(row, ..)| T::one() / direction[row]).collect()
        };
        let product = |factor| self.pull(&mut direction.iter().map(|&d| d * factor));
        let again = |factor| {
            let matrix = self.compressed(plan, factor)?;
            Ok(matrix.matvec_transposed(&direction))
        };
        probe::verify(OP, &found, &sizes, factors, product, again)?;
        Ok(matrix)
    }

    /// The matrix times a factor, with which the walks begin.
    fn compressed(&self, plan: &Jacobian, factor: T) -> Result<Csr<T>, Error> {
        let zero = T::zero();
        let of = &plan.colours.of;
        let mut walks = Vec::with_capacity(plan.colours.count);
        for colour in 0..plan.colours.count as u32 {
            let mut along = of
                .iter()
                .map(|&own| if own == colour { factor } else { zero });
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
    fn push(&self, along: &mut dyn Iterator<Item = T>) -> Result<Vec<T>, Error> {
        let mut walk = self.tape.forward();
        for &x in &self.x {
            walk = walk.toward(x, points::filled(x, along))?;
        }
        let tangents = walk.try_walk()?;
        let mut product = Vec::with_capacity(self.outputs.len());
        for &y in &self.y {
            match y {
                Handle::Scalar(y) => product.push(tangents.of(y)),
                Handle::Tensor(y) => product.extend_from_slice(tangents.of(y).data()),
            }
        }
        Ok(product)
    }

    /// The transposed Jacobian times a vector.
    fn pull(&self, along: &mut dyn Iterator<Item = T>) -> Result<Vec<T>, Error> {
        let mut seeds = Seeds {
            scalars: Vec::new(),
            tensors: Vec::new(),
        };
        for &y in &self.y {
            seeds.add(y, along);
        }
        let grads = pull(self.tape, &seeds.scalars, seeds.tensors)?;
        let mut product = Vec::with_capacity(self.inputs.len());
        for &x in &self.x {
            points::append_gradient(&grads, x, &mut product)?;
        }
        Ok(product)
    }
}
