//! Foresight: what one recording teaches the next, so that a chain which ends in its sum is gone through once.
//!
//! A handle of a sum carries its value. So a chain that is put off is worked on where its sum is recorded, and again, block by
//! block, in the walk. A training loop records the same nodes in each step and pulls them by the same cotangents. What
//! reached a sum in one step is expected in the next one: value and cotangents are then made together, and the walk finds
//! the cotangents there. Where something else comes they are given up, and all is as without.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Pool;
use crate::kernel::Elem;
use crate::tensor::Tensor;

/// What was learned and what was made of it. Sums and chains go by their numbers on the tape, a chain by that of its last node.
#[derive(Debug)]
pub(crate) struct Foresight<T> {
    /// What each element of a sum's operand has got; of two walks the later one counts.
    learned: RefCell<BTreeMap<usize, T>>,
    /// The same of the recording before. Who does not walk any more is not served any more.
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

/// The cotangents that flow into the nodes of a run and what they read.
#[derive(Debug)]
pub(crate) struct Flow<T> {
    /// By node; nothing where one is passed on and not kept.
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
    /// Takes note of what has come.
    pub(crate) fn learn(&self, sum: usize, cotangent: T) {
        self.learned.borrow_mut().insert(sum, cotangent);
    }

    /// What is expected to come. Nothing of numbers with tangents, whose equality does not see these, nor of 0, which has two signs.
    pub(super) fn expected(&self, sum: usize) -> Option<T> {
        let &cotangent = self.expected.get(&sum)?;
        (T::PARTS == 1 && !cotangent.is_zero()).then_some(cotangent)
    }

    /// Keeps what was made.
    pub(super) fn keep(&self, foreseen: Foreseen<T>) {
        self.foreseen.borrow_mut().push(foreseen);
    }

    /// Hands over what was foreseen of a chain whose last value gets this cotangent, if it fits. It has one owner, so that
    /// more may be added to it where it lies; another walk makes its own.
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

    /// How many bytes are kept.
    pub(super) fn all_bytes(&self) -> usize {
        self.foreseen
            .borrow()
            .iter()
            .map(|one| one.flow.bytes())
            .sum()
    }

    /// Gives up what was foreseen.
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

    /// The recording is over.
    #[inline]
    pub(super) fn turn(&mut self, pool: &Pool<T>) {
        // Nothing is foreseen where nothing was expected.
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
        // Of two walks the later one; nothing of what has two signs.
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
