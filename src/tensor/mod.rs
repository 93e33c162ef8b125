//! Tensors: plain n-dimensional values, contiguous and row-major, with numpy's broadcasting.
//!
//! Here are values and their arithmetic; nothing here knows of differentiation.

mod approx;
mod arith;
mod assign;
mod axes;
mod axis;
mod broadcast;
mod create;
mod display;
#[cfg(feature = "half")]
mod half;
mod index;
#[cfg(feature = "ndarray")]
mod ndarray;
mod nested;
mod random;
#[cfg(feature = "serde")]
mod serde;
mod shape;
mod sizes;
mod storage;

use std::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::kernel::{Buffer, Counted, Elem};

pub use axes::Axes;
pub use axis::Axis;
pub use nested::Entry;
pub use random::Random;
pub use shape::Shape;
pub use storage::Storage;

/// An n-dimensional array of numbers: a shape and a shared, contiguous, row-major buffer.
///
/// A clone shares the buffer; writing through [`data_mut`](Self::data_mut) copies it first if
/// another tensor shares it.
///
/// # Example
/// ```
/// use wengert::Tensor;
///
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// assert_eq!(x.shape(), [2, 3]);
/// assert_eq!(&x + &Tensor::from([10.0, 20.0, 30.0]), Tensor::from([[11.0, 22.0, 33.0], [14.0, 25.0, 36.0]]));
/// ```
pub struct Tensor<T>(Counted<Body<T>>);

/// What a tensor points to, so that a tensor is one word, which is moved in a register.
struct Body<T> {
    shape: Shape,
    data: Buffer<T>,
}

impl<T> Clone for Tensor<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Tensor<T> {
    /// A tensor of the given shape that takes over `data` without a copy.
    ///
    /// The elements stay where the vector's allocator put them; kernels are faster on the aligned memory of tensors
    /// that [`from_fn`](Self::from_fn) makes.
    ///
    /// # Errors
    /// If `data` does not hold exactly as many elements as the shape, or the shape does not fit into any memory.
    pub fn new(shape: impl Into<Shape>, data: Vec<T>) -> Result<Self, Error> {
        let shape = shape.into();
        shape.check_size::<T>("Tensor::new")?;
        Self::of_vec("Tensor::new", shape, data)
    }

    /// A tensor around a vector of the elements that the shape holds.
    fn of_vec(op: &'static str, shape: Shape, data: Vec<T>) -> Result<Self, Error> {
        if shape.elements() != data.len() {
            return Err(Error::new(ErrorKind::Length {
                op,
                found: data.len(),
                shape,
            }));
        }
        Ok(Self::of_buffer(shape, data))
    }

    /// A tensor around a buffer whose length is known to fit.
    pub(crate) fn of_buffer(shape: Shape, data: impl Into<Buffer<T>>) -> Self {
        let data = data.into();
        debug_assert_eq!(
            shape.elements(),
            data.as_slice().len(),
            "the buffer fills the shape"
        );
        Self(Counted::new(Body { shape, data }))
    }

    /// The same elements in another shape of the same length, sharing the buffer.
    pub(crate) fn with_shape(&self, shape: &Shape) -> Self {
        Self::of_buffer(shape.clone(), self.0.data.clone())
    }

    /// Some of the elements, in a shape that holds just as many, sharing the buffer.
    pub(crate) fn part(&self, range: Range<usize>, shape: Shape) -> Self {
        Self::of_buffer(shape, self.0.data.part(range))
    }

    /// Whether no other tensor shares the buffer.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        self.0.is_unique() && self.0.data.is_unique()
    }

    /// The elements for writing, if no other tensor shares them.
    #[inline]
    pub(crate) fn unique_mut(&mut self) -> Option<&mut [T]> {
        self.0.get_mut()?.data.get_mut()
    }

    /// How many elements the buffer has room for, if a pool has lent it.
    #[inline]
    pub(crate) fn lent_capacity(&self) -> Option<usize> {
        self.0.data.lent_capacity()
    }

    /// A tensor without axes that holds one number.
    pub fn scalar(value: T) -> Self {
        Self::of_buffer(Shape::scalar(), vec![value])
    }

    /// The sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// How many axes there are.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.data().len()
    }

    /// Whether there are no elements, as when an axis has size 0.
    pub fn is_empty(&self) -> bool {
        self.data().is_empty()
    }

    /// The elements in row-major order.
    #[inline]
    pub fn data(&self) -> &[T] {
        self.0.data.as_slice()
    }

    /// The elements in row-major order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.data().iter()
    }
}

impl<T: Copy> Tensor<T> {
    /// The elements for writing; copies them first if another tensor shares them.
    pub fn data_mut(&mut self) -> &mut [T] {
        if !self.is_unique() {
            *self = Self::collected(self.shape().clone(), self.iter().copied());
        }
        self.unique_mut().expect("a fresh copy has one owner")
    }
}

impl<T: Clone> Tensor<T> {
    /// The elements as a vector; without a copy if they came as a vector and no other tensor shares them.
    pub fn into_vec(self) -> Vec<T> {
        match self.0.into_inner() {
            Ok(body) => body.data.into_vec(),
            Err(shared) => shared.data.as_slice().to_vec(),
        }
    }

    /// The elements in another shape of the same length, sharing the buffer.
    ///
    /// # Errors
    /// If the shapes hold different numbers of elements, or the new shape does not fit into any memory.
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Result<Self, Error> {
        let shape = shape.into();
        shape.check_size::<T>("reshaped")?;
        if shape.elements() != self.len() {
            return Err(Error::new(ErrorKind::Length {
                op: "reshaped",
                found: self.len(),
                shape,
            }));
        }
        Ok(self.with_shape(&shape))
    }

    /// A tensor of the same shape whose elements are `f` of these.
    #[must_use]
    pub fn map<R: Copy>(&self, f: impl FnMut(T) -> R) -> Tensor<R> {
        Tensor::collected(self.shape().clone(), self.iter().cloned().map(f))
    }

    /// The only element.
    ///
    /// # Panics
    /// If there is not exactly one element.
    #[track_caller]
    pub fn item(&self) -> T {
        match self.data() {
            [only] => only.clone(),
            _ => panic!(
                "{}",
                Error::new(ErrorKind::NotOneElement {
                    op: "item",
                    shape: self.shape().clone()
                })
            ),
        }
    }
}

impl<T: Copy> Tensor<T> {
    /// A tensor of as many elements as the shape holds, in aligned memory.
    pub(crate) fn collected(shape: Shape, elements: impl IntoIterator<Item = T>) -> Self {
        let mut data = Buffer::with_capacity(shape.elements(), false);
        data.collect(shape.elements(), elements);
        Self::of_buffer(shape, data)
    }

    /// Whether it has this shape and begins where its memory does, so that it can be taken again as it is.
    #[inline]
    pub(crate) fn is_like(&self, shape: &Shape) -> bool {
        self.shape() == shape && self.0.data.is_whole()
    }

    /// The same with a quick comparison of shapes: `true` is certain, `false` says nothing.
    #[inline]
    pub(crate) fn is_surely_like(&self, shape: &Shape) -> bool {
        self.shape().is_surely(shape) && self.0.data.is_whole()
    }
}

impl<T: Elem> Tensor<T> {
    /// A tensor of unspecified content, to be overwritten.
    pub(crate) fn unwritten(shape: Shape) -> Self {
        Self::with_room(shape.elements(), shape, false)
    }

    /// The same with room for `capacity` elements; `lent` tells whether a pool lends it.
    #[cold]
    #[inline(never)]
    pub(crate) fn with_room(capacity: usize, shape: Shape, lent: bool) -> Self {
        let mut data = Buffer::with_capacity(capacity, lent);
        data.resize(shape.elements());
        Self::of_buffer(shape, data)
    }

    /// This tensor's memory as a tensor of another shape and unspecified content.
    ///
    /// # Panics
    /// If another tensor shares the memory or there is too little of it.
    #[inline(never)]
    pub(crate) fn renewed(mut self, shape: &Shape) -> Self {
        let body = self
            .0
            .get_mut()
            .expect("memory that is renewed has one owner");
        body.data.resize(shape.elements());
        body.shape = shape.clone();
        self
    }
}

impl<T: PartialEq> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.data() == other.data()
    }
}

impl<T> AsRef<[T]> for Tensor<T> {
    fn as_ref(&self) -> &[T] {
        self.data()
    }
}
