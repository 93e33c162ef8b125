//! `Foresight`: what one recording teaches the next, so that a chain that ends in its sum is traversed only once.
//!
//! The handle of a sum carries its value. So a chain that is put off is evaluated when its sum is recorded, and again,
//! block by block, in the walk. But a training loop records the same nodes in each step, and the same cotangents reach
//! them. The cotangent that reached a sum in one step is therefore expected in the next: value and cotangents are then
//! computed together, and the walk finds the cotangents ready. If something else comes, they are discarded, and the
//! walk works as it would without them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Pool;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// What was learned, and what was computed from it. Sums and chains are identified by their indices on the tape, a
/// chain by that of its last node.
#[derive(Debug)]
pub(crate) struct Foresight<T> {
    /// The cotangent that each element of a sum's operand got, by sum; of several walks, the last one counts.
    learned: RefCell<BTreeMap<usize, T>>,
    /// The same for the recording before. A sum that no walk reached any more drops out.
    expected: BTreeMap<usize, T>,
    foreseen: RefCell<Vec<Foreseen<T>>>,
}

/// What flows if every element of a chain's last value gets this cotangent.
#[derive(Debug)]
pub(crate) struct Foreseen<T> {
    pub(crate) sum: usize,
    pub(crate) chain: usize,
    pub(crate) cotangent: T,
    pub(crate) flow: Flow<T>,
}

/// The cotangents that flow into the nodes of a run and into its operands.
#[derive(Debug)]
pub(crate) struct Flow<T> {
    /// By node; `None` where the cotangent was passed on and not kept.
    pub(crate) shares: Vec<(usize, Option<Tensor<T>>)>,
    /// How many pullbacks were applied.
    pub(crate) pullbacks: usize,
}

impl<T> Default for Foresight<T> {
    fn default() -> Self {
        Self {
            learned: RefCell::default(),
            expected: BTreeMap::new(),
            foreseen: RefCell::default(),
        }
    }
}

impl<T: Elem> Foresight<T> {
    pub(crate) fn learn(&self, sum: usize, cotangent: T) {
        self.learned.borrow_mut().insert(sum, cotangent);
    }

    /// The cotangent that is expected, except for numbers with tangents, whose equality ignores the tangents, and for
    /// 0, which has two signs.
    pub(super) fn expected(&self, sum: usize) -> Option<T> {
        let &cotangent = self.expected.get(&sum)?;
        (T::PARTS == 1 && !cotangent.is_zero()).then_some(cotangent)
    }

    pub(super) fn keep(&self, foreseen: Foreseen<T>) {
        self.foreseen.borrow_mut().push(foreseen);
    }

    /// Hands over what was foreseen for a chain whose last value gets this cotangent, if it fits. Its tensors have one
    /// owner, so that more can be added to them in place; another walk computes its own.
    pub(crate) fn take(
        &self,
        chain: usize,
        cotangent: T,
        fits: impl Fn(&Flow<T>) -> bool,
    ) -> Option<Flow<T>> {
        let mut foreseen = self.foreseen.borrow_mut();
        let same = |one: &Foreseen<T>| one.chain == chain && one.cotangent == cotangent;
        let at = foreseen
            .iter()
            .position(|one| same(one) && fits(&one.flow))?;
        Some(foreseen.swap_remove(at).flow)
    }

    /// How many bytes are kept for a sum.
    pub(super) fn bytes(&self, sum: usize) -> usize {
        let foreseen = self.foreseen.borrow();
        let of_sum = foreseen.iter().filter(|one| one.sum == sum);
        of_sum.map(|one| one.flow.bytes()).sum()
    }

    /// How many bytes are kept in all.
    pub(super) fn all_bytes(&self) -> usize {
        self.foreseen
            .borrow()
            .iter()
            .map(|one| one.flow.bytes())
            .sum()
    }

    /// Discards what was foreseen.
    pub(super) fn clear(&mut self, pool: &Pool<T>) {
        for foreseen in self.foreseen.get_mut().drain(..) {
            let tensors = foreseen
                .flow
                .shares
                .into_iter()
                .filter_map(|(_, share)| share);
            tensors.for_each(|tensor| pool.put(tensor));
        }
    }

    /// Ends the recording: what was learned becomes what is expected.
    #[inline]
    pub(super) fn turn(&mut self, pool: &Pool<T>) {
        // Where nothing was expected, nothing was foreseen either.
        if !self.learned.get_mut().is_empty() || !self.expected.is_empty() {
            self.turn_over(pool);
        }
    }

    #[cold]
    fn turn_over(&mut self, pool: &Pool<T>) {
        self.clear(pool);
        self.expected = std::mem::take(self.learned.get_mut());
    }
}

impl<T> Flow<T> {
    /// How many bytes its tensors take.
    pub(crate) fn bytes(&self) -> usize {
        let tensors = self.shares.iter().filter_map(|(_, share)| share.as_ref());
        tensors.map(|x| size_of_val(x.data())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dual::Dual;

    #[test]
    fn a_lesson_counts_for_one_recording() {
        let (mut foresight, pool) = (Foresight::default(), Pool::default());
        for (sum, cotangent) in [(30, 1.0), (7, 2.0), (30, 4.0), (9, -0.0)] {
            foresight.learn(sum, cotangent);
        }
        assert_eq!(foresight.expected(30), None);
        foresight.turn(&pool);
        // The later of two walks counts; zeros are not expected.
        let expected = [7, 8, 9, 30].map(|sum| foresight.expected(sum));
        assert_eq!(expected, [Some(2.0), None, None, Some(4.0)]);
        foresight.turn(&pool);
        assert_eq!(foresight.expected(30), None);
    }

    #[test]
    fn numbers_with_tangents_teach_nothing() {
        let mut foresight = Foresight::default();
        foresight.learn(1, Dual::new(1.0, 2.0));
        foresight.turn(&Pool::default());
        assert!(foresight.expected(1).is_none());
    }
}
