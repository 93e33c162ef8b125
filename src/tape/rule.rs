//! `Rule`: what an op must say of itself to be recorded, run again and differentiated.
//!
//! The tape knows rules only through this trait, so a user's op is the equal of the crate's own.

use std::fmt::Debug;

use crate::error::{Error, ErrorKind};
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

use super::pool::Pool;

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
        }))
    }

    /// The same rule on wider elements, for the reference of a check; `None` if there is none.
    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        None
    }

    /// What the pullback reads, for the ledger and for whoever wonders about memory.
    fn keeps(&self) -> Keeps {
        Keeps::INPUTS_AND_OUTPUT
    }
}

/// Where a rule was evaluated: its operands, its output, and what the forward kept.
#[derive(Debug)]
pub struct Point<'a, T> {
    /// The operands.
    pub x: &'a [&'a Tensor<T>],
    /// The output.
    pub y: &'a Tensor<T>,
    /// What the forward kept.
    pub kept: &'a Residual<T>,
}

/// What a forward keeps for its pullback beyond operands and output: row statistics, for instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual<T> {
    /// Numbers of the element type.
    pub values: Vec<T>,
    /// Positions, such as the index of each row's maximum.
    pub indices: Vec<u32>,
}

impl<T> Default for Residual<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            indices: Vec::new(),
        }
    }
}

impl<T> Residual<T> {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.indices.is_empty()
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.values[..]) + size_of_val(&self.indices[..])
    }
}

/// What a pullback reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The same with statistics kept by the forward.
    #[must_use]
    pub const fn and_residual(self) -> Self {
        Self {
            residual: true,
            ..self
        }
    }
}

/// A place for one result of a rule, with the buffer taken from the tape's pool on demand.
#[derive(Debug)]
pub struct Slot<'a, T> {
    pool: &'a Pool<T>,
    shape: &'a Shape,
    wanted: bool,
    /// The cotangent that other nodes have given so far, for rules that add to it.
    earlier: Option<Tensor<T>>,
    content: Content<T>,
}

/// What a rule has put into a slot.
#[derive(Debug)]
enum Content<T> {
    Unset,
    Zero,
    Filled(Tensor<T>),
    /// What was there before, with this rule's share added to it.
    Added(Tensor<T>),
}

impl<'a, T: Elem> Slot<'a, T> {
    pub(crate) fn new(pool: &'a Pool<T>, shape: &'a Shape, wanted: bool) -> Self {
        Self {
            pool,
            shape,
            wanted,
            earlier: None,
            content: Content::Unset,
        }
    }

    /// A slot for a cotangent that has received something already.
    pub(crate) fn adding(mut self, earlier: Option<Tensor<T>>) -> Self {
        self.earlier = earlier;
        self
    }

    /// A slot that starts with a buffer, to be written again.
    pub(crate) fn reusing(pool: &'a Pool<T>, shape: &'a Shape, tensor: Tensor<T>) -> Self {
        Self {
            pool,
            shape,
            wanted: true,
            earlier: None,
            content: Content::Filled(tensor),
        }
    }

    /// Whether anybody needs this result. Filling an unwanted slot is no error, only waste.
    pub fn wanted(&self) -> bool {
        self.wanted
    }

    /// The shape the result must have.
    pub fn shape(&self) -> &Shape {
        self.shape
    }

    /// The elements to write. They hold unspecified numbers (NaN in debug builds), so write them all.
    pub fn fill(&mut self) -> &mut [T] {
        self.check_not_added();
        let reusable = match &mut self.content {
            Content::Filled(tensor) => tensor.unique_mut().is_some(),
            _ => false,
        };
        if !reusable {
            self.content = Content::Filled(self.pool.take(self.shape.clone()));
        }
        let Content::Filled(tensor) = &mut self.content else {
            unreachable!("the slot was filled above")
        };
        let elements = unique(tensor);
        if cfg!(debug_assertions) {
            elements.fill(T::nan());
        }
        elements
    }

    /// The elements to add to: for a pullback that touches a few elements of a large operand.
    ///
    /// They hold what other nodes have given to this operand so far, or zeros, so that a walk over
    /// `n` nodes which read one entry each takes `n` steps and not `n` passes over the operand. Only
    /// add; the rest of the slot's methods are closed afterwards.
    ///
    /// # Example
    /// ```
    /// use wengert::{Elem, Error, Shape, Tape, Tensor};
    /// use wengert::rule::{Point, Residual, Rule, Slot};
    ///
    /// /// y = x_0
    /// #[derive(Debug)]
    /// struct First;
    ///
    /// impl<T: Elem> Rule<T> for First {
    ///     fn name(&self) -> &'static str { "first" }
    ///     fn shape(&self, _: &[&Shape]) -> Result<Shape, Error> { Ok(Shape::scalar()) }
    ///     fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
    ///         y.fill()[0] = x[0].data()[0];
    ///     }
    ///     fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
    ///         gx[0].accumulate()[0] += g.item();
    ///     }
    /// }
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([5.0, 7.0]));
    /// let y = (tape.apply(First, [x]) * x).sum();
    /// assert_eq!(y.backward().wrt(x), Tensor::from([17.0, 5.0]));
    /// ```
    pub fn accumulate(&mut self) -> &mut [T] {
        if !matches!(self.content, Content::Added(_)) {
            let mut sum = match self.earlier.take() {
                Some(sum) => sum,
                None => {
                    let mut zeros = self.pool.take(self.shape.clone());
                    unique(&mut zeros).fill(T::zero());
                    zeros
                }
            };
            if sum.unique_mut().is_none() {
                let mut copy = self.pool.take(self.shape.clone());
                unique(&mut copy).copy_from_slice(sum.data());
                sum = copy;
            }
            self.content = Content::Added(sum);
        }
        let Content::Added(sum) = &mut self.content else {
            unreachable!("the sum was put there above")
        };
        unique(sum)
    }

    /// The result has the same elements as `tensor`, which is shared and not copied.
    ///
    /// # Panics
    /// If the number of elements differs.
    pub fn share(&mut self, tensor: &Tensor<T>) {
        self.check_not_added();
        assert_eq!(
            tensor.len(),
            self.shape.len(),
            "a shared result has as many elements as its shape"
        );
        self.content = Content::Filled(tensor.with_shape(self.shape.clone()));
    }

    /// The result is zero everywhere; as a cotangent it is not passed on.
    pub fn zero(&mut self) {
        self.check_not_added();
        self.content = Content::Zero;
    }

    /// A slot of another shape for intermediate numbers, with its buffer from the same pool.
    pub fn scratch<'b>(&self, shape: &'b Shape) -> Slot<'b, T>
    where
        'a: 'b,
    {
        Slot::new(self.pool, shape, true)
    }

    /// Gives a tensor's buffer to the pool if nobody else shares it.
    pub fn recycle(&self, tensor: Tensor<T>) {
        self.pool.put(tensor);
    }

    /// The result as a tensor; `None` if it is zero as a whole.
    ///
    /// # Panics
    /// If the rule of `op` left it unset: a forgotten operand must not look like a zero gradient.
    pub(crate) fn finish(self, op: &str) -> Option<Tensor<T>> {
        match self.content {
            Content::Filled(tensor) | Content::Added(tensor) => Some(tensor),
            Content::Zero => None,
            Content::Unset => panic!("{op}: the rule left a result unset; fill, share or zero it"),
        }
    }

    /// What the cotangent was before, unless it is in the sum already, and what is to be added.
    pub(crate) fn settle(mut self, op: &str) -> [Option<Tensor<T>>; 2] {
        [self.earlier.take(), self.finish(op)]
    }

    fn check_not_added(&self) {
        debug_assert!(
            !matches!(self.content, Content::Added(_)),
            "a result is either written or added to; the sum would be lost"
        );
    }

    /// The result as a tensor, zeros written out.
    pub(crate) fn finish_dense(mut self, op: &str) -> Tensor<T> {
        if matches!(self.content, Content::Zero) {
            self.fill().fill(T::zero());
        }
        self.finish(op).expect("zeros were written out")
    }
}

/// The elements of a tensor that has one owner.
fn unique<T>(tensor: &mut Tensor<T>) -> &mut [T] {
    tensor
        .unique_mut()
        .expect("a buffer from the pool has one owner")
}
