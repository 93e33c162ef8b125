//! `Slot`: where a rule writes its results, with buffers from the tape's pool.
//!
//! What a rule is and what it is given stands in `rule`; the walks do the adding.

use super::pool::Pool;
use crate::kernel::Elem;
use crate::tensor::{Shape, Tensor};

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
