//! `Slot`: where a rule writes its results, with buffers from the tape's pool.
//!
//! What a rule is and what it is given is in `rule`; the walks add the results up.

use super::collector::Collector;
use super::content::{Content, Fault};
use super::pool::{Pool, unique};
use crate::error::Error;
use crate::kernel::{self, Elem};
use crate::tensor::{Shape, Tensor};

/// A place for one result of a rule, with the buffer taken from the tape's pool on demand.
#[derive(Debug)]
pub struct Slot<'a, T> {
    pool: &'a Pool<T>,
    shape: &'a Shape,
    wanted: bool,
    /// The sum of what other nodes have given so far, unless the rule has added to it.
    pub(crate) earlier: Option<Tensor<T>>,
    /// Where the cotangent is collected instead, if it is part of a larger tensor.
    collector: Option<Collector<'a, T>>,
    /// The cotangent that is pulled back: if it is handed on as it is, it needs no second owner.
    pulled: Option<&'a Tensor<T>>,
    /// Whether each share is observed, so that a rule should not add it in passing.
    seen: bool,
    /// What the rule has put in. A slot that has been emptied may be forgotten, which saves a call.
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

    /// A slot for a cotangent to which `earlier` was given already; `pulled` is the cotangent of the output.
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

    /// Collects the cotangent in `collector`.
    pub(crate) fn collect_in(&mut self, collector: &'a mut Collector<'_, T>) {
        self.collector = Some(Collector {
            elements: &mut *collector.elements,
            filled: &mut *collector.filled,
        });
    }

    /// Where the cotangent is collected, if it has no tensor of its own.
    pub(crate) fn collector(&mut self) -> Option<&mut Collector<'a, T>> {
        self.collector.as_mut()
    }

    /// A slot that starts with a buffer, to be overwritten.
    pub(crate) fn reusing(pool: &'a Pool<T>, shape: &'a Shape, tensor: Tensor<T>) -> Self {
        Self {
            content: Content::Filled(tensor),
            ..Self::new(pool, shape, true)
        }
    }

    /// Whether this result is needed. Filling an unwanted slot is not an error, only a waste.
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
        // The usual case: called once, on an empty slot.
        let elements = if self.collector.is_none() && self.content.is_unset() {
            let buffer = self.pool.take(self.shape);
            unique(self.content.hold(buffer, false))
        } else {
            self.make_room()
        };
        if cfg!(debug_assertions) {
            elements.fill(T::nan());
        }
        elements
    }

    /// Provides the elements for a slot with a collector, or one that holds something already.
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
    /// They hold the sum of what other nodes have given to this operand so far, or zeros, so that a walk
    /// over `n` nodes which read one entry each takes `n` steps and not `n` passes over the operand. Only
    /// add to them, and call no other method of the slot afterwards.
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
    #[inline]
    pub fn accumulate(&mut self) -> &mut [T] {
        // The usual case: called once, with a sum of its own.
        if self.collector.is_none()
            && self.content.is_unset()
            && let Some(sum) = self.earlier.take_if(|sum| sum.is_unique())
        {
            return unique(self.content.hold(sum, true));
        }
        self.accumulate_apart()
    }

    /// [`accumulate`](Self::accumulate) in all other cases.
    #[inline(never)]
    fn accumulate_apart(&mut self) -> &mut [T] {
        if let Some(collector) = &mut self.collector {
            if !std::mem::replace(collector.filled, true) {
                collector.elements.fill(T::zero());
            }
            self.content = Content::InPlace;
            return collector.elements;
        }
        if !matches!(self.content, Content::Added(_)) {
            let mut sum = self.pool.take(self.shape);
            match self.earlier.take() {
                Some(earlier) => unique(&mut sum).copy_from_slice(earlier.data()),
                None => unique(&mut sum).fill(T::zero()),
            }
            self.content = Content::Added(sum);
        }
        let Content::Added(sum) = &mut self.content else {
            unreachable!("the sum was put there above")
        };
        unique(sum)
    }

    /// Whether a rule that could also write its share should add it with [`accumulate`](Self::accumulate) instead.
    #[inline]
    pub(crate) fn adds(&self) -> bool {
        !self.seen && self.has_earlier()
    }

    /// Whether other nodes have given something to this operand, to which [`accumulate`](Self::accumulate) would add.
    #[inline]
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_some() || self.collector.as_ref().is_some_and(|c| *c.filled)
    }

    /// Makes the elements of `tensor` the result, shared and not copied.
    ///
    /// If their number differs from the slot's, the walk ends with an [`Error`].
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

    /// Makes `tensor`, whose shape is the slot's, the result.
    #[inline]
    fn take_as_it_is(&mut self, tensor: &Tensor<T>) {
        self.content.set(match self.pulled {
            Some(pulled) if std::ptr::eq(pulled, tensor) => Content::Same,
            _ => Content::Filled(tensor.clone()),
        });
    }

    /// Makes `tensor` the result, for rules written in the arithmetic of plain tensors.
    ///
    /// If its shape differs from the slot's, the walk ends with an [`Error`] that names the op, both
    /// shapes and the line that recorded it.
    pub fn give(&mut self, tensor: Tensor<T>) {
        self.check_not_added();
        self.content = if tensor.shape() == self.shape {
            Content::Filled(tensor)
        } else {
            Content::Misshapen(tensor)
        };
    }

    /// Makes `full`, summed over the axes along which this operand was broadcast, the result: the
    /// cotangent of an operand that was broadcast to the output's shape.
    ///
    /// If the slot's shape does not broadcast to that of `full`, the walk ends with an [`Error`].
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

    /// [`sum_to`](Self::sum_to) where the shapes differ.
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

    /// Declares the result zero everywhere; a zero cotangent is not passed on.
    pub fn zero(&mut self) {
        self.check_not_added();
        self.content = Content::Zero;
    }

    /// Refuses to give a result: the recording, the replay or the walk ends with this error, at the line of the
    /// user's call.
    pub fn refuse(&mut self, error: Error) {
        self.content = Content::Refused(error);
    }

    /// The sum of what other nodes have given so far, for a pullback that walks a tape of its own; it must
    /// be included in what [`put_sum`](Self::put_sum) gets.
    pub(crate) fn take_earlier(&mut self) -> Option<Tensor<T>> {
        let filled = self.collector.as_ref().filter(|c| *c.filled);
        let copy = |collector: &Collector<'_, T>| {
            let mut copy = self.pool.take(self.shape);
            unique(&mut copy).copy_from_slice(collector.elements);
            copy
        };
        self.earlier.take().or_else(|| filled.map(copy))
    }

    /// Makes `sum`, which includes this rule's share and the earlier ones, the cotangent.
    pub(crate) fn put_sum(&mut self, sum: Option<Tensor<T>>) {
        self.content = sum.map_or(Content::Zero, Content::Added);
    }

    /// The pool that buffers come from.
    pub(crate) fn pool(&self) -> &'a Pool<T> {
        self.pool
    }

    /// A slot of another shape for intermediate results, with its buffer from the same pool.
    pub fn scratch<'b>(&self, shape: &'b Shape) -> Slot<'b, T>
    where
        'a: 'b,
    {
        Slot::new(self.pool, shape, true)
    }

    /// Gives a tensor's buffer to the pool if no other tensor shares it.
    pub fn recycle(&self, tensor: Tensor<T>) {
        self.pool.put(tensor);
    }

    /// The result as a tensor; `None` if it was declared zero.
    ///
    /// # Errors
    /// If the rule left it unset (a forgotten operand must not look like a zero gradient), refused it, or
    /// gave it the wrong shape.
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

    /// The result as a tensor, with declared zeros written out.
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

    /// A tensor of zeros, if the result was declared zero.
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
