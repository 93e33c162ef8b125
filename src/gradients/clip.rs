//! Norms and limits of gradients, over any mixture of scalar and tensor handles.

use super::{Cotangent, Gradients};
use crate::error::{Error, OrPanic};
use crate::kernel::{Elem, Rows, norm_axis};
use crate::tensor::Tensor;
use crate::var::{Handle, Var};

/// One handle, or an array, a slice, a `Vec` or a tuple of up to six of these, nested as you like. Implemented
/// in this crate only.
///
/// `&[w, v]`, `(w, b)` and `(&weights, b)` all work, where `w` and `v` are tensors and `b` is a number.
pub trait Handles<T: Elem> {
    /// Calls `f` with every handle, in order.
    #[doc(hidden)]
    fn each(&self, f: &mut dyn FnMut(Handle<'_, T>) -> Result<(), Error>) -> Result<(), Error>;
}

impl<T: Elem> Handles<T> for Var<'_, T> {
    fn each(&self, f: &mut dyn FnMut(Handle<'_, T>) -> Result<(), Error>) -> Result<(), Error> {
        f(Handle::Scalar(*self))
    }
}

impl<T: Elem> Handles<T> for Var<'_, Tensor<T>> {
    fn each(&self, f: &mut dyn FnMut(Handle<'_, T>) -> Result<(), Error>) -> Result<(), Error> {
        f(Handle::Tensor(*self))
    }
}

macro_rules! forwarded {
    ($($type:ty $(, const $n:ident)?);*) => {$(
            impl<T: Elem, H: Handles<T> $(, const $n: usize)?> Handles<T> for $type {
            fn each(
                &self,
                f: &mut dyn FnMut(Handle<'_, T>) -> Result<(), Error>,
            ) -> Result<(), Error> {
                self.iter().try_for_each(|handle| handle.each(f))
            }
        }
    )*};
}

forwarded!([H]; [H; N], const N; Vec<H>);

impl<T: Elem, H: Handles<T> + ?Sized> Handles<T> for &H {
    fn each(&self, f: &mut dyn FnMut(Handle<'_, T>) -> Result<(), Error>) -> Result<(), Error> {
        (**self).each(f)
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        #[allow(private_interfaces, non_snake_case)]
        impl<T: Elem, $($name: Handles<T>),*> Handles<T> for ($($name,)*) {
            fn each(
                &self,
                f: &mut dyn FnMut(Handle<'_, T>) -> Result<(), Error>,
            ) -> Result<(), Error> {
                let ($($name,)*) = self;
                $($name.each(f)?;)*
                Ok(())
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

impl<T: Elem> Gradients<'_, T> {
    /// The Euclidean norm of the gradients of some handles, taken as one long vector.
    ///
    /// ```text
    /// √Σ_handles Σ_i g_i²
    /// ```
    /// A handle that is named twice counts once: tied weights have one gradient.
    ///
    /// Where squares would overflow or underflow, the sum is scaled, so the norm is finite wherever
    /// it can be represented; NaN and infinities in a gradient give NaN and +inf.
    ///
    /// # Panics
    /// As [`wrt`](Gradients::wrt) would for one of the handles.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let (w, b) = (tape.var(Tensor::from([2.0, 0.0])), tape.var(4.0));
    /// let mut grads = (w.sum() * 0.0 + w.square().sum() * 0.75 + b * 4.0).backward();
    /// assert_eq!(grads.global_norm((w, b)), 5.0); // of [3, 0, 4]
    /// assert_eq!(grads.clip_by_global_norm((w, b), 1.0), 5.0);
    /// assert_eq!(grads.wrt(b), 0.8);
    /// ```
    #[track_caller]
    pub fn global_norm(&self, handles: impl Handles<T>) -> T {
        self.try_global_norm(handles).or_panic()
    }

    /// [`global_norm`](Self::global_norm), with a refusal as an [`Error`].
    ///
    /// # Errors
    /// As [`try_wrt`](Gradients::try_wrt) for one of the handles.
    pub fn try_global_norm(&self, handles: impl Handles<T>) -> Result<T, Error> {
        let Places { scalars, tensors } = self.places(&handles)?;
        let lists = self.lists();
        let adjoints = scalars.iter().map(|&k| lists.adjoints[k as usize]);
        let mut norms: Vec<T> = adjoints.collect();
        for k in tensors {
            if let Cotangent::Sum(g) = &lists.cotangents[k] {
                norms.push(norm(g.data()));
            }
        }
        Ok(norm(&norms))
    }

    /// Scales the gradients of some handles by one factor, so that their
    /// [`global_norm`](Self::global_norm) is at most `limit`; returns the norm before.
    ///
    /// Their direction stays the same. If the norm is not finite, it is returned and nothing is scaled:
    /// a limit does not cure a NaN, and [`diagnose`](Var::diagnose) tells where it comes from.
    ///
    /// # Panics
    /// If the limit is negative or NaN, and as [`wrt`](Gradients::wrt) would for one of the handles.
    ///
    /// # Source
    /// Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks",
    /// arXiv:1211.5063, algorithm 1.
    #[track_caller]
    pub fn clip_by_global_norm(&mut self, handles: impl Handles<T>, limit: T) -> T {
        self.try_clip_by_global_norm(handles, limit).or_panic()
    }

    /// [`clip_by_global_norm`](Self::clip_by_global_norm), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the limit is negative or NaN, and as [`try_wrt`](Gradients::try_wrt) for one of the
    /// handles. In that case no gradient is changed.
    pub fn try_clip_by_global_norm(
        &mut self,
        handles: impl Handles<T>,
        limit: T,
    ) -> Result<T, Error> {
        check_limit("clip_by_global_norm", limit)?;
        let norm = self.try_global_norm(&handles)?;
        if norm.is_finite() && norm > limit {
            // In this order, because limit / norm may underflow where no result does.
            self.change(&handles, |g| g / norm * limit)?;
        }
        Ok(norm)
    }

    /// Limits every element of the gradients of some handles to `-limit..=limit`. NaN stays NaN.
    ///
    /// # Panics
    /// If the limit is negative or NaN, and as [`wrt`](Gradients::wrt) would for one of the handles.
    ///
    /// # Example
    /// ```
    /// use wengert::{Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.var(Tensor::from([0.1, -3.0]));
    /// let mut grads = x.square().sum().backward();
    /// grads.clip_by_value(x, 1.0);
    /// assert_eq!(grads.wrt(x), Tensor::from([0.2, -1.0]));
    /// ```
    #[track_caller]
    pub fn clip_by_value(&mut self, handles: impl Handles<T>, limit: T) {
        self.try_clip_by_value(handles, limit).or_panic();
    }

    /// [`clip_by_value`](Self::clip_by_value), with bad input as an [`Error`].
    ///
    /// # Errors
    /// If the limit is negative or NaN, and as [`try_wrt`](Gradients::try_wrt) for one of the
    /// handles. In that case no gradient is changed.
    pub fn try_clip_by_value(&mut self, handles: impl Handles<T>, limit: T) -> Result<(), Error> {
        check_limit("clip_by_value", limit)?;
        self.change(&handles, |g| limited(g, limit))
    }

    /// Changes every gradient element of some handles.
    fn change(&mut self, handles: &impl Handles<T>, f: impl Fn(T) -> T) -> Result<(), Error> {
        let Places { scalars, tensors } = self.places(handles)?;
        for index in scalars {
            let adjoint = &mut self.lists_mut().adjoints[index as usize];
            *adjoint = f(*adjoint);
        }
        for index in tensors {
            if let Cotangent::Sum(g) = &mut self.lists_mut().cotangents[index] {
                for g in g.data_mut() {
                    *g = f(*g);
                }
            }
        }
        Ok(())
    }

    /// Where the gradients of some handles are: each once, even if a handle is named twice.
    fn places(&self, handles: &impl Handles<T>) -> Result<Places, Error> {
        let (mut scalars, mut tensors) = (Vec::new(), Vec::new());
        handles.each(&mut |handle| {
            match handle {
                Handle::Scalar(x) if self.scalar(x)?.is_some() => scalars.push(x.repr.index),
                Handle::Tensor(x) if self.tensor(x)?.is_some() => tensors.push(x.repr.index()),
                _ => {}
            }
            Ok(())
        })?;
        scalars.sort_unstable();
        scalars.dedup();
        tensors.sort_unstable();
        tensors.dedup();
        Ok(Places { scalars, tensors })
    }
}

/// Where the gradients of some handles are, each once.
struct Places {
    scalars: Vec<u32>,
    tensors: Vec<usize>,
}

/// The Euclidean norm, without intermediate overflow.
fn norm<T: Elem>(x: &[T]) -> T {
    let rows = Rows {
        outer: 1,
        n: x.len(),
        inner: 1,
    };
    let mut norm = [T::zero()];
    norm_axis(rows, x, &[()], &mut norm, T::one(), &|x, ()| x);
    norm[0]
}

/// `g` limited to `-limit..=limit`; NaN stays NaN, which `max` and `min` would replace by the limit.
pub(crate) fn limited<T: Elem>(g: T, limit: T) -> T {
    if g > limit {
        limit
    } else if g < -limit {
        -limit
    } else {
        g
    }
}

/// Refuses a limit that is negative or NaN.
pub(crate) fn check_limit<T: Elem>(op: &'static str, limit: T) -> Result<(), Error> {
    match limit >= T::zero() {
        true => Ok(()),
        false => Err(Error::argument(
            op,
            format!("the limit is {limit}; give 0 or more"),
        )),
    }
}
