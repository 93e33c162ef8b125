//! `Hessian`: the plan of a sparse Hessian, made once and used at many points.

use std::sync::Arc;

use super::colour::{Colours, star};
use super::csr::Csr;
use super::graph::{Graph, Operand};
use super::meetings::Round;
use super::pattern::Pattern;
use super::points::{self, Points, of_tape};
use super::{probe, support};
use crate::dual::Dual;
use crate::error::{Error, OrPanic};
use crate::kernel::Elem;
use crate::tape::Tape;
use crate::transform::arguments::{Function as Calls, Leaf};
use crate::var::{Handle, Var};

const OP: &str = "sparse::hessian";

/// A scalar function behind a pointer, so that the work is compiled once, not for each closure.
type Function<'f, T> = Box<
    dyn for<'t> Fn(&'t Tape<Dual<T>>, &[Handle<'t, Dual<T>>]) -> Result<Var<'t, Dual<T>>, Error>
        + 'f,
>;

/// A user's function as one of a list of handles, and the values of its arguments.
pub(super) fn erased<'f, A: Points + 'f>(
    f: impl for<'t> Calls<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>> + 'f,
    x: A,
) -> (Function<'f, A::Elem>, Vec<Leaf<A::Elem>>) {
    let mut leaves = Vec::new();
    x.list(&mut leaves);
    let call: Function<'f, A::Elem> =
        Box::new(move |tape, handles| x.see(handles, |seen| of_tape(OP, f(seen), tape)));
    (call, leaves)
}

/// The plan of a sparse Hessian: its pattern, and which columns share a product.
///
/// Finding both costs more than a product, so a solver makes the plan once and uses it at each point.
/// There the recording's structure is compared with those that the plan knows; if a branch went another
/// way, its entries are added to the pattern. No entry is ever missed.
///
/// # Example
/// ```
/// use wengert::{Dual, Var};
/// use wengert::transform::sparse;
///
/// fn energy<'t>(x: &[Var<'t, Dual<f64>>]) -> Var<'t, Dual<f64>> {
///     x.windows(2).map(|pair| (pair[1] - pair[0]).cosh()).sum()
/// }
///
/// let mut plan = sparse::Hessian::of(energy, &[0.0; 50]);
/// assert_eq!(plan.colours(), 3); // not 50
/// let h = plan.at(energy, &[0.5; 50]);
/// assert_eq!((h.get(7, 6), h.get(7, 7), h.get(7, 8), h.get(7, 9)), (-1.0, 2.0, -1.0, 0.0));
/// ```
#[derive(Clone, Debug)]
pub struct Hessian {
    pattern: Arc<Pattern>,
    colours: Colours,
    /// For each entry, whether it is the only one of its colour in its row.
    alone: Vec<bool>,
    /// The structures whose entries are in the pattern.
    known: Vec<Known>,
}

/// A structure that a plan has met.
#[derive(Clone, Debug)]
struct Known {
    fingerprint: u64,
    rounds: Vec<Round>,
}

impl Hessian {
    /// The plan for a function, from its recording at `x`.
    ///
    /// # Panics
    /// If the function returns a handle of another tape, or the pattern is too dense to store.
    #[track_caller]
    pub fn of<A: Points>(
        f: impl for<'t> Calls<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
        x: A,
    ) -> Self {
        Self::try_of(f, x).or_panic()
    }

    /// [`of`](Self::of), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the function returns a handle of another tape, or the pattern is too dense to store.
    pub fn try_of<A: Points>(
        f: impl for<'t> Calls<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
        x: A,
    ) -> Result<Self, Error> {
        let (f, x) = erased(f, x);
        Detected::new(&f, &x)?.plan(&f, &x)
    }

    /// The Hessian at a point, by one product for each colour, and one to verify.
    ///
    /// # Panics
    /// If the number of variables differs from the plan's, the function returns a handle of another tape or
    /// does not compute the same each time, the pattern has become too dense to store, or the product that
    /// verifies shows an entry that the pattern lacks (because a rule's
    /// [`reach`](crate::rule::Rule::reach) is too narrow, say).
    #[track_caller]
    pub fn at<A: Points>(
        &mut self,
        f: impl for<'t> Calls<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
        x: A,
    ) -> Csr<A::Elem> {
        self.try_at(f, x).or_panic()
    }

    /// [`at`](Self::at), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the number of variables differs from the plan's, the function returns a handle of another tape or
    /// does not compute the same each time, the pattern has become too dense to store, or the product that
    /// verifies shows an entry that the pattern lacks (because a rule's
    /// [`reach`](crate::rule::Rule::reach) is too narrow, say).
    pub fn try_at<A: Points>(
        &mut self,
        f: impl for<'t> Calls<A::Seen<'t, Dual<A::Elem>>, Var<'t, Dual<A::Elem>>>,
        x: A,
    ) -> Result<Csr<A::Elem>, Error> {
        let (f, x) = erased(f, x);
        let found = Detected::new(&f, &x)?;
        if found.inputs.len() != self.pattern.rows() {
            return Err(Error::argument(
                OP,
                format!(
                    "the plan is for {} variables, got {}; make a plan with Hessian::of",
                    self.pattern.rows(),
                    found.inputs.len()
                ),
            ));
        }
        if !self.knows(&found, &f, &x)? {
            let (pattern, known) = found.pattern(&f, &x)?;
            self.learn(&pattern, known);
        }
        self.matrix(&f, &x)
    }

    /// Where the Hessian may have entries.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// How many Hessian-vector products a Hessian takes, not counting the one that verifies it.
    pub fn colours(&self) -> usize {
        self.colours.count
    }

    pub(super) fn matrix<T: Elem>(
        &self,
        f: &Function<'_, T>,
        x: &[Leaf<T>],
    ) -> Result<Csr<T>, Error> {
        let mut tape = Tape::default();
        let matrix = self.compressed(f, &mut tape, x, T::one())?;
        let direction = probe::direction::<T>(matrix.rows());
        let sizes = probe::sizes(&matrix, &direction);
        let factors = |row| {
            let columns = self.pattern.row(row).iter();
            columns.map(|&c| T::one() / direction[c as usize]).collect()
        };
        let whole = |factor| {
            let mut along = direction.iter().map(|&d| d * factor);
            product(f, &mut tape, x, &mut along)
        };
        let again = |factor| {
            let matrix = self.compressed(f, &mut Tape::default(), x, factor)?;
            Ok(matrix.matvec(&direction))
        };
        let found = matrix.matvec(&direction);
        probe::verify(OP, &found, &sizes, factors, whole, again)?;
        Ok(matrix)
    }

    /// The matrix times a factor, by which the directions are scaled.
    fn compressed<T: Elem>(
        &self,
        f: &Function<'_, T>,
        tape: &mut Tape<Dual<T>>,
        x: &[Leaf<T>],
        factor: T,
    ) -> Result<Csr<T>, Error> {
        let zero = T::zero();
        let mut products = Vec::with_capacity(self.colours.count);
        for colour in 0..self.colours.count as u32 {
            let mut along = self
                .colours
                .of
                .iter()
                .map(|&own| if own == colour { factor } else { zero });
            products.push(product(f, tape, x, &mut along)?);
        }
        let pattern = &self.pattern;
        let mut values = Vec::with_capacity(pattern.len());
        for row in 0..pattern.rows() {
            for &column in pattern.row(row) {
                // Both entries of a pair read the same number, so that the matrix is symmetric.
                let (low, high) = (row.min(column as usize), row.max(column as usize));
                let at = pattern.position(low, high);
                let direct = self.alone[at.expect("a Hessian's pattern is symmetric")];
                let (row, column) = if direct { (low, high) } else { (high, low) };
                values.push(products[self.colours.of[column] as usize][row]);
            }
        }
        Ok(Csr::new(Arc::clone(pattern), values))
    }

    fn new(pattern: Pattern, known: Vec<Known>) -> Self {
        let colours = star(&pattern);
        let mut alone = Vec::with_capacity(pattern.len());
        let mut count = vec![0u32; colours.count];
        for row in 0..pattern.rows() {
            let of = |&column: &u32| colours.of[column as usize] as usize;
            let columns = pattern.row(row);
            columns.iter().for_each(|column| count[of(column)] += 1);
            alone.extend(columns.iter().map(|column| count[of(column)] == 1));
            columns.iter().for_each(|column| count[of(column)] = 0);
        }
        Self {
            pattern: Arc::new(pattern),
            colours,
            alone,
            known,
        }
    }

    /// Whether the pattern holds for a structure: that of the recording with all marks, and of those with
    /// some marks by which sums were found.
    fn knows<T: Elem>(
        &self,
        found: &Detected,
        f: &Function<'_, T>,
        x: &[Leaf<T>],
    ) -> Result<bool, Error> {
        'known: for known in &self.known {
            if known.fingerprint != found.fingerprint {
                continue;
            }
            for round in &known.rounds {
                let again = Detected::marked(f, x, &mut round.marks.iter().copied())?;
                if again.graph.fingerprint(&[], &[]) != round.fingerprint {
                    continue 'known;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Adds the entries of a new structure to the pattern.
    fn learn(&mut self, pattern: &Pattern, known: Known) {
        let union = self.pattern.union(pattern);
        self.known.push(known);
        if union != *self.pattern {
            *self = Self::new(union, std::mem::take(&mut self.known));
        }
    }
}

/// The structure of a recording on dual numbers.
pub(super) struct Detected {
    graph: Graph,
    inputs: Vec<u32>,
    output: Operand,
    fingerprint: u64,
}

impl Detected {
    /// Records with every variable's tangent marked by a NaN.
    ///
    /// A tangent of exactly 0 stays 0, and any other product with a NaN is NaN. So the mark reaches exactly
    /// the derivatives that depend on a variable, whatever the numbers at this point are.
    pub(super) fn new<T: Elem>(f: &Function<'_, T>, x: &[Leaf<T>]) -> Result<Self, Error> {
        Self::marked(f, x, &mut std::iter::repeat(true))
    }

    /// Records with marks on some variables.
    fn marked<T: Elem>(
        f: &Function<'_, T>,
        x: &[Leaf<T>],
        marks: &mut dyn Iterator<Item = bool>,
    ) -> Result<Self, Error> {
        let tape = Tape::default();
        let nan = T::nan();
        let zero = T::zero();
        let mut tangents = marks.map(|mark| if mark { nan } else { zero });
        let (handles, y) = record(f, &tape, x, &mut tangents)?;
        let bent: fn(Dual<T>) -> bool = |d| !num_traits::Zero::is_zero(&d.tangent);
        let graph = Graph::of(&tape, Some(bent))?;
        let mut cells = Vec::new();
        for &handle in &handles {
            points::cells(handle, &graph, None, &mut cells);
        }
        let inputs: Vec<u32> = cells.drain(..).map(|operand| operand.cell).collect();
        points::cells(Handle::Scalar(y), &graph, Some(bent), &mut cells);
        let output = cells[0];
        let fingerprint = graph.fingerprint(&inputs, &[output]);
        Ok(Self {
            graph,
            inputs,
            output,
            fingerprint,
        })
    }

    fn pattern<T: Elem>(
        &self,
        f: &Function<'_, T>,
        x: &[Leaf<T>],
    ) -> Result<(Pattern, Known), Error> {
        let mut marked = |marks: &[bool]| Ok(Self::marked(f, x, &mut marks.iter().copied())?.graph);
        let (pattern, rounds) =
            support::hessian(&self.graph, &self.inputs, self.output, &mut marked)?;
        let known = Known {
            fingerprint: self.fingerprint,
            rounds,
        };
        Ok((pattern, known))
    }

    pub(super) fn plan<T: Elem>(
        &self,
        f: &Function<'_, T>,
        x: &[Leaf<T>],
    ) -> Result<Hessian, Error> {
        let (pattern, known) = self.pattern(f, x)?;
        Ok(Hessian::new(pattern, vec![known]))
    }
}

/// The handles of the inputs and of the output.
type Recorded<'t, T> = (Vec<Handle<'t, Dual<T>>>, Var<'t, Dual<T>>);

fn record<'t, T: Elem>(
    f: &Function<'_, T>,
    tape: &'t Tape<Dual<T>>,
    x: &[Leaf<T>],
    tangents: &mut dyn Iterator<Item = T>,
) -> Result<Recorded<'t, T>, Error> {
    let mut tangent = || tangents.next().expect("there is one for each element");
    let lifted = x.iter().map(|x| Leaf {
        value: x.value.map(|x| Dual::new(x, tangent())),
        scalar: x.scalar,
    });
    let handles: Vec<_> = lifted.map(|x| x.enter(tape)).collect();
    let y = f(tape, &handles)?;
    Ok((handles, y))
}

/// The Hessian times a direction.
fn product<T: Elem>(
    f: &Function<'_, T>,
    tape: &mut Tape<Dual<T>>,
    x: &[Leaf<T>],
    direction: &mut dyn Iterator<Item = T>,
) -> Result<Vec<T>, Error> {
    tape.reset();
    let (handles, y) = record(f, tape, x, direction)?;
    let mut gradient = Vec::new();
    if y.tape.is_none() {
        // A constant: all zeros.
        let zero = T::zero();
        return Ok(vec![zero; points::count(x)]);
    }
    let grads = y.try_backward()?;
    for handle in handles {
        points::append_gradient(&grads, handle, &mut gradient)?;
    }
    Ok(gradient.into_iter().map(|d| d.tangent).collect())
}
