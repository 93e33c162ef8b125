//! `Slot`: where a rule writes its results, with buffers from the tape's pool.
//!
//! What a rule is and what it is given stands in `rule`; the walks do the adding.

use super::collector::Collector;
use super::content::{Content, Fault};
use super::pool::Pool;
use crate::error::Error;
use crate::kernel::{self, Elem};
use crate::tensor::{Shape, Tensor};

/// A place for one result of a rule, with the buffer taken from the tape's pool on demand.
#[derive(Debug)]
pub struct Slot<'a, T> {
    pool: &'a Pool<T>,
    shape: &'a Shape,
    wanted: bool,
    /// The cotangent that other nodes have given so far, unless the rule has added to it.
    pub(crate) earlier: Option<Tensor<T>>,
    /// Where that is collected instead, and whether anything is there.
    collector: Option<Collector<'a, T>>,
    /// The cotangent that is pulled back: handed on as it is, it needs no second owner.
    pulled: Option<&'a Tensor<T>>,
    /// Whether somebody looks at each share, so that it is not to be added in passing.
    seen: bool,
    /// What the rule has put in. A slot where nothing is left may be forgotten, which spares a call.
    pub(crate) content: Content<T>,
}

impl<'a, T: Elem> Slot<'a, T> {
    #[inline]
    pub(crate) fn new(pool: &'a Pool<T>, shape: &'a Shape, wanted: bool) -> Self {
        Self {
            pool,
            shape,
            wanted,
            earlier: None,
            collector: None,
            pulled: None,
            seen: false,
            content: Content::Unset,
        }
    }

    /// A slot for a cotangent that has perhaps received something already; `pulled` is that of the output.
    #[inline]
    pub(crate) fn adding(
        mut self,
        earlier: Option<Tensor<T>>,
        pulled: &'a Tensor<T>,
        seen: bool,
    ) -> Self {
        self.seen = seen;
        self.earlier = earlier;
        self.pulled = Some(pulled);
        self
    }

    /// From now on the cotangent is collected there.
    pub(crate) fn collect_in(&mut self, collector: &'a mut Collector<'_, T>) {
        self.collector = Some(Collector {
            elements: &mut *collector.elements,
            filled: &mut *collector.filled,
        });
    }

    /// Where the cotangent is collected, if that is not a tensor of its own.
    pub(crate) fn collector(&mut self) -> Option<&mut Collector<'a, T>> {
        self.collector.as_mut()
    }

    /// A slot that starts with a buffer, to be written again.
    pub(crate) fn reusing(pool: &'a Pool<T>, shape: &'a Shape, tensor: Tensor<T>) -> Self {
        Self {
            content: Content::Filled(tensor),
            ..Self::new(pool, shape, true)
        }
    }

    /// Whether anybody needs this result. Filling an unwanted slot is no error, only waste.
    #[inline]
    pub fn wanted(&self) -> bool {
        self.wanted
    }

    /// The shape the result must have.
    #[inline]
    pub fn shape(&self) -> &Shape {
        self.shape
    }

    /// The elements to write. They hold unspecified numbers (NaN in debug builds), so write them all.
    #[inline]
    pub fn fill(&mut self) -> &mut [T] {
        self.check_not_added();
        // As most slots are asked, once and with nothing there.
        let elements = if self.collector.is_none() && matches!(self.content, Content::Unset) {
            let buffer = self.pool.take(self.shape);
            unique(self.content.hold(buffer))
        } else {
            self.make_room()
        };
        if cfg!(debug_assertions) {
            elements.fill(T::nan());
        }
        elements
    }

    /// Makes room for elements where they are collected, or where there was something already.
    #[inline(never)]
    fn make_room(&mut self) -> &mut [T] {
        if self.collector.as_ref().is_some_and(|c| !*c.filled) {
            self.content = Content::InPlace;
        } else if !matches!(&self.content, Content::Filled(tensor) if tensor.is_unique()) {
            self.content = Content::Filled(self.pool.take(self.shape));
        }
        match (&mut self.content, &mut self.collector) {
            (Content::Filled(tensor), _) => unique(tensor),
            (_, Some(collector)) => &mut *collector.elements,
            _ => unreachable!("room was made above"),
        }
    }

    /// The elements to add to: for a pullback that touches a few elements of a large operand.
    ///
    /// They hold what other nodes have given to this operand so far, or zeros, so that a walk over
    /// `n` nodes which read one entry each takes `n` steps and not `n` passes over the operand. Only
    /// add, and call no other method of the slot afterwards.
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
        if let Some(collector) = &mut self.collector {
            if !std::mem::replace(collector.filled, true) {
                collector.elements.fill(T::zero());
            }
            self.content = Content::InPlace;
            return collector.elements;
        }
        if !matches!(self.content, Content::Added(_)) {
            let mut sum = match self.earlier.take() {
                Some(sum) => sum,
                None => {
                    let mut zeros = self.pool.take(self.shape);
                    unique(&mut zeros).fill(T::zero());
                    zeros
                }
            };
            if sum.unique_mut().is_none() {
                let mut copy = self.pool.take(self.shape);
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

    /// Whether there is something to add to with [`accumulate`](Self::accumulate) for a rule that could write its share as well.
    #[inline]
    pub(crate) fn adds(&self) -> bool {
        !self.seen && self.has_earlier()
    }

    /// Whether other nodes have given something to this operand, to which a rule may add with [`accumulate`](Self::accumulate).
    #[inline]
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_some() || self.collector.as_ref().is_some_and(|c| *c.filled)
    }

    /// The result has the same elements as `tensor`, which is shared and not copied.
    ///
    /// With another number of elements than the slot's the walk ends with an [`Error`].
    pub fn share(&mut self, tensor: &Tensor<T>) {
        self.check_not_added();
        if tensor.shape() == self.shape {
            return self.take_as_it_is(tensor);
        }
        self.content = if tensor.len() == self.shape.elements() {
            Content::Filled(tensor.with_shape(self.shape))
        } else {
            Content::Misshapen(tensor.clone())
        };
    }

    /// The result is `tensor`, which has its shape.
    #[inline]
    fn take_as_it_is(&mut self, tensor: &Tensor<T>) {
        self.content.set(match self.pulled {
            Some(pulled) if std::ptr::eq(pulled, tensor) => Content::Same,
            _ => Content::Filled(tensor.clone()),
        });
    }

    /// The result is `tensor`: for rules written in the arithmetic of plain tensors.
    ///
    /// With another shape than the slot's the walk ends with an [`Error`] that names the op, both
    /// shapes and the line that recorded it.
    pub fn give(&mut self, tensor: Tensor<T>) {
        self.check_not_added();
        self.content = if tensor.shape() == self.shape {
            Content::Filled(tensor)
        } else {
            Content::Misshapen(tensor)
        };
    }

    /// The result is `full` summed over the axes along which this operand was broadcast: the
    /// cotangent of an operand that was narrower than the output.
    ///
    /// With a shape that the slot's does not broadcast to the walk ends with an [`Error`].
    ///
    /// # Example
    /// ```
    /// use wengert::{Elem, Error, Shape, Tape, Tensor};
    /// use wengert::rule::{Point, Residual, Rule, Slot};
    ///
    /// /// y = a b², where a and b broadcast
    /// #[derive(Debug)]
    /// struct Power;
    ///
    /// impl<T: Elem> Rule<T> for Power {
    ///     fn name(&self) -> &'static str { "power" }
    ///     fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> { x[0].broadcast("power", x[1]) }
    ///     fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
    ///         y.give(x[0] * &(x[1] * x[1]));
    ///     }
    ///     fn vjp(&self, at: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
    ///         let (a, b) = (at.x[0], at.x[1]);
    ///         gx[0].sum_to(&(g * &(b * b)));
    ///         gx[1].sum_to(&(&(g * a) * &(b + b)));
    ///     }
    /// }
    ///
    /// let tape = Tape::new();
    /// let a = tape.var(Tensor::from([1.0, 2.0]));
    /// let b = tape.var(Tensor::from([[3.0], [5.0]]));
    /// let grads = tape.apply(Power, [a, b]).sum().backward();
    /// assert_eq!(grads.wrt(a), Tensor::from([34.0, 34.0])); // 3² + 5²
    /// assert_eq!(grads.wrt(b), Tensor::from([[18.0], [30.0]])); // 2 b (1 + 2)
    /// ```
    #[inline]
    pub fn sum_to(&mut self, full: &Tensor<T>) {
        self.check_not_added();
        match full.shape() == self.shape {
            true => self.take_as_it_is(full),
            false => self.sum_apart(full),
        }
    }

    /// [`sum_to`](Self::sum_to) of another shape than the slot's.
    #[inline(never)]
    fn sum_apart(&mut self, full: &Tensor<T>) {
        match self.shape.broadcast("sum_to", full.shape()) {
            Ok(wide) if wide == *full.shape() => {
                let shape = self.shape;
                kernel::sum_to(full.shape(), full.data(), shape, self.fill());
            }
            _ => self.content = Content::Misshapen(full.clone()),
        }
    }

    /// The result is zero everywhere; as a cotangent it is not passed on.
    pub fn zero(&mut self) {
        self.check_not_added();
        self.content = Content::Zero;
    }

    /// There is no result: the walk ends with this error, at the line of the user who asked for it.
    pub fn refuse(&mut self, error: Error) {
        self.content = Content::Refused(error);
    }

    /// The cotangent that other nodes have given so far, for a pullback that walks a tape of its own;
    /// it is to be part of what [`put_sum`](Self::put_sum) gets.
    pub(crate) fn take_earlier(&mut self) -> Option<Tensor<T>> {
        let filled = self.collector.as_ref().filter(|c| *c.filled);
        let copy = |collector: &Collector<'_, T>| {
            let mut copy = self.pool.take(self.shape);
            unique(&mut copy).copy_from_slice(collector.elements);
            copy
        };
        self.earlier.take().or_else(|| filled.map(copy))
    }

    /// The cotangent with this rule's share in it, the earlier ones included.
    pub(crate) fn put_sum(&mut self, sum: Option<Tensor<T>>) {
        self.content = sum.map_or(Content::Zero, Content::Added);
    }

    /// The pool that buffers come from.
    pub(crate) fn pool(&self) -> &'a Pool<T> {
        self.pool
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
    /// # Errors
    /// If the rule left it unset: a forgotten operand must not look like a zero gradient. Or if it
    /// gave another shape.
    #[inline]
    pub(crate) fn result(&mut self) -> Result<Option<Tensor<T>>, Fault> {
        match self.content.replace() {
            Content::Filled(tensor) | Content::Added(tensor) => Ok(Some(tensor)),
            Content::Zero => Ok(None),
            other => Err(other.fault(self.shape)),
        }
    }

    #[inline]
    fn check_not_added(&self) {
        let added = match self.content {
            Content::Added(_) => true,
            Content::InPlace => self.collector.as_ref().is_some_and(|c| *c.filled),
            _ => false,
        };
        debug_assert!(
            !added,
            "a result is either written or added to; the sum would be lost"
        );
    }

    /// The result as a tensor, zeros written out.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    #[inline]
    pub(crate) fn dense(&mut self) -> Result<Tensor<T>, Fault> {
        match self.content {
            Content::Filled(_) | Content::Added(_) => Ok(self.content.take_tensor()),
            _ => self.zeros(),
        }
    }

    /// Zeros, if they are the result.
    #[inline(never)]
    fn zeros(&mut self) -> Result<Tensor<T>, Fault> {
        match self.content.replace() {
            Content::Zero => {
                self.fill().fill(T::zero());
                Ok(self.content.take_tensor())
            }
            other => Err(other.fault(self.shape)),
        }
    }

    /// The content of a scratch slot that its rule has filled.
    pub(crate) fn finish_dense(mut self, op: &'static str) -> Tensor<T> {
        self.dense()
            .unwrap_or_else(|fault| panic!("{}", fault.error(op, "a scratch slot", None)))
    }
}

/// The elements of a tensor that has one owner.
#[inline]
fn unique<T>(tensor: &mut Tensor<T>) -> &mut [T] {
    tensor
        .unique_mut()
        .expect("a buffer from the pool has one owner")
}
