//! `Gaps`: the scalar nodes without an entry, which are the elements of tensor nodes, and many leaves that come first.
//!
//! An element has nothing that the tensor node does not have: its value is there, and it has no operands. It has an id,
//! since its adjoint is among those of the scalar nodes. Of a leaf, only the value is kept, elsewhere. So ids and places
//! in the list of entries differ; here is what leads from one to the other.

use std::ops::Range;

/// Consecutive ids without entries.
#[derive(Clone, Debug)]
struct Gap {
    ids: Range<u32>,
    /// How many entries come before.
    place: u32,
}

/// All ids without entries, in order. What lies between two gaps is contiguous in the list of entries too.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps(Vec<Gap>);

impl Gaps {
    /// Notes that these ids, which come after all others, have no entries.
    #[inline]
    pub(super) fn add(&mut self, ids: Range<u32>) {
        match self.0.last_mut() {
            _ if ids.is_empty() => {}
            Some(last) if last.ids.end == ids.start => last.ids.end = ids.end,
            _ => {
                let since = |gap: &Gap| gap.place + (ids.start - gap.ids.end);
                let place = self.0.last().map_or(ids.start, since);
                self.0.push(Gap { ids, place });
            }
        }
    }

    /// How many ids below this one have an entry: the place of its own entry, if it has one.
    #[inline]
    pub(super) fn place(&self, id: u32) -> u32 {
        if self.0.is_empty() {
            return id;
        }
        self.before(id)
            .map_or(id, |gap| gap.place + id.saturating_sub(gap.ids.end))
    }

    /// Whether an id has no entry.
    pub(super) fn contain(&self, id: u32) -> bool {
        self.before(id).is_some_and(|gap| gap.ids.contains(&id))
    }

    /// The last gap that begins at this id or before.
    fn before(&self, id: u32) -> Option<&Gap> {
        let after = self.0.partition_point(|gap| gap.ids.start <= id);
        self.0[..after].last()
    }

    /// The ids below `len` that have an entry, in order.
    pub(super) fn others(&self, len: u32) -> impl Iterator<Item = u32> + use<> {
        let mut from = 0;
        let stretch = |gap: &Gap| std::mem::replace(&mut from, gap.ids.end)..gap.ids.start;
        let mut stretches: Vec<Range<u32>> = self.0.iter().map(stretch).collect();
        stretches.push(from..len);
        stretches.into_iter().flatten()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_those_of_a_count_by_hand(
            stretches in prop::collection::vec((any::<bool>(), 0..5u32), 0..30),
        ) {
            let (mut gaps, mut with_entry) = (Gaps::default(), Vec::new());
            for (skipped, n) in stretches {
                let len = with_entry.len() as u32;
                if skipped {
                    gaps.add(len..len + n);
                }
                with_entry.extend(vec![!skipped; n as usize]);
            }
            let len = with_entry.len() as u32;
            for id in 0..=len {
                let place = with_entry[..id as usize].iter().filter(|&&w| w).count();
                prop_assert_eq!(gaps.place(id) as usize, place);
                prop_assert_eq!(gaps.contain(id), with_entry.get(id as usize) == Some(&false));
            }
            let ids = (0..len).filter(|&id| with_entry[id as usize]);
            prop_assert!(gaps.others(len).eq(ids));
        }
    }
}
