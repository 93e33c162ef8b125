//! One pullback: a rule applied at a point, and its shares added to the operands' cotangents.

use std::panic::Location;

use smallvec::SmallVec;

use crate::error::Error;
use crate::gradients::Cotangent;
use crate::kernel::{self, Elem};
use crate::tape::rule::{Point, Rule, Slot};
use crate::tape::{Fault, Pool};
use crate::tensor::{Shape, Tensor};

/// A rule to pull back through, and where.
pub(super) struct Pullback<'a, T: Elem> {
    pub(super) rule: &'a dyn Rule<T>,
    pub(super) line: &'static Location<'static>,
    pub(super) at: Point<'a, T>,
    /// Where each operand's cotangent stands in the list, and whether it is of use.
    pub(super) inputs: &'a [(usize, bool)],
}

impl<'a, T: Elem> Pullback<'a, T> {
    /// Adds to the operands' cotangents what `g` gives them; `look` sees each share.
    ///
    /// # Errors
    /// If the rule leaves a cotangent unset or gives it another shape.
    pub(super) fn apply(
        &self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        g: &Tensor<T>,
        mut look: impl FnMut(usize, &Tensor<T>),
    ) -> Result<(), Error> {
        // What a slot starts with, in registers: slots are written where they stay, since to move one costs more than a
        // pullback of few elements.
        let mut begin = |&(id, wanted): &(usize, bool), x: &&'a Tensor<T>| {
            let shape = x.shape();
            let earlier = cotangents[id].take(|g| filled(pool, shape, g));
            (shape, wanted, earlier)
        };
        let slot = |(shape, wanted, earlier)| Slot::new(pool, shape, wanted).adding(earlier);
        let (rule, at) = (self.rule, &self.at);
        let mut settle = |cotangents: &mut [_], k, gx: &mut Slot<'_, T>| {
            self.settle(pool, cotangents, k, gx, &mut look)
        };
        match (self.inputs, at.x) {
            ([i], [x]) => {
                let a = begin(i, x);
                let mut gx = [slot(a)];
                rule.vjp(at, g, &mut gx);
                settle(cotangents, 0, &mut gx[0])?;
                // Nothing is left in it; to be dropped takes a call.
                std::mem::forget(gx);
                Ok(())
            }
            ([i, j], [x, y]) => {
                let (a, b) = (begin(i, x), begin(j, y));
                let mut gx = [slot(a), slot(b)];
                rule.vjp(at, g, &mut gx);
                settle(cotangents, 0, &mut gx[0])?;
                settle(cotangents, 1, &mut gx[1])?;
                std::mem::forget(gx);
                Ok(())
            }
            (inputs, x) => {
                let begun = inputs.iter().zip(x).map(|(i, x)| begin(i, x));
                let mut gx: SmallVec<[_; 4]> = begun.map(slot).collect();
                rule.vjp(at, g, &mut gx);
                let mut slots = gx.iter_mut().enumerate();
                slots.try_for_each(|(k, gx)| settle(cotangents, k, gx))
            }
        }
    }

    /// Adds to the cotangent of operand `k` what the rule gave to it.
    #[inline]
    fn settle(
        &self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        k: usize,
        gx: &mut Slot<'_, T>,
        look: &mut impl FnMut(usize, &Tensor<T>),
    ) -> Result<(), Error> {
        if !gx.wanted() {
            gx.clear();
            return Ok(());
        }
        let [earlier, share] = gx.settle().map_err(|fault| self.fault(k, fault))?;
        if let Some(share) = &share {
            look(k, share);
        }
        let sum = match (earlier, share) {
            (Some(earlier), Some(share)) => added(pool, earlier, share),
            (Some(sum), None) | (None, Some(sum)) => sum,
            (None, None) => return Ok(()),
        };
        match &mut cotangents[self.inputs[k].0] {
            place @ Cotangent::Zero => *place = Cotangent::Sum(sum),
            // It is used twice here, and has its first share.
            place => accumulate(pool, place, sum),
        }
        Ok(())
    }

    #[cold]
    fn fault(&self, k: usize, fault: Fault) -> Error {
        let what = format!("the cotangent of operand {k}");
        fault.error(self.rule.name(), what, Some(self.line))
    }
}

/// A tensor that holds the same number everywhere.
pub(super) fn filled<T: Elem>(pool: &Pool<T>, shape: &Shape, g: T) -> Tensor<T> {
    let mut full = pool.take(shape);
    unique(&mut full).fill(g);
    full
}

/// Adds a share to a cotangent; the first one is stored as it is.
pub(super) fn accumulate<T: Elem>(pool: &Pool<T>, cotangent: &mut Cotangent<T>, share: Tensor<T>) {
    let earlier = cotangent.take(|g| filled(pool, share.shape(), g));
    *cotangent = Cotangent::Sum(match earlier {
        Some(sum) => added(pool, sum, share),
        None => share,
    });
}

/// The sum of two shares, in one of their buffers if there is one that nobody else has.
#[inline]
fn added<T: Elem>(pool: &Pool<T>, mut sum: Tensor<T>, share: Tensor<T>) -> Tensor<T> {
    if let Some(elements) = sum.unique_mut() {
        kernel::add_to(share.data(), elements);
    } else {
        // Shared with the cotangent of another node: the sum needs a buffer of its own.
        let mut fresh = pool.take(sum.shape());
        kernel::map2(sum.data(), share.data(), unique(&mut fresh), |a, b| a + b);
        sum = fresh;
    }
    pool.put(share);
    sum
}

/// The elements of a tensor that has one owner.
pub(super) fn unique<T>(tensor: &mut Tensor<T>) -> &mut [T] {
    let elements = tensor.unique_mut();
    elements.expect("a buffer from the pool has one owner")
}
