//! `Rule`: what an op must define to be recorded, run again and differentiated.
//!
//! The tape knows rules only through this trait, so a user's op has the same rights as the crate's own.

use std::fmt::{self, Debug};

use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

pub use super::reach::Reach;
pub use super::slot::Slot;
pub use super::twin::Twin;

/// An operation on tensors with its derivative rules.
///
/// A rule is a small value that carries the op's attributes (an axis, say) and nothing else; what
/// it needs of a particular evaluation is in [`Point`]. Write it once for all `T: Elem`: on
/// [`Dual`](crate::dual::Dual) elements it then gives second derivatives, and on wider ones the
/// reference that [`check`](crate::check) judges by.
///
/// # Example
/// ```
/// use wengert::{Elem, Error, Shape, Tape, Tensor};
/// use wengert::rule::{Point, Residual, Rule, Slot};
///
/// /// y = x³
/// #[derive(Clone, Copy, Debug)]
/// struct Cube;
///
/// impl<T: Elem> Rule<T> for Cube {
///     fn name(&self) -> &'static str { "cube" }
///     fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> { Ok(x[0].clone()) }
///     fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
///         for (y, &x) in y.fill().iter_mut().zip(x[0].iter()) { *y = x * x * x; }
///     }
///     fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
///         let three = T::of(3.0);
///         for (gx, (&g, &x)) in gx[0].fill().iter_mut().zip(g.iter().zip(at.x[0].iter())) {
///             *gx = g * three * x * x;
///         }
///     }
///     fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> { Some(Box::new(*self)) }
/// }
///
/// let tape = Tape::new();
/// let x = tape.var(Tensor::from([1.0, 2.0]));
/// let y = tape.apply(Cube, [x]).sum();
/// assert_eq!(y.backward().wrt(x), Tensor::from([3.0, 12.0]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no rule on elements of type `{T}`",
    note = "write it once for all elements, `impl<T: Elem> Rule<T> for ...`: on `Dual` elements it is then its own second order, on wider ones the reference of a check"
)]
pub trait Rule<T: Elem>: Debug + Send + 'static {
    /// The op's name, as errors and reports show it.
    fn name(&self) -> &'static str;

    /// The shape of the output.
    ///
    /// # Errors
    /// If the op does not take operands of these shapes.
    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error>;

    /// Computes the output, and stores in `keep` what the pullback needs beyond operands and output.
    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>);

    /// Computes the output where a pullback is expected to follow.
    ///
    /// It is called in the walk over blocks of a chain that was put off ([`rowwise`](Self::rowwise)), and where the
    /// output is one number that depends on many, such as a loss. It may keep what saves work in the pullback: slopes,
    /// say, or the cotangents of the operands for a cotangent of 1. Output and cotangents must be bit for bit those
    /// that [`forward`](Self::forward) leads to, which the default calls.
    fn forward_to_pull(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        self.forward(x, y, keep);
    }

    /// The pullback: from the cotangent `g` of the output to the cotangents of the operands.
    ///
    /// The slot of every operand that is [`wanted`](Slot::wanted) must be filled, shared, given or declared
    /// zero; where an operand is used more than once, the walk adds up its cotangents.
    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]);

    /// The pushforward: from the operands' tangents (`None` is zero) to the output's.
    ///
    /// # Errors
    /// If the rule has no JVP, which is what the default says.
    fn jvp(
        &self,
        at: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        let _ = (at, t, ty);
        Err(Error::new(ErrorKind::Missing {
            op: self.name(),
            what: "JVP",
            line: None,
        }))
    }

    /// The same rule on wider elements; `None` if there is none.
    ///
    /// It is the reference of a check. On dual numbers it also computes again what came out infinite or NaN, since its
    /// exponents do not end: its forward then runs in ordinary walks too, and on some rows if
    /// [`rowwise`](Self::rowwise) offers that.
    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        None
    }

    /// The same function composed of other ops at these operands, made by [`Twin::record`], for the
    /// ledger, which counts what the fused rule saves. `None` if the op is primitive.
    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let _ = x;
        None
    }

    /// What the pullback reads.
    ///
    /// The ledger shows it, and chains that are put off rely on it: the walk does not compute an output that no
    /// pullback reads, and puts NaN in its place.
    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT
    }

    /// Why the pullback reads that, for the ledger: its formula, or a few words.
    ///
    /// The default says which of operands, output and statistics the slopes are made of.
    fn why(&self) -> &'static str {
        self.keeps().why()
    }

    /// Which elements of the operands an element of the output depends on, for sparsity detection.
    fn reach(&self) -> Reach {
        Reach::Dense
    }

    /// The rule itself, if it works row by row along the first `axes` axes on operands of these shapes; chains of
    /// such rules may be evaluated in blocks of rows that stay in the cache
    /// ([`Tape::with_blocks`](crate::Tape::with_blocks)).
    ///
    /// A row is all elements with the same indices along these axes. A block is some consecutive rows: the last of the
    /// axes then has as many entries as the block has rows, and the others have size 1. On a block of the operands, the
    /// rule must give bit for bit that block of the output and of what the forward keeps, which is in the order of the
    /// rows. An operand that is broadcast along the axes is given whole. The same holds for a block of each cotangent.
    /// The forward may then run late, more than once, on several threads, or not at all where [`keeps`](Self::keeps)
    /// says that the output is not read; the pullback may run when a sum of the chain is recorded, on the cotangent
    /// that came in the recording before. So the forward of such a rule must not
    /// [refuse](crate::rule::Slot::refuse): where a value is computed late, nobody awaits an error, and it is a panic.
    fn rowwise(&self, x: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        let _ = (x, axes);
        None
    }

    /// About how many products or sums each number takes that goes in or comes out, on operands of these shapes: for a
    /// matrix product, the inner size.
    ///
    /// Where it exceeds 128, keeping the output is better than computing it again: a chain that is put off may end with
    /// such an op but not go on after it, so nothing in the chain reads its value.
    fn cost(&self, x: &[&Shape]) -> usize {
        let _ = x;
        1
    }

    /// The output, if it is one number that is determined by the sum of all `n` elements of the only operand, added in
    /// the order of the crate's own sum. A chain that was put off can then end in its sum without its value being
    /// written.
    fn of_total(&self, n: usize, total: T) -> Option<T> {
        let _ = (n, total);
        None
    }

    /// The number that the pullback gives to every one of the `n` elements of the only operand, if it is the
    /// same for all, as it is for a sum; `g` is the cotangent of an output that is one number.
    fn even(&self, n: usize, g: T) -> Option<T> {
        let _ = (n, g);
        None
    }
}

/// Where a rule was evaluated: its operands, its output, and what the forward kept.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a, T> {
    /// The operands.
    pub x: &'a [&'a Tensor<T>],
    /// The output.
    pub y: &'a Tensor<T>,
    /// What the forward kept.
    pub kept: &'a Residual<T>,
}

/// What a forward keeps for its pullback beyond operands and output: row statistics, for instance.
///
/// If the rule works row by row ([`Rule::rowwise`]), these must be in the order of the rows, since what blocks of rows
/// have kept is concatenated.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual<T> {
    /// Numbers of the element type.
    pub values: Vec<T>,
    /// Positions, such as the index of each row's maximum.
    pub indices: Vec<u32>,
    /// A tensor that the pullback may hand on without a copy: a cotangent that the forward has computed.
    pub tensor: Option<Tensor<T>>,
    unread: bool,
}

impl<T> Default for Residual<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            indices: Vec::new(),
            tensor: None,
            unread: false,
        }
    }
}

impl<T> Residual<T> {
    /// A residual for an evaluation that no pullback follows.
    pub(crate) fn unread() -> Self {
        Self {
            unread: true,
            ..Self::default()
        }
    }

    /// Whether a pullback may read what is kept here.
    ///
    /// False in an evaluation that no pullback follows, of plain tensors or of constants alone; a rule may
    /// then keep nothing.
    pub fn is_read(&self) -> bool {
        !self.unread
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.indices.is_empty() && self.tensor.is_none()
    }

    /// Itself, if anything is kept. A call would be a fortieth of a node's instructions.
    #[inline(always)]
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        if self.values.capacity() | self.indices.capacity() == 0 && self.tensor.is_none() {
            // The usual case; dropping it would be a call.
            std::mem::forget(self);
            return None;
        }
        (!self.is_empty()).then(|| Box::new(self))
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> usize {
        let tensor = self.tensor.as_ref().map_or(0, |x| size_of_val(x.data()));
        tensor + size_of_val(&self.values[..]) + size_of_val(&self.indices[..])
    }
}

/// What a pullback reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Keeps {
    /// Whether it reads the operands.
    pub inputs: bool,
    /// Whether it reads the output.
    pub output: bool,
    /// Whether the forward keeps anything more, such as row statistics.
    pub residual: bool,
}

impl Keeps {
    /// The pullback needs the cotangent alone.
    pub const NOTHING: Self = Self {
        inputs: false,
        output: false,
        residual: false,
    };
    /// The pullback reads the operands.
    pub const INPUTS: Self = Self {
        inputs: true,
        ..Self::NOTHING
    };
    /// The pullback reads the output.
    pub const OUTPUT: Self = Self {
        output: true,
        ..Self::NOTHING
    };
    /// The pullback reads operands and output.
    pub const INPUTS_AND_OUTPUT: Self = Self {
        output: true,
        ..Self::INPUTS
    };

    /// Whatever one of the two reads.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            inputs: self.inputs || other.inputs,
            output: self.output || other.output,
            residual: self.residual || other.residual,
        }
    }

    /// What this alone says about a pullback, in words; its formula says more.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match (self.inputs, self.output, self.residual) {
            (false, false, false) => "the cotangent is enough",
            (true, false, false) => "slopes from x",
            (false, true, false) => "slopes from y",
            (true, true, false) => "slopes from x and y",
            (false, false, true) => "slopes from statistics kept",
            (true, false, true) => "slopes from x and statistics kept",
            (false, true, true) => "slopes from y and statistics kept",
            (true, true, true) => "slopes from x, y and statistics kept",
        }
    }

    /// The same with statistics kept by the forward.
    #[must_use]
    pub const fn and_residual(self) -> Self {
        Self {
            residual: true,
            ..self
        }
    }
}

impl fmt::Display for Keeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.inputs, self.output, self.residual) {
            (false, false, false) => "nothing",
            (true, false, false) => "x",
            (false, true, false) => "y",
            (true, true, false) => "x, y",
            (false, false, true) => "statistics",
            (true, false, true) => "x, statistics",
            (false, true, true) => "y, statistics",
            (true, true, true) => "x, y, statistics",
        })
    }
}
