//! `Rule`: what an op must say of itself to be recorded, run again and differentiated.
//!
//! The tape knows rules only through this trait, so a user's op is the equal of the crate's own.

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
/// it needs of a particular evaluation it finds in [`Point`]. Write it once over `T: Elem`: on
/// [`Dual`](crate::dual::Dual) elements it then gives second order, on wide ones the reference
/// that [`check`](crate::check) judges with.
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

    /// Computes the output, and puts into `keep` what the pullback needs beyond operands and output.
    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>);

    /// The forward where the pullback is to follow: in the walk over blocks of a chain that was put off
    /// ([`rowwise`](Self::rowwise)), and where the output is one number that depends on many, as a loss is. It may keep
    /// what saves the pullback work: slopes, say, or the cotangents that belong to a cotangent of 1. Output and
    /// cotangents are to the last bit those of [`forward`](Self::forward), which the default calls.
    fn forward_to_pull(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, keep: &mut Residual<T>) {
        self.forward(x, y, keep);
    }

    /// The pullback: from the cotangent `g` of the output to the cotangents of the operands.
    ///
    /// Every operand that is [`wanted`](Slot::wanted) must be filled, shared or called zero; the
    /// walk does the adding where an operand is used more than once.
    fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]);

    /// The pushforward: from the operands' tangents (`None` is zero) to the output's.
    ///
    /// # Errors
    /// The default says that the rule has none.
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

    /// The same rule on wider elements, for the reference of a check; `None` if there is none.
    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        None
    }

    /// The same function composed from other ops at these operands, made by [`Twin::record`]: for
    /// the ledger, which counts what the fused rule saves. `None` if the op is primitive.
    fn twin(&self, x: &[&Tensor<T>]) -> Option<Twin<T>> {
        let _ = x;
        None
    }

    /// What the pullback reads: for the ledger, and for chains that are put off, where NaN takes the place of an output
    /// that no pullback reads and the walk therefore does not compute.
    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT
    }

    /// Why it reads that, for the ledger: the pullback's formula, or a few words.
    ///
    /// The default says which of operands, output and statistics its slopes are made of.
    fn why(&self) -> &'static str {
        self.keeps().why()
    }

    /// Which elements of the operands an element of the output depends on, for detected sparsity.
    fn reach(&self) -> Reach {
        Reach::Dense
    }

    /// The rule itself, if it works row by row along the first `axes` axes on operands of these shapes, so
    /// that chains of such rules may be evaluated in blocks of rows that stay in the cache
    /// ([`Tape::with_blocks`](crate::Tape::with_blocks)).
    ///
    /// A row is what has the same indices along all these axes, and a block is some rows in their order: the last of the
    /// axes has as many entries as there are rows, the others have size 1. A block of the output, and what the forward keeps
    /// of it in the order of the rows, must be to the last bit what the rule gives on that block of the operands; one that
    /// is broadcast along the axes is given whole. Likewise a block of each cotangent. The forward may then run late, more
    /// than once, on several threads, or not at all where [`keeps`](Self::keeps) says that nobody reads the output; the
    /// pullback may run where a sum of the chain is recorded, by the cotangent that came in the recording before.
    fn rowwise(&self, x: &[&Shape], axes: usize) -> Option<&(dyn Rule<T> + Sync)> {
        let _ = (x, axes);
        None
    }

    /// Whether the output is better kept than computed again, on operands of these shapes. A chain that is put off may end
    /// with such an op, whose value nothing in the chain then reads.
    fn dear(&self, x: &[&Shape]) -> bool {
        let _ = x;
        false
    }

    /// The output, if it is one number that follows from the sum of all `n` elements of the only operand, in the order of
    /// summation of the crate's own sum: so a chain that was put off ends in its sum, and is not written.
    fn of_total(&self, n: usize, total: T) -> Option<T> {
        let _ = (n, total);
        None
    }

    /// The number that the pullback gives to each of the `n` elements of the only operand, where it
    /// is the same for all, from the cotangent of an output that is one number: as the sum's is.
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
/// Of a rule that works row by row ([`Rule::rowwise`]) they must stand row by row, too: what blocks of rows have kept is put one
/// behind the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual<T> {
    /// Numbers of the element type.
    pub values: Vec<T>,
    /// Positions, such as the index of each row's maximum.
    pub indices: Vec<u32>,
    /// A tensor that the pullback may hand on without a copy: a cotangent that the forward had at hand.
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
    /// For an evaluation that no pullback follows.
    pub(crate) fn unread() -> Self {
        Self {
            unread: true,
            ..Self::default()
        }
    }

    /// Whether a pullback may read what is kept here. False in an evaluation that no pullback
    /// follows, of plain tensors or of constants alone: a rule may then keep nothing.
    pub fn is_read(&self) -> bool {
        !self.unread
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.indices.is_empty() && self.tensor.is_none()
    }

    /// Itself, if anything is kept. As a call it is a fortieth of the instructions of a node.
    #[inline(always)]
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        if self.values.capacity() | self.indices.capacity() == 0 && self.tensor.is_none() {
            // As most are; to be dropped takes a call.
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

    /// What either of two reads.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            inputs: self.inputs || other.inputs,
            output: self.output || other.output,
            residual: self.residual || other.residual,
        }
    }

    /// What can be said of a pullback by this alone; its formula says more.
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
