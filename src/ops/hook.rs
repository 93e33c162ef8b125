//! Hooks: identities whose pullback sees, changes or limits the cotangent that passes through.
//!
//! Also the straight-through estimator, which is the identity in its derivatives only.

use super::forms::linear;
use std::cell::RefCell;
use std::fmt;

use crate::error::{Error, OrPanic};
use crate::gradients::{check_limit, limited};
use crate::kernel::Elem;
use crate::rule::{Keeps, Point, Residual, Rule, Slot};
use crate::tensor::{Shape, Tensor};
use crate::var::Var;

/// What a hook does to a cotangent; `None` passes it on unchanged.
type Change<T> = dyn FnMut(&Tensor<T>) -> Option<Tensor<T>> + Send;

/// `y = x`; the pullback calls a closure.
struct Hook<T> {
    name: &'static str,
    map: RefCell<Box<Change<T>>>,
    /// Whether the closure only looks at the cotangent, so that a check may leave it out.
    looks: bool,
}

impl<T> Hook<T> {
    fn new(
        name: &'static str,
        looks: bool,
        map: impl FnMut(&Tensor<T>) -> Option<Tensor<T>> + Send + 'static,
    ) -> Self {
        Self {
            name,
            map: RefCell::new(Box::new(map)),
            looks,
        }
    }
}

impl<T> fmt::Debug for Hook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({})", self.name)
    }
}

impl<T: Elem> Rule<T> for Hook<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        y.share(x[0]);
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        match (self.map.borrow_mut())(g) {
            Some(changed) => gx[0].give(changed),
            None => gx[0].share(g),
        }
    }

    // A forward walk carries no cotangent, so it sees the identity.
    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        linear::push(self, t, ty)
    }

    fn widen(&self) -> Option<Box<dyn Rule<T::Wide>>> {
        self.looks
            .then(|| Box::new(Hook::new(self.name, true, |_| None)) as Box<dyn Rule<T::Wide>>)
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

/// `y = f(x)`; the pullback and the pushforward are the identity's.
struct StraightThrough<F>(F);

impl<F> fmt::Debug for StraightThrough<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StraightThrough")
    }
}

impl<T: Elem, F: Fn(&Tensor<T>) -> Tensor<T> + Send + 'static> Rule<T> for StraightThrough<F> {
    fn name(&self) -> &'static str {
        "straight_through"
    }

    fn shape(&self, x: &[&Shape]) -> Result<Shape, Error> {
        Ok(x[0].clone())
    }

    fn forward(&self, x: &[&Tensor<T>], y: &mut Slot<'_, T>, _: &mut Residual<T>) {
        let value = (self.0)(x[0]);
        if T::PARTS == 1 || value.shape() != x[0].shape() {
            return y.give(value);
        }
        // Dual elements get the tangents of the identity, whatever the derivative of `f`.
        for (y, (&v, &x)) in y.fill().iter_mut().zip(value.iter().zip(x[0].iter())) {
            *y = v.moving_as(x);
        }
    }

    fn vjp(&self, _: &Point<'_, T>, g: &Tensor<T>, gx: &mut [Slot<'_, T>]) {
        gx[0].share(g);
    }

    fn jvp(
        &self,
        _: &Point<'_, T>,
        t: &[Option<&Tensor<T>>],
        ty: &mut Slot<'_, T>,
    ) -> Result<(), Error> {
        match t[0] {
            Some(t) => ty.share(t),
            None => ty.zero(),
        }
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

impl<'t, T: Elem> Var<'t, Tensor<T>> {
    /// `f` of the value, with the gradient of the identity: the straight-through estimator.
    ///
    /// ```text
    /// y = f(x),   gx = g
    /// ```
    /// For steps whose own gradient is 0 or undefined: rounding, quantization, sampling. On
    /// [`Dual`](crate::Dual) elements `y` has the tangent of `x`, so second order treats `f` as the
    /// identity, too.
    ///
    /// # Panics
    /// If `f` changes the shape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.4, 1.7]));
    /// let y = x.straight_through(|x| x.map(f64::round));
    /// assert_eq!(y.value(), Tensor::from([0.0, 2.0]));
    /// assert_eq!((y * y).sum().backward().wrt(x), Tensor::from([0.0, 4.0]));
    /// ```
    ///
    /// # Source
    /// Bengio, Léonard, Courville, "Estimating or propagating gradients through stochastic
    /// neurons", arXiv:1308.3432.
    #[track_caller]
    pub fn straight_through(self, f: impl Fn(&Tensor<T>) -> Tensor<T> + Send + 'static) -> Self {
        self.try_straight_through(f).or_panic()
    }

    /// [`straight_through`](Self::straight_through), with a changed shape as an [`Error`].
    ///
    /// # Errors
    /// If `f` changes the shape.
    #[track_caller]
    pub fn try_straight_through(
        self,
        f: impl Fn(&Tensor<T>) -> Tensor<T> + Send + 'static,
    ) -> Result<Self, Error> {
        self.record(StraightThrough(f))
    }

    /// The same value; `look` sees its cotangent whenever a walk passes one here.
    ///
    /// Use the returned handle. The cotangent that `look` sees is complete: the sum over all uses of
    /// the handle. Where the output does not depend on the handle, `look` is not called.
    ///
    /// # Example
    /// ```
    /// use std::sync::mpsc::channel;
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (send, seen) = channel();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let y = (x * x).inspect_cotangent(move |g| send.send(g.clone()).unwrap());
    /// (y * 3.0 + y).sum().backward();
    /// assert_eq!(seen.recv().unwrap(), Tensor::from([4.0, 4.0]));
    /// ```
    #[track_caller]
    pub fn inspect_cotangent(self, mut look: impl FnMut(&Tensor<T>) + Send + 'static) -> Self {
        let hook = Hook::new("inspect_cotangent", true, move |g| {
            look(g);
            None
        });
        self.record(hook).or_panic()
    }

    /// The same value; `change` replaces its cotangent.
    ///
    /// A forward walk sees the identity. Where the output does not depend on the handle, `change` is
    /// not called. The walk is refused if `change` returns another shape.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([1.0, 2.0]));
    /// let reversed = x.map_cotangent(|g| -g); // a gradient reversal layer
    /// assert_eq!((reversed * 3.0).sum().backward().wrt(x), Tensor::from([-3.0, -3.0]));
    /// ```
    #[track_caller]
    pub fn map_cotangent(
        self,
        mut change: impl FnMut(&Tensor<T>) -> Tensor<T> + Send + 'static,
    ) -> Self {
        let hook = Hook::new("map_cotangent", false, move |g| Some(change(g)));
        self.record(hook).or_panic()
    }

    /// The same value; every element of its cotangent is limited to `-limit..=limit`.
    ///
    /// NaN stays NaN: a limit does not cure it.
    ///
    /// # Panics
    /// If the limit is negative or NaN.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.1, 3.0]));
    /// let y = x.clip_cotangent(1.0).square();
    /// assert_eq!(y.sum().backward().wrt(x), Tensor::from([0.2, 1.0]));
    /// ```
    #[track_caller]
    pub fn clip_cotangent(self, limit: T) -> Self {
        self.try_clip_cotangent(limit).or_panic()
    }

    /// [`clip_cotangent`](Self::clip_cotangent), with a bad limit as an [`Error`].
    ///
    /// # Errors
    /// If the limit is negative or NaN.
    #[track_caller]
    pub fn try_clip_cotangent(self, limit: T) -> Result<Self, Error> {
        check_limit("clip_cotangent", limit)?;
        let hook = Hook::new("clip_cotangent", false, move |g: &Tensor<T>| {
            Some(g.map(|g| limited(g, limit)))
        });
        self.record(hook)
    }
}

impl<T: Elem> Var<'_, T> {
    /// `f` of the value, with the gradient of the identity; see the method of tensor handles.
    ///
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(1.7);
    /// let y = x.straight_through(f64::round);
    /// assert_eq!((y.value(), y.backward().wrt(x)), (2.0, 1.0));
    /// ```
    pub fn straight_through(self, f: impl FnOnce(T) -> T) -> Self {
        let x = self.repr.value;
        self.folded(f(x).moving_as(x), (self.repr.slope, self.repr.index))
    }

    /// The same value; `look` sees its cotangent whenever a walk passes one here.
    ///
    /// Use the returned handle; it is a node of its own. On a plain number this does nothing.
    #[track_caller]
    pub fn inspect_cotangent(self, mut look: impl FnMut(T) + Send + 'static) -> Self {
        self.hooked("inspect_cotangent", true, move |g| {
            look(g);
            g
        })
    }

    /// The same value; `change` replaces its cotangent. See the method of tensor handles.
    ///
    /// ```
    /// use wengert::Tape;
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(3.0);
    /// assert_eq!((x.map_cotangent(|g| -g) * 2.0).backward().wrt(x), -2.0);
    /// ```
    #[track_caller]
    pub fn map_cotangent(self, change: impl FnMut(T) -> T + Send + 'static) -> Self {
        self.hooked("map_cotangent", false, change)
    }

    /// The same value; its cotangent is limited to `-limit..=limit`. NaN stays NaN.
    ///
    /// # Panics
    /// If the limit is negative or NaN.
    #[track_caller]
    pub fn clip_cotangent(self, limit: T) -> Self {
        self.try_clip_cotangent(limit).or_panic()
    }

    /// [`clip_cotangent`](Self::clip_cotangent), with a bad limit as an [`Error`].
    ///
    /// # Errors
    /// If the limit is negative or NaN.
    #[track_caller]
    pub fn try_clip_cotangent(self, limit: T) -> Result<Self, Error> {
        check_limit("clip_cotangent", limit)?;
        Ok(self.hooked("clip_cotangent", false, move |g| limited(g, limit)))
    }

    #[track_caller]
    fn hooked(
        self,
        name: &'static str,
        looks: bool,
        mut change: impl FnMut(T) -> T + Send + 'static,
    ) -> Self {
        let Some(tape) = self.tape else { return self };
        let packed = std::iter::once(self.packed());
        let pack = tape.pack(name, Shape::scalar(), packed).or_panic();
        let hook = Hook::new(name, looks, move |g: &Tensor<T>| {
            Some(Tensor::scalar(change(g.item())))
        });
        Self::spread_one(tape, hook, &[pack]).or_panic()
    }
}
