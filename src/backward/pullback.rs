//! `Pullback`: a rule applied at a point, with its shares added to the operands' cotangents.

use std::panic::Location;

use smallvec::SmallVec;

use crate::error::Error;
use crate::kernel::{self, Elem};
use crate::tape::rule::{Point, Rule, Slot};
use crate::tape::{Collector, Content, Cotangent, Pool, guard, unique};
use crate::tensor::{Shape, Tensor};

/// A rule to pull back through, and the point where.
///
/// Rarely called functions get a copy, since the parts of a value that is never referenced stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Pullback<'a, T: Elem> {
    pub(super) rule: &'a dyn Rule<T>,
    pub(super) line: &'static Location<'static>,
    pub(super) at: Point<'a, T>,
    /// The index of each operand's cotangent in the list, and whether it is needed.
    pub(super) inputs: &'a [(usize, bool)],
    /// Whether each share is observed.
    pub(super) seen: bool,
}

/// The collectors of cotangents, by their index in the list; most cotangents have none.
pub(super) type Collectors<'c, T> = [Option<Collector<'c, T>>];

impl<'a, T: Elem> Pullback<'a, T> {
    /// Adds the pullback of `g` to the operands' cotangents; `look` sees each share.
    ///
    /// Returns the index of the cotangent that is to become `g` itself, if any, which needs no second owner:
    /// [`pass_on`].
    ///
    /// # Errors
    /// If the rule leaves a cotangent unset or gives it the wrong shape.
    #[inline(always)]
    pub(super) fn apply(
        self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        collectors: &mut Collectors<'_, T>,
        g: &Tensor<T>,
        mut look: impl FnMut(usize, &Tensor<T>),
    ) -> Result<Option<usize>, Error> {
        let (rule, at) = (self.rule, self.at);
        // What a slot starts with, in registers: a slot is then built in its final place, since moving one costs more
        // than a pullback of few elements.
        let mut begin = |&(id, wanted): &(usize, bool), x: &&'a Tensor<T>| {
            let shape = x.shape();
            let earlier = cotangents[id].take(|g| filled(pool, shape, g));
            (shape, wanted, earlier)
        };
        let slot =
            |(shape, wanted, earlier)| Slot::new(pool, shape, wanted).adding(earlier, g, self.seen);
        let mut heir = None;
        let mut settle = |cotangents: &mut [_], k, gx: &mut Slot<'_, T>| {
            self.settle(pool, cotangents, g, k, gx, &mut heir, &mut look)
        };
        match (self.inputs, at.x) {
            ([i], [x]) if collectors.is_empty() => {
                let a = begin(i, x);
                let mut gx = [slot(a)];
                guard::vjp(rule, &at, g, &mut gx);
                settle(cotangents, 0, &mut gx[0])?;
                // Nothing is left in it, and dropping it would be a call.
                std::mem::forget(gx);
            }
            ([i, j], [x, y]) if collectors.is_empty() => {
                let (a, b) = (begin(i, x), begin(j, y));
                let mut gx = [slot(a), slot(b)];
                guard::vjp(rule, &at, g, &mut gx);
                settle(cotangents, 0, &mut gx[0])?;
                settle(cotangents, 1, &mut gx[1])?;
                std::mem::forget(gx);
            }
            _ => {
                let copy = self;
                return copy.apply_to_many(pool, cotangents, collectors, g, &mut look);
            }
        }
        Ok(heir)
    }

    /// The same for any number of operands, and for cotangents that have collectors.
    #[inline(never)]
    fn apply_to_many(
        &self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        collectors: &mut Collectors<'_, T>,
        g: &Tensor<T>,
        look: &mut impl FnMut(usize, &Tensor<T>),
    ) -> Result<Option<usize>, Error> {
        let mut gx: SmallVec<[Slot<'_, T>; 4]> = SmallVec::new();
        for (&(id, wanted), x) in self.inputs.iter().zip(self.at.x) {
            let earlier = cotangents[id].take(|g| filled(pool, x.shape(), g));
            gx.push(Slot::new(pool, x.shape(), wanted).adding(earlier, g, self.seen));
        }
        for (id, collector) in collectors.iter_mut().enumerate() {
            // If an operand occurs twice, its first slot gets the collector.
            let operand = self.inputs.iter().position(|&input| input == (id, true));
            if let (Some(k), Some(collector)) = (operand, collector) {
                gx[k].collect_in(collector);
            }
        }
        guard::vjp(self.rule, &self.at, g, &mut gx);
        let mut heir = None;
        for k in 0..gx.len() {
            let same = |j: &usize| self.inputs[*j] == self.inputs[k];
            match (0..=k).find(|j| same(j) && gx[*j].collector().is_some()) {
                Some(j) => {
                    let content = match gx[k].content.replace() {
                        // Without a collector the slot started empty, so the sum is a plain share.
                        Content::Added(share) if j < k => Content::Filled(share),
                        content => content,
                    };
                    let collector = gx[j].collector().expect("found a line above");
                    self.collect(pool, collector, k, content, g)?;
                }
                None => self.settle(pool, cotangents, g, k, &mut gx[k], &mut heir, look)?,
            }
        }
        Ok(heir)
    }

    /// Adds what the rule gave for operand `k` to that operand's cotangent.
    #[allow(clippy::too_many_arguments)] // as a struct it would be written and read
    #[inline(always)]
    fn settle(
        &self,
        pool: &Pool<T>,
        cotangents: &mut [Cotangent<T>],
        g: &Tensor<T>,
        k: usize,
        gx: &mut Slot<'_, T>,
        heir: &mut Option<usize>,
        look: &mut impl FnMut(usize, &Tensor<T>),
    ) -> Result<(), Error> {
        if !gx.wanted() {
            gx.content.set(Content::Unset);
            return Ok(());
        }
        let id = self.inputs[k].0;
        // Matched by reference: for a value that is moved out in some cases only, the compiler would keep a drop flag.
        let sum = match &gx.content {
            Content::Filled(_) | Content::Added(_) => {
                let share = gx.content.take_tensor();
                look(k, &share);
                match gx.earlier.take() {
                    Some(earlier) => added(pool, earlier, share),
                    None => share,
                }
            }
            Content::Same => {
                look(k, g);
                let Some(earlier) = gx.earlier.take() else {
                    // Only the last heir gets `g` itself; the former one gets a second owner of it.
                    if let Some(former) = heir.replace(id) {
                        receive(pool, &mut cotangents[former], g.clone());
                    }
                    return Ok(());
                };
                plus(pool, earlier, g)
            }
            Content::Zero => match gx.earlier.take() {
                Some(sum) => sum,
                None => return Ok(()),
            },
            _ => {
                let copy = *self;
                return Err(copy.fault(k, gx.content.replace()));
            }
        };
        if *heir == Some(id) {
            // The operand occurs twice; its shares are added in their order.
            *heir = None;
            receive(pool, &mut cotangents[id], g.clone());
        }
        receive(pool, &mut cotangents[id], sum);
        Ok(())
    }

    /// Adds what the rule gave for operand `k` to a collector.
    fn collect(
        &self,
        pool: &Pool<T>,
        collector: &mut Collector<'_, T>,
        k: usize,
        content: Content<T>,
        g: &Tensor<T>,
    ) -> Result<(), Error> {
        match content {
            Content::Zero => return Ok(()),
            Content::InPlace => *collector.filled = true,
            Content::Same => collector.add(g),
            Content::Filled(share) => {
                collector.add(&share);
                pool.put(share);
            }
            Content::Added(all) => {
                collector.elements.copy_from_slice(all.data());
                *collector.filled = true;
                pool.put(all);
            }
            other => return Err(self.fault(k, other)),
        }
        Ok(())
    }

    #[cold]
    fn fault(&self, k: usize, content: Content<T>) -> Error {
        let what = format!("the cotangent of operand {k}");
        let fault = content.fault(self.at.x[k].shape());
        fault.error(self.rule.name(), what, Some(self.line))
    }
}

/// Gives a cotangent that was pulled back to its heir or, if there is none, to the pool.
#[inline]
pub(super) fn pass_on<T: Elem>(
    pool: &Pool<T>,
    cotangents: &mut [Cotangent<T>],
    heir: Option<usize>,
    g: Tensor<T>,
) {
    match heir {
        Some(id) => receive(pool, &mut cotangents[id], g),
        None => pool.put(g),
    }
}

/// Stores the new sum of a cotangent; if the operand occurs twice, its first share is there and is added to.
#[inline]
fn receive<T: Elem>(pool: &Pool<T>, cotangent: &mut Cotangent<T>, sum: Tensor<T>) {
    match cotangent {
        Cotangent::Zero => *cotangent = Cotangent::Sum(sum),
        _ => accumulate(pool, cotangent, sum),
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

/// The sum of two shares, in the buffer of the first if nothing else shares it.
#[inline]
fn added<T: Elem>(pool: &Pool<T>, sum: Tensor<T>, share: Tensor<T>) -> Tensor<T> {
    let sum = plus(pool, sum, &share);
    pool.put(share);
    sum
}

/// The same for a share that is still needed.
#[inline]
fn plus<T: Elem>(pool: &Pool<T>, mut sum: Tensor<T>, share: &Tensor<T>) -> Tensor<T> {
    if let Some(elements) = sum.unique_mut() {
        kernel::add_to(share.data(), elements);
        return sum;
    }
    // Shared with the cotangent of another node: the sum needs a buffer of its own.
    let mut fresh = pool.take(sum.shape());
    kernel::map2(sum.data(), share.data(), unique(&mut fresh), |a, b| a + b);
    fresh
}
